"""What becomes of recordings: found, read, missing; and each time somebody listens to one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, update

from crm_core.audit import service as audit
from crm_core.calls import queries
from crm_core.calls.models import Recording, RecordingState
from crm_core.calls.views import RecordingView
from crm_core.db.uow import UnitOfWork
from crm_core.db.upsert import table_of
from crm_core.organization.access import Actor

_recordings = table_of(Recording)
_STORE = update(_recordings).where(_recordings.c.id == bindparam("which"))


@dataclass(frozen=True, slots=True)
class Found:
    """What was read from the file of a recording; ``size`` in bytes, None when there is no file."""

    id: int
    state: RecordingState
    seconds: float | None = None
    size: int | None = None
    peaks: bytes | None = None


async def store_found(uow: UnitOfWork, found: Sequence[Found]) -> None:
    """Stores what was read from the files."""
    rows = [
        {"which": one.id, "state": one.state, "seconds": one.seconds, "size": one.size, "peaks": one.peaks}
        for one in found
    ]
    if rows:
        connection = await uow.session.connection()
        await connection.execute(_STORE, rows)


async def open_recording(uow: UnitOfWork, recording_id: int, *, by: Actor) -> RecordingView:
    """The recording, for listening: checks the right and leaves an audit line. Raises NotFound."""
    recording = await queries.recording(uow.session, by, recording_id)
    audit.record(uow, by, "recording.play", "recording", recording_id)
    return recording
