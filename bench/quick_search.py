"""The one box among a million customers: first page by our index against the usual LIKE scan, on both databases."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from bench.base import base
from bench.figure import Figure, Row, Samples, Size, at_most, within
from crm_core.customers import pinyin
from crm_core.customers.search import queries, service
from crm_core.customers.search.queries import Now, Wanted
from crm_core.db.database import Database
from crm_core.organization.access import SYSTEM

_NOW = Now(date(2026, 1, 1), ZoneInfo("Asia/Shanghai"))
_LIMIT_MS = 20.0
_LIKE = (
    "SELECT c.id FROM customers c WHERE c.name LIKE :part OR c.pinyin LIKE :part OR c.initials LIKE :part"
    " OR c.account_number LIKE :part OR EXISTS (SELECT 1 FROM customer_phones p WHERE p.customer_id = c.id"
    " AND p.number LIKE :part) ORDER BY c.id DESC LIMIT 51"
)
_SCANS = 8  # a scan of a million takes a second: a few tell enough


def run(size: Size) -> Figure:
    with tempfile.TemporaryDirectory(prefix="callcenter-bench-") as folder:
        known = base(Path(folder), size.customers, size.agents)
        kinds = _typed(known.callers, min(size.lookups, 1000))
        return asyncio.run(_measure(f"sqlite+aiosqlite:///{known.folder / 'callcenter.db'}", kinds, size))


def _typed(callers: Sequence[tuple[str, str]], count: int) -> dict[str, list[str]]:
    """What people type, by its kind, of customers that there are."""
    dice = random.Random(1)
    picked = [dice.choice(callers) for _ in range(count)]
    return {
        "whole name": [name for _, name in picked],
        "two characters": [name[-2:] for _, name in picked],
        "pinyin": [pinyin.keys(name)[0].split(" ")[0] for _, name in picked],
        "part of the pinyin": [pinyin.keys(name)[0].split(" ")[0][2:7] for _, name in picked],
        "initials": [pinyin.keys(name)[1].split(" ")[0] for _, name in picked],
        "whole number": [number for number, _ in picked],
        "last four digits": [number[-4:] for number, _ in picked],
        "six digits inside": [number[3:9] for number, _ in picked],
        "three digits": [number[4:7] for number, _ in picked],
        "day": [f"{dice.randrange(1, 13):02d}{dice.randrange(1, 29):02d}" for _ in picked],
    }


async def _measure(url: str, kinds: dict[str, list[str]], size: Size) -> Figure:
    db = Database(url)
    began = time.perf_counter()
    async with db.read() as session:
        ready = await _is_ready(session)
    if not ready:
        await service.build(db)
    built = time.perf_counter() - began

    async def ours(typed: str) -> int:
        async with db.read() as session:
            return len((await queries.find(session, SYSTEM, Wanted(typed), now=_NOW)).items)

    async def scan(typed: str) -> int:
        async with db.read() as session:
            return len((await session.execute(text(_LIKE), {"part": f"%{typed}%"})).all())

    rows: list[Row] = []
    everything = Samples()
    each = max(10, min(200, size.lookups // len(kinds)))
    for kind, typed in kinds.items():
        mine = await _timed(ours, typed[:each])
        everything.values += mine.values
        peer = await _timed(scan, typed[:_SCANS])
        rows.append(at_most(f"{kind}: first page, median", mine.p50, peer.p50, 1.0))
    total = within("first page of any kind, 95th percentile", everything.quantile(0.95) * 1000, _LIMIT_MS, "ms")
    await db.close()
    return Figure(
        f"Quick search among {size.customers:,} customers",
        (total, *rows, Row("building the index of the whole base", f"{built:.0f} s")),
        ("Peer: LIKE over name, pinyin, initials, account number and phones. Ours reads the customers shown, too.",),
    )


async def _is_ready(session: AsyncSession) -> bool:
    return (await session.execute(text("SELECT 1 FROM search_entries LIMIT 1"))).first() is not None


async def _timed(search: Callable[[str], Awaitable[Any]], typed: Sequence[str]) -> Samples:
    samples = Samples()
    for one in typed:
        began = time.perf_counter()
        await search(one)
        samples.add(time.perf_counter() - began)
    return samples
