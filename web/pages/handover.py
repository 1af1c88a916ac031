"""The hand-over sheet, to print: all that a new owner has to know of each customer, within what he may read."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.calls import due_queries, timeline_queries
from crm_core.customers import queries as customer_queries
from crm_core.customers.allocation import change_queries
from crm_core.customers.allocation.change_queries import ChangeFilter
from crm_core.kernel import ids
from crm_core.kernel.errors import NotFound
from crm_core.organization.access import Action, Actor
from web.auth import actor_of
from web.context import context_of
from web.pages import customer_parts, customer_shape, timeline_shape
from web.pages.allocation_moves import moves_shown
from web.pages.allocation_shape import local_now, picked
from web.pages.calls import address
from web.pages.frame import html
from web.pages.people import Names

routes = web.RouteTableDef()
_SHEET: Final = 25  # customers of one page
_STORY: Final = 40  # earlier contacts of each
_PATH: Final = "/allocation/handover"


@routes.get(_PATH)
async def hand_over(request: web.Request) -> web.StreamResponse:
    """Of a batch, or of the named customers. Who prints a card has read it: that is on record."""
    actor, query, context = actor_of(request, Action.CUSTOMER_READ), request.query, context_of(request)
    batch, cursor, following = picked([query.get("batch", "")]), query.get("cursor"), None
    chosen = picked(query.getall("ids", []))[:_SHEET]
    async with context.db.read() as session:
        if batch:
            page = await change_queries.batch_customers(session, actor, batch[0], limit=_SHEET, cursor=cursor)
            chosen, following = [customer_id for _change, customer_id in page.items], page.next
        names, promised = await Names.read(session), await due_queries.promised(session, chosen)
        sheets = [
            sheet
            for one in chosen
            if (sheet := await _sheet(request, session, actor, one, names, promised.get(one))) is not None
        ]
    for sheet in sheets:
        context.reads.note(sheet["view"].id, actor.user_id, context.clock.now())
    fields = {"batch": ids.show(batch[0])} if batch else {}
    return html(
        request,
        "allocation/handover.html",
        sheets=sheets,
        at=local_now(request),
        can_assign=actor.may(Action.CUSTOMER_ASSIGN),
        can_receive=actor.may(Action.CALL_DIAL),
        first=address(_PATH, fields) if cursor else None,
        next=address(_PATH, fields | {"cursor": following}) if following else None,
    )


async def _sheet(
    request: web.Request, session: AsyncSession, actor: Actor, customer_id: int, names: Names, promised: datetime | None
) -> dict[str, Any] | None:
    """None when the reader may not see the customer (any more)."""
    today = local_now(request).date()
    try:
        view = await customer_queries.customer(session, actor, customer_id, today=today)
    except NotFound:
        return None
    story = await timeline_queries.story(session, actor, view.id, limit=_STORY)
    moves = await change_queries.changes(session, actor, ChangeFilter(customer_id=customer_id), limit=5)
    parts = await customer_parts.shown(session, actor, view, lambda name: names.named(name) or "", today)
    return {
        "id": ids.show(customer_id),
        "view": view,
        "card": customer_shape.card(view, [], names, today, context_of(request).settings.timezone),
        "owner": names.named(view.owner),
        "promised": promised,
        "parts": [part for part in parts.values() if part.rows],
        "timeline": timeline_shape.shape(story.items, names),
        "more": story.next is not None,
        "moves": moves_shown(moves.items, names),
    }
