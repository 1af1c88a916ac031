"""The journal of PBX events in the database: chunks by call, how far the file was read, and its expiry."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert

from crm_core.calls import recorder_queries
from crm_core.calls.models import CallEvents, JournalPosition
from crm_core.db.uow import UnitOfWork
from crm_core.db.upsert import Excluded, table_of, upsert

_events, _positions = table_of(CallEvents), table_of(JournalPosition)


@dataclass(frozen=True, slots=True)
class EventChunk:
    """Some events of one call; ``events`` as ``rules.pack_events`` makes it, ``at`` the time of its first event."""

    call_id: int
    at: datetime
    events: bytes


async def store_events(uow: UnitOfWork, chunks: Iterable[EventChunk]) -> None:
    """In one statement. The calls must be stored already, in this transaction or before."""
    rows = [{"call_id": chunk.call_id, "at": chunk.at, "events": chunk.events} for chunk in chunks]
    if rows:
        connection = await uow.session.connection()
        await connection.execute(insert(_events), rows)


async def put_position(uow: UnitOfWork, pbx: str, segment: str, offset: int) -> None:
    """Remembers that everything before ``offset`` in ``segment`` is in the database with this transaction."""
    row = {"pbx": pbx, "segment": segment, "offset": offset, "at": uow.clock.now()}
    await upsert(uow.session, _positions, [row], keys=["pbx"], change=_further)


def _further(new: Excluded) -> dict[str, object]:
    return {"segment": new.segment, "offset": new.offset, "at": new.at}


async def expire_events(uow: UnitOfWork, before: datetime, limit: int = 5000) -> int:
    """Deletes up to ``limit`` chunks older than ``before`` and says how many: repeat until it answers 0."""
    old: Sequence[int] = await recorder_queries.events_before(uow.session, before, limit)
    if old:
        connection = await uow.session.connection()
        await connection.execute(delete(_events).where(_events.c.id.in_(old)))
    return len(old)
