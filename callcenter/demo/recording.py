"""Recorded AMI streams: the events of a file, and what is going on in the silences between them."""

from __future__ import annotations

import lzma
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

CRLF = b"\r\n"
END = b"\r\n\r\n"
# Shorter silences are the PBX at work, not somebody talking, ringing or waiting.
_SILENCE = 0.25


class Silence(StrEnum):
    """What people do while no event comes."""

    RING = "ring"
    TALK = "talk"
    HOLD = "hold"
    QUEUE = "queue"
    MENU = "menu"


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """One event as it was on the wire (without the blank line) and when, in seconds after the first."""

    name: str
    after: float
    raw: bytes
    silence_before: Silence | None = None


@dataclass(frozen=True, slots=True)
class Recording:
    """A playable recording. ``origin`` is the epoch second of its first event."""

    name: str
    origin: float
    events: tuple[RecordedEvent, ...]

    @property
    def seconds(self) -> float:
        return self.events[-1].after if self.events else 0.0


def fields_of(packet: bytes) -> dict[str, str]:
    """The headers of a packet; of repeated ones the first."""
    fields: dict[str, str] = {}
    for line in packet.split(CRLF):
        key, sep, value = line.partition(b":")
        if sep:
            fields.setdefault(key.decode("latin-1"), value.strip().decode("utf-8", "replace"))
    return fields


def read_stream(path: Path) -> bytes:
    """The bytes of a recorded stream, packed with xz or not."""
    return lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()


def load(path: Path) -> Recording:
    """The events of a recorded stream; what belonged to the recorder's own log-in and actions is left out."""
    packets = [p for p in read_stream(path).split(END) if p.strip()]
    return recording(path.name.split(".")[0], packets)


def recording(name: str, packets: Iterable[bytes]) -> Recording:
    """A recording from raw packets. Raises ValueError when no event bears a Timestamp."""
    rows: list[tuple[str, float, bytes, dict[str, str]]] = []
    now: float | None = None
    for packet in packets:
        fields = fields_of(packet)
        kind = fields.get("Event")
        if kind is None or kind in ("FullyBooted", "SuccessfulAuth", "ChallengeSent"):
            continue
        if "Timestamp" in fields:
            now = float(fields["Timestamp"])
        if now is not None:
            rows.append((kind, now, packet, fields))
    if not rows:
        raise ValueError(f"{name}: no events with a Timestamp")
    origin = rows[0][1]
    doing, events, before = _Doing(), [], origin
    for kind, at, raw, fields in rows:
        silence = doing.now() if at - before >= _SILENCE else None
        # Threads of Asterisk overtake one another by microseconds; the order on the wire is the one that counts.
        before = max(before, at)
        events.append(RecordedEvent(kind, before - origin, raw, silence))
        doing.feed(kind, fields)
    return Recording(name, origin, tuple(events))


class _Doing:
    """Follows a recording closely enough to name its silences."""

    def __init__(self) -> None:
        self._bridges: dict[str, set[str]] = {}
        self._ringing: set[str] = set()
        self._held: set[str] = set()
        self._queued: set[str] = set()

    def feed(self, kind: str, fields: Mapping[str, str]) -> None:
        uniqueid = fields.get("Uniqueid", "")
        if kind == "Newstate":
            (self._ringing.add if fields.get("ChannelState") == "5" else self._ringing.discard)(uniqueid)
        elif kind == "BridgeEnter":
            self._bridges.setdefault(fields.get("BridgeUniqueid", ""), set()).add(uniqueid)
        elif kind == "BridgeLeave":
            self._bridges.get(fields.get("BridgeUniqueid", ""), set()).discard(uniqueid)
        elif kind == "Hold":
            self._held.add(uniqueid)
        elif kind == "Unhold":
            self._held.discard(uniqueid)
        elif kind == "QueueCallerJoin":
            self._queued.add(uniqueid)
        elif kind == "QueueCallerLeave":
            self._queued.discard(uniqueid)
        elif kind == "Hangup":
            for group in (self._ringing, self._held, self._queued, *self._bridges.values()):
                group.discard(uniqueid)

    def now(self) -> Silence:
        if self._ringing:
            return Silence.RING
        if self._held:
            return Silence.HOLD
        if any(len(inside) > 1 for inside in self._bridges.values()):
            return Silence.TALK
        return Silence.QUEUE if self._queued else Silence.MENU
