"""Reads recorded traces and folds them; what several test files share."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from callcenter.ami.decoder import AmiDecoder
from callcenter.ami.events import AmiEvent, Banner, ListItem, Response
from callcenter.tracking.changes import (
    CallChanged,
    CallMerged,
    Change,
    LegClosed,
    LegRang,
)
from callcenter.tracking.tracker import CallTracker
from crm_core.calls.facts import CallFacts

TRACES = Path(__file__).parent
TRUNKS = ("PJSIP/trunk",)


def recordings() -> list[Path]:
    """All recorded traces, both versions."""
    return sorted(TRACES.glob("asterisk*/*.ami"))


@dataclass
class Folded:
    """What a fold said, and what each call was at its last word."""

    tracker: CallTracker
    calls: dict[int, CallFacts] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    merged: dict[int, int] = field(default_factory=dict)

    def note(self, changes: Sequence[Change]) -> None:
        for change in changes:
            self.changes.append(change)
            if isinstance(change, CallChanged):
                facts = self.tracker.facts(change.call_id)
                assert facts is not None, change
                self.calls[change.call_id] = facts
            elif isinstance(change, CallMerged):
                self.merged[change.call_id] = change.into
                self.calls.pop(change.call_id, None)

    def play(self, events: Iterable[AmiEvent]) -> None:
        for event in events:
            self.note(self.tracker.apply(event))

    def shown(self) -> list[tuple[int, str]]:
        """(call, extension) of every pop, in order."""
        return [(c.call_id, c.leg.extension) for c in self.changes if isinstance(c, LegRang)]

    def hidden(self) -> list[tuple[int, str, str, str | None]]:
        """(call, extension, reason, by) of every pop taken back."""
        return [(c.call_id, c.leg.extension, c.reason, c.by) for c in self.changes if isinstance(c, LegClosed)]

    def in_order(self) -> list[CallFacts]:
        return sorted(self.calls.values(), key=lambda call: (call.started_at, call.uniqueid))


def events_of(data: bytes, chunks: Iterator[int] | None = None) -> list[AmiEvent]:
    """The events in these bytes, fed whole or in pieces of the given sizes."""
    decoder = AmiDecoder()
    out: list[AmiEvent] = []
    place = 0
    while place < len(data):
        size = next(chunks) if chunks is not None else len(data)
        messages = decoder.feed(data[place : place + size], 0.0)
        out += [message for message in messages if not isinstance(message, Response | ListItem | Banner)]
        place += size
    return out


@functools.lru_cache(maxsize=256)
def recorded(path: Path) -> tuple[AmiEvent, ...]:
    return tuple(events_of(path.read_bytes()))


def fold(events: Iterable[AmiEvent]) -> Folded:
    folded = Folded(CallTracker("main", TRUNKS))
    folded.play(events)
    return folded


@dataclass(frozen=True)
class Packet:
    """One event of a recording: its headers, and what the decoder makes of it (None when unwanted)."""

    fields: dict[str, str]
    event: AmiEvent | None


@functools.lru_cache(maxsize=256)
def packets(path: Path) -> tuple[Packet, ...]:
    """Every event of a recording, wanted or not."""
    out = []
    for part in path.read_bytes().split(b"\r\n\r\n"):
        # Some events end with one empty line too many.
        raw = part.lstrip(b"\r\n")
        if not raw.startswith(b"Event: "):
            continue
        pairs = (line.partition(": ") for line in raw.decode("utf-8", "replace").split("\r\n"))
        events = events_of(raw + b"\r\n\r\n")
        out.append(Packet({key: value for key, _, value in pairs}, events[0] if events else None))
    return tuple(out)


def left_behind(tracker: CallTracker) -> dict[str, int]:
    """What a tracker still holds; nothing once all calls are over (but waiting rooms, of which a PBX has few)."""
    world = tracker._world
    return {
        "channels": len(world.channels),
        "calls": len(world.calls),
        "links": len(world.links),
        "extensions": len(world.extensions),
        "parked": len(world.parked),
        "bridges": sum(1 for bridge in world.bridges.values() if bridge.members),
    }
