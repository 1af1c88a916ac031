"""AMI bytes to tracked calls, against panoramisk's own parse and dispatch of the same bytes, in one process and run.

The trace is 1,000 calls at 20 a second of a real Asterisk 22, fed in pieces of 64 KiB to both. Both count every event
of the stream, also those that ours skips; ours does more, the calls come out. Rounds alternate and the best of each
counts, so that whatever else the machine does slows both alike.
"""

from __future__ import annotations

import gc
import lzma
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from panoramisk import Manager
from panoramisk.ami_protocol import AMIProtocol

from bench.figure import Figure, Row, Size, at_least, complete
from callcenter.ami.decoder import AmiDecoder
from callcenter.ami.events import Banner, ListItem, Response
from callcenter.tracking.changes import CallChanged
from callcenter.tracking.tracker import CallTracker

_TRACE = Path(__file__).parent / "data" / "load_1000_calls.ami.xz"
_CALLS = 1000
_PIECE = 1 << 16
_END = b"\r\n\r\n"
_TARGET = 5.0
T = TypeVar("T")


def run(size: Size) -> Figure:
    data = _load()
    parts = [data[start : start + _PIECE] for start in range(0, len(data), _PIECE)]
    events = data.count(_END + b"Event: ")
    peer, mine, ended = float("inf"), float("inf"), 0
    for _ in range(max(3, size.repeats)):
        peer = min(peer, _timed(lambda: panoramisk_alone(parts))[0])
        seconds, ended = _timed(lambda: ours(parts))
        mine = min(mine, seconds)
    rows = (
        at_least("decode and track", events / mine, events / peer, _TARGET, "events/s"),
        complete("calls tracked to their end", ended, _CALLS),
        Row("memory at the most while tracking", f"{_peak(parts) / 2**20:.1f} MiB"),
    )
    return Figure("AMI bytes to tracked calls", rows, (f"{events:,} events, {len(data) / 2**20:.1f} MiB.",))


def _load() -> bytes:
    """The recorded stream but for the two events upon which panoramisk would log in, or connect, once more."""
    packets = lzma.decompress(_TRACE.read_bytes()).split(_END)
    return _END.join(packet for packet in packets if not packet.startswith((b"Event: FullyBooted", b"Event: Shutdown")))


def panoramisk_alone(parts: list[bytes]) -> int:
    """What panoramisk does with the bytes before any program would see an event; gives the events dispatched."""
    seen = 0

    def count(_manager: Manager, _event: object) -> None:
        nonlocal seen
        seen += 1

    # It wants a loop only to connect.
    manager = Manager(loop=object())
    manager.register_event("*", count)
    protocol = AMIProtocol()
    protocol.connection_made(_Nowhere())
    protocol.factory = manager
    protocol.encoding = "utf8"
    for part in parts:
        protocol.data_received(part)
    return seen


class _Nowhere:
    """A transport that swallows everything."""

    def write(self, _data: bytes) -> None: ...

    def close(self) -> None: ...


def ours(parts: list[bytes]) -> int:
    """Decode and fold; gives the calls that ended."""
    decoder = AmiDecoder()
    tracker = CallTracker("bench", ("PJSIP/trunk",))
    ended = 0
    for part in parts:
        for message in decoder.feed(part, 0.0):
            kind = type(message)
            if kind is Response or kind is ListItem or kind is Banner:
                continue
            for change in tracker.apply(message):  # type: ignore[arg-type]  # the three above are no events
                if type(change) is CallChanged and change.what == "ended":
                    ended += 1
    return ended


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    gc.collect()
    begin = time.process_time()
    result = work()
    return time.process_time() - begin, result


def _peak(parts: list[bytes]) -> int:
    """Bytes that decoder and tracker hold at their worst, all else left out."""
    tracemalloc.start()
    ours(parts)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak
