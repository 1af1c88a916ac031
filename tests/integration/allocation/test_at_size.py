"""What allocation asks of the database stays the same however many customers there are: few statements, by index."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import text

from crm_core.customers.allocation import change_queries, people_queries, queries, service, unfit_queries
from crm_core.customers.allocation.choosing import Choice
from crm_core.db.database import Database
from tests.integration.allocation.conftest import ZONE, Staff
from tests.integration.statements import counted


async def _pool(staff: Staff) -> int:
    with counted(staff.db) as seen:
        async with staff.db.read() as session:
            await queries.queue(session, staff.boss)
            await queries.waiting(session, Choice())
    return len(seen)


async def _fairness(staff: Staff) -> int:
    now = staff.db.clock.now()
    with counted(staff.db) as seen:
        async with staff.db.read() as session:
            people = [one.id for one in await people_queries.receivers(session, staff.boss)]
            since = now - timedelta(days=30)
            await change_queries.fairness(session, people, since=since, until=now, now=now, zone=ZONE)
    return len(seen)


async def _transfer(staff: Staff, count: int) -> int:
    ids = await staff.customers(count, owner=staff.agents[1])
    with counted(staff.db) as seen:
        async with staff.db.uow() as uow:
            await service.transfer(uow, ids, staff.agents[0].user_id, "moved", staff.manager, zone=ZONE)
    return len([one for one in seen if "classification_changes" not in one])


async def test_pages_and_transfers_ask_as_often_for_many_customers_and_people_as_for_few(staff: Staff) -> None:
    few = await _pool(staff), await _fairness(staff), await _transfer(staff, 1)
    await staff.customers(30)
    for number in range(10):
        await staff.agent(f"more{number}")
    many = await _pool(staff), await _fairness(staff), await _transfer(staff, 20)
    assert many == few


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # the other one chooses by statistics: see bench
async def test_the_pool_and_the_counts_of_open_customers_are_read_from_an_index(staff: Staff) -> None:
    with counted(staff.db) as seen:
        async with staff.db.read() as session:
            page = await queries.queue(session, staff.boss, limit=1)
            assert page.next is None
            await people_queries.open_customers(session, [one.user_id or 0 for one in staff.agents])
            await unfit_queries.page(session, staff.boss)
    plans = [await _plan(staff.db, one) for one in seen if "customers" in one]
    found = [re.findall(r"(?:SCAN|SEARCH) customers.*", plan) for plan in plans]
    assert "ix_customers_owner_id_id" in found[0][0] and "TEMP B-TREE" not in plans[0]
    assert "COVERING INDEX ix_customers_owner_id_retention_state" in found[1][0]
    assert "ix_unfit_customers_state_customer_id" in plans[2] and "SCAN customers" not in plans[2]


async def _plan(db: Database, statement: str) -> str:
    async with db.read() as session:
        connection = await session.connection()
        rows = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", ("1",) * statement.count("?"))
        return "\n".join(str(tuple(row)[-1]) for row in rows)


async def test_a_count_of_the_pool_ends_at_its_bound(staff: Staff, monkeypatch: pytest.MonkeyPatch) -> None:
    await staff.customers(4)
    monkeypatch.setattr(queries, "MOST_COUNTED", 3)
    async with staff.db.read() as session:
        assert await queries.waiting(session, Choice()) == 3
        assert (await session.execute(text("SELECT count(*) FROM customers"))).scalar_one() == 4
