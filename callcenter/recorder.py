"""From live calls to rows: what changed is collected and written in batches, one transaction each, position included.

The journal file has every event before the recorder hears of it, so nothing depends on the database being there: while
it is away the batch waits, and when more events wait than memory should hold, they are dropped here and read again from
the journal afterwards.
"""

from __future__ import annotations

import asyncio
import heapq
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

import structlog

from callcenter.ami.backoff import Backoff
from callcenter.journal import Journal, Position
from crm_core.calls.facts import CallFacts
from crm_core.kernel.clock import Clock
from crm_core.kernel.errors import Unavailable

log = structlog.get_logger(__name__)

BATCH_SECONDS = 0.2
_MAX_WAITING_BYTES = 64 * 1024 * 1024
_FORGET_EVERY = 64
_LAST_TRIES_SECONDS = 5.0
_TIMESTAMP = re.compile(rb"\r\nTimestamp: ([0-9]+(?:\.[0-9]+)?)")


@dataclass(slots=True)
class Batch:
    """What one transaction stores. ``merged`` is in order: the call on the left became part of the one on the right."""

    pbx: str
    facts: list[CallFacts]
    events: dict[int, list[bytes]]
    merged: list[tuple[int, int]]
    lost: list[int]  # open in the database, unknown to everybody: closed without an end
    position: Position | None  # None: events are missing, the journal has to be read again from where it was
    at: datetime

    @property
    def empty(self) -> bool:
        return not (self.facts or self.events or self.merged or self.lost)


class Store(Protocol):
    """Where batches go: the database. Raises Unavailable when it does not answer; a batch is stored wholly or not."""

    async def __call__(self, batch: Batch) -> None: ...


@dataclass(slots=True)
class Pending:
    """What waits for the next batch, by call."""

    changed: dict[int, None] = field(default_factory=dict)
    final: dict[int, CallFacts] = field(default_factory=dict)
    events: dict[int, list[bytes]] = field(default_factory=dict)
    merged: list[tuple[int, int]] = field(default_factory=list)
    lost: list[int] = field(default_factory=list)

    def merge(self, call_id: int, into: int) -> None:
        """Nothing of ``call_id`` may be stored under its own id any more."""
        self.changed.pop(call_id, None)
        self.final.pop(call_id, None)
        moved = self.events.pop(call_id, None)
        if moved is not None:
            self.events[into] = list(heapq.merge(moved, self.events.get(into, ()), key=stamp))
        self.merged.append((call_id, into))
        self.changed[into] = None


class Recorder:
    """The durable side of one PBX. ``saw`` and ``changed`` are called for each event and never wait."""

    def __init__(
        self,
        pbx: str,
        *,
        journal: Journal,
        facts: Callable[[int], CallFacts | None],
        store: Store,
        clock: Clock,
        catch_up: Callable[[], CatchUp],
        max_waiting_bytes: int = _MAX_WAITING_BYTES,
    ) -> None:
        self._pbx = pbx
        self._journal = journal
        self._facts = facts
        self._store = store
        self._clock = clock
        self._catch_up = catch_up
        self._max_waiting = max_waiting_bytes
        self._pending = Pending()
        self._overflowed = False
        self._commits = 0
        self.waiting_bytes = 0
        self.committed_events = 0
        self.failing: str | None = None
        self.refused = 0
        self.overflows = 0
        self.busy = False

    @property
    def waiting_calls(self) -> int:
        pending = self._pending
        return len(pending.changed) + len(pending.final) + len(pending.merged) + len(pending.lost)

    @property
    def overflowed(self) -> bool:
        return self._overflowed

    def saw(self, call_id: int, raw: bytes) -> None:
        """An event of this call; ``raw`` is its packet."""
        if self._overflowed:
            return
        events = self._pending.events.get(call_id)
        if events is None:
            self._pending.events[call_id] = [raw]
        else:
            events.append(raw)
        self.waiting_bytes += len(raw)
        if self.waiting_bytes > self._max_waiting:
            self._overflow()

    def changed(self, call_id: int) -> None:
        self._pending.changed[call_id] = None

    def ended(self, facts: CallFacts) -> None:
        """The last facts of a call: the tracker will not know it any more."""
        self._pending.changed.pop(facts.id, None)
        self._pending.final[facts.id] = facts

    def merged(self, call_id: int, into: int) -> None:
        self._pending.merge(call_id, into)

    def lost(self, call_ids: Iterable[int]) -> None:
        """Calls that the database has open and that neither the tracker nor the PBX knows."""
        self._pending.lost.extend(call_ids)

    def _overflow(self) -> None:
        log.error("recorder full: events are read again from the journal later", pbx=self._pbx)
        self._overflowed = True
        self.overflows += 1
        self._pending.events.clear()
        self.waiting_bytes = 0

    async def run(self) -> None:
        """Writes batches for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_journal(), name=f"journal {self._pbx}")
            tasks.create_task(self._keep_writing(), name=f"recorder {self._pbx}")

    async def _keep_journal(self) -> None:
        # Not tied to the batches: a slow database must not delay what makes events safe.
        while True:
            await asyncio.sleep(BATCH_SECONDS / 2)
            self._journal.flush()

    async def _keep_writing(self) -> None:
        while True:
            await asyncio.sleep(BATCH_SECONDS)
            batch = self.cut()
            if batch.empty:
                continue
            self.busy = True
            await self._write(batch)
            if self._overflowed:
                await self._read_again()
            self.busy = False

    async def finish(self) -> None:
        """Writes what is left, at a stop; a database that is away costs nothing, the journal keeps it."""
        try:
            async with asyncio.timeout(_LAST_TRIES_SECONDS):
                batch = self.cut()
                if not batch.empty and not self._overflowed:
                    await self._write(batch)
        except TimeoutError:
            log.warning("recorder stops with an unwritten batch; the journal has it", pbx=self._pbx)

    def cut(self) -> Batch:
        """Takes everything that waits, and the end of the journal that belongs to it, in one go."""
        position = self._journal.flush()
        pending, self._pending = self._pending, Pending()
        self.waiting_bytes = 0
        facts = list(pending.final.values())
        living = (self._facts(call_id) for call_id in pending.changed if call_id not in pending.final)
        facts += [known for known in living if known is not None]
        reached = None if self._overflowed else position
        return Batch(self._pbx, facts, pending.events, pending.merged, pending.lost, reached, self._clock.now())

    async def _write(self, batch: Batch) -> None:
        """Until it is stored; the transaction is whole or not at all, so trying again is right."""
        backoff = Backoff(0.2, 10.0)
        while True:
            try:
                await self._store(batch)
                break
            except Unavailable as error:
                if self.failing is None:
                    log.warning("recorder waits for the database", pbx=self._pbx, reason=error.detail)
                self.failing = error.detail
                await asyncio.sleep(backoff.next())
            except Exception:
                # One call that the database will never take must not keep all others out.
                log.exception("batch refused; storing its calls one by one", pbx=self._pbx)
                await self._write_each(batch)
                break
        if self.failing is not None:
            log.warning("recorder writes again", pbx=self._pbx)
            self.failing = None
        self._commits += 1
        self.committed_events += sum(map(len, batch.events.values()))
        if self._commits % _FORGET_EVERY == 0 and batch.position is not None:
            self._journal.forget(batch.position)

    async def _write_each(self, batch: Batch) -> None:
        by_id = {facts.id: facts for facts in batch.facts}
        for call_id in dict.fromkeys([*by_id, *batch.events]):
            facts = [by_id[call_id]] if call_id in by_id else []
            events = {call_id: batch.events[call_id]} if call_id in batch.events else {}
            merged = [pair for pair in batch.merged if pair[1] == call_id]
            one = replace(batch, facts=facts, events=events, merged=merged, lost=[])
            try:
                await self._store(one)
            except Unavailable as error:
                # Back into the queue: the position has not moved past anything that is not stored or refused.
                self.failing = error.detail
                await asyncio.sleep(1.0)
                self._pending.changed[call_id] = None
            except Exception:
                self.refused += 1
                log.exception("call refused by the database", pbx=self._pbx, call_id=call_id)

    async def _read_again(self) -> None:
        """Attributes the dropped events by folding the journal once more, up to its present end."""
        log.warning("recorder reads dropped events from the journal", pbx=self._pbx)
        again = self._catch_up()
        while (batch := await again.next()) is not None:
            # What the calls are, the live tracker knows better (it has heard of broken links); taken now, so that each
            # call whose events are here has its row.
            now = self.cut()
            await self._write(replace(batch, facts=now.facts, merged=now.merged, lost=now.lost))
        # Nothing is awaited between the end of the journal and here, so no event falls in between.
        self._overflowed = False
        log.warning("recorder has caught up", pbx=self._pbx)


class CatchUp(Protocol):
    """Reads the journal behind the committed position again, batch by batch."""

    async def next(self) -> Batch | None:
        """The next batch, or None, without waiting any more, when the end of the journal is reached."""
        ...


def dated(raw: bytes, at: float) -> bytes:
    """The packet with the time that counts for it: PBXs without ``timestampevents`` would lose it in the database."""
    if b"\r\nTimestamp: " in raw:
        return raw
    return b"%s\r\nTimestamp: %.6f" % (raw, at)


def stamp(packet: bytes) -> float:
    """The time of a stored packet; 0 when it has none."""
    found = _TIMESTAMP.search(packet)
    return float(found.group(1)) if found else 0.0
