"""The scanned sheets of a stack, sent and fetched by the browser."""

from __future__ import annotations

from aiohttp import web

from crm_core.kernel import ids
from crm_core.organization.access import Action
from web import scans
from web.auth import actor_of
from web.context import context_of

routes = web.RouteTableDef()


@routes.put("/intake/{id:[0-9a-z]{13}}/scan")
async def keep_scan(request: web.Request) -> web.StreamResponse:
    """The body is the file. Answers 204."""
    actor = actor_of(request, Action.INTAKE_HAND_IN)
    pieces = request.content.iter_chunked(1 << 16)
    await scans.keep(context_of(request), actor, ids.parse(request.match_info["id"]), pieces)
    return web.Response(status=204)


@routes.get("/intake/{id:[0-9a-z]{13}}/scan")
async def give_scan(request: web.Request) -> web.StreamResponse:
    actor = actor_of(request, Action.INTAKE_HAND_IN)
    return await scans.given(context_of(request), actor, ids.parse(request.match_info["id"]))
