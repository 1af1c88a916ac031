"""Short reads in one go: what they see, what they tell, what they leave behind."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import Connection, text

from crm_core.db.database import Database
from crm_core.kernel.errors import Unavailable
from crm_core.organization.models import Role
from tests.factories import add_user


def _users(connection: Connection) -> int:
    return int(connection.execute(text("SELECT count(*) FROM users")).scalar_one())


async def test_a_glance_sees_what_was_committed_before(db: Database) -> None:
    before = await db.glance(_users)
    await add_user(db, role=Role.AGENT)
    assert (before, await db.glance(_users)) == (0, 1)


async def test_a_glance_sees_one_state_of_the_database(sqlite_url: str) -> None:
    db = Database(sqlite_url)
    began, written = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def twice(connection: Connection) -> tuple[int, int]:
        first = _users(connection)
        loop.call_soon_threadsafe(began.set)
        asyncio.run_coroutine_threadsafe(written.wait(), loop).result(10)
        return first, _users(connection)

    reading = asyncio.create_task(db.glance(twice))
    await began.wait()
    await add_user(db)
    written.set()
    assert await reading == (0, 0)
    assert await db.glance(_users) == 1
    await db.close()


async def test_more_glances_than_threads_all_come_back(db: Database) -> None:
    assert await asyncio.gather(*(db.glance(_users) for _ in range(50))) == [0] * 50


async def test_an_error_is_told_and_the_next_glance_works(db: Database) -> None:
    def wrong(_: Connection) -> Any:
        raise KeyError("mine")

    with pytest.raises(KeyError):
        await db.glance(wrong)
    assert await db.glance(_users) == 0


async def test_a_database_that_is_away_is_unavailable(db: Database) -> None:
    def missing(connection: Connection) -> Any:
        return connection.execute(text("SELECT 1 FROM there_is_no_such_table")).all()

    if db.is_sqlite:
        with pytest.raises(Unavailable):
            await db.glance(missing)
    assert await db.glance(_users) == 0


async def test_who_stops_waiting_for_a_glance_harms_nobody(db: Database) -> None:
    tasks = [asyncio.create_task(db.glance(_users)) for _ in range(10)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert await db.glance(_users) == 0
