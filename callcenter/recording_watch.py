"""Follows recordings from stopped to ready: looks at the file until it is whole, stores length and loudness."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Iterable
from dataclasses import dataclass

import structlog

from callcenter.recordings import Look, RecordingFiles
from crm_core.calls import recording_queries, recordings
from crm_core.calls.facts import CallFacts
from crm_core.calls.models import RecordingState
from crm_core.calls.recordings import Found
from crm_core.db.database import Database
from crm_core.kernel.errors import CrmError

log = structlog.get_logger(__name__)

# Seconds between looks: a file is usually there at once; a slow network disk or a post-processing mixer takes longer.
_WAITS = (0.3, 0.7, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 180.0)
# Looks that are due within this time go to a thread together, and what they find is stored together.
_TICK_SECONDS = 0.25
_AT_ONCE = 64
_MAX_FOLLOWED = 5000


@dataclass(frozen=True, slots=True)
class Stopped:
    """A recording whose file should be there."""

    id: int
    pbx: str
    file: str


@dataclass(slots=True)
class _Followed:
    """How far the looks at one recording have come."""

    stopped: Stopped
    looks: int = 0
    size: int | None = None

    def settled(self, look: Look) -> bool:
        """Whether the size has stopped changing and the file makes sense, or it was looked at for long enough."""
        same, self.size = look.size == self.size, look.size
        self.looks += 1
        whole = look.measured is not None and look.measured.seconds > 0
        return (whole and same) or self.looks == len(_WAITS)


class RecordingWatch:
    """Many recordings at once, few files read at a time."""

    def __init__(self, db: Database, files: RecordingFiles) -> None:
        self._db = db
        self._files = files
        self._followed: set[int] = set()
        self._due: list[tuple[float, int, _Followed]] = []
        self._order = itertools.count()
        self._looking: asyncio.Task[None] | None = None

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
        self._followed.add(stopped.id)
        self._look_later(_Followed(stopped))
        if self._looking is None:
            self._looking = asyncio.get_running_loop().create_task(self._look())

    async def take_up(self, pbx: str) -> None:
        """After a start: those that the last run left unfinished. Raises Unavailable."""
        async with self._db.read() as session:
            rows = await recording_queries.to_read(session, pbx, _MAX_FOLLOWED)
        for row in rows:
            self.follow(Stopped(row.id, row.pbx, row.file))

    def _look_later(self, one: _Followed) -> None:
        due = asyncio.get_running_loop().time() + _WAITS[one.looks]
        heapq.heappush(self._due, (due, next(self._order), one))

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._due:
                # Whoever comes meanwhile is due in a tick at the earliest.
                await asyncio.sleep(min(max(_TICK_SECONDS, self._due[0][0] - loop.time()), _WAITS[0]))
                while batch := self._take_due():
                    await self._look_safely(batch)
        finally:
            self._looking = None

    async def _look_safely(self, batch: list[_Followed]) -> None:
        try:
            await self._look_at(batch)
        except Exception:
            # One file that nobody foresaw must not keep all others from being looked at.
            log.exception("recordings left for the next start", files=[one.stopped.file for one in batch])
            self._followed.difference_update(one.stopped.id for one in batch)

    def _take_due(self) -> list[_Followed]:
        now = asyncio.get_running_loop().time()
        batch: list[_Followed] = []
        while self._due and self._due[0][0] <= now and len(batch) < _AT_ONCE:
            batch.append(heapq.heappop(self._due)[2])
        return batch

    async def _look_at(self, batch: list[_Followed]) -> None:
        looks = await self._files.look_all([(one.stopped.pbx, one.stopped.file) for one in batch])
        found = []
        for one, look in zip(batch, looks, strict=True):
            if one.settled(look):
                found.append(_found(one.stopped, look))
            else:
                self._look_later(one)
        if not found:
            return
        try:
            async with self._db.uow() as uow:
                await recordings.store_found(uow, found)
        except CrmError as error:
            log.warning("recordings left for the next start", count=len(found), reason=error.code)
        self._followed.difference_update(one.id for one in found)

    async def stop(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            # A look that was writing gives its connection back before the database closes.
            await asyncio.gather(self._looking, return_exceptions=True)


def _found(stopped: Stopped, look: Look) -> Found:
    state = RecordingState.READY
    if look.size is None:
        state = RecordingState.MISSING
    elif look.damage is not None:
        state = RecordingState.DAMAGED
    elif look.measured is None or look.measured.seconds <= 0:
        state = RecordingState.EMPTY
    measured = look.measured
    return Found(
        stopped.id, state, measured.seconds if measured else None, look.size, measured.peaks if measured else None
    )
