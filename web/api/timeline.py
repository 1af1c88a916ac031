"""Everything that happened with one customer."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict

from crm_core.calls import timeline_queries
from crm_core.calls.timeline_queries import TimelineItem
from crm_core.kernel import ids
from crm_core.organization.access import Action
from web.api.asked import Asked
from web.api.call_json import CallAnswer, NoteAnswer, call_answer, note_answer
from web.api.customers import today
from web.api.values import ById, Cursor, Id, Paging, Time, time_text
from web.registry import Routes

routes = Routes("customers")


class TimelineAnswer(TypedDict):
    """A call with what was written about it, or a note on the customer."""

    id: Id
    at: Time
    kind: Literal["call", "note"]
    call: CallAnswer | None
    notes: list[NoteAnswer]


class TimelinePage(TypedDict):
    items: list[TimelineAnswer]
    next: Cursor | None


@routes.route(
    "GET",
    "/customers/{id}/timeline",
    "Everything with a customer, newest first",
    right=Action.CUSTOMER_READ,
    subject="customer",
)
async def timeline(asked: Asked, path: ById, query: Paging) -> TimelinePage:
    """Who may see the customer may see what happened with him, whoever spoke."""
    async with asked.read() as session:
        page = await timeline_queries.timeline(
            session, asked.actor, path.id, today=today(asked), limit=query.limit, cursor=query.cursor
        )
    return {"items": [_item(asked, item) for item in page.items], "next": page.next}


def _item(asked: Asked, item: TimelineItem) -> TimelineAnswer:
    zone = asked.context.settings.timezone
    return {
        "id": ids.show(item.id),
        "at": time_text(item.at, zone) or "",
        "kind": "note" if item.kind == "note" else "call",
        "call": None if item.call is None else call_answer(item.call, zone),
        "notes": [note_answer(note, zone) for note in item.notes],
    }
