"""Reads of recordings."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.calls.models import Recording, RecordingState
from crm_core.calls.queries import RECORDING_COLUMNS, recording, recording_view
from crm_core.calls.views import RecordingView
from crm_core.organization.access import Actor


async def peaks(session: AsyncSession, actor: Actor, recording_id: int) -> bytes | None:
    """The wave's outline; None until the file was read. Raises NotFound like ``recording``."""
    await recording(session, actor, recording_id)
    return (await session.execute(select(Recording.peaks).where(Recording.id == recording_id))).scalar_one()


async def to_read(session: AsyncSession, pbx: str, limit: int = 100) -> list[RecordingView]:
    """Stopped recordings whose file was not looked at yet, oldest first."""
    rows = select(*RECORDING_COLUMNS).where(Recording.state == RecordingState.PENDING, Recording.pbx == pbx)
    rows = rows.order_by(Recording.started_at, Recording.id).limit(limit)
    return [recording_view(row) for row in await session.execute(rows)]


async def in_order(session: AsyncSession, pbx: str, *, after: int = 0, limit: int = 1000) -> list[RecordingView]:
    """All recordings of a PBX by id, for the audit of files."""
    rows = select(*RECORDING_COLUMNS).where(Recording.pbx == pbx, Recording.id > after)
    return [recording_view(row) for row in await session.execute(rows.order_by(Recording.id).limit(limit))]


async def known_files(session: AsyncSession, pbx: str, files: Collection[str]) -> set[str]:
    """Which of these base names belong to a recording."""
    names: Sequence[str] = list(files)
    rows = select(Recording.file).where(Recording.pbx == pbx, Recording.file.in_(names))
    return set(await session.scalars(rows))
