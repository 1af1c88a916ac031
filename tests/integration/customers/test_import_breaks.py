"""Imports when things go wrong around them: killed, brought twice at once, left lying."""

from __future__ import annotations

import asyncio
import sys
from array import array
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from crm_core.customers.classification.models import ClassificationChange as Change
from crm_core.customers.imports import jobs, queries, service
from crm_core.customers.imports.jobs import handlers
from crm_core.customers.models import Customer
from crm_core.customers.search.models import SearchEntry, SearchToken
from crm_core.db.database import Database
from crm_core.db.uow import UnitOfWork
from crm_core.jobs import runner
from crm_core.jobs.models import Job
from crm_core.kernel.clock import FixedClock
from tests.conftest import KEYS
from tests.integration.customers.import_desk import Desk

SHORT = ["姓名", "手机号码"]


def people(count: int) -> list[list[str]]:
    return [[f"客户{n:04}", f"139{n:08}"] for n in range(count)]


async def stored(db: Database) -> tuple[int, int]:
    """How many customers there are, and how many different names."""
    async with db.read() as session:
        row = (await session.execute(select(func.count(), func.count(func.distinct(Customer.name))))).one()
    return row[0], row[1]


async def searched(db: Database) -> tuple[set[tuple[int, int]], set[tuple[int, int]]]:
    """(token, customer) as the search has noted them, and as they stand in its index."""
    async with db.read() as session:
        rows = await session.execute(select(SearchEntry.customer_id, SearchEntry.tokens))
        noted = {(token, row.customer_id) for row in rows for token in array("i", row.tokens)}
        entered = await session.execute(select(SearchToken.token, SearchToken.customer_id))
        return noted, {(row.token, row.customer_id) for row in entered}


async def test_an_import_whose_process_is_killed_goes_on_without_a_row_twice(desk: Desk, tmp_path: Path) -> None:
    import_id = await desk.upload(people(2000), SHORT)
    async with desk.db.uow() as uow:
        batch = await service.run(uow, import_id, by=desk.clerk)
    url = desk.db.url.render_as_string(hide_password=False)
    script = ("-m", "tests.integration.customers.import_process", url, str(tmp_path / "files"))
    process = await asyncio.create_subprocess_exec(sys.executable, *script)
    done = 0
    while done < 300:
        assert process.returncode is None, "it was over before it could be killed"
        await asyncio.sleep(0.02)
        async with desk.db.read() as session:
            done = (await session.scalars(select(Job.done).where(Job.id == batch.job_id))).one()
    process.kill()
    await process.wait()
    assert 300 <= (await stored(desk.db))[0] < 2000
    async with desk.db.uow() as uow:  # its lease runs out
        await uow.session.execute(update(Job).values(heartbeat_at=uow.clock.now() - timedelta(minutes=2)))
    ran = await desk.worked(import_id)
    assert (ran.verdicts, ran.done) == ({"create": 2000}, 2000)
    assert await stored(desk.db) == (2000, 2000)
    noted, entered = await searched(desk.db)
    assert len(noted) > 2000 * 5
    assert noted == entered


@pytest.mark.parametrize("stopped", [True, False])
async def test_who_was_stored_before_an_import_broke_off_can_be_found(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, stopped: bool
) -> None:
    monkeypatch.setattr(jobs, "_CHUNK", 100)
    import_id = await desk.upload(people(500), SHORT)
    async with desk.db.uow() as uow:
        batch = await service.run(uow, import_id, by=desk.clerk)
    real, chunks = jobs.keep_rows, 0

    async def breaks(uow: UnitOfWork, kept: Any) -> None:
        nonlocal chunks
        chunks += 1
        if stopped and chunks == 3:
            await uow.session.execute(update(Job).where(Job.id == batch.job_id).values(cancel_asked=True))
        elif chunks == 3:
            raise RuntimeError("power cut")
        await real(uow, kept)

    monkeypatch.setattr(jobs, "keep_rows", breaks)
    await runner.run_one(desk.db, handlers(desk.files))
    assert (await stored(desk.db))[0] == (300 if stopped else 200)
    noted, entered = await searched(desk.db)
    assert noted
    assert noted == entered


async def test_the_same_list_brought_twice_at_once_makes_nobody_twice(desk: Desk) -> None:
    ids = [await desk.upload(people(300), SHORT) for _ in range(2)]
    for import_id in ids:
        async with desk.db.uow() as uow:
            await service.run(uow, import_id, by=desk.clerk)
    # The second one has a connection of its own, as a second service would have.
    other = Database(desk.db.url.render_as_string(hide_password=False), clock=desk.db.clock, keyring=KEYS)
    try:
        work = handlers(desk.files)
        assert all(await asyncio.gather(runner.run_one(desk.db, work), runner.run_one(other, work)))
    finally:
        await other.close()
    counts: dict[str, int] = {}
    for import_id in ids:
        for verdict, count in (await desk.worked(import_id)).verdicts.items():
            counts[verdict] = counts.get(verdict, 0) + count
    assert counts == {"create": 300, "duplicate": 300}
    assert await stored(desk.db) == (300, 300)


async def test_a_list_that_nobody_imports_loses_its_file_after_a_week(desk: Desk, clock: FixedClock) -> None:
    left, used = await desk.upload(people(1), SHORT), await desk.upload(people(1), SHORT)
    clock.move(timedelta(days=8))
    await desk.check(used)  # somebody looks at it still
    async with desk.db.uow() as uow:
        gone = await service.expire(uow)
    async with desk.db.read() as session:
        views = [await queries.import_view(session, desk.clerk, one) for one in (left, used)]
    assert [view.file_kept for view in views] == [False, True]
    assert len(gone) == 1


async def test_a_customers_history_says_what_an_import_set(desk: Desk) -> None:
    headings = ["姓名", "手机号码", "客户类型", "客户来源"]
    import_id = await desk.bring([["李秀英", "13800138000", "A", "讲座"]], headings)
    (row,) = await desk.rows(import_id)
    assert await history(desk.db, row.customer_id) == [("source", None, "讲座"), ("type", None, "A")]
    await desk.bring([["李秀英", "13800138000", "B", ""]], headings, update_by=service.UpdateBy.PHONE_AND_NAME)
    changes = await history(desk.db, row.customer_id)
    assert ("type", "A", "B") in changes
    assert ("record_state", "new", "changed") in changes


async def history(db: Database, customer_id: int | None) -> list[tuple[Any, ...]]:
    async with db.read() as session:
        found = select(Change.field, Change.old, Change.new).where(Change.customer_id == customer_id)
        return sorted(((row.field.value, row.old, row.new) for row in await session.execute(found)), key=str)
