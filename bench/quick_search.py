"""The one box and the lists among a million customers, on both databases, against the usual LIKE scan.

What is measured is what a page does: find, and read the fifty lines that it shows, for three readers: who sees all, a
supervisor with the own department, an agent with the own customers and masked numbers.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text

from bench import postgres
from bench.base import Base, base
from bench.figure import Figure, Row, Samples, Size, at_most, milliseconds, within
from callcenter import keys
from crm_core.customers import pinyin
from crm_core.customers.search import queries
from crm_core.customers.search.filters import Filters, Sort, TimeList
from crm_core.customers.search.queries import Now, Wanted
from crm_core.db.database import Database
from crm_core.organization import queries as organization
from crm_core.organization.access import SYSTEM, Actor
from crm_core.organization.models import Role

_NOW = Now(date(2026, 1, 1), ZoneInfo("Asia/Shanghai"))
_LIMIT_MS = 20.0
_LIKE = (
    "SELECT c.id FROM customers c WHERE c.name LIKE :part OR c.pinyin LIKE :part OR c.initials LIKE :part"
    " OR c.account_number LIKE :part OR EXISTS (SELECT 1 FROM customer_phones p WHERE p.customer_id = c.id"
    " AND p.number LIKE :part) ORDER BY c.id DESC LIMIT 51"
)
_SCANS = 4  # a scan of a million takes a second: a few tell enough
_PAGE, _HUNDREDTH, _STRIDE = 50, 4950, 495
_ALL, _DEPARTMENT, _OWN = "who sees all", "a department", "the own"


@dataclass(frozen=True, slots=True)
class Half:
    """One database and who looks into it."""

    name: str
    db: Database
    known: Base
    readers: Mapping[str, Actor]

    async def page(self, actor: Actor, wanted: Wanted, cursor: str | None = None) -> int:
        async with self.db.read() as session:
            return len((await queries.find_lines(session, actor, wanted, now=_NOW, cursor=cursor)).items)

    async def scan(self, typed: str) -> int:
        async with self.db.read() as session:
            return len((await session.execute(text(_LIKE), {"part": f"%{typed}%"})).all())


def run(size: Size) -> Figure:
    return asyncio.run(_measure(size))


async def _measure(size: Size) -> Figure:
    rows: list[Row] = []
    made: list[str] = []
    for opened in (_sqlite, _postgresql):
        async with opened(size.customers, size.agents) as half:
            rows += await _searches(half, size) + await _lists(half, size)
            seconds = half.known.seconds["search index"]
            rows.append(Row(f"{half.name}: making the index of the whole base", f"{seconds:.0f} s"))
        made += [await _growth(opened, size)]
    title = f"Quick search and lists among {size.customers:,} customers"
    notes = (
        "Peer: LIKE over name, pinyin, initials, account number and phones. Ours reads the lines shown, too.",
        *made,
    )
    return Figure(title, tuple(rows), notes)


@asynccontextmanager
async def _sqlite(customers: int, agents: int) -> AsyncIterator[Half]:
    with tempfile.TemporaryDirectory(prefix="callcenter-bench-") as folder:
        known = await asyncio.to_thread(base, Path(folder), customers, agents)
        async with _half("SQLite", f"sqlite+aiosqlite:///{known.folder / 'callcenter.db'}", known) as half:
            yield half


@asynccontextmanager
async def _postgresql(customers: int, agents: int) -> AsyncIterator[Half]:
    async with AsyncExitStack() as stack:
        url, known = await stack.enter_async_context(postgres.base(customers, agents))
        yield await stack.enter_async_context(_half("PostgreSQL", url, known))


@asynccontextmanager
async def _half(name: str, url: str, known: Base) -> AsyncIterator[Half]:
    db = Database(url, keyring=keys.ring(known.folder))
    try:
        async with db.read() as session:
            agent = await organization.actor_by_name(session, f"agent{known.agents[0].extension}")
        readers = {_ALL: SYSTEM, _DEPARTMENT: replace(agent, role=Role.SUPERVISOR), _OWN: agent}
        yield Half(name, db, known, readers)
    finally:
        await db.close()


def _typed(known: Base, count: int) -> dict[str, list[str]]:
    """What people type, by its kind, of customers that there are."""
    dice = random.Random(1)
    picked = [dice.choice(known.callers) for _ in range(count)]
    cards = [dice.choice(known.cards)[0] for _ in range(count)]
    whole = [pinyin.keys(name)[0].split(" ")[0] for _, name in picked]
    return {
        "whole name": [name for _, name in picked],
        "two characters": [name[-2:] for _, name in picked],
        "one character": [name[0] for _, name in picked],
        "pinyin": whole,
        "part of the pinyin": [one[2:7] for one in whole],
        "initials": [pinyin.keys(name)[1].split(" ")[0] for _, name in picked],
        "first letter": [one[0] for one in whole],
        "whole number": [number for number, _ in picked],
        "last four digits": [number[-4:] for number, _ in picked],
        "six digits inside": [number[3:9] for number, _ in picked],
        "three digits": [number[4:7] for number, _ in picked],
        "six digits of an ID card": [card[4:10] for card in cards],
        "account number": [f"KH{dice.randrange(1, 10_000):08d}" for _ in picked],
        "day of any year": [f"{dice.randrange(1, 13):02d}{dice.randrange(1, 29):02d}" for _ in picked],
        "whole day": [f"{dice.randrange(1940, 1966)}-{dice.randrange(1, 13)}-{dice.randrange(1, 29)}" for _ in picked],
        "surname and digits": [f"{name[0]} {number[:3]}" for number, name in picked],
        "nobody's": [f"{name[0]}龘" for _, name in picked],
    }


async def _searches(half: Half, size: Size) -> list[Row]:
    kinds = _typed(half.known, max(10, min(100, size.lookups // 30)))
    rows: list[Row] = []
    whole: dict[str, Samples] = {}
    for reader, actor in half.readers.items():
        whole[reader] = Samples()
        for kind, typed in kinds.items():
            mine = await _timed(lambda one, actor=actor: half.page(actor, Wanted(one)), typed)  # type: ignore[misc]
            whole[reader].values += mine.values
            if reader == _ALL:
                peer = await _timed(half.scan, typed[:_SCANS])
                row = at_most(f"{half.name}: {kind}, median", mine.p50, peer.p50, 1.0)
                # No target: of what half of all people have, a scan too finds the first fifty at once.
                what = f"{row.what} (95th percentile {milliseconds(mine.quantile(0.95))})"
                rows.append(replace(row, what=what, target="", met=None))
    for reader, samples in whole.items():
        what = f"{half.name}: first page of any kind for {reader}, 95th percentile"
        rows.append(within(what, samples.quantile(0.95) * 1000, _LIMIT_MS, "ms"))
    return rows


async def _lists(half: Half, size: Size) -> list[Row]:
    """Pages of lists: the first and the hundredth of each."""
    rows = []
    repeats = max(5, min(40, size.lookups // 50))
    for name, (reader, wanted) in (await _wanted(half)).items():
        actor = half.readers[reader]
        cursor = await _deep(half, actor, wanted)
        first = await _timed(lambda _, a=actor, w=wanted: half.page(a, w), [""] * repeats)  # type: ignore[misc]
        deep = await _timed(lambda c, a=actor, w=wanted: half.page(a, w, c), [cursor] * repeats)  # type: ignore[misc]
        what = f"{half.name}: list {name}, first page / hundredth, 95th percentile"
        worst = max(first.quantile(0.95), deep.quantile(0.95)) * 1000
        both = f"{milliseconds(first.quantile(0.95))} / {milliseconds(deep.quantile(0.95))}"
        rows.append(replace(within(what, worst, _LIMIT_MS, "ms"), ours=both))
    return rows


async def _wanted(half: Half) -> dict[str, tuple[str, Wanted]]:
    async with half.db.read() as session:
        (centre, *_) = await organization.centres(session)
        (page,) = (await queries.find(session, SYSTEM, Wanted(), now=_NOW, limit=1)).items
    return {
        "of everybody": (_ALL, Wanted()),
        "by name": (_ALL, Wanted(sort=Sort.NAME)),
        "of an owner": (_ALL, Wanted(filters=Filters(owner_id=half.readers[_OWN].user_id))),
        "of a type": (_ALL, Wanted(filters=Filters(type=page.type))),
        "of a membership": (_ALL, Wanted(filters=Filters(membership=page.membership))),
        "of a centre": (_ALL, Wanted(filters=Filters(centre_id=centre.id))),
        "new this week": (_ALL, Wanted(filters=Filters(list=TimeList.NEW_THIS_WEEK))),
        "birthdays of a month": (
            _ALL, Wanted(filters=Filters(birthday_from=date(2026, 1, 1), birthday_to=date(2026, 1, 31)))
        ),
        "longest silent": (_ALL, Wanted(filters=Filters(not_contacted_months=3), sort=Sort.LONGEST_SILENT)),
        "of the own department": (_DEPARTMENT, Wanted()),
        "of the own": (_OWN, Wanted()),
    }  # fmt: skip


async def _deep(half: Half, actor: Actor, wanted: Wanted) -> str | None:
    """Where the hundredth page begins, or the last whole stretch of a shorter list."""
    cursor = None
    for _ in range(_HUNDREDTH // _STRIDE):
        async with half.db.read() as session:
            page = await queries.find_ids(session, actor, wanted, now=_NOW, limit=_STRIDE, cursor=cursor)
        if page.next is None:
            break
        cursor = page.next
    return cursor


async def _growth(opened: Callable[[int, int], Any], size: Size) -> str:
    told = []
    for customers in (size.customers // 100, size.customers // 10, size.customers):
        async with opened(customers, size.agents) as half:
            samples, first = Samples(), Samples()
            for typed in _typed(half.known, 12).values():
                samples.values += (await _timed(lambda one, h=half: h.page(SYSTEM, Wanted(one)), typed)).values  # type: ignore[misc]
            first.values += (await _timed(lambda _, h=half: h.page(SYSTEM, Wanted()), [""] * 20)).values  # type: ignore[misc]
            name = half.name
        told.append(
            f"{customers:,}: search {milliseconds(samples.p50)} / {milliseconds(samples.quantile(0.95))},"
            f" list {milliseconds(first.p50)}"
        )
    return f"Growth on {name} (search median / 95th percentile, list median): {'; '.join(told)}."


async def _timed(search: Callable[[Any], Awaitable[Any]], typed: Sequence[Any]) -> Samples:
    samples = Samples()
    for one in typed:
        began = time.perf_counter()
        await search(one)
        samples.add(time.perf_counter() - began)
    return samples
