"""Caps, quotas, applications for more, fairness, and the way back to the pool."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Annotated

from pydantic import ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.calls import work_queries
from crm_core.customers.allocation import (
    applications,
    change_queries,
    people_queries,
    queries,
    reclaim,
    service,
)
from crm_core.customers.allocation.kinds import ApplicationKind, ApplicationState, Period
from crm_core.customers.allocation.policy import Policy
from crm_core.kernel import ids
from crm_core.kernel.errors import Rejected
from crm_core.kernel.pages import parse_text_cursor, text_cursor
from crm_core.organization import queries as organization
from crm_core.organization.access import Action
from web.api.allocation_json import (
    ApplicationAnswer,
    ApplicationPage,
    FairnessAnswer,
    JobStarted,
    PeopleAnswer,
    PolicyAnswer,
    ReclaimPreview,
    StandingAnswer,
    application_answer,
    facts_answer,
    fairness_answer,
    policy_answer,
    reclaim_answer,
    standing_answer,
)
from web.api.asked import Asked
from web.api.reports import CalendarDay, PeriodQuery
from web.api.values import ById, Cursor, Input, Line, Paging
from web.registry import Routes

routes = Routes("allocation people")
_RIGHT = Action.CUSTOMER_ASSIGN
_SUBJECT = "quota application"
FACTS_DAYS = 90
Limit = Annotated[int | None, Field(ge=0, le=applications.MOST)]


class LimitsInput(Input):
    """Null is the house's."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"cap": 300, "quota": None}]})

    cap: Limit = None
    quota: Limit = None


class PolicyInput(Input):
    """Only the named rules change."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"cap": 500, "not_contacted_days": 60}]})

    data_department: Annotated[Line | None, Field(max_length=80)] = None
    cap: Limit = None
    quota: Limit = None
    period: Period = Period.MONTH
    new_days: Annotated[int, Field(ge=0, le=3650)] = 90
    new_quota: Limit = None
    not_contacted_days: Annotated[int | None, Field(ge=1, le=3650)] = None
    not_bought_days: Annotated[int | None, Field(ge=1, le=3650)] = None
    notice_days: Annotated[int, Field(ge=0, le=365)] = 7
    unfit_tries: Annotated[int | None, Field(ge=1, le=1000)] = 10
    contacts_most: Annotated[int | None, Field(ge=1, le=1000)] = 3
    contacts_days: Annotated[int, Field(ge=1, le=365)] = 7
    grant_days: Annotated[int, Field(ge=1, le=365)] = 30


class ApplicationInput(Input):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"kind": "quota", "wanted": 20, "reason": "all of mine are called"}]}
    )

    kind: ApplicationKind = ApplicationKind.QUOTA
    wanted: Annotated[int, Field(ge=1, le=applications.MOST)]
    reason: Annotated[str, Field(min_length=1, max_length=500)]


class DecisionInput(Input):
    """`granted` 0 refuses."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"granted": 10, "note": "good work"}]})

    granted: Annotated[int, Field(ge=0, le=applications.MOST)]
    valid_until: CalendarDay | None = None
    note: Annotated[str, Field(max_length=500)] = ""


class ApplicationQuery(Paging):
    state: ApplicationState | None = None


class ReclaimQuery(Input):
    cursor: Annotated[Cursor | None, Field(max_length=400)] = None


async def facts_of(session: AsyncSession, user_id: int, now: datetime) -> dict[str, float]:
    """What a manager looks at before he grants more."""
    since = now - timedelta(days=FACTS_DAYS)
    facts: dict[str, float] = dict(await people_queries.facts(session, user_id, since))
    talks, seconds = await work_queries.talks(session, user_id, since)
    return facts | {"talks": talks, "talk_seconds": seconds}


@routes.route("GET", "/allocation/people", "Who has how many customers and may get more", right=_RIGHT)
async def list_people(asked: Asked) -> PeopleAnswer:
    async with asked.read() as session:
        people = await people_queries.receivers(session, asked.actor)
        found = await people_queries.standings(
            session,
            [one.id for one in people],
            now=asked.context.clock.now(),
            zone=asked.context.settings.timezone,
        )
    return {"items": [standing_answer(found[one.id]) for one in people if one.id in found], "next": None}


@routes.route(
    "PUT",
    "/allocation/people/{id}",
    "Somebody's own cap and quota",
    right=_RIGHT,
    subject="user",
    errors={409: ["own_limits"], 422: ["limits_invalid"]},
)
async def put_limits(asked: Asked, path: ById, body: LimitsInput) -> StandingAnswer:
    async with asked.uow() as uow:
        await applications.set_limits(uow, path.id, cap=body.cap, quota=body.quota, by=asked.actor)
    now, zone = asked.context.clock.now(), asked.context.settings.timezone
    async with asked.read() as session:
        return standing_answer((await people_queries.standings(session, [path.id], now=now, zone=zone))[path.id])


async def _policy(session: AsyncSession, policy: Policy) -> PolicyAnswer:
    names = {one.id: one.name for one in await organization.departments(session)}
    return policy_answer(policy, names.get(policy.data_department_id or 0))


@routes.route("GET", "/allocation/rules", "The rules of allocation", right=_RIGHT)
async def get_rules(asked: Asked) -> PolicyAnswer:
    async with asked.read() as session:
        return await _policy(session, await queries.policy(session))


@routes.route(
    "PATCH",
    "/allocation/rules",
    "Change the rules of allocation",
    right=Action.SETTING_WRITE,
    errors={422: ["allocation_policy_invalid"]},
)
async def change_rules(asked: Asked, body: PolicyInput) -> PolicyAnswer:
    changes = {name: getattr(body, name) for name in body.model_fields_set}
    async with asked.uow() as uow:
        if "data_department" in changes:
            name = changes.pop("data_department")
            department = await organization.department_by_name(uow.session, name) if name else None
            if name and department is None:
                raise Rejected(
                    "allocation_policy_invalid", "There is no such department.", errors={"data_department": "unknown"}
                )
            changes["data_department_id"] = department.id if department else None
        policy = await service.change_policy(uow, changes, by=asked.actor)
        return await _policy(uow.session, policy)


async def _application(asked: Asked, application_id: int) -> ApplicationAnswer:
    async with asked.read() as session:
        one = await people_queries.application(session, asked.actor, application_id)
        answer = application_answer(one, asked.context.settings.timezone)
        if one.state is ApplicationState.WAITING and asked.actor.may(_RIGHT):
            facts = await facts_of(session, one.user_id, asked.context.clock.now())
            answer["facts"] = facts_answer(facts)
    return answer


@routes.route("GET", "/quota-applications", "Applications for more customers", right=Action.CUSTOMER_WRITE)
async def list_applications(asked: Asked, query: ApplicationQuery) -> ApplicationPage:
    """One's own; a manager's list holds those of his people."""
    zone = asked.context.settings.timezone
    async with asked.read() as session:
        page = await people_queries.applications(
            session, asked.actor, state=query.state, limit=query.limit, cursor=query.cursor
        )
    return {"items": [application_answer(one, zone) for one in page.items], "next": page.next}


@routes.route(
    "POST",
    "/quota-applications",
    "Ask for more customers",
    right=Action.CUSTOMER_WRITE,
    status=201,
    errors={409: ["application_waits"], 422: ["application_invalid"]},
)
async def apply(asked: Asked, body: ApplicationInput) -> ApplicationAnswer:
    async with asked.uow() as uow:
        made = await applications.apply(uow, kind=body.kind, wanted=body.wanted, reason=body.reason, by=asked.actor)
    return await _application(asked, made)


@routes.route("GET", "/quota-applications/{id}", "One application", right=Action.CUSTOMER_WRITE, subject=_SUBJECT)
async def get_application(asked: Asked, path: ById) -> ApplicationAnswer:
    """While it waits, a manager sees the facts of the last 90 days."""
    return await _application(asked, path.id)


@routes.route(
    "POST",
    "/quota-applications/{id}/decide",
    "Grant or refuse an application",
    right=_RIGHT,
    subject=_SUBJECT,
    errors={409: ["application_over", "own_application"], 422: ["application_invalid"]},
)
async def decide(asked: Asked, path: ById, body: DecisionInput) -> ApplicationAnswer:
    """The facts of this moment are kept with the decision. Without `valid_until` it holds for the house's days."""
    zone = asked.context.settings.timezone
    async with asked.uow() as uow:
        one = await people_queries.application(uow.session, asked.actor, path.id)
        await applications.decide(
            uow,
            path.id,
            granted=body.granted,
            valid_until=body.valid_until,
            note=body.note,
            facts=await facts_of(uow.session, one.user_id, uow.clock.now()),
            by=asked.actor,
            zone=zone,
        )
    return await _application(asked, path.id)


@routes.route(
    "POST",
    "/quota-applications/{id}/withdraw",
    "Take one's application back",
    right=Action.CUSTOMER_WRITE,
    subject=_SUBJECT,
    errors={409: ["application_over", "not_your_application"]},
)
async def withdraw(asked: Asked, path: ById) -> ApplicationAnswer:
    async with asked.uow() as uow:
        await applications.withdraw(uow, path.id, by=asked.actor)
    return await _application(asked, path.id)


@routes.route("GET", "/reports/allocation", "How evenly customers were allocated", right=_RIGHT)
async def fairness(asked: Asked, query: PeriodQuery) -> FairnessAnswer:
    """By default the present month. New staff are listed but left out of the measure: they get less on purpose."""
    since, until = period(asked, query.first, query.last)
    async with asked.read() as session:
        people = await people_queries.receivers(session, asked.actor)
        found = await change_queries.fairness(
            session,
            [one.id for one in people],
            since=since,
            until=until,
            now=asked.context.clock.now(),
            zone=asked.context.settings.timezone,
        )
    return fairness_answer(found)


def period(asked: Asked, first: date | None, last: date | None) -> tuple[datetime, datetime]:
    """Midnight of the first day and of the day after the last; the present month when none is given."""
    zone = asked.context.settings.timezone
    today = asked.context.clock.now().astimezone(zone).date()
    last = last or max(today, first or today)
    first = first or min(today.replace(day=1), last)
    if first > last:
        raise Rejected("invalid_input", "The period ends before it begins.", errors={"to": "before from"})
    return (
        datetime.combine(first, time.min, tzinfo=zone),
        datetime.combine(last + timedelta(days=1), time.min, tzinfo=zone),
    )


@routes.route("GET", "/reclaim/preview", "Who would go back to the pool", right=_RIGHT)
async def preview_reclaim(asked: Asked, query: ReclaimQuery) -> ReclaimPreview:
    """A page looks at a stretch of the base, so that it may hold few or none and still have a next one."""
    zone = asked.context.settings.timezone
    after = parse_text_cursor(query.cursor)[1] if query.cursor else 0
    async with asked.read() as session:
        everything = queries.carries_out(asked.actor, await queries.policy(session))
        found, following = await reclaim.lines(
            session,
            after,
            now=asked.context.clock.now(),
            zone=zone,
            contacts=[work_queries.LastTalks()],
            departments=None if everything else asked.actor.departments(_RIGHT),
        )
    return {
        "items": [reclaim_answer(line, zone) for line in found],
        "next": None if following is None else text_cursor("", following),
    }


@routes.route(
    "POST",
    "/reclaim",
    "Announce and take back now",
    right=Action.CUSTOMER_ALLOCATE,
    status=201,
    errors={409: ["data_department_only", "reclaim_runs"], 422: ["no_reclaim_rule"]},
)
async def start_reclaim(asked: Asked) -> JobStarted:
    """What the nightly job does, at once; for the data department alone."""
    async with asked.uow() as uow:
        job = await reclaim.start(uow, by=asked.actor, zone=asked.context.settings.timezone)
    return {"job": ids.show(job.id)}
