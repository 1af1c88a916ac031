"""Makes a recording happen again: new channels, bridges, people and times, the same story."""

from __future__ import annotations

import itertools
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from callcenter.demo.recording import Recording, Silence

_STAMP = b"\0stamp\0"
_CLOCK = b"\0clock\0"
_TIMESTAMP = re.compile(rb"^Timestamp: [0-9.]+", re.MULTILINE)
_EVENT_TIME = re.compile(rb"^EventTime: [0-9: -]+", re.MULTILINE)
_UNIQUEID = re.compile(rb"^\w*(?:Uniqueid|Linkedid): (\d+\.\d+)", re.MULTILINE | re.IGNORECASE)
_CHANNEL_SUFFIX = re.compile(rb"\w-([0-9a-f]{8})(?![0-9a-f-])")
_TOKEN = re.compile(
    rb"(?P<bridge>\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b)"
    rb"|(?P<uniqueid>(?<![\d.])\d{10}\.\d{1,9}(?!\d))"
    rb"|(?<=\w)-(?P<suffix>[0-9a-f]{8})(?![0-9a-f-])"
    rb"|(?P<number>(?<![0-9A-Za-z.-])\+?\d{3,15}(?![0-9A-Za-z]))"
)
_NAMED = re.compile(rb"^(\w*(?:CallerID|ConnectedLine))Num: (\S+)\r\n\1Name: [^\r]*", re.MULTILINE | re.IGNORECASE)
_QUEUE_LINE = re.compile(rb"^(Queue: |AppData: |Device: Queue:)([\w-]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays whom: recorded number -> number now, names by number now, recorded queue -> queue now.

    An ``action_id`` takes the place of the recorder's own in an OriginateResponse.
    """

    numbers: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    queues: Mapping[str, str] = field(default_factory=dict)
    action_id: str | None = None


class Identities:
    """The PBX's own counters: uniqueids and channel suffixes rise for ever and never come again."""

    def __init__(self) -> None:
        self._sequence = itertools.count()
        self._suffix = itertools.count()

    def uniqueid(self, at: float) -> bytes:
        return b"%d.%d" % (int(at), next(self._sequence))

    def suffix(self) -> bytes:
        return b"%08x" % next(self._suffix)


@dataclass(frozen=True, slots=True)
class PlannedEvent:
    """An event of one round, ``after`` so many seconds; its times are written when it is sent."""

    name: str
    after: float
    template: bytes

    def at(self, now: float) -> bytes:
        """The packet as sent at the epoch second ``now``."""
        packet = self.template.replace(_STAMP, b"%.6f" % now)
        if _CLOCK in packet:
            packet = packet.replace(_CLOCK, datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d %H:%M:%S").encode())
        return packet


def pace(recording: Recording, targets: Mapping[Silence, float]) -> list[float]:
    """When each event happens if all silences of a kind last ``targets`` seconds together (not named: as recorded)."""
    recorded: dict[Silence, float] = {}
    before = 0.0
    for event in recording.events:
        if event.silence_before is not None:
            recorded[event.silence_before] = recorded.get(event.silence_before, 0.0) + event.after - before
        before = event.after
    out, now, before = [], 0.0, 0.0
    for event in recording.events:
        gap = event.after - before
        if event.silence_before in targets and event.silence_before is not None:
            gap *= targets[event.silence_before] / recorded[event.silence_before]
        now, before = now + gap, event.after
        out.append(now)
    return out


def plan(
    recording: Recording,
    cast: Cast,
    identities: Identities,
    start: float,
    *,
    targets: Mapping[Silence, float] | None = None,
    new_bridge: Callable[[], uuid.UUID] = uuid.uuid4,
) -> list[PlannedEvent]:
    """One round of the recording, beginning at the epoch second ``start``."""
    times = pace(recording, targets or {})
    replace = _Replacer(recording, times, cast, identities, start, new_bridge)
    return [
        PlannedEvent(event.name, after, replace(event.raw))
        for event, after in zip(recording.events, times, strict=True)
        if not _foreign_queue(event.name, event.raw, cast)
    ]


def _foreign_queue(name: str, raw: bytes, cast: Cast) -> bool:
    """A member's state in a queue that has no part in this round would be told about the wrong agent."""
    if name != "QueueMemberStatus" or not cast.queues:
        return False
    found = re.search(rb"^Queue: ([^\r]+)", raw, re.MULTILINE)
    return found is not None and found[1].decode("utf-8", "replace") not in cast.queues


class _Replacer:
    """Replaces all identities of a packet consistently through one round."""

    def __init__(
        self,
        recording: Recording,
        times: list[float],
        cast: Cast,
        identities: Identities,
        start: float,
        new_bridge: Callable[[], uuid.UUID],
    ) -> None:
        self._cast = cast
        self._new_bridge = new_bridge
        self._bridges: dict[bytes, bytes] = {}
        self._numbers = {old.encode(): new.encode() for old, new in cast.numbers.items()}
        self._names = {number.encode(): name.encode() for number, name in cast.names.items()}
        first: dict[bytes, float] = {}
        suffixes: set[bytes] = set()
        for event, after in zip(recording.events, times, strict=True):
            for uniqueid in _UNIQUEID.findall(event.raw):
                first.setdefault(uniqueid, after)
            suffixes.update(_CHANNEL_SUFFIX.findall(event.raw))
        # In the order of the old ones: trackers compare them as numbers to find the oldest.
        self._uniqueids = {old: identities.uniqueid(start + first[old]) for old in sorted(first, key=_as_number)}
        self._suffixes = {old: identities.suffix() for old in sorted(suffixes)}

    def __call__(self, raw: bytes) -> bytes:
        packet = _TIMESTAMP.sub(b"Timestamp: " + _STAMP, raw, count=1)
        packet = _EVENT_TIME.sub(b"EventTime: " + _CLOCK, packet, count=1)
        packet = _TOKEN.sub(self._token, packet)
        if self._names:
            packet = _NAMED.sub(self._named, packet)
        if self._cast.queues:
            packet = _QUEUE_LINE.sub(self._queue, packet)
        if self._cast.action_id is not None and packet.startswith(b"Event: OriginateResponse"):
            packet = re.sub(rb"^ActionID: [^\r]*", b"ActionID: " + self._cast.action_id.encode(), packet, flags=re.M)
        return packet

    def _token(self, found: re.Match[bytes]) -> bytes:
        text = found[0]
        if found.lastgroup == "bridge":
            return self._bridges.setdefault(text, str(self._new_bridge()).encode())
        if found.lastgroup == "uniqueid":
            return self._uniqueids.get(text, text)
        if found.lastgroup == "suffix":
            return b"-" + self._suffixes.get(found["suffix"], found["suffix"])
        return self._numbers.get(text, text)

    def _named(self, found: re.Match[bytes]) -> bytes:
        name = self._names.get(found[2])
        return found[0] if name is None else b"%bNum: %b\r\n%bName: %b" % (found[1], found[2], found[1], name)

    def _queue(self, found: re.Match[bytes]) -> bytes:
        name = found[2].decode("utf-8", "replace")
        return found[1] + self._cast.queues.get(name, name).encode()


def _as_number(uniqueid: bytes) -> tuple[int, int]:
    epoch, _, sequence = uniqueid.partition(b".")
    return int(epoch), int(sequence)
