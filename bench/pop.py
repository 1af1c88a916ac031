"""From the PBX's write of the ring to the customer on the agent's screen, with everybody connected.

Floor: bare panoramisk to bare websockets, which sends the number alone: no customer, no call, no right, no record.
PBX, service and clients are three processes; both contestants hear the same calls and serve as many clients.
"""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.base import Base, base
from bench.clients import Screens, connect_to_floor, connect_to_service
from bench.figure import Figure, Row, Samples, Size, at_most, complete, within
from bench.processes import Child, Service, child, pbx, service, until_listened

_RATE = 50.0
_SOAK_RATE = 100.0
_AFTER_SECONDS = 3.0  # the last call's end
_WARM_SECONDS = 2.0


@dataclass(slots=True)
class Taken:
    """What one contestant did in all its stretches."""

    times: Samples = field(default_factory=Samples)
    rings: int = 0
    shown: int = 0
    right: int = 0


def run(size: Size) -> Figure:
    with tempfile.TemporaryDirectory(prefix="callcenter-bench-") as folder:
        known = base(Path(folder), size.customers, size.agents)
        return asyncio.run(_measure(known, size))


async def _measure(known: Base, size: Size) -> Figure:
    floor, ours, soak = Taken(), Taken(), Taken()
    played = 0
    async with AsyncExitStack() as stack:
        floor_pbx, floor_screens = await stack.enter_async_context(_floor(known))
        our_pbx, our_screens, served = await stack.enter_async_context(_ours(known))
        stack.enter_context(_collecting_no_garbage())
        await _stretch(floor_pbx, floor_screens, _people(known, 0), _RATE, _WARM_SECONDS)
        played += len(await _stretch(our_pbx, our_screens, _people(known, 0), _RATE, _WARM_SECONDS))
        for turn in range(1, size.repeats + 1):
            people = _people(known, turn)
            _score(floor, await _stretch(floor_pbx, floor_screens, people, _RATE, size.seconds), floor_screens)
            rang = await _stretch(our_pbx, our_screens, people, _RATE, size.seconds)
            _score(ours, rang, our_screens, dict(people))
            played += len(rang)
        # More calls than one part of the sample has people: nobody may call twice, or two rings count as one.
        people = [one for turn in range(size.repeats + 1, 8) for one in _people(known, turn)]
        before = served.processor_seconds()
        rang = await _stretch(our_pbx, our_screens, people, _SOAK_RATE, size.soak_seconds)
        busy = (served.processor_seconds() - before) / (size.soak_seconds + _AFTER_SECONDS)
        _score(soak, rang, our_screens, dict(people))
        played += len(rang)
        memory = served.memory()
    stored = _stored(known.folder / "callcenter.db")
    return Figure(
        f"Ring to pop: {_RATE:g} calls/s, {size.agents:,} agents connected, {size.customers:,} customers",
        (
            at_most("the customer on the screen, median", ours.times.p50, floor.times.p50, 3.0),
            at_most("the customer on the screen, 99th percentile", ours.times.p99, floor.times.p99, 4.0),
            complete("pops with the right customer", ours.right, ours.rings),
            complete(f"the same at {_SOAK_RATE:g} calls/s for {size.soak_seconds:g} s", soak.right, soak.rings),
            complete("calls stored, closed and complete", stored, played),
            Row("one core's share at that rate", f"{busy:.0%}"),
            within("memory under this load", memory, 400, "MiB", digits=0),
        ),
        ("Floor: bare panoramisk to bare websockets, the number alone.",),
    )


@asynccontextmanager
async def _floor(known: Base) -> AsyncIterator[tuple[Child, Screens]]:
    async with pbx() as (exchange, port), child("bench.floor_push", str(port)) as pusher:
        gateway = int((await pusher.hear())["port"])
        await until_listened(exchange)
        async with connect_to_floor(gateway, [agent.extension for agent in known.agents]) as screens:
            yield exchange, screens


@asynccontextmanager
async def _ours(known: Base) -> AsyncIterator[tuple[Child, Screens, Service]]:
    async with pbx() as (exchange, port), service(known.folder, port) as served:
        await until_listened(exchange)
        async with connect_to_service(served.http, [agent.token for agent in known.agents]) as screens:
            yield exchange, screens, served


@contextmanager
def _collecting_no_garbage() -> Iterator[None]:
    """The two thousand clients of this process are the clock: a pause of theirs is no pause of a contestant."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _people(known: Base, turn: int) -> list[tuple[str, str]]:
    """(number, name) of callers that were not heard before, as far as the sample reaches."""
    each = len(known.callers) // 8
    return list(known.callers[turn % 8 * each : (turn % 8 + 1) * each])


async def _stretch(
    exchange: Child, screens: Screens, people: list[tuple[str, str]], rate: float, seconds: float
) -> dict[str, float]:
    """Plays calls and waits for their end; the instant at which each number's ring was written."""
    screens.forget()
    extensions = screens.extensions
    calls = [(number, extensions[index % len(extensions)]) for index, (number, _) in enumerate(people)]
    answer: dict[str, Any] = await exchange.ask({"do": "calls", "rate": rate, "seconds": seconds, "people": calls})
    await asyncio.sleep(_AFTER_SECONDS)
    rang: dict[str, float] = answer["rang"]
    return rang


def _score(taken: Taken, rang: dict[str, float], screens: Screens, names: dict[str, str] | None = None) -> None:
    for number, at in rang.items():
        taken.rings += 1
        seen = screens.seen.get(number)
        if seen is None:
            continue
        taken.shown += 1
        taken.times.add(seen.at - at)
        taken.right += names is None or names[number] in seen.names


def _stored(database: Path) -> int:
    whole = (
        "SELECT count(*) FROM calls WHERE state = 'ended' AND status = 'answered' AND certainty = 'complete'"
        " AND customer_id IS NOT NULL AND talk_seconds > 0"
    )
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        (count,) = connection.execute(whole).fetchone()
        return int(count)
