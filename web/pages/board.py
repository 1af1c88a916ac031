"""The live board: the page; its tiles come over the live connection, its numbers of the day from the call log."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

from aiohttp import web

from crm_core.calls import report_queries
from crm_core.organization.access import Action
from web.auth import actor_of
from web.context import context_of
from web.pages.frame import html, telephones
from web.pages.missed import EXPECTED
from web.pages.preferred import preferred
from web.pages.talktime import normal

routes = web.RouteTableDef()


@routes.get("/board")
async def live_board(request: web.Request) -> web.StreamResponse:
    actor = actor_of(request, Action.BOARD_WATCH)
    values = await _numbers(request) | {"theme": "dark", "limits": preferred().limits}
    may_listen = actor.may(Action.CALL_LISTEN_IN) and telephones(actor)
    # Read from across the room: dark, whatever the reader's own pages look like.
    return html(request, "board.html", may_listen=may_listen, **values)


@routes.get("/board/today")
async def today(request: web.Request) -> web.StreamResponse:
    actor_of(request, Action.BOARD_WATCH)
    return html(request, "board_today.html", **await _numbers(request))


async def _numbers(request: web.Request) -> dict[str, Any]:
    context, targets = context_of(request), preferred().targets
    now = context.clock.now()
    midnight = datetime.combine(now.astimezone(context.settings.timezone).date(), time.min, context.settings.timezone)
    async with context.db.read() as session:
        numbers = await report_queries.board(
            session,
            actor_of(request),
            since=midnight,
            missed_since=now - EXPECTED,
            in_time=targets.service_level_seconds,
        )
    return {"today": numbers, "normal": normal(), "targets": targets}
