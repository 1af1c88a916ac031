"""A task that is cancelled in mid statement leaves the embedded database usable, at whatever moment it comes."""

from __future__ import annotations

import asyncio
import logging

import pytest
from sqlalchemy import text

from crm_core.db.database import Database


async def test_cancelled_work_leaves_no_broken_connection(sqlite_url: str, caplog: pytest.LogCaptureFixture) -> None:
    db = Database(sqlite_url)

    async def work() -> None:
        while True:
            async with db.read() as session:
                await session.execute(text("SELECT count(*) FROM users"))
            async with db.uow() as uow:
                await uow.session.execute(text("UPDATE users SET pbx = 'main'"))

    with caplog.at_level(logging.ERROR):
        for tick in range(60):
            task = asyncio.create_task(work())
            await asyncio.sleep(0.001 + tick * 0.0002)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        async with db.uow() as uow:
            await uow.session.execute(text("SELECT 1"))
        await db.close()
    assert not caplog.records, [record.getMessage() for record in caplog.records]


async def test_a_timeout_around_a_statement_is_told_as_a_timeout(sqlite_url: str) -> None:
    db = Database(sqlite_url)
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000) SELECT count(*) FROM n"
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05), db.read() as session:
            await session.execute(text(endless))
    await db.ping()
    await db.close()
