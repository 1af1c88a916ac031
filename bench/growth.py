"""What a list, a search, a card, a timeline and a duplicate check cost while the base grows: 10 k, 100 k, 1 M.

Both databases; the phone look-up alone up to 10 M, in a base of nothing but the tables that it reads. The bases take
turns, so that none gets the quiet minute of the machine. The floor of each curve is its own beginning: a cost that
grows with the logarithm of the base may be log(largest) / log(smallest) of it at the end.
"""

from __future__ import annotations

import asyncio
import math
import random
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from bench import base as sqlite_base
from bench import postgres
from bench.base import Base
from bench.figure import Figure, Row, Samples, Size, milliseconds
from callcenter import keys
from crm_core import migrations
from crm_core.calls import timeline_queries
from crm_core.customers import queries as customer_queries
from crm_core.customers.duplicates import queries as duplicates
from crm_core.customers.duplicates.queries import Probe
from crm_core.customers.lookup_queries import look_up
from crm_core.customers.search import queries
from crm_core.customers.search.queries import Now, Wanted
from crm_core.db.database import Database
from crm_core.organization.access import SYSTEM

_DAY = date(2026, 1, 1)
_NOW = Now(_DAY, ZoneInfo("Asia/Shanghai"))
_ROUND = 10
_FIRST_NUMBER = 13_000_000_000
_WAYS = ("customer list", "quick search", "card", "timeline", "duplicates while typing")


@dataclass(frozen=True, slots=True)
class Grown:
    """An open base of so many customers, and whom to ask for in it."""

    customers: int
    db: Database
    callers: Sequence[tuple[str, str]]
    ids: Sequence[int]


def run(size: Size) -> Figure:
    return asyncio.run(_measure(size))


async def _measure(size: Size) -> Figure:
    sizes = [size.customers // 100, size.customers // 10, size.customers]
    each = max(_ROUND, size.lookups // 25)
    rows = [
        *await _curves("SQLite", _sqlite, sizes, size, each),
        *await _curves("PostgreSQL", _postgres, sizes, size, each),
    ]
    lean = [*sizes, size.customers * 10]
    rows.append(_row("SQLite: phone look-up", await _look_ups(lean, size.lookups)))
    return Figure(
        f"Growth of the cost from {sizes[0]:,} to {size.customers:,} customers",
        tuple(rows),
        (
            "Medians, from the smallest base to the largest, each ten times the one before; the bases take turns."
            " The ratio is the largest against the smallest; its target is that of their logarithms.",
        ),
    )


Opened = Callable[[int, Size, AsyncExitStack], Awaitable[tuple[Database, Base]]]


async def _curves(database: str, opened: Opened, sizes: Sequence[int], size: Size, each: int) -> list[Row]:
    async with AsyncExitStack() as stack:
        bases = []
        for customers in sizes:
            db, made = await opened(customers, size, stack)
            bases.append(Grown(customers, db, made.callers, await _some_ids(db)))
        seen: dict[str, dict[int, Samples]] = {way: {n: Samples() for n in sizes} for way in _WAYS}
        for turn in range(-1, each // _ROUND):
            for grown in bases:
                dice = random.Random(turn)
                for way in _WAYS:
                    for _ in range(_ROUND):
                        took = await _timed(grown, way, dice)
                        if turn >= 0:  # the first round only warms
                            seen[way][grown.customers].add(took)
        return [_row(f"{database}: {way}", seen[way]) for way in _WAYS]


def _row(what: str, curve: Mapping[int, Samples]) -> Row:
    sizes = sorted(curve)
    first, last = curve[sizes[0]].p50, curve[sizes[-1]].p50
    target = math.log(sizes[-1]) / math.log(sizes[0])
    said = " → ".join(milliseconds(curve[n].p50) for n in sizes)
    whole = f"{what}, {sizes[0]:,} to {sizes[-1]:,}"
    return Row(whole, said, milliseconds(first), f"{last / first:.2f} ×", f"≤ {target:.2f} ×", last / first <= target)


async def _sqlite(customers: int, size: Size, stack: AsyncExitStack) -> tuple[Database, Base]:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="callcenter-bench-")))
    made = await asyncio.to_thread(sqlite_base.base, folder, customers, size.agents)
    return await stack.enter_async_context(_open(f"sqlite+aiosqlite:///{folder / 'callcenter.db'}", folder)), made


async def _postgres(customers: int, size: Size, stack: AsyncExitStack) -> tuple[Database, Base]:
    url, made = await stack.enter_async_context(postgres.base(customers, size.agents))
    return await stack.enter_async_context(_open(url, made.folder)), made


@asynccontextmanager
async def _open(url: str, folder: Path) -> AsyncIterator[Database]:
    db = Database(url, keyring=keys.ring(folder))
    try:
        yield db
    finally:
        await db.close()


async def _some_ids(db: Database) -> Sequence[int]:
    """Customers from every part of the list: a page of the newest, and what one finds who goes on."""
    async with db.read() as session:
        return (await queries.find_ids(session, SYSTEM, Wanted(), now=_NOW, limit=500)).items


async def _timed(grown: Grown, way: str, dice: random.Random) -> float:
    """Seconds until the answer was there."""
    number, name = dice.choice(grown.callers)
    customer_id = dice.choice(grown.ids)
    began = time.perf_counter()
    async with grown.db.read() as session:
        if way == "customer list":
            await queries.find_lines(session, SYSTEM, Wanted(), now=_NOW)
        elif way == "quick search":
            await queries.find_lines(session, SYSTEM, Wanted(dice.choice((name, number[-4:]))), now=_NOW)
        elif way == "card":
            await customer_queries.customer(session, SYSTEM, customer_id, today=_DAY)
        elif way == "timeline":
            await timeline_queries.story(session, SYSTEM, customer_id, limit=20)
        else:
            await duplicates.candidates(session, SYSTEM, Probe(name=name, phones=[number]))
    return time.perf_counter() - began


async def _look_ups(sizes: Sequence[int], times: int) -> dict[int, Samples]:
    """Times of the look-up in lean bases: customers with a name and a number, and no other index than the number's."""
    with tempfile.TemporaryDirectory(prefix="callcenter-bench-") as folder:
        async with AsyncExitStack() as stack:
            found = {}
            for customers in sizes:
                place = Path(folder) / str(customers)
                place.mkdir()
                url = f"sqlite+aiosqlite:///{place / 'callcenter.db'}"
                found[customers] = await stack.enter_async_context(_open(url, place))
                await migrations.upgrade(found[customers])
                await asyncio.to_thread(_fill, place / "callcenter.db", customers)
            seen = {customers: Samples() for customers in sizes}
            dice = random.Random(1)
            for turn in range(-1, times // 100):
                for customers, db in found.items():
                    for _ in range(100):
                        took = await _look_up(db, f"{_FIRST_NUMBER + dice.randrange(customers)}")
                        if turn >= 0:
                            seen[customers].add(took)
            return seen


async def _look_up(db: Database, number: str) -> float:
    began = time.perf_counter()
    found = await db.glance(lambda connection: look_up(connection, f"+86{number}", number))
    took = time.perf_counter() - began
    if len(found) != 1:
        raise RuntimeError(f"{len(found)} customers have the number {number}")
    return took


_CUSTOMERS = """
INSERT INTO customers (id, account_number, kind, name, pinyin, initials, birth_leap, do_not_call, custom, created_at,
                       updated_at, version)
WITH RECURSIVE n(x) AS (SELECT 0 UNION ALL SELECT x + 1 FROM n LIMIT :count)
SELECT x + 1, 'L' || x, 'person', '张' || x, '', '', 0, 0, '{}', :at, :at, 1 FROM n
"""
_PHONES = """
INSERT INTO customer_phones (id, customer_id, number, e164, reversed_digits, kind, state, position)
WITH RECURSIVE n(x) AS (SELECT 0 UNION ALL SELECT x + 1 FROM n LIMIT :count)
SELECT x + 1, x + 1, CAST(:first + x AS TEXT), '+86' || (:first + x), CAST(x AS TEXT), 'mobile', 'valid', 0 FROM n
"""
_NUMBER = "ix_customer_phones_e164"


def _fill(database: Path, count: int) -> None:
    """Made inside SQLite: ten million rows in a minute. The other indexes are not made, for nothing here reads them."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        indexes = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
            " AND tbl_name IN ('customers', 'customer_phones')"
        ).fetchall()
        for name, _ in indexes:
            connection.execute(f'DROP INDEX "{name}"')
        connection.execute(_CUSTOMERS, {"count": count, "at": "2026-01-01 00:00:00.000000"})
        connection.execute(_PHONES, {"count": count, "first": _FIRST_NUMBER})
        for _, made in (one for one in indexes if one[0] in (_NUMBER, "ix_customer_phones_reversed_digits")):
            connection.execute(made)
        connection.commit()
        connection.execute("ANALYZE")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
