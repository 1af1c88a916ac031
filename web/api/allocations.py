"""Allocation: ask, look ahead, approve, carry out, and the result list."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.allocation import choosing, queries, runs
from crm_core.customers.allocation.choosing import Choice, Where
from crm_core.customers.allocation.kinds import Method, RunState, Verdict
from crm_core.customers.allocation.runs import Wish
from crm_core.customers.allocation.views import Person
from crm_core.organization import queries as organization
from crm_core.organization.access import Action
from web.api.allocation_json import (
    AllocationAnswer,
    AllocationPage,
    PlanAnswer,
    ResultPage,
    plan_answer,
    result_answer,
    run_answer,
)
from web.api.asked import Asked
from web.api.transfers import Ids, UserName, WhereInput, user_called, where_of
from web.api.values import ById, Input, Line, Paging
from web.registry import Routes

routes = Routes("allocations")
_RIGHT = Action.CUSTOMER_ASSIGN
_SUBJECT = "allocation"
Words = Annotated[list[Annotated[Line, Field(min_length=1, max_length=40)]], Field(max_length=100)]


class PersonInput(Input):
    """Who takes part; `regions` (province, city or district) and `types` count when the method is `matching`."""

    user: UserName
    weight: Annotated[int, Field(ge=1, le=100)] = 1
    regions: Words = Field(default_factory=list)
    types: Words = Field(default_factory=list)


class PlanInput(Input):
    """Which customers (`ids`, or the queue cut by `where`, at most `most`), to whom and how."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"method": "round_robin", "most": 100, "people": [{"user": "agent"}]}]}
    )

    method: Method = Method.ROUND_ROBIN
    people: Annotated[list[PersonInput], Field(min_length=1, max_length=runs.MOST_PEOPLE)]
    ids: Ids | None = None
    where: WhereInput | None = None
    most: Annotated[int, Field(ge=1, le=choosing.MOST)] = 500

    @model_validator(mode="after")
    def _not_both(self) -> Self:
        if self.ids is not None and self.where is not None:
            raise ValueError("give ids or where, not both")
        return self


class NewAllocation(PlanInput):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"method": "round_robin", "most": 100, "people": [{"user": "agent"}], "reason": "leads of the fair"}
            ]
        }
    )

    reason: Annotated[str, Field(min_length=1, max_length=500)]


class AnswerInput(Input):
    model_config = ConfigDict(json_schema_extra={"examples": [{"answer": "these are for the other team"}]})

    answer: Annotated[str, Field(max_length=500)] = ""


class AllocationQuery(Paging):
    state: RunState | None = None


class ResultQuery(Paging):
    verdict: Verdict | None = None


async def _wish(session: AsyncSession, body: PlanInput, reason: str) -> Wish:
    people = []
    for place, one in enumerate(body.people):
        user = await user_called(session, one.user, f"people.{place}.user")
        people.append(Person(user.id, one.weight, tuple(one.regions), tuple(one.types)))
    where = await where_of(session, body.where) if body.where else Where()
    choice = Choice(tuple(body.ids or ()), where.filter, body.most, tree=where.tree)
    return Wish(body.method, choice, tuple(people), reason)


async def _names(session: AsyncSession) -> dict[int, str]:
    return {user_id: name for user_id, name, _display in await organization.people(session)}


async def _whole(asked: Asked, run_id: int) -> AllocationAnswer:
    async with asked.read() as session:
        run = await queries.run(session, asked.actor, run_id)
        return run_answer(run, await _names(session), asked.context.settings.timezone)


@routes.route(
    "POST",
    "/allocations/preview",
    "What an allocation would do",
    right=_RIGHT,
    errors={403: ["owner_out_of_reach"], 422: ["self_allocation", "allocation_invalid", "where_invalid"]},
)
async def preview(asked: Asked, body: PlanInput) -> PlanAnswer:
    """Nothing is stored; what is carried out later follows the caps, quotas and customers of that moment."""
    now, zone = asked.context.clock.now(), asked.context.settings.timezone
    async with asked.read() as session:
        wish = await _wish(session, body, "")
        plan = await runs.preview(session, wish, by=asked.actor, now=now, zone=zone)
        return plan_answer(plan, await _names(session))


@routes.route(
    "POST",
    "/allocations",
    "Ask for an allocation",
    right=_RIGHT,
    status=201,
    errors={
        403: ["owner_out_of_reach"],
        422: ["self_allocation", "one_department", "allocation_invalid", "where_invalid", "move_reason_missing"],
    },
)
async def add(asked: Asked, body: NewAllocation) -> AllocationAnswer:
    """By a manager of these people it is approved thereby; the data department carries it out."""
    async with asked.uow() as uow:
        run_id = await runs.request(uow, await _wish(uow.session, body, body.reason), by=asked.actor)
    return await _whole(asked, run_id)


@routes.route("GET", "/allocations", "Allocations, newest first", right=_RIGHT)
async def list_all(asked: Asked, query: AllocationQuery) -> AllocationPage:
    zone = asked.context.settings.timezone
    async with asked.read() as session:
        page = await queries.runs(session, asked.actor, state=query.state, limit=query.limit, cursor=query.cursor)
        names = await _names(session)
    return {"items": [run_answer(one, names, zone) for one in page.items], "next": page.next}


@routes.route("GET", "/allocations/{id}", "One allocation", right=_RIGHT, subject=_SUBJECT)
async def get(asked: Asked, path: ById) -> AllocationAnswer:
    return await _whole(asked, path.id)


@routes.route("GET", "/allocations/{id}/results", "What became of each customer", right=_RIGHT, subject=_SUBJECT)
async def list_results(asked: Asked, path: ById, query: ResultQuery) -> ResultPage:
    async with asked.read() as session:
        await queries.run(session, asked.actor, path.id)
        page = await queries.results(session, path.id, verdict=query.verdict, limit=query.limit, cursor=query.cursor)
    return {"items": [result_answer(one) for one in page.items], "next": page.next}


@routes.route(
    "POST",
    "/allocations/{id}/approve",
    "Approve what the data department proposes",
    right=_RIGHT,
    subject=_SUBJECT,
    errors={409: ["allocation_over"]},
)
async def approve(asked: Asked, path: ById) -> AllocationAnswer:
    async with asked.uow() as uow:
        await runs.decide(uow, path.id, approve=True, by=asked.actor)
    return await _whole(asked, path.id)


@routes.route(
    "POST",
    "/allocations/{id}/refuse",
    "Refuse what the data department proposes",
    right=_RIGHT,
    subject=_SUBJECT,
    errors={409: ["allocation_over"]},
)
async def refuse(asked: Asked, path: ById, body: AnswerInput) -> AllocationAnswer:
    async with asked.uow() as uow:
        await runs.decide(uow, path.id, approve=False, by=asked.actor, answer=body.answer)
    return await _whole(asked, path.id)


@routes.route(
    "POST",
    "/allocations/{id}/withdraw",
    "Take an allocation back that was not carried out",
    right=_RIGHT,
    subject=_SUBJECT,
    errors={409: ["allocation_over"]},
)
async def withdraw(asked: Asked, path: ById) -> AllocationAnswer:
    async with asked.uow() as uow:
        await runs.withdraw(uow, path.id, by=asked.actor)
    return await _whole(asked, path.id)


@routes.route(
    "POST",
    "/allocations/{id}/execute",
    "Carry an allocation out",
    right=Action.CUSTOMER_ALLOCATE,
    subject=_SUBJECT,
    errors={
        409: ["data_department_only", "allocation_not_approved", "allocation_over"],
        422: ["self_allocation"],
    },
)
async def execute(asked: Asked, path: ById) -> AllocationAnswer:
    """For the data department alone. Above 500 customers a job does it."""
    async with asked.uow() as uow:
        await runs.carry_out(uow, path.id, by=asked.actor, zone=asked.context.settings.timezone)
    return await _whole(asked, path.id)
