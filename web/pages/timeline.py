"""The story of a customer: its tab on the card, cut by kind, page by page; also a page of its own to share."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.calls import timeline_queries
from crm_core.customers import queries
from crm_core.kernel import ids
from crm_core.organization.access import Action, Actor
from web.auth import actor_of
from web.context import context_of
from web.pages import timeline_shape
from web.pages.frame import html, partial
from web.pages.people import Names

routes = web.RouteTableDef()
_PAGE = 20  # what a screen or two hold; the rest is a click away


async def shown(
    session: AsyncSession, actor: Actor, customer_id: int, names: Names, *, kind: str = "", cursor: str | None = None
) -> dict[str, Any]:
    """What the templates need of a customer that the reader may see."""
    kinds = timeline_shape.CHIPS.get(kind, ())
    page = await timeline_queries.story(session, actor, customer_id, kinds=kinds, limit=_PAGE, cursor=cursor)
    return {
        "timeline": timeline_shape.shape(page.items, names),
        "timeline_chips": timeline_shape.chips(timeline_queries.shown_kinds(actor), kind),
        "timeline_path": f"/customers/{ids.show(customer_id)}/timeline",
        "timeline_next": urlencode({"kind": kind, "cursor": page.next}) if page.next else None,
    }


@routes.get("/customers/{id}/timeline")
async def timeline(request: web.Request) -> web.StreamResponse:
    actor, context = actor_of(request, Action.CUSTOMER_READ), context_of(request)
    kind, cursor = request.query.get("kind", ""), request.query.get("cursor") or None
    today = context.clock.now().astimezone(context.settings.timezone).date()
    async with context.db.read() as session:
        customer = await queries.customer(session, actor, ids.parse(request.match_info["id"]), today=today)
        names = await Names.read(session)
        values = await shown(session, actor, customer.id, names, kind=kind, cursor=cursor)
    if partial(request):
        return html(request, "customers/story.html" if cursor else "customers/timeline.html", **values)
    return html(request, "customers/timeline_page.html", customer=customer, customer_id=ids.show(customer.id), **values)
