"""The whole way: 1,000 recorded calls flat out over a socket, until every one is closed and committed.

Peer: panoramisk alone, which parses and dispatches the same bytes over the same socket and keeps nothing.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from bench.call_template import END, LOAD_CALLS, load_stream
from bench.figure import Figure, Size, at_least, complete, within
from bench.processes import child, pbx, service, until_listened

_GIVE_UP_SECONDS = 90.0
_SETTLE_SECONDS = 1.0


def run(size: Size) -> Figure:
    return asyncio.run(_measure(size))


async def _measure(size: Size) -> Figure:
    events = load_stream().count(END)
    ours: list[float] = []
    peers: list[float] = []
    stored: list[tuple[int, int]] = []
    memory = 0.0
    for _ in range(size.repeats):
        peers.append(events / await _peer())
        seconds, counts, mebibytes = await _ours()
        ours.append(events / seconds)
        stored.append(counts)
        memory = max(memory, mebibytes)
    closed, whole = min(stored)
    return Figure(
        "The whole way to committed rows, flat out",
        (
            at_least(f"events to committed calls (best of {size.repeats})", max(ours), max(peers), 1.0, "events/s"),
            complete("calls stored and closed", closed, LOAD_CALLS),
            complete("of these complete, with agent and times", whole, LOAD_CALLS),
            within("memory of the service at its highest", memory, 400, "MiB", digits=0),
        ),
        (f"{events:,} events, all kinds on; peer: panoramisk alone, parse and dispatch over the same socket.",),
    )


async def _peer() -> float:
    """Seconds from the first byte to the last dispatched event."""
    async with pbx() as (exchange, port), child("bench.floor_parse", str(port)) as reader:
        await until_listened(exchange)
        began = float((await exchange.ask({"do": "flood"}))["began"])
        return float((await reader.hear())["finished"]) - began


async def _ours() -> tuple[float, tuple[int, int], float]:
    """Seconds from the first byte to the commit of the last call's end, what was stored, and the highest memory."""
    folder = Path(tempfile.mkdtemp(prefix="callcenter-bench-"))
    try:
        async with pbx() as (exchange, port), service(folder, port) as served:
            await until_listened(exchange)
            await asyncio.sleep(_SETTLE_SECONDS)
            exchange.tell({"do": "flood"})
            ended, memory = await _until_closed(folder / "callcenter.db", served.memory)
            began = float((await exchange.hear())["began"])
            await asyncio.sleep(_SETTLE_SECONDS)
            return ended - began, _stored(folder / "callcenter.db"), max(memory, served.memory())
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _until_closed(database: Path, memory: Callable[[], float]) -> tuple[float, float]:
    """When the last call was committed as ended; looks every 20 ms from outside, as any other reader would."""
    highest = 0.0
    deadline = time.monotonic() + _GIVE_UP_SECONDS
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        while time.monotonic() < deadline:
            (closed,) = connection.execute("SELECT count(*) FROM calls WHERE ended_at IS NOT NULL").fetchone()
            now = time.monotonic()
            highest = max(highest, memory())
            if closed >= LOAD_CALLS:
                return now, highest
            await asyncio.sleep(0.02)
    raise TimeoutError(f"not all calls were stored within {_GIVE_UP_SECONDS:g} s")


def _stored(database: Path) -> tuple[int, int]:
    """(closed calls, those of them that are complete with agent, times and a closed leg)."""
    whole = (
        "SELECT count(*) FROM calls WHERE state = 'ended' AND certainty = 'complete' AND status = 'answered'"
        " AND agents <> '[]' AND wait_seconds IS NOT NULL AND talk_seconds > 0 AND EXISTS"
        " (SELECT 1 FROM call_legs WHERE call_legs.call_id = calls.id AND call_legs.outcome = 'answered')"
    )
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        (closed,) = connection.execute("SELECT count(*) FROM calls WHERE state = 'ended'").fetchone()
        (complete_calls,) = connection.execute(whole).fetchone()
        return int(closed), int(complete_calls)
