"""Fills an empty database with the demonstration: company, customers by the hundred or the million, days of calls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

from callcenter.demo.company import ACCOUNTS, Account, found, user_id
from callcenter.demo.customers import (
    CUSTOMER_COLUMNS,
    NUMBER_COLUMNS,
    PHONE_COLUMNS,
    POOL_COLUMNS,
    CustomerMaker,
    CustomerRows,
    Owner,
)
from callcenter.demo.desk import Desk
from callcenter.demo.director import Caller
from callcenter.demo.history import History, write_sounds
from callcenter.demo.lively import Lively
from crm_core.customers.allocation.models import PoolEntry
from crm_core.customers.duplicates import pairs
from crm_core.customers.duplicates import service as duplicates
from crm_core.customers.duplicates.queries import stored_customers
from crm_core.customers.duplicates.rules import WORTH_A_LOOK, compare
from crm_core.customers.models import AccountNumber, Customer, Phone
from crm_core.customers.search import service as search
from crm_core.db.bulk import insert_rows, without_indexes
from crm_core.db.database import Database
from crm_core.db.upsert import table_of

# So many customers have notes, family and calls; beyond them are names to search among.
_LIVELY = 400
# From here on it pays to build the indexes afterwards.
_MANY = 20_000
_STRETCH = 50_000  # customers whose keys are sorted together
_PAIRS = 1000  # of one transaction
_TABLES = tuple(table_of(model) for model in (Customer, Phone, AccountNumber, PoolEntry))
_COLUMNS = (CUSTOMER_COLUMNS, PHONE_COLUMNS, NUMBER_COLUMNS, POOL_COLUMNS)


@dataclass(frozen=True, slots=True)
class Demo:
    """What was made: who can sign in (all with the password that was given), who may call."""

    accounts: tuple[Account, ...]
    callers: tuple[Caller, ...]
    customers: int
    calls: int


async def seed(
    db: Database,
    *,
    password: str,
    customers: int = 400,
    days: int = 4,
    number: int = 1,
    recordings_dir: Path | None = None,
    timezone: str = "Asia/Shanghai",
    area_code: str = "021",
    pbx: str = "main",
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Demo:
    """Fills an empty, migrated database. The same ``number`` gives the same people; days and calls end now.

    Raises Conflict when the company is there already. ``progress`` is told (done, total) customers.
    """
    now = db.clock.now()
    async with db.uow() as uow:
        owners = await found(uow, password)
    zone = ZoneInfo(timezone)
    callers = await _customers(db, owners, customers, number, now, progress)
    history = History(owners, callers, seed=number, now=now, zone=zone, pbx=pbx)
    calls = history.calls(days) if callers else []
    lively, users = min(customers, _LIVELY), {account.name: user_id(account) for account in ACCOUNTS}
    async with db.uow() as uow:
        await history.store(uow, calls, area_code=area_code)
        await Lively(owners, lively, seed=number, now=now).add(uow)
        await Desk(owners, users, lively, seed=number, now=now, zone=zone).add(uow)
    await search.build(db)
    if recordings_dir is not None:
        await asyncio.to_thread(write_sounds, calls, recordings_dir)
    return Demo(ACCOUNTS, tuple(callers), customers, len(calls))


async def _customers(
    db: Database,
    owners: Sequence[Owner],
    count: int,
    number: int,
    now: datetime,
    progress: Callable[[int, int], None],
) -> list[Caller]:
    """Inserts the customers batch by batch, each in its own transaction; gives those who may call."""
    callers: list[Caller] = []
    doubles: list[tuple[int, int]] = []
    maker = CustomerMaker(owners, seed=number, now=now, keys=db.keyring, complete=True)
    async with without_indexes(db, *_TABLES) if count >= _MANY else nullcontext():
        with _Workshop(maker, count) as workshop:
            done = 0
            keys = _Keys(db)
            async for made in workshop.batches():
                await _insert(db, made)
                await keys.add(made)
                callers += made.callers
                doubles += made.doubles
                done += len(made.customers)
                progress(done, count)
            await keys.write()
    await _note_doubles(db, doubles)
    return callers


class _Keys:
    """The keys of duplicates, written by the stretch: sorted, so that each page of their table is touched once."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._keys: list[tuple[int, int]] = []
        self._records: list[tuple[int, bytes]] = []

    async def add(self, made: CustomerRows) -> None:
        self._keys += made.keys
        self._records += made.records
        if len(self._records) >= _STRETCH:
            await self.write()

    async def write(self) -> None:
        async with self._db.uow() as uow:
            await duplicates.add_known_keys(uow, self._keys)
            await duplicates.add_records(uow, self._records)
        self._keys, self._records = [], []


async def _note_doubles(db: Database, doubles: Sequence[tuple[int, int]]) -> None:
    """Puts those whom the search through the base would find on the list of duplicates at once."""
    for start in range(0, len(doubles), _PAIRS):
        block = doubles[start : start + _PAIRS]
        async with db.read() as session:
            stored = await stored_customers(session, {one for pair in block for one in pair})
        alike = [(one, other, compare(stored[one].facts, stored[other].facts)) for one, other in block]
        async with db.uow() as uow:
            await pairs.store(uow, [found for found in alike if found[2].score >= WORTH_A_LOOK])


class _Workshop:
    """Makes one batch of customers while the one before is being written; very many in a process of their own."""

    def __init__(self, maker: CustomerMaker, count: int) -> None:
        self._stretches = maker.stretches(count)
        self._make: Callable[[int, int, int], CustomerRows] = maker.make
        self._pool: Executor = ThreadPoolExecutor(1)
        if count >= _MANY:
            # Writing and making share no interpreter lock then; spawned, because threads run here already.
            self._pool = ProcessPoolExecutor(1, get_context("spawn"), initializer=_take_over, initargs=(maker,))
            self._make = _make_there

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    async def batches(self) -> AsyncIterator[CustomerRows]:
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[CustomerRows] | None = None
        for first, size in self._stretches:
            ahead = loop.run_in_executor(self._pool, self._make, first, size, max(0, _LIVELY - first))
            if waiting is not None:
                yield await waiting
            waiting = ahead
        if waiting is not None:
            yield await waiting


_maker_there: list[CustomerMaker] = []


def _take_over(maker: CustomerMaker) -> None:
    _maker_there.append(maker)


def _make_there(first: int, count: int, callers: int) -> CustomerRows:
    return _maker_there[0].make(first, count, callers)


async def _insert(db: Database, made: CustomerRows) -> None:
    async with db.uow() as uow:
        made_of = (made.customers, made.phones, made.numbers, made.pool)
        for table, columns, rows in zip(_TABLES, _COLUMNS, made_of, strict=True):
            await insert_rows(uow.session, table, columns, rows)
