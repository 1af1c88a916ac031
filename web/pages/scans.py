"""The scanned sheets of a stack: kept as they come, given back as a file, never drawn by us."""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web

from crm_core.customers.intake import queries, service
from crm_core.customers.intake.rules import business_day
from crm_core.customers.intake.views import RegistrationView
from crm_core.kernel import ids
from crm_core.kernel.errors import NotFound, Rejected
from crm_core.organization.access import Action
from web.auth import actor_of
from web.context import context_of
from web.pages.preferred import preferred

routes = web.RouteTableDef()
_LIMIT: Final = 20 << 20
_HEAD: Final = 16
# By their first bytes: what a browser says of a file is not to be believed.
_KINDS: Final = ((b"%PDF-", "pdf"), (b"\xff\xd8\xff", "jpg"), (b"\x89PNG\r\n\x1a\n", "png"))


@routes.put("/intake/{id:[0-9a-z]{13}}/scan")
async def keep_scan(request: web.Request) -> web.StreamResponse:
    """The body is the file. Answers 204. Raises Rejected for anything but PDF, JPEG and PNG."""
    actor = actor_of(request, Action.INTAKE_HAND_IN)
    stack = await _seen(request)
    files = context_of(request).files
    scan_id, _size = await files.save(request.content.iter_chunked(1 << 16), limit=_LIMIT)
    if await _extension(request, scan_id) is None:
        await files.delete(scan_id)
        raise Rejected("scan_unknown", "Scans are PDF, JPEG or PNG.", errors={"file": "PDF, JPEG or PNG"})
    async with context_of(request).db.uow() as uow:
        before = await service.attach_scan(uow, stack.id, scan_id, by=actor)
    if before is not None:
        await files.delete(before)
    return web.Response(status=204)


@routes.get("/intake/{id:[0-9a-z]{13}}/scan")
async def give_scan(request: web.Request) -> web.StreamResponse:
    stack = await _seen(request)
    if stack.scan_id is None:
        raise NotFound("file_not_found", "Nothing was scanned.")
    ending = await _extension(request, stack.scan_id) or "bin"
    file = await context_of(request).files.open(stack.scan_id)
    with file:
        body = await asyncio.to_thread(file.read)
    headers = {"Content-Disposition": f'attachment; filename="{ids.show(stack.id)}.{ending}"'}
    return web.Response(body=body, content_type="application/octet-stream", headers=headers)


async def _extension(request: web.Request, scan_id: int) -> str | None:
    with await context_of(request).files.open(scan_id) as file:
        head = await asyncio.to_thread(file.read, _HEAD)
    return next((ending for start, ending in _KINDS if head.startswith(start)), None)


async def _seen(request: web.Request) -> RegistrationView:
    actor, context = actor_of(request, Action.INTAKE_HAND_IN), context_of(request)
    now, zone = context.clock.now(), context.settings.timezone
    async with context.db.read() as session:
        return await queries.registration(
            session,
            actor,
            ids.parse(request.match_info["id"]),
            now=now,
            today=business_day(now, zone),
            rules=preferred().intake,
        )
