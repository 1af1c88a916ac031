"""Fills an empty database with the demonstration: company, customers by the hundred or the million, days of calls."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

from callcenter.demo import words
from callcenter.demo.company import ACCOUNTS, Account, found
from callcenter.demo.customers import (
    CUSTOMER_COLUMNS,
    NUMBER_COLUMNS,
    PHONE_COLUMNS,
    CustomerMaker,
    CustomerRows,
    Owner,
    customer_id,
)
from callcenter.demo.director import Caller
from callcenter.demo.history import History, write_sounds
from crm_core.customers.models import AccountNumber, Customer, CustomerNote, FamilyMember, Phone
from crm_core.db.bulk import insert_rows, without_indexes
from crm_core.db.database import Database
from crm_core.db.uow import UnitOfWork
from crm_core.db.upsert import table_of
from crm_core.kernel.ids import derived_id

# So many customers have notes, family and calls; beyond them are names to search among.
_LIVELY = 400
# From here on it pays to build the indexes afterwards.
_MANY = 20_000
_TABLES = tuple(table_of(model) for model in (Customer, Phone, AccountNumber))
_COLUMNS = (CUSTOMER_COLUMNS, PHONE_COLUMNS, NUMBER_COLUMNS)


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
    callers = await _customers(db, owners, customers, number, now, progress)
    history = History(owners, callers, seed=number, now=now, zone=ZoneInfo(timezone), pbx=pbx)
    calls = history.calls(days) if callers else []
    async with db.uow() as uow:
        await history.store(uow, calls, area_code=area_code)
        _stories(uow, owners, min(customers, _LIVELY), number, now)
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
    async with without_indexes(db, *_TABLES) if count >= _MANY else nullcontext():
        with _Workshop(CustomerMaker(owners, seed=number, now=now), count) as workshop:
            done = 0
            async for made in workshop.batches():
                await _insert(db, made)
                callers += made.callers
                done += len(made.customers)
                progress(done, count)
    return callers


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
        for table, columns, rows in zip(_TABLES, _COLUMNS, (made.customers, made.phones, made.numbers), strict=True):
            await insert_rows(uow.session, table, columns, rows)


def _stories(uow: UnitOfWork, owners: Sequence[Owner], count: int, number: int, now: datetime) -> None:
    """Notes and families of the customers that the demonstration plays with."""
    dice = random.Random(f"{number}/stories")  # noqa: S311  # invents notes, guards nothing
    for index in range(count):
        owner = dice.choice(owners)
        for place in range(dice.choice((0, 0, 1, 1, 2))):
            uow.session.add(
                CustomerNote(
                    id=derived_id("demo note", str(index), str(place)),
                    customer_id=customer_id(index),
                    at=now - timedelta(days=dice.uniform(1, 60)),
                    author_id=owner.user_id,
                    text=dice.choice(words.NOTES),
                )
            )
        if dice.random() < 0.4:
            relation, younger = dice.choice(words.FAMILY)
            surname = dice.choice(words.SURNAMES)
            uow.session.add(
                FamilyMember(
                    id=derived_id("demo family", str(index)),
                    customer_id=customer_id(index),
                    relation=relation,
                    name=surname + dice.choice(words.MALE if relation in ("儿子", "孙子") else words.FEMALE),
                    birth_year=1950 + younger,
                )
            )
