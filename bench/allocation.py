"""Allocation in a base of a million: giving out of the pool, transfers, the pool's page and the report of fairness.

The floor of what moves customers is the bare statements: one UPDATE and one INSERT of history for as many, without
rights, caps, locks, events, audit or a result list.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import psutil
from sqlalchemy import text

from bench import base as sqlite_base
from bench import postgres
from bench.figure import Figure, Row, Samples, Size, within
from callcenter import keys
from crm_core.customers.allocation import change_queries, people_queries, queries, runs, service
from crm_core.customers.allocation.choosing import Choice, Where
from crm_core.customers.allocation.jobs import HANDLERS
from crm_core.customers.allocation.kinds import Method
from crm_core.customers.allocation.runs import Wish
from crm_core.customers.allocation.views import Person
from crm_core.db.database import Database
from crm_core.jobs.runner import run_one
from crm_core.kernel.ids import new_id
from crm_core.organization.access import Actor
from crm_core.organization.models import Role

_ZONE: Final = ZoneInfo("Asia/Shanghai")
_PEOPLE: Final = 20
_LOOKS: Final = 15
_PAGE_MS: Final = 100.0  # what answers by sight
_REPORT_MS: Final = 2000.0
_FLOOR_TIMES: Final = 40.0  # of the bare statements


def run(size: Size) -> Figure:
    return asyncio.run(_measure(size))


async def _measure(size: Size) -> Figure:
    given, moved = size.customers // 100, size.customers // 10
    rows = [
        *await _rows("SQLite", _sqlite(size), given, moved),
        *await _rows("PostgreSQL", _postgres(size), given, moved),
    ]
    notes = (
        f"{size.customers:,} customers, {size.agents:,} people; all but the transferred ones wait in the pool."
        " Floor: the bare UPDATE and INSERT for as many.",
    )
    return Figure(f"Allocation among {size.customers:,} customers", tuple(rows), notes)


@asynccontextmanager
async def _sqlite(size: Size) -> AsyncIterator[Database]:
    with tempfile.TemporaryDirectory(prefix="callcenter-bench-") as folder:
        place = Path(folder)
        await asyncio.to_thread(sqlite_base.base, place, size.customers, size.agents)
        async with _open(f"sqlite+aiosqlite:///{place / 'callcenter.db'}", place) as db:
            yield db


@asynccontextmanager
async def _postgres(size: Size) -> AsyncIterator[Database]:
    """A throw-away copy inside the kept cluster."""
    async with AsyncExitStack() as stack:
        url, made = await stack.enter_async_context(postgres.base(size.customers, size.agents))
        copy = await stack.enter_async_context(postgres.copied(url, "allocation"))
        yield await stack.enter_async_context(_open(copy, made.folder))


@asynccontextmanager
async def _open(url: str, folder: Path) -> AsyncIterator[Database]:
    db = Database(url, keyring=keys.ring(folder))
    try:
        yield db
    finally:
        await db.close()


async def _rows(name: str, opened: AbstractAsyncContextManager[Database], given: int, moved: int) -> list[Row]:
    async with opened as db:
        people, boss = await _prepare(db, moved)
        floor_given, floor_moved = await _floor(db, given), await _floor(db, moved)
        pool = await _timed(lambda: _pool(db, boss))
        allocated, _ = await _job(db, lambda: _allocate(db, people, given, boss))
        transferred, grown = await _job(db, lambda: _transfer(db, people[0], people[1], boss))
        fairness = await _timed(lambda: _fairness(db, boss))
    return [
        within(f"{name}: page of the pool, p95", pool.quantile(0.95) * 1000, _PAGE_MS, "ms"),
        _against(f"{name}: {given:,} out of the pool to {_PEOPLE} people", allocated, floor_given),
        _against(f"{name}: {moved:,} transferred by a condition", transferred, floor_moved),
        Row(f"{name}: memory grown by this transfer", f"{grown / 2**20:.0f} MiB"),
        within(f"{name}: report of fairness over everybody, p95", fairness.quantile(0.95) * 1000, _REPORT_MS, "ms"),
    ]


def _against(what: str, ours: float, floor: float) -> Row:
    ratio = ours / floor
    return Row(
        what, f"{ours:,.1f} s", f"{floor:,.2f} s", f"{ratio:.1f} ×", f"≤ {_FLOOR_TIMES:g} ×", ratio <= _FLOOR_TIMES
    )


async def _prepare(db: Database, moved: int) -> tuple[list[int], Actor]:
    """Everybody into the pool but as many as are transferred later, which the first person has."""
    boss = Actor(user_id=None, name="bench", role=Role.ADMIN)
    async with db.read() as session:
        found = await session.execute(text("SELECT id FROM users WHERE role = 'agent' ORDER BY id"))
        people = [row.id for row in found][:_PEOPLE]
        edge = await session.scalar(text("SELECT id FROM customers ORDER BY id LIMIT 1 OFFSET :n"), {"n": moved})
    async with db.uow() as uow:
        await uow.session.execute(text("UPDATE customers SET owner_id = NULL WHERE id >= :edge"), {"edge": edge})
        first = {"edge": edge, "owner": people[0]}
        await uow.session.execute(text("UPDATE customers SET owner_id = :owner WHERE id < :edge"), first)
    async with db.uow() as uow:
        await uow.session.execute(text("ANALYZE customers"))
        await service.change_policy(uow, {"new_quota": None}, by=boss)  # they were all engaged just now
    return people, boss


async def _floor(db: Database, count: int) -> float:
    """Seconds of the bare statements; what they did is undone."""
    moves = (
        "INSERT INTO owner_changes (id, customer_id, at, reason, kind, batch_id)"
        " SELECT id, id, created_at, 'floor', 'transfer', 1 FROM customers ORDER BY id LIMIT :n"
    )
    update = (
        "UPDATE customers SET version = version + 1, allocated_at = created_at"
        " WHERE id IN (SELECT customer_id FROM owner_changes)"
    )
    began = time.perf_counter()
    async with db.uow() as uow:
        await uow.session.execute(text(moves), {"n": count})
        await uow.session.execute(text(update))
    took = time.perf_counter() - began
    async with db.uow() as uow:
        await uow.session.execute(text("DELETE FROM owner_changes"))
    return took


async def _timed(work: Callable[[], Awaitable[object]]) -> Samples:
    samples = Samples()
    for turn in range(-1, _LOOKS):
        began = time.perf_counter()
        await work()
        if turn >= 0:  # the first only warms
            samples.add(time.perf_counter() - began)
    return samples


async def _pool(db: Database, boss: Actor) -> None:
    """The first page and the next one."""
    async with db.read() as session:
        page = await queries.queue(session, boss)
        await queries.queue(session, boss, cursor=page.next)


async def _fairness(db: Database, boss: Actor) -> None:
    now = datetime.now(UTC)
    async with db.read() as session:
        people = [one.id for one in await people_queries.receivers(session, boss)]
        since, until = now - timedelta(days=1), now + timedelta(days=1)
        await change_queries.fairness(session, people, since=since, until=until, now=now, zone=_ZONE)


async def _job(db: Database, begin: Callable[[], Awaitable[None]]) -> tuple[float, int]:
    """Seconds from asking to the end of its job, and bytes of memory grown."""
    process = psutil.Process()
    before, began = process.memory_info().rss, time.perf_counter()
    await begin()
    while await run_one(db, HANDLERS):
        pass
    return time.perf_counter() - began, process.memory_info().rss - before


async def _allocate(db: Database, people: list[int], count: int, boss: Actor) -> None:
    wish = Wish(Method.ROUND_ROBIN, Choice(most=count), tuple(map(Person, people)), "bench")
    async with db.uow() as uow:
        run_id = await runs.request(uow, wish, by=boss)
    async with db.uow() as uow:
        await runs.carry_out(uow, run_id, by=boss, zone=_ZONE)


async def _transfer(db: Database, owner: int, to: int, boss: Actor) -> None:
    async with db.read() as session:
        name = await session.scalar(text("SELECT name FROM users WHERE id = :id"), {"id": owner})
        tree = {"all": [{"field": "owner", "op": "eq", "value": name}]}
        chosen = await service.picked(session, boss, where=Where(tree=tree))
    async with db.uow() as uow:
        # After the rows that the floor made: ids rise with time.
        await service.transfer_picked(uow, chosen, to, "bench", by=boss, zone=_ZONE, mark=new_id())
