"""Missed calls that wait to be returned: one line a caller; claim, give back, tick off."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from crm_core.calls import missed_queries, service
from crm_core.organization.access import Action
from web.api.asked import Asked
from web.api.call_json import CallAnswer, CallDetailAnswer, call_answer
from web.api.calls import whole_call
from web.api.values import ById, Cursor, Instant, Paging, Time, time_text
from web.registry import Routes

routes = Routes("missed calls")
_RIGHT = Action.MISSED_CLAIM
_EXPECTED = timedelta(days=7)
_DONE = ["already_returned"]


class MissedCallAnswer(TypedDict):
    """The caller's latest missed call, how often he tried, and since when."""

    call: CallAnswer
    attempts: int
    first_at: Time


class MissedCallPage(TypedDict):
    items: list[MissedCallAnswer]
    next: Cursor | None


class MissedCallQuery(Paging):
    since: Annotated[Instant | None, Field(description="default: seven days ago")] = None


@routes.route("GET", "/missed-calls", "Callers who wait for a call back, newest first", right=_RIGHT)
async def list_missed(asked: Asked, query: MissedCallQuery) -> MissedCallPage:
    since = query.since or asked.context.clock.now() - _EXPECTED
    async with asked.read() as session:
        page = await missed_queries.to_return(session, asked.actor, since=since, limit=query.limit, cursor=query.cursor)
    zone = asked.context.settings.timezone
    items: list[MissedCallAnswer] = [
        {
            "call": call_answer(row.call, zone),
            "attempts": row.attempts,
            "first_at": time_text(row.first_at, zone) or "",
        }
        for row in page.items
    ]
    return {"items": items, "next": page.next}


@routes.route(
    "POST",
    "/calls/{id}/claim",
    "Take a missed call on",
    right=_RIGHT,
    subject="missed call",
    errors={409: ["already_claimed", *_DONE]},
)
async def claim(asked: Asked, path: ById) -> CallDetailAnswer:
    """All waiting calls of the same caller are taken on together; of two who ask at once one wins."""
    async with asked.uow() as uow:
        await service.claim(uow, path.id, by=asked.actor)
    return await whole_call(asked, path.id)


@routes.route(
    "DELETE",
    "/calls/{id}/claim",
    "Give a claimed call back",
    right=_RIGHT,
    status=204,
    subject="missed call",
    errors={403: ["not_your_claim"], 409: _DONE},
)
async def release(asked: Asked, path: ById) -> None:
    async with asked.uow() as uow:
        await service.release(uow, path.id, by=asked.actor)


@routes.route(
    "POST",
    "/calls/{id}/returned",
    "Take a caller off the list",
    right=_RIGHT,
    status=204,
    subject="missed call",
    errors={409: _DONE},
)
async def returned(asked: Asked, path: ById) -> None:
    """A call in which the caller is reached does so by itself."""
    async with asked.uow() as uow:
        await service.mark_returned(uow, path.id, by=asked.actor)
