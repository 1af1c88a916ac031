"""The live side of one PBX: its events go to the journal, then through the tracker, then to whoever needs the change.

Everything here is plain function calls on the loop that reads the socket: nothing waits, nothing touches the database.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

import structlog

from callcenter.ami.decoder import AmiDecoder
from callcenter.ami.events import AmiEvent, Banner, ListItem, Response
from callcenter.ami.link import AmiLink
from callcenter.ami.state import LinkPhase, LinkState, PbxState
from callcenter.journal import Journal, Record
from callcenter.recorder import Recorder, dated, stamp
from callcenter.settings import PbxSettings
from callcenter.tracking.changes import (
    AgentChanged,
    CallChanged,
    CallMerged,
    Change,
    LegClosed,
    LegRang,
    QueueChanged,
    RecordingStopped,
)
from callcenter.tracking.live import AgentLive, QueueLive
from callcenter.tracking.tracker import CallTracker
from crm_core.calls.facts import CallFacts, CallState
from crm_core.kernel.clock import Clock

log = structlog.get_logger(__name__)

# Stands in the journal, and among the events of each call that was live, where events may be missing.
GAP = b"Event: CallcenterGap"


class Consumers(Protocol):
    """Who is told of changes: pops to agents, states to boards. Plain calls, in the order of the events."""

    def touched(self, line: PbxLine, call_id: int) -> None: ...
    def call_changed(self, line: PbxLine, change: CallChanged, at: float) -> None: ...
    def call_merged(self, line: PbxLine, change: CallMerged, at: float) -> None: ...
    def leg_changed(self, line: PbxLine, change: LegRang | LegClosed, at: float) -> None: ...
    def agent_changed(self, line: PbxLine, extension: str) -> None: ...
    def queue_changed(self, line: PbxLine, queue: str) -> None: ...


class PbxLine:
    """One PBX while the service runs."""

    def __init__(
        self,
        settings: PbxSettings,
        *,
        journal: Journal,
        recorder: Callable[[Callable[[int], CallFacts | None]], Recorder],
        consumers: Consumers,
        clock: Clock,
    ) -> None:
        self.settings = settings
        self.name = settings.name
        self.journal = journal
        self._tracker = CallTracker(settings.name, settings.config.trunks)
        self.recorder = recorder(self._tracker.facts)
        self._consumers = consumers
        self._clock = clock
        self._last_at: float | None = None
        self._in_gap = False
        # Calls that the database has open; whichever the PBX's state does not bring back is over.
        self.unaccounted: set[int] = set()
        self.link = AmiLink(
            settings.config, on_event=self.on_event, on_state=self.on_state, on_snapshot=self.on_snapshot, clock=clock
        )

    async def run(self) -> None:
        """Reads the PBX and writes batches for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.recorder.run(), name=f"recorder {self.name}")
            tasks.create_task(self.link.run(), name=f"link {self.name}")

    def restore(self, stored: Iterable[bytes], tail: Iterable[Record]) -> None:
        """Takes up the calls that were open when the service ended.

        ``stored`` are the events of open calls that the database has, in order; ``tail`` is what only the journal file
        has. After that nothing is known of what happened meanwhile: the calls are marked, and the PBX is asked.
        """
        decoder = AmiDecoder()
        for packet in stored:
            for at, changes in folded(self._tracker, decoder, packet, 0.0):
                self._last_at = at
                self._react_silently(changes, at)
        for record in tail:
            for at, changes in folded(self._tracker, decoder, record.raw, record.at):
                self._took(record.raw, at, changes)
        self._lose_sight(self._now())

    def _react_silently(self, changes: Sequence[Change], at: float) -> None:
        """Stored already: only the pops that may still be open are of interest."""
        for change in changes:
            if isinstance(change, LegRang | LegClosed):
                self._consumers.leg_changed(self, change, at)

    def on_event(self, event: AmiEvent) -> None:
        self.journal.append(event.at, event.raw)
        self._took(event.raw, event.at, self._tracker.apply(event))

    def _took(self, raw: bytes, at: float, changes: Sequence[Change]) -> None:
        self._last_at = at
        call_id = self._tracker.touched
        if call_id is not None:
            self.recorder.saw(call_id, dated(raw, at))
            self._consumers.touched(self, call_id)
        elif raw.startswith(GAP):
            self._note_gap(raw)
        if changes:
            self._react(changes, at)

    def on_state(self, state: LinkState) -> None:
        if state.phase in (LinkPhase.DOWN, LinkPhase.REFUSED):
            self._lose_sight(self._now())

    def _lose_sight(self, now: float) -> None:
        """From the last event on, until the state is read again, anything may have happened."""
        if self._in_gap or self._last_at is None:
            return
        self._in_gap = True
        raw = dated(GAP, self._last_at)
        self.journal.append(self._last_at, raw)
        self._note_gap(raw)
        self._react(self._tracker.link_lost(self._last_at), now)

    def _note_gap(self, raw: bytes) -> None:
        for facts in self.live_calls():
            self.recorder.saw(facts.id, raw)

    def on_snapshot(self, state: PbxState) -> None:
        now = self._now()
        self._last_at = max(self._last_at or now, state.read_at)
        self._in_gap = False
        self._react(self._tracker.reconcile(state, state.read_at), now)
        if state.complete and self.unaccounted:
            # A call that was begun while nobody listened has no beginning among its events and is not folded again.
            self.recorder.lost(self.unaccounted - {facts.id for facts in self.live_calls()})
            self.unaccounted.clear()

    def live_calls(self) -> Iterable[CallFacts]:
        return (facts for facts in self._tracker.live() if facts.state is not CallState.ENDED)

    def live_agents(self) -> Iterable[AgentLive]:
        return self._tracker.agents()

    def live_queues(self) -> Iterable[QueueLive]:
        return self._tracker.queues()

    def facts(self, call_id: int) -> CallFacts | None:
        """A live call, or None."""
        return self._tracker.facts(call_id)

    def _react(self, changes: Sequence[Change], at: float) -> None:
        for change in changes:
            kind = type(change)
            if kind is CallChanged:
                self._call_changed(change, at)  # type: ignore[arg-type]  # quicker than isinstance, a million times
            else:
                self._other_changed(change, at)

    def _call_changed(self, change: CallChanged, at: float) -> None:
        if change.last:
            facts = self._tracker.facts(change.call_id)
            if facts is not None:
                self.recorder.ended(facts)
        else:
            self.recorder.changed(change.call_id)
        self._consumers.call_changed(self, change, at)

    def _other_changed(self, change: Change, at: float) -> None:
        match change:
            case CallMerged(call_id=call_id, into=into):
                self.recorder.merged(call_id, into)
                self._consumers.call_merged(self, change, at)
            case LegRang() | LegClosed():
                self.recorder.changed(change.call_id)
                self._consumers.leg_changed(self, change, at)
            case RecordingStopped():
                self.recorder.changed(change.call_id)
            case AgentChanged(extension=extension):
                self._consumers.agent_changed(self, extension)
            case QueueChanged(queue=queue):
                self._consumers.queue_changed(self, queue)
            case CallChanged():
                self._call_changed(change, at)

    def agent(self, extension: str) -> AgentLive:
        return self._tracker.agent(extension)

    def queue(self, name: str) -> QueueLive:
        return self._tracker.queue(name)

    def _now(self) -> float:
        return self._clock.now().timestamp()


def folded(
    tracker: CallTracker, decoder: AmiDecoder, packet: bytes, at: float
) -> Iterator[tuple[float, Sequence[Change]]]:
    """Folds one stored packet into the tracker; ``at`` dates it when it has no time of its own."""
    if packet.startswith(GAP):
        when = stamp(packet) or at
        yield when, tracker.link_lost(when)
        return
    for event in events_of(decoder, packet, at):
        yield event.at, tracker.apply(event)


def events_of(decoder: AmiDecoder, packet: bytes, at: float) -> Iterator[AmiEvent]:
    """The event that a stored packet holds."""
    for event in decoder.feed(packet + b"\r\n\r\n", at):
        if not isinstance(event, Response | ListItem | Banner):
            yield event
