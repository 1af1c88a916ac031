"""The scanned sheets of a stack: kept as they come, given back as a file, never drawn by us; for pages and API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable
from typing import Final

from aiohttp import web

from crm_core.customers.intake import queries, service
from crm_core.customers.intake.rules import business_day
from crm_core.customers.intake.views import RegistrationView
from crm_core.kernel import ids
from crm_core.kernel.errors import NotFound, Rejected
from crm_core.organization import queries as organization
from crm_core.organization.access import Actor
from web.context import WebContext

_LIMIT: Final = 20 << 20  # bytes
_HEAD: Final = 16
# By their first bytes: what a client says of a file is not to be believed.
_KINDS: Final = ((b"%PDF-", "pdf"), (b"\xff\xd8\xff", "jpg"), (b"\x89PNG\r\n\x1a\n", "png"))


async def keep(context: WebContext, actor: Actor, registration_id: int, pieces: AsyncIterable[bytes]) -> None:
    """In place of an earlier scan. Raises NotFound out of reach, Rejected for anything but PDF, JPEG and PNG."""
    stack = await seen(context, actor, registration_id)
    scan_id, _size = await context.files.save(pieces, limit=_LIMIT)
    if await _extension(context, scan_id) is None:
        await context.files.delete(scan_id)
        raise Rejected("scan_unknown", "Scans are PDF, JPEG or PNG.", errors={"file": "PDF, JPEG or PNG"})
    async with context.db.uow() as uow:
        before = await service.attach_scan(uow, stack.id, scan_id, by=actor)
    if before is not None:
        await context.files.delete(before)


async def given(context: WebContext, actor: Actor, registration_id: int) -> web.Response:
    """The file as a download. Raises NotFound when nothing was scanned or the stack is out of reach."""
    stack = await seen(context, actor, registration_id)
    if stack.scan_id is None:
        raise NotFound("file_not_found", "Nothing was scanned.")
    ending = await _extension(context, stack.scan_id) or "bin"
    file = await context.files.open(stack.scan_id)
    with file:
        body = await asyncio.to_thread(file.read)
    headers = {"Content-Disposition": f'attachment; filename="{ids.show(stack.id)}.{ending}"'}
    return web.Response(body=body, content_type="application/octet-stream", headers=headers)


async def seen(context: WebContext, actor: Actor, registration_id: int) -> RegistrationView:
    """The stack. Raises NotFound when it is out of reach."""
    now = context.clock.now()
    async with context.db.read() as session:
        rules = (await organization.preferences(session)).intake
        today = business_day(now, context.settings.timezone)
        return await queries.registration(session, actor, registration_id, now=now, today=today, rules=rules)


async def _extension(context: WebContext, scan_id: int) -> str | None:
    with await context.files.open(scan_id) as file:
        head = await asyncio.to_thread(file.read, _HEAD)
    return next((ending for start, ending in _KINDS if head.startswith(start)), None)
