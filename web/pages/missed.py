"""Missed calls that wait to be returned."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from aiohttp import web

from crm_core.calls import service
from crm_core.kernel import ids
from crm_core.kernel.errors import Conflict
from crm_core.organization.access import Action
from web.auth import actor_of
from web.context import context_of
from web.i18n import gettext as _
from web.pages.calls import address
from web.pages.frame import html, partial, see_other
from web.pages.people import Names
from web.pages.todo import todo, waiting

routes = web.RouteTableDef()
_PAGE = 50
EXPECTED: Final = timedelta(days=7)  # who called longer ago does not wait for us any more


@routes.get("/missed")
async def missed_calls(request: web.Request) -> web.StreamResponse:
    actor = actor_of(request, Action.MISSED_CLAIM)
    days = 30 if request.query.get("days") == "30" else EXPECTED.days
    cursor = request.query.get("cursor")
    async with context_of(request).db.read() as session:
        names = await Names.read(session)
        rows, following = await waiting(request, session, actor, days=days, limit=_PAGE, names=names, cursor=cursor)
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
        lists = await todo(request, session, actor, await Names.read(session))
    return html(request, "desk/todo.html", **lists)
