"""The thresholds of derived states and grades, with a preview; what a period has moved; one customer's history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from types import SimpleNamespace
from typing import Any, Final

from aiohttp import web

from crm_core.customers import queries as customers
from crm_core.customers.classification import jobs, queries, rules, service
from crm_core.customers.classification.kinds import ClassField
from crm_core.customers.classification.queries import ChangeView, Period
from crm_core.customers.classification.rules import Grading, Settings
from crm_core.customers.views import CustomerView
from crm_core.jobs import service as jobs_service
from crm_core.kernel import ids
from crm_core.kernel.errors import CrmError
from crm_core.kernel.texts import N_
from crm_core.organization.access import Action
from web import i18n
from web.auth import actor_of
from web.context import context_of
from web.i18n import gettext as _
from web.pages.frame import Errors, form_of, html, said, see_other
from web.pages.reasons import reason
from web.pages.words import word

routes = web.RouteTableDef()
_ADDRESS: Final = "/admin/classification"
_DAYS: Final = ("stopped_after", "lost_after", "returned_for")
_STEPS: Final = ("recency", "frequency", "monetary")
_STEP_COUNT: Final = 4
_NEW_LINES: Final = 2
_SHOWN_DAYS: Final = 30
FIELDS: Final = {
    ClassField.TYPE: N_("Type"),
    ClassField.SOURCE: N_("Source"),
    ClassField.MEMBERSHIP: N_("Membership"),
    ClassField.USE_STATE: N_("Buys for"),
    ClassField.RECORD_STATE: N_("Record state"),
    ClassField.PURCHASE_STATE: N_("Purchase state"),
    ClassField.RETENTION_STATE: N_("Retention state"),
    ClassField.ECONOMIC_STATE: N_("Economic state"),
    ClassField.GRADE: N_("Grade"),
}


@routes.get(_ADDRESS)
async def thresholds(request: web.Request) -> web.StreamResponse:
    actor_of(request, Action.SETTING_WRITE)
    notices = [(_("Saved. It holds from the next pass on."), "ok")] if "saved" in request.query else []
    return await _page(request, None, Errors(), None, notices=notices)


@routes.post(_ADDRESS)
async def change_thresholds(request: web.Request) -> web.StreamResponse:
    """Saves, or with ``preview`` only counts what it would mean."""
    actor, form = actor_of(request, Action.SETTING_WRITE), await form_of(request)
    changes = _changes(form)
    try:
        if "preview" in form:
            async with context_of(request).db.read() as session:
                wanted = rules.checked(changes, await queries.settings(session))
            return await _page(request, form, Errors(), None, wanted=wanted)
        async with context_of(request).db.uow() as uow:
            await service.change_settings(uow, changes, by=actor)
    except CrmError as error:
        errors = Errors({name: reason(text) for name, text in error.errors.items()})
        return await _page(request, form, errors, said(error))
    return see_other(f"{_ADDRESS}?saved=1")


@routes.post(f"{_ADDRESS}/rederive")
async def rederive(request: web.Request) -> web.StreamResponse:
    """Starts a pass and leads to its progress."""
    actor = actor_of(request, Action.SETTING_WRITE)
    params = {"today": _today(request).isoformat()}
    async with context_of(request).db.uow() as uow:
        job = await jobs_service.start(uow, jobs.REDERIVE, params, by=actor)
    return see_other(f"/jobs/{ids.show(job.id)}")


@routes.get("/classification")
async def flows(request: web.Request) -> web.StreamResponse:
    """What a period has moved, from which value to which, with the single changes below."""
    actor, asked = actor_of(request, Action.REPORT_CUSTOMERS), request.query
    today = _today(request)
    last = _day(asked.get("to"), today)
    first = min(_day(asked.get("from"), last - timedelta(days=_SHOWN_DAYS - 1)), last)
    chosen = ClassField(asked["field"]) if asked.get("field") in set(ClassField) else None
    zone = context_of(request).settings.timezone
    end = datetime.combine(last + timedelta(days=1), time.min, tzinfo=zone)
    period = Period(datetime.combine(first, time.min, tzinfo=zone), end, chosen)
    async with context_of(request).db.read() as session:
        counted = await queries.counts(session, actor, period)
        page = await queries.changes(session, actor, period, limit=50, cursor=asked.get("cursor") or None)
    here = f"/classification?from={first}&to={last}&field={chosen or ''}"
    return html(
        request,
        "classification/flows.html",
        first=first.isoformat(),
        last=last.isoformat(),
        chosen=str(chosen or ""),
        fields=[(str(key), _(text)) for key, text in FIELDS.items()],
        counts=[
            SimpleNamespace(
                field=_(FIELDS[one.field]),
                old=value(one.field, one.old),
                new=value(one.field, one.new),
                count=one.count,
            )
            for one in counted
        ],
        changes=[shown(one) for one in page.items],
        newest=here if asked.get("cursor") else None,
        older=f"{here}&cursor={page.next}" if page.next else None,
    )


@routes.get("/customers/{id}/classification")
async def history(request: web.Request) -> web.StreamResponse:
    """Everything that a customer's classification went through."""
    actor, customer_id = actor_of(request, Action.CUSTOMER_READ), ids.parse(request.match_info["id"])
    async with context_of(request).db.read() as session:
        customer = await customers.customer(session, actor, customer_id, today=_today(request))
        page = await queries.history(session, customer_id, limit=50, cursor=request.query.get("cursor") or None)
    here = f"/customers/{request.match_info['id']}/classification"
    return html(
        request,
        "classification/history.html",
        customer=SimpleNamespace(id=request.match_info["id"], name=customer.name),
        changes=[shown(one) for one in page.items],
        newest=here if request.query.get("cursor") else None,
        older=f"{here}?cursor={page.next}" if page.next else None,
    )


def shown(one: ChangeView) -> SimpleNamespace:
    """One change as the pages show it."""
    return SimpleNamespace(
        customer_id=ids.show(one.customer_id),
        customer=one.customer,
        at=one.at,
        field=_(FIELDS[one.field]),
        old=value(one.field, one.old),
        new=value(one.field, one.new),
        why=rules.why(one.rule, one.params, _),
        by=one.by,
    )


def standing(customer: CustomerView, reasons: Mapping[ClassField, ChangeView]) -> list[SimpleNamespace]:
    """Each classification that a customer has, with what set it; a derived state also when it is none yet."""
    found = []
    for field, label in FIELDS.items():
        now, change = getattr(customer, field), reasons.get(field)
        rule = rules.FIRST.get(field) if change is None else change.rule
        if now is None and rule is None:
            continue
        why = "" if rule is None else rules.why(rule, {} if change is None else change.params, _)
        who = None if change is None else change.by
        since = None if change is None else change.at
        found.append(SimpleNamespace(label=_(label), value=value(field, now), why=why, by=who, since=since))
    return found


def value(field: ClassField, text: str | None) -> str:
    """The reader's word for a value of this classification."""
    return "–" if text is None else word(str(field), text)


def _today(request: web.Request) -> date:
    context = context_of(request)
    return context.clock.now().astimezone(context.settings.timezone).date()


def _day(text: str | None, otherwise: date) -> date:
    try:
        found = date.fromisoformat(text or "")
    except ValueError:
        return otherwise
    return found if 1970 <= found.year < 2200 else otherwise


def _changes(form: Mapping[str, str]) -> dict[str, Any]:
    """The form in the form of the settings; wrong numbers stay text and are refused."""
    grading: dict[str, Any] = {
        name: [_number(form.get(f"{name}-{n}", "")) for n in range(_STEP_COUNT)] for name in _STEPS[:2]
    }
    grading["monetary"] = [form.get(f"monetary-{n}", "") for n in range(_STEP_COUNT)]
    grading["window_days"] = _number(form.get("window_days", ""))
    grading["grades"] = [
        {
            "code": form.get(f"grade-{n}-code", ""),
            "at_least": _number(form.get(f"grade-{n}-at_least", "")),
            "zh": form.get(f"grade-{n}-zh", ""),
            "en": form.get(f"grade-{n}-en", ""),
        }
        for n in range(10)
        if form.get(f"grade-{n}-code") or form.get(f"grade-{n}-at_least")
    ]
    return {"retention": {name: _number(form.get(name, "")) for name in _DAYS}, "grading": grading}


def _number(text: str) -> int | str:
    return int(text) if text.isdecimal() and len(text) < 10 else text


async def _page(
    request: web.Request,
    form: Mapping[str, str] | None,
    errors: Errors,
    problem: str | None,
    *,
    wanted: Settings | None = None,
    **more: Any,
) -> web.Response:
    async with context_of(request).db.read() as session:
        settings = await queries.settings(session)
        now = await queries.grades_now(session)
        then = None if wanted is None else await queries.grades_by(session, wanted.grading)
    values = _values(settings) if form is None else {**dict.fromkeys(_values(settings), ""), **form}
    return html(
        request,
        "admin/classification.html",
        status=422 if problem else 200,
        values=values,
        errors=errors,
        grade_error=next((text for name, text in errors.items() if name.startswith("grading.grades")), None),
        problem=problem,
        steps=range(_STEP_COUNT),
        lines=range(_lines(values)),
        previewed=wanted is not None,
        counts=_counts((wanted or settings).grading, now, then),
        **more,
    )


def _lines(values: Mapping[str, str]) -> int:
    used = [n for n in range(10) if values.get(f"grade-{n}-code") or values.get(f"grade-{n}-at_least")]
    return min(10, (used[-1] + 1 if used else 0) + _NEW_LINES)


def _counts(
    grading: Grading, now: Mapping[str | None, int], then: Mapping[str | None, int] | None
) -> Sequence[SimpleNamespace]:
    named = {one.code: (one.en or one.zh) if i18n.language() == "en" else (one.zh or one.en) for one in grading.grades}
    codes = [*named, *sorted(code for code in now if code is not None and code not in named), None]
    return [
        SimpleNamespace(
            grade=_("No grade") if code is None else f"{code} {named.get(code, '')}".rstrip(),
            now=now.get(code, 0),
            then=None if then is None else then.get(code, 0),
        )
        for code in codes
    ]


def _values(settings: Settings) -> dict[str, str]:
    """The settings as the form has them."""
    grading = settings.grading
    found = {name: str(getattr(settings.retention, name)) for name in _DAYS}
    found["window_days"] = str(grading.window_days)
    for name in _STEPS:
        found |= {f"{name}-{n}": str(one) for n, one in enumerate(getattr(grading, name))}
    for n in range(10):
        one = grading.grades[n] if n < len(grading.grades) else None
        found |= {f"grade-{n}-{part}": "" if one is None else str(getattr(one, part))
                  for part in ("code", "at_least", "zh", "en")}  # fmt: skip
    return found
