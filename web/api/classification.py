"""How customers are classified: kept history, flows of a period, thresholds of derived states and grades."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, tzinfo
from typing import Annotated, Any

from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from crm_core.customers import queries as customers
from crm_core.customers.classification import jobs, queries, rules, service
from crm_core.customers.classification.kinds import ClassField
from crm_core.customers.classification.queries import ChangeCount, ChangeView
from crm_core.customers.classification.rules import Settings
from crm_core.jobs import service as jobs_service
from crm_core.kernel import ids
from crm_core.kernel.errors import Rejected
from crm_core.organization.access import Action
from web.api.asked import Asked
from web.api.values import ById, Cursor, Day, Id, Input, Line, Paging, Time, day_text, time_text
from web.i18n import gettext
from web.registry import Routes

routes = Routes("classification")
_LONGEST_PERIOD = 400
CalendarDay = Annotated[date, Field(ge=date(1970, 1, 1), lt=date(2200, 1, 1))]
Days = Annotated[int, Field(ge=0, le=3650)]
Amount = Annotated[Line, Field(pattern=r"^[0-9]{1,12}(\.[0-9]{1,2})?$", description="an amount as text")]
Label = Annotated[Line, Field(max_length=60)]


class ChangeAnswer(TypedDict):
    """`rule` is what set the value, `params` are its figures, `why` says it in your language."""

    id: Id
    at: Time
    field: ClassField
    old: str | None
    new: str | None
    rule: str
    params: dict[str, Any]
    why: str
    by: str | None


class StandingAnswer(TypedDict):
    """What a classification is now and why; `since` is null where nothing ever changed it."""

    field: ClassField
    value: str | None
    rule: str | None
    params: dict[str, Any]
    why: str | None
    since: Time | None
    by: str | None


class ChangePage(TypedDict):
    """`now` is every classification as it stands; `items` are the changes, newest first."""

    now: list[StandingAnswer]
    items: list[ChangeAnswer]
    next: Cursor | None


class ChangedCustomer(TypedDict):
    id: Id
    name: str
    account_number: str


class FlowAnswer(TypedDict):
    """How many changes went this way; a customer who went twice counts twice."""

    field: ClassField
    old: str | None
    new: str | None
    count: int


class PeriodChange(ChangeAnswer):
    customer: ChangedCustomer


class ClassificationReport(TypedDict):
    """`counts` are of the whole period, `items` a page of the single changes, newest first."""

    first: Day
    last: Day
    counts: list[FlowAnswer]
    items: list[PeriodChange]
    next: Cursor | None


class RetentionAnswer(TypedDict):
    """Days: stopped and lost so long after the supply ran out, returned for so long after coming back."""

    stopped_after: int
    lost_after: int
    returned_for: int


class GradeAnswer(TypedDict):
    """Given from this sum of scores (3 to 15) on."""

    code: str
    at_least: int
    zh: str
    en: str


class GradingAnswer(TypedDict):
    """Four thresholds each make the scores 1 to 5; orders and amounts count within `window_days`."""

    window_days: int
    recency: list[int]
    frequency: list[int]
    monetary: list[str]
    grades: list[GradeAnswer]


class ClassificationSettings(TypedDict):
    retention: RetentionAnswer
    grading: GradingAnswer


class GradeCount(TypedDict):
    """`grade` null: no grade."""

    grade: str | None
    now: int
    then: int


class GradePreview(TypedDict):
    """Counted on the figures of the last pass; nothing is changed."""

    items: list[GradeCount]


class StartedPass(TypedDict):
    job: Id


class ReportQuery(Paging):
    first: Annotated[CalendarDay | None, Field(alias="from", description="first day, default 30 days ago")] = None
    last: Annotated[CalendarDay | None, Field(alias="to", description="last day, default today")] = None
    field: ClassField | None = None


class RetentionInput(Input):
    stopped_after: Days | None = None
    lost_after: Days | None = None
    returned_for: Days | None = None


class GradeInput(Input):
    code: Annotated[Line, Field(min_length=1, max_length=20)]
    at_least: Annotated[int, Field(ge=3, le=15)]
    zh: Label = ""
    en: Label = ""


class GradingInput(Input):
    window_days: Annotated[int | None, Field(ge=1, le=3650)] = None
    recency: Annotated[list[int] | None, Field(min_length=4, max_length=4)] = None
    frequency: Annotated[list[int] | None, Field(min_length=4, max_length=4)] = None
    monetary: Annotated[list[Amount] | None, Field(min_length=4, max_length=4)] = None
    grades: Annotated[list[GradeInput] | None, Field(min_length=1, max_length=10)] = None


class ClassificationChange(Input):
    """Only what is named changes."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"retention": {"lost_after": 200}}]})

    retention: RetentionInput | None = None
    grading: GradingInput | None = None


@routes.route(
    "GET",
    "/customers/{id}/classification",
    "Changes of a customer's classification, newest first",
    right=Action.CUSTOMER_READ,
    subject="customer",
)
async def customer_classification(asked: Asked, path: ById, query: Paging) -> ChangePage:
    zone = asked.context.settings.timezone
    async with asked.read() as session:
        customer = await customers.customer(session, asked.actor, path.id, today=_today(asked))
        reasons = await queries.reasons(session, customer.id)
        page = await queries.history(session, customer.id, limit=query.limit, cursor=query.cursor)
    now = [_standing(field, getattr(customer, field), reasons.get(field), zone) for field in ClassField]
    return {"now": now, "items": [_change(one, zone) for one in page.items], "next": page.next}


@routes.route(
    "GET",
    "/reports/classification-changes",
    "Flows between classifications in a period",
    right=Action.REPORT_CUSTOMERS,
    errors={422: ["period_invalid"]},
)
async def classification_changes(asked: Asked, query: ReportQuery) -> ClassificationReport:
    """At most 400 days. Only customers within the asker's reach count."""
    zone = asked.context.settings.timezone
    last = query.last or max(_today(asked), query.first or date.min)
    first = query.first or last - timedelta(days=29)
    period = queries.Period(*bounds(first, last, zone), query.field)
    async with asked.read() as session:
        counted = await queries.counts(session, asked.actor, period)
        page = await queries.changes(session, asked.actor, period, limit=query.limit, cursor=query.cursor)
    return {
        "first": day_text(first) or "",
        "last": day_text(last) or "",
        "counts": [_count(one) for one in counted],
        "items": [{**_change(one, zone), "customer": _customer(one)} for one in page.items],
        "next": page.next,
    }


@routes.route("GET", "/classification/settings", "The thresholds of states and grades", right=Action.CUSTOMER_READ)
async def get_classification_settings(asked: Asked) -> ClassificationSettings:
    async with asked.read() as session:
        return _settings(await queries.settings(session))


@routes.route(
    "PATCH",
    "/classification/settings",
    "Change the thresholds",
    right=Action.SETTING_WRITE,
    errors={422: ["classification_invalid"]},
)
async def change_classification_settings(asked: Asked, body: ClassificationChange) -> ClassificationSettings:
    """They hold from the next pass on: every night, or at once with `POST /classification/rederive`."""
    async with asked.uow() as uow:
        return _settings(await service.change_settings(uow, _given(body), by=asked.actor))


@routes.route(
    "POST",
    "/classification/preview",
    "How many customers each grade would have",
    right=Action.SETTING_WRITE,
    errors={422: ["classification_invalid"]},
)
async def preview_grades(asked: Asked, body: ClassificationChange) -> GradePreview:
    async with asked.read() as session:
        wanted = rules.checked(_given(body), await queries.settings(session))
        now = await queries.grades_now(session)
        then = await queries.grades_by(session, wanted.grading)
    codes = [*(one.code for one in wanted.grading.grades), *sorted(code for code in now if code is not None), None]
    return {
        "items": [{"grade": code, "now": now.get(code, 0), "then": then.get(code, 0)} for code in dict.fromkeys(codes)]
    }


@routes.route(
    "POST", "/classification/rederive", "Derive all states and grades now", right=Action.SETTING_WRITE, status=202
)
async def rederive(asked: Asked) -> StartedPass:
    """Starts the work that runs by itself every night; see `GET /jobs/{id}` for its progress."""
    params = {"today": _today(asked).isoformat()}
    async with asked.uow() as uow:
        job = await jobs_service.start(uow, jobs.REDERIVE, params, by=asked.actor)
        return {"job": ids.show(job.id)}


def bounds(first: date, last: date, zone: tzinfo) -> tuple[datetime, datetime]:
    """The period from the first midnight to the one after the last day. Raises Rejected."""
    if last < first or (last - first).days >= _LONGEST_PERIOD:
        said = f"The period has to be 1 to {_LONGEST_PERIOD} days, its last day not before its first."
        raise Rejected("period_invalid", said, errors={"to": f"1 to {_LONGEST_PERIOD} days"})
    after = last + timedelta(days=1)
    return datetime.combine(first, time.min, tzinfo=zone), datetime.combine(after, time.min, tzinfo=zone)


def _today(asked: Asked) -> date:
    return asked.context.clock.now().astimezone(asked.context.settings.timezone).date()


def _given(body: ClassificationChange) -> dict[str, Any]:
    return body.model_dump(exclude_none=True)


def _change(one: ChangeView, zone: tzinfo) -> ChangeAnswer:
    return {
        "id": ids.show(one.id),
        "at": time_text(one.at, zone) or "",
        "field": one.field,
        "old": one.old,
        "new": one.new,
        "rule": one.rule,
        "params": dict(one.params),
        "why": rules.why(one.rule, one.params, gettext),
        "by": one.by,
    }


def _standing(field: ClassField, value: Any, change: ChangeView | None, zone: tzinfo) -> StandingAnswer:
    rule = rules.FIRST.get(field) if change is None else change.rule
    params = {} if change is None else dict(change.params)
    return {
        "field": field,
        "value": None if value is None else str(value),
        "rule": rule,
        "params": params,
        "why": None if rule is None else rules.why(rule, params, gettext),
        "since": None if change is None else time_text(change.at, zone),
        "by": None if change is None else change.by,
    }


def _customer(one: ChangeView) -> ChangedCustomer:
    return {"id": ids.show(one.customer_id), "name": one.customer, "account_number": one.account_number}


def _count(one: ChangeCount) -> FlowAnswer:
    return {"field": one.field, "old": one.old, "new": one.new, "count": one.count}


def _settings(settings: Settings) -> ClassificationSettings:
    days, grading = settings.retention, settings.grading
    return {
        "retention": {
            "stopped_after": days.stopped_after,
            "lost_after": days.lost_after,
            "returned_for": days.returned_for,
        },
        "grading": {
            "window_days": grading.window_days,
            "recency": list(grading.recency),
            "frequency": list(grading.frequency),
            "monetary": [str(amount) for amount in grading.monetary],
            "grades": [
                {"code": one.code, "at_least": one.at_least, "zh": one.zh, "en": one.en} for one in grading.grades
            ],
        },
    }
