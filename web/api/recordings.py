"""The sound of calls, by opaque id: right checked, access audited, HTTP ranges."""

from __future__ import annotations

import asyncio
from datetime import UTC
from email.utils import format_datetime

import structlog
from aiohttp import web
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from crm_core.calls import queries, recording_queries
from crm_core.calls import recordings as listening
from crm_core.calls.views import RecordingView
from crm_core.organization.access import Action
from web import ranges
from web.api.asked import Asked
from web.api.values import ById
from web.errors import Refused
from web.ports import Sound
from web.registry import Routes

routes = Routes("recordings")
_log = structlog.get_logger("web")
_CHUNK = 1 << 18
_ALSO = {206: "The range that was asked for", 304: "The copy that the asker has is still good"}
_GONE = ["recording_not_found", "recording_missing", "recording_empty"]


class Peaks(TypedDict):
    """Loudness 0..1 in equal steps over `seconds`."""

    seconds: float | None
    peaks: list[float]


class RangeHeaders(BaseModel):
    """What decides how much of the sound is sent."""

    range: str | None = Field(None, alias="Range", description="one range of bytes; several are answered in full")
    if_range: str | None = Field(None, alias="If-Range", description="the ETag the range belongs to")
    if_none_match: str | None = Field(None, alias="If-None-Match")


@routes.route(
    "GET",
    "/recordings/{id}/audio",
    "The sound",
    right=Action.RECORDING_PLAY,
    media_type="audio/*",
    subject="recording",
    also=_ALSO,
    errors={404: _GONE, 416: ["range_outside"], 422: ["recording_damaged"]},
)
async def audio(asked: Asked, path: ById, headers: RangeHeaders) -> web.StreamResponse:
    """206 with Content-Range for a range, 304 for an ETag that still holds. Who listens is on record."""
    return await _serve(asked, path.id, headers)


@routes.route(
    "HEAD",
    "/recordings/{id}/audio",
    "Size and type of the sound",
    right=Action.RECORDING_PLAY,
    media_type="audio/*",
    subject="recording",
    also=_ALSO,
    errors={404: _GONE, 416: ["range_outside"], 422: ["recording_damaged"]},
)
async def audio_head(asked: Asked, path: ById, headers: RangeHeaders) -> web.StreamResponse:
    return await _serve(asked, path.id, headers)


@routes.route(
    "GET",
    "/recordings/{id}/peaks",
    "The waveform",
    right=Action.RECORDING_PLAY,
    subject="recording",
    errors={404: _GONE, 422: ["recording_damaged"]},
)
async def peaks(asked: Asked, path: ById) -> Peaks:
    found = await _allowed(asked, path.id)
    async with asked.read() as session:
        stored = await recording_queries.peaks(session, asked.actor, path.id)
    if stored is None:
        loudness = await asked.context.recordings.peaks(found.pbx, found.file)
    else:
        loudness = [level / 255 for level in stored]
    return {"seconds": found.seconds, "peaks": [round(float(level), 4) for level in loudness]}


async def _allowed(asked: Asked, recording_id: int) -> RecordingView:
    async with asked.read() as session:
        return await queries.recording(session, asked.actor, recording_id)


async def _serve(asked: Asked, recording_id: int, headers: RangeHeaders) -> web.StreamResponse:
    found = await _allowed(asked, recording_id)
    sound = await asked.context.recordings.open(found.pbx, found.file)
    try:
        modified = format_datetime(sound.modified.astimezone(UTC), usegmt=True)
        etag = f'"{found.id:x}-{int(sound.modified.timestamp() * 1000):x}-{sound.size:x}"'
        common = {
            "Accept-Ranges": "bytes",
            "ETag": etag,
            "Last-Modified": modified,
            "Cache-Control": "private, no-cache",
            "Content-Disposition": "inline",
        }
        if ranges.matches(headers.if_none_match, etag):
            return web.Response(status=304, headers=common)
        wished = headers.range if ranges.still_valid(headers.if_range, etag, modified) else None
        part = ranges.wanted(wished, sound.size)
        if part is None:
            outside = {"Content-Range": f"bytes */{sound.size}"}
            raise Refused(416, "range_outside", "The recording has no such bytes.", outside)
        if asked.request.method == "GET":
            async with asked.uow() as uow:
                await listening.open_recording(uow, found.id, by=asked.actor)
        return await _send(asked.request, sound, part, common)
    finally:
        sound.file.close()


async def _send(request: web.Request, sound: Sound, part: ranges.Part, headers: dict[str, str]) -> web.StreamResponse:
    response = web.StreamResponse(status=206 if part.partial else 200, headers=headers)
    response.content_type = sound.media_type
    response.content_length = part.length
    if part.partial:
        response.headers["Content-Range"] = f"bytes {part.start}-{part.end - 1}/{sound.size}"
    await response.prepare(request)
    if request.method == "GET" and not await _pour(sound, part, response):
        # The head is sent: a cut connection is the only way left to say that this is not the whole of it.
        if request.transport is not None:
            request.transport.abort()
        return response
    await response.write_eof()
    return response


async def _pour(sound: Sound, part: ranges.Part, response: web.StreamResponse) -> bool:
    """Whether all of the part could be read and sent."""
    left = part.length
    try:
        await asyncio.to_thread(sound.file.seek, part.start)
        while left > 0 and (chunk := await asyncio.to_thread(sound.file.read, min(_CHUNK, left))):
            await response.write(chunk)
            left -= len(chunk)
    except ConnectionError:
        return False
    except Exception as error:
        _log.warning("recording_cut_off", file=sound.name, error=repr(error))
        return False
    return left == 0
