"""The database side of the recorder: stores batches, and takes up again what a stopped service left open."""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from callcenter import journal as journal_file
from callcenter.ami.decoder import AmiDecoder
from callcenter.journal import Journal, Position
from callcenter.live import Consumers, PbxLine, folded
from callcenter.people import People
from callcenter.recorder import Batch, Recorder, dated, stamp
from callcenter.recording_watch import RecordingWatch
from callcenter.settings import JournalSettings, PbxSettings
from callcenter.tracking.changes import CallMerged
from callcenter.tracking.tracker import CallTracker
from crm_core.calls import closing, journal, merging, queries, rebuild_queries, recorder_queries, rules, writing
from crm_core.calls.facts import CallFacts
from crm_core.db.database import Database
from crm_core.kernel.clock import Clock, from_epoch

log = structlog.get_logger(__name__)

_CATCH_UP_BLOCKS = 16
_JUST_OVER = timedelta(seconds=60)


class CallStore:
    """Writes a batch in one transaction."""

    def __init__(self, db: Database, people: People, watch: RecordingWatch, *, area_code: str) -> None:
        self._db = db
        self._people = people
        self._watch = watch
        self._area_code = area_code

    async def __call__(self, batch: Batch) -> None:
        chunks = await asyncio.to_thread(_chunks, batch)
        async with self._db.uow() as uow:
            await writing.store_calls(uow, batch.facts, area_code=self._area_code, directory=self._people.by_extension)
            await closing.close_unknown(uow, batch.lost)
            for gone, into in batch.merged:
                await merging.merge_calls(uow, gone, into)
            await journal.store_events(uow, await _known(uow.session, batch.facts, chunks))
            if batch.position is not None:
                await journal.put_position(uow, batch.pbx, str(batch.position.segment), batch.position.offset)
        self._watch.stored(batch.facts)

    @staticmethod
    async def forget_events(db: Database, before: datetime) -> None:
        """Deletes the events of calls that are older; in pieces, so that nobody waits long for the writer."""
        while True:
            async with db.uow() as uow:
                deleted = await journal.expire_events(uow, before)
            if not deleted:
                return


def _chunks(batch: Batch) -> list[journal.EventChunk]:
    """Compressing is most of the work and lets other threads run meanwhile."""
    return [
        journal.EventChunk(call_id, from_epoch(stamp(packets[0])), rules.pack_events(packets))
        for call_id, packets in batch.events.items()
    ]


async def _known(
    session: AsyncSession, facts: Sequence[CallFacts], chunks: list[journal.EventChunk]
) -> list[journal.EventChunk]:
    """Without those of calls that were never announced: there is no row that they could belong to."""
    here = {call.id for call in facts}
    unsure = [chunk.call_id for chunk in chunks if chunk.call_id not in here]
    if unsure:
        here |= set(await recorder_queries.stored(session, unsure))
    return [chunk for chunk in chunks if chunk.call_id in here]


class CatchUp:
    """Folds the journal once more from the committed position, to attribute events that did not fit into memory."""

    def __init__(self, db: Database, settings: PbxSettings, folder: Path, live: Journal, clock: Clock) -> None:
        self._db = db
        self._pbx = settings.name
        self._folder = folder
        self._live = live
        self._clock = clock
        self._tracker = CallTracker(settings.name, settings.config.trunks)
        self._decoder = AmiDecoder()
        self._blocks: Iterator[journal_file.Block] | None = None
        self._position: Position | None = None

    async def next(self) -> Batch | None:
        if self._blocks is None:
            self._position = await position(self._db, self._pbx)
            for packet in await stored_events(self._db, self._pbx):
                deque(folded(self._tracker, self._decoder, packet, 0.0), maxlen=0)
            self._blocks = journal_file.blocks(self._folder, self._position)
        events: dict[int, list[bytes]] = {}
        count = 0
        for block in self._blocks:
            self._fold(block, events)
            self._position = block.end
            count += 1
            if count >= _CATCH_UP_BLOCKS:
                break
        if count == 0:
            # The end of what is written; what came meanwhile is still in memory: hand it over and look once more.
            if self._live.flush() == self._position:
                return None
            self._blocks = journal_file.blocks(self._folder, self._position)
            return await self.next()
        return Batch(self._pbx, [], events, [], [], self._position, self._clock.now())

    def _fold(self, block: journal_file.Block, events: dict[int, list[bytes]]) -> None:
        for record in block.records:
            for at, changes in folded(self._tracker, self._decoder, record.raw, record.at):
                for change in changes:
                    if isinstance(change, CallMerged) and (moved := events.pop(change.call_id, None)) is not None:
                        events.setdefault(change.into, []).extend(moved)
                touched = self._tracker.touched
                if touched is not None:
                    events.setdefault(touched, []).append(dated(record.raw, at))


async def position(db: Database, pbx: str) -> Position | None:
    async with db.read() as session:
        row = await recorder_queries.journal_position(session, pbx)
    return None if row is None else Position(int(row.segment), row.offset)


async def stored_events(db: Database, pbx: str) -> list[bytes]:
    """The packets of all calls of a PBX that were open or only just over, in the order of their times.

    What was stored at once keeps the order in which it came, whatever the times say: the PBX's threads overtake one
    another by microseconds. Runs and not calls are put together, because two calls may have become one.
    """
    runs: list[list[tuple[float, bytes]]] = []
    async with db.read() as session:
        wanted = {row.id for row in await recorder_queries.open_calls(session, pbx)}
        committed = await recorder_queries.journal_position(session, pbx)
        if committed is not None:
            wanted |= await rebuild_queries.just_over(session, pbx, committed.at - _JUST_OVER)
        for call_id in sorted(wanted):
            chunks = await queries.events(session, call_id)
            runs += [[(stamp(packet), packet) for packet in rules.raw_packets(chunk)] for chunk in chunks]
    return [packet for _, packet in heapq.merge(*runs, key=lambda item: item[0])]


async def line_of(
    pbx: PbxSettings, settings: JournalSettings, db: Database, store: CallStore, consumers: Consumers, clock: Clock
) -> PbxLine:
    """The line of a PBX with the calls that were open when the service ended."""
    folder = settings.folder / pbx.name
    committed = await position(db, pbx.name)
    tail = await asyncio.to_thread(lambda: list(journal_file.read(folder, committed)))
    opened = Journal(folder, after=committed.segment if committed else 0)
    stored = await stored_events(db, pbx.name)

    def recorder(facts: Callable[[int], CallFacts | None]) -> Recorder:
        return Recorder(
            pbx.name,
            journal=opened,
            facts=facts,
            store=store,
            clock=clock,
            catch_up=lambda: CatchUp(db, pbx, folder, opened, clock),
        )

    line = PbxLine(pbx, journal=opened, recorder=recorder, consumers=consumers, clock=clock)
    line.restore(stored, tail)
    async with db.read() as session:
        line.unaccounted |= {row.id for row in await recorder_queries.open_calls(session, pbx.name)}
    if stored or tail:
        log.info("calls taken up again", pbx=pbx.name, live=sum(1 for _ in line.live_calls()), events=len(tail))
    return line
