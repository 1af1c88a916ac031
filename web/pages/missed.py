"""Missed calls that wait to be returned."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.calls import missed_queries, service
from crm_core.kernel import ids
from crm_core.kernel.errors import Conflict
from crm_core.organization.access import Action, Actor
from web.auth import actor_of
from web.context import context_of
from web.i18n import gettext as _
from web.pages.call_shape import shape
from web.pages.calls import address
from web.pages.frame import html, partial, see_other
from web.pages.people import Names

routes = web.RouteTableDef()
_PAGE = 50
EXPECTED: Final = timedelta(days=7)  # who called longer ago does not wait for us any more


async def waiting(
    request: web.Request, session: AsyncSession, actor: Actor, *, days: float, limit: int, cursor: str | None = None
) -> tuple[list[dict[str, Any]], str | None]:
    """The callers to be called back as rows, and the cursor of the next page."""
    since = context_of(request).clock.now() - timedelta(days=days)
    page = await missed_queries.to_return(session, actor, since=since, limit=limit, cursor=cursor)
    names = await Names.read(session, [missed.call for missed in page.items])
    rows = [shape(missed.call, names, actor) | {"tries": missed.attempts} for missed in page.items]
    return rows, page.next


@routes.get("/missed")
async def missed_calls(request: web.Request) -> web.StreamResponse:
    actor = actor_of(request, Action.MISSED_CLAIM)
    days = 30 if request.query.get("days") == "30" else EXPECTED.days
    cursor = request.query.get("cursor")
    async with context_of(request).db.read() as session:
        rows, following = await waiting(request, session, actor, days=days, limit=_PAGE, cursor=cursor)
    fields = {"days": "30"} if days == 30 else {}
    return html(
        request,
        "missed.html",
        calls=rows,
        presets=[(_("7 days"), "/missed", days != 30), (_("30 days"), "/missed?days=30", days == 30)],
        notices=[(_("A colleague was quicker."), "warn")] if "late" in request.query else [],
        first=address("/missed", fields) if cursor else None,
        next=address("/missed", fields | {"cursor": following}) if following else None,
    )


@routes.post("/missed/{id}/claim")
async def claim(request: web.Request) -> web.StreamResponse:
    actor = actor_of(request, Action.MISSED_CLAIM)
    late = False
    try:
        async with context_of(request).db.uow() as uow:
            await service.claim(uow, ids.parse(request.match_info["id"]), by=actor)
    except Conflict:
        late = True  # the list that follows shows who was quicker
    if not partial(request):
        return see_other("/missed?late=1" if late else "/missed")
    async with context_of(request).db.read() as session:
        rows, _next = await waiting(request, session, actor, days=2, limit=20)
    return html(request, "desk/todo.html", missed=rows, todo=[])
