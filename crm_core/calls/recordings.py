"""What becomes of recordings: found, read, missing; and each time somebody listens to one."""

from __future__ import annotations

from sqlalchemy import update

from crm_core.audit import service as audit
from crm_core.calls import queries
from crm_core.calls.models import Recording, RecordingState
from crm_core.calls.views import RecordingView
from crm_core.db.uow import UnitOfWork
from crm_core.db.upsert import table_of
from crm_core.organization.access import Actor

_recordings = table_of(Recording)


async def update_recording(
    uow: UnitOfWork,
    recording_id: int,
    *,
    state: RecordingState,
    seconds: float | None = None,
    size: int | None = None,
    peaks: bytes | None = None,
) -> None:
    """Stores what was read from the file."""
    found = {"state": state, "seconds": seconds, "size": size, "peaks": peaks}
    await uow.session.execute(update(_recordings).where(_recordings.c.id == recording_id).values(**found))


async def open_recording(uow: UnitOfWork, recording_id: int, *, by: Actor) -> RecordingView:
    """The recording, for listening: checks the right and leaves an audit line. Raises NotFound."""
    recording = await queries.recording(uow.session, by, recording_id)
    audit.record(uow, by, "recording.play", "recording", recording_id)
    return recording
