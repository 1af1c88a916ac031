"""One real call of the recorded load as a template: played again as often as wanted, each time with new people."""

from __future__ import annotations

import lzma
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LOAD = Path(__file__).resolve().parent / "data" / "load_1000_calls.ami.xz"
LOAD_CALLS = 1_000
END = b"\r\n\r\n"
# Events of one burst are written together, as the PBX's own writes reach the network.
_BURST_SECONDS = 0.0003
_STAMP = re.compile(rb"^Timestamp: ([0-9.]+)", re.MULTILINE)
_TOKEN = re.compile(rb"\x00(\w+)\x00")


@dataclass(frozen=True, slots=True)
class Burst:
    """Packets that are written at once, ``after`` seconds from the call's begin; ``rings``: the agent's phone does."""

    after: float
    parts: tuple[bytes, ...]  # text, token, text, token, …, text
    rings: bool
    packets: int


def load_stream() -> bytes:
    """The recorded load after its log-in and before its PBX was shut down: LOAD_CALLS calls."""
    packets = lzma.decompress(LOAD.read_bytes()).split(END)
    return b"".join(packet + END for packet in packets if _is_traffic(packet))


def _is_traffic(packet: bytes) -> bool:
    """Asterisk puts an empty line too many behind some events: then the next packet begins with a line break."""
    return packet.lstrip(b"\r\n").startswith(b"Event: ") and not packet.startswith(
        (b"Event: FullyBooted", b"Event: SuccessfulAuth", b"Event: Shutdown")
    )


def direct_call() -> tuple[Burst, ...]:
    """The first call of the load that went straight to one phone, was answered and hung up."""
    packets = [packet for packet in lzma.decompress(LOAD.read_bytes()).split(END) if _is_traffic(packet)]
    first = next(p for p in packets if p.startswith(b"Event: Newchannel") and _value(p, b"Context") == b"from-trunk")
    trunk, caller = _value(first, b"Channel"), _value(first, b"Uniqueid")
    begin = next(p for p in packets if p.startswith(b"Event: DialBegin") and _value(p, b"Linkedid") == caller)
    phone, agent = _value(begin, b"DestChannel"), _value(begin, b"DestUniqueid")
    bridge = next(
        _value(p, b"BridgeUniqueid")
        for p in packets
        if p.startswith(b"Event: BridgeEnter") and _value(p, b"Linkedid") == caller
    )
    tokens = {
        trunk: b"trunk",
        phone: b"phone",
        caller: b"caller",
        agent: b"agent",
        bridge: b"bridge",
        _value(first, b"CallerIDNum"): b"number",
        _value(first, b"Exten"): b"extension",
    }
    # Longest first: a channel's name holds the extension's number.
    pattern = re.compile(b"|".join(re.escape(key) for key in sorted(tokens, key=len, reverse=True)))
    mine = [p for p in packets if any(key in p for key in (trunk, phone, caller, agent, bridge))]
    return tuple(_bursts([p + END for p in mine], pattern, tokens))


def _bursts(packets: list[bytes], pattern: re.Pattern[bytes], tokens: dict[bytes, bytes]) -> Iterator[Burst]:
    origin: float | None = None
    last = 0.0
    group: list[bytes] = []
    began = 0.0
    for packet in packets:
        stamp = _STAMP.search(packet)
        at = float(stamp[1]) if stamp else last
        origin = at if origin is None else origin
        if group and at - last > _BURST_SECONDS:
            yield _burst(began - origin, group, pattern, tokens)
            group = []
        if not group:
            began = at
        group.append(packet)
        last = at
    yield _burst(began - (origin or 0.0), group, pattern, tokens)


def _burst(after: float, packets: list[bytes], pattern: re.Pattern[bytes], tokens: dict[bytes, bytes]) -> Burst:
    text = _STAMP.sub(b"Timestamp: \x00now\x00", b"".join(packets))
    text = pattern.sub(lambda found: b"\x00%b\x00" % tokens[found[0]], text)
    rings = any(p.startswith(b"Event: Newstate") and _value(p, b"ChannelState") == b"5" for p in packets)
    return Burst(after, tuple(_TOKEN.split(text)), rings, len(packets))


def _value(packet: bytes, key: bytes) -> bytes:
    found = re.search(rb"^" + key + rb": ([^\r]*)", packet, re.MULTILINE)
    return found[1] if found else b""


class CallMaker:
    """Identities for one more call after another; ``render`` gives a burst's bytes."""

    def __init__(self, first_sequence: int = 1) -> None:
        self._sequence = first_sequence

    def identities(self, number: str, extension: str, now: float) -> dict[bytes, bytes]:
        one, two = self._sequence, self._sequence + 1
        self._sequence += 2
        return {
            b"trunk": b"PJSIP/trunk-%08x" % one,
            b"phone": b"PJSIP/%b-%08x" % (extension.encode(), two),
            b"caller": b"%d.%d" % (now, one),
            b"agent": b"%d.%d" % (now, two),
            b"bridge": str(uuid.UUID(int=one)).encode(),
            b"number": number.encode(),
            b"extension": extension.encode(),
        }


def render(burst: Burst, identities: dict[bytes, bytes], now: float) -> bytes:
    parts = list(burst.parts)
    stamp = b"%.6f" % now
    for index in range(1, len(parts), 2):
        parts[index] = stamp if parts[index] == b"now" else identities[parts[index]]
    return b"".join(parts)
