"""Follows recordings from stopped to ready: looks at the file until it is whole, stores length and loudness."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

import structlog

from callcenter.recordings import Look, RecordingFiles
from crm_core.calls import recording_queries, recordings
from crm_core.calls.facts import CallFacts
from crm_core.calls.models import RecordingState
from crm_core.db.database import Database
from crm_core.kernel.errors import CrmError

log = structlog.get_logger(__name__)

# Seconds between looks: a file is usually there at once; a slow network disk or a post-processing mixer takes longer.
_WAITS = (0.3, 0.7, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 180.0)
_AT_ONCE = 2
_MAX_FOLLOWED = 5000


@dataclass(frozen=True, slots=True)
class Stopped:
    """A recording whose file should be there."""

    id: int
    pbx: str
    file: str


class RecordingWatch:
    """Many recordings at once, few files read at a time."""

    def __init__(self, db: Database, files: RecordingFiles) -> None:
        self._db = db
        self._files = files
        self._followed: dict[int, asyncio.Task[None]] = {}
        self._reading = asyncio.Semaphore(_AT_ONCE)

    @property
    def following(self) -> int:
        return len(self._followed)

    def stored(self, facts: Iterable[CallFacts]) -> None:
        """These calls are in the database now: follow their recordings that stopped."""
        for call in facts:
            for recording in call.recordings:
                if recording.stopped_at is not None:
                    self.follow(Stopped(recording.id, call.pbx, recording.path.replace("\\", "/").rsplit("/", 1)[-1]))

    def follow(self, stopped: Stopped) -> None:
        if stopped.id in self._followed or len(self._followed) >= _MAX_FOLLOWED:
            return
        task = asyncio.get_running_loop().create_task(self._follow(stopped))
        self._followed[stopped.id] = task
        task.add_done_callback(lambda _: self._followed.pop(stopped.id, None))

    async def take_up(self, pbx: str) -> None:
        """After a start: those that the last run left unfinished. Raises Unavailable."""
        async with self._db.read() as session:
            rows = await recording_queries.to_read(session, pbx, _MAX_FOLLOWED)
        for row in rows:
            self.follow(Stopped(row.id, row.pbx, row.file))

    async def _follow(self, stopped: Stopped) -> None:
        try:
            look = await self._settled(stopped)
            await self._store(stopped, look)
        except CrmError as error:
            log.warning("recording left for the next start", file=stopped.file, reason=error.code)

    async def _settled(self, stopped: Stopped) -> Look:
        """Looks until the size has stopped changing and the file makes sense, or for long enough."""
        size: int | None = None
        look = Look(None)
        for wait in _WAITS:
            await asyncio.sleep(wait)
            async with self._reading:
                look = await self._files.look(stopped.pbx, stopped.file)
            if look.measured is not None and look.measured.seconds > 0 and look.size == size:
                return look
            size = look.size
        return look

    async def _store(self, stopped: Stopped, look: Look) -> None:
        state = RecordingState.READY
        if look.size is None:
            state = RecordingState.MISSING
        elif look.damage is not None:
            state = RecordingState.DAMAGED
        elif look.measured is None or look.measured.seconds <= 0:
            state = RecordingState.EMPTY
        async with self._db.uow() as uow:
            await recordings.update_recording(
                uow,
                stopped.id,
                state=state,
                size=look.size,
                seconds=look.measured.seconds if look.measured else None,
                peaks=look.measured.peaks if look.measured else None,
            )

    async def stop(self) -> None:
        followed = list(self._followed.values())
        for task in followed:
            task.cancel()
        # A look that was writing gives its connection back before the database closes.
        await asyncio.gather(*followed, return_exceptions=True)
