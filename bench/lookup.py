"""Whose number is it, among a million customers: ours against the same SELECT through plain SQLAlchemy and sqlite3."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from bench.base import base
from bench.figure import Figure, Row, Samples, Size, at_most, milliseconds
from callcenter.customer_lookup import CustomerLookup
from crm_core.customers import lookup_queries
from crm_core.customers.lookup_queries import look_up
from crm_core.db.database import Database
from crm_core.kernel.phone import PhoneNumber, normalise

_ROUND = 100  # the contestants take turns, so that none gets the quiet minute of the machine
_AREA_CODE = "021"


def run(size: Size) -> Figure:
    with tempfile.TemporaryDirectory(prefix="callcenter-bench-") as folder:
        known = base(Path(folder), size.customers, size.agents)
        numbers = [normalise(number, _AREA_CODE) for number, _ in known.callers]
        random.Random(1).shuffle(numbers)
        return asyncio.run(_measure(known.folder / "callcenter.db", numbers, size))


async def _measure(database: Path, numbers: list[PhoneNumber], size: Size) -> Figure:
    db = Database(f"sqlite+aiosqlite:///{database}")
    engine = create_async_engine(f"sqlite+aiosqlite:///{database}")
    lookup = CustomerLookup(db, area_code=_AREA_CODE, timezone=ZoneInfo("Asia/Shanghai"))
    compiled = lookup_queries._EXACT.compile(dialect=sqlite.dialect(paramstyle="named"))
    sql, fixed = str(compiled), {key: value for key, value in compiled.params.items() if key != "e164"}
    statement = text(sql)
    with closing(sqlite3.connect(database)) as connection:

        async def ours(number: PhoneNumber) -> int:
            return len(await db.glance(lambda connection: look_up(connection, number.e164, number.digits)))

        async def whole(number: PhoneNumber) -> int:
            return len((await lookup.find(number.national, None)).matches)

        async def through_session(number: PhoneNumber) -> int:
            async with db.read() as session:
                return len(await lookup_queries.lookup_by_number(session, number.e164, number.digits))

        async def again(number: PhoneNumber) -> int:
            return 0 if lookup.ready(number.national, None) is None else 1

        async def plain(number: PhoneNumber) -> int:
            async with AsyncSession(engine) as session:
                return len((await session.execute(statement, {"e164": number.e164, **fixed})).all())

        async def raw(number: PhoneNumber) -> int:
            return len(connection.execute(sql, {"e164": number.e164, **fixed}).fetchall())

        times = await _take_turns([ours, whole, again, through_session, plain, raw], numbers, size.lookups)
    await engine.dispose()
    await db.close()
    mine, found, cached, session, peer, floor = times
    return Figure(
        f"Phone look-up among {size.customers:,} customers",
        (
            at_most("look-up, median", mine.p50, peer.p50, 1.0),
            at_most("look-up, 99th percentile", mine.p99, peer.p99, 1.0),
            Row("with ranking, last calls and region, first time (median)", milliseconds(found.p50)),
            Row("the same again, remembered (median)", milliseconds(cached.p50)),
            Row("the look-up as part of a larger read (median)", milliseconds(session.p50)),
            Row("raw sqlite3, no event loop (median)", "", milliseconds(floor.p50)),
        ),
        ("Peer: the same SELECT as text through SQLAlchemy and aiosqlite, new session each time.",),
    )


async def _take_turns(
    contestants: list[Callable[[PhoneNumber], Awaitable[int]]], numbers: list[PhoneNumber], count: int
) -> list[Samples]:
    times = [Samples() for _ in contestants]
    for start in range(0, count, _ROUND):
        stretch = [numbers[n % len(numbers)] for n in range(start, min(start + _ROUND, count))]
        for contestant, samples in zip(contestants, times, strict=True):
            for number in stretch:
                began = time.perf_counter()
                found = await contestant(number)
                samples.add(time.perf_counter() - began)
                if not found:
                    raise RuntimeError("a number of the base was not found")
    return times
