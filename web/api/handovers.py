"""Somebody leaves: all of his customers to several others, by a plan."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncSession
from typing_extensions import TypedDict

from crm_core.customers.allocation import leaving, runs
from crm_core.customers.allocation.kinds import Method
from crm_core.customers.allocation.leaving import HandOver
from crm_core.customers.allocation.views import Person
from crm_core.kernel import ids
from crm_core.organization import queries as organization
from crm_core.organization.access import Action
from web.api.allocation_json import JobStarted
from web.api.allocations import PersonInput
from web.api.asked import Asked
from web.api.transfers import UserName, user_called
from web.api.values import Input
from web.registry import Routes

routes = Routes("hand-overs")
_RIGHT = Action.CUSTOMER_ASSIGN


class PlanOfHandOver(Input):
    """All customers of `leaver` within your reach; caps hold, quotas do not: these customers are not new."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"leaver": "agent", "people": [{"user": "supervisor"}], "method": "round_robin"}]
        }
    )

    leaver: UserName
    method: Method = Method.ROUND_ROBIN
    people: Annotated[list[PersonInput], Field(min_length=1, max_length=runs.MOST_PEOPLE)]


class NewHandOver(PlanOfHandOver):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"leaver": "agent", "people": [{"user": "supervisor"}], "reason": "has left"}]}
    )

    reason: Annotated[str, Field(min_length=1, max_length=500)]


class HandOverPlan(TypedDict):
    total: int
    given: Annotated[dict[str, int], Field(description="how many each person would get, by user name")]
    refused: Annotated[dict[str, int], Field(description="how many would stay, by reason")]


async def _wish(session: AsyncSession, body: PlanOfHandOver, reason: str) -> HandOver:
    people = []
    for place, one in enumerate(body.people):
        user = await user_called(session, one.user, f"people.{place}.user")
        people.append(Person(user.id, one.weight, tuple(one.regions), tuple(one.types)))
    leaver = await user_called(session, body.leaver, "leaver")
    return HandOver(leaver.id, body.method, tuple(people), reason)


@routes.route(
    "POST",
    "/handovers/preview",
    "What a hand-over would do",
    right=_RIGHT,
    errors={403: ["owner_out_of_reach"], 422: ["allocation_invalid"]},
)
async def preview(asked: Asked, body: PlanOfHandOver) -> HandOverPlan:
    """Nothing is stored."""
    now, zone = asked.context.clock.now(), asked.context.settings.timezone
    async with asked.read() as session:
        plan = await leaving.preview(session, await _wish(session, body, ""), by=asked.actor, now=now, zone=zone)
        names = {user_id: name for user_id, name, _display in await organization.people(session)}
    return {
        "total": plan.total,
        "given": {names.get(user, ids.show(user)): count for user, count in plan.given.items()},
        "refused": dict(plan.reasons),
    }


@routes.route(
    "POST",
    "/handovers",
    "Hand everything of somebody over",
    right=_RIGHT,
    status=201,
    errors={
        403: ["owner_out_of_reach"],
        409: ["nothing_to_hand_over"],
        422: ["allocation_invalid", "move_reason_missing"],
    },
)
async def hand_over(asked: Asked, body: NewHandOver) -> JobStarted:
    """A job; its rows say who got whom, its result names the batch of the hand-over sheet."""
    async with asked.uow() as uow:
        wish = await _wish(uow.session, body, body.reason)
        job = await leaving.start(uow, wish, by=asked.actor, zone=asked.context.settings.timezone)
    return {"job": ids.show(job.id)}
