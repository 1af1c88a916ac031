"""Handing an exported file out: once, to its asker, and a broken connection does not use the one time up."""

from __future__ import annotations

import asyncio
from typing import BinaryIO, Final

from aiohttp import web

from crm_core.customers.protection import service
from crm_core.customers.protection.kinds import FileFormat
from crm_core.kernel import ids
from crm_core.organization.access import Actor
from web import ranges
from web.context import WebContext
from web.errors import Refused
from web.ranges import Part

_CHUNK: Final = 1 << 16
_MEDIA_TYPES: Final = {
    FileFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    FileFormat.CSV: "text/csv",
    FileFormat.ZIP: "application/zip",
}


async def send_once(
    request: web.Request, context: WebContext, request_id: int, by: Actor, wanted: str | None
) -> web.StreamResponse:
    """The file or the wanted range of it; gone with its last byte. Raises NotFound, Conflict, Refused."""
    async with context.db.uow() as uow:
        found = await service.begin_fetch(uow, request_id, by=by)
        fetch, file_id, form = found.fetches, found.file_id or 0, found.format or FileFormat.XLSX
        name = f"{found.kind}-{ids.show(found.id)}.{form}"
    file = await context.files.open(file_id)
    try:
        size = (await asyncio.to_thread(context.files.path(file_id).stat)).st_size
        part = ranges.wanted(wanted, size)
        if part is None:
            raise Refused(416, "range_outside", "The file is not that long.")
        response = _response(part, size, name, _MEDIA_TYPES[form])
        await response.prepare(request)
        last = await _most(response, file, part)
        if part.end < size:
            await response.write(last)
            await response.write_eof()
            return response
        await _finish(response, context, last, request_id, fetch, by)
    finally:
        file.close()
    await context.files.delete(file_id)
    return response


def _response(part: Part, size: int, name: str, media_type: str) -> web.StreamResponse:
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
        "Accept-Ranges": "bytes",
        "Content-Length": str(part.length),
    }
    if part.partial:
        headers["Content-Range"] = f"bytes {part.start}-{part.end - 1}/{size}"
    response = web.StreamResponse(status=206 if part.partial else 200, headers=headers)
    response.content_type = media_type
    return response


async def _most(response: web.StreamResponse, file: BinaryIO, part: Part) -> bytes:
    """Sends all but the last piece, and gives that."""
    await asyncio.to_thread(file.seek, part.start)
    left = part.length
    while True:
        piece = await asyncio.to_thread(file.read, min(_CHUNK, left))
        left -= len(piece)
        if left <= 0 or not piece:
            return piece
        await response.write(piece)


async def _finish(
    response: web.StreamResponse, context: WebContext, last: bytes, request_id: int, fetch: int, by: Actor
) -> None:
    """The last piece leaves only after the file counts as handed out; if it does not get away, it does not count."""
    async with context.db.uow() as uow:
        await service.collect(uow, request_id, fetch, by=by)
    try:
        await response.write(last)
        await response.write_eof()
    except BaseException:
        await asyncio.shield(_give_back(context, request_id, fetch, by))
        raise


async def _give_back(context: WebContext, request_id: int, fetch: int, by: Actor) -> None:
    async with context.db.uow() as uow:
        await service.give_back(uow, request_id, fetch, by=by)
