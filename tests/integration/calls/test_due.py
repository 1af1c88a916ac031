"""Contacts that were promised: whose they are, until when they are listed, and what keeps a promise."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from crm_core.calls import due_queries
from crm_core.calls.due_queries import LONGEST_OVERDUE, DueContact
from crm_core.calls.facts import CallStatus
from crm_core.db.database import Database
from crm_core.organization.access import Actor
from tests.factories import add_actor, add_call, add_customer


async def _due(db: Database, actor: Actor, until: datetime | None = None) -> list[DueContact]:
    now = db.clock.now()
    async with db.read() as session:
        found = await due_queries.due(session, actor, now=now, until=until or now + timedelta(hours=8))
    return list(found)


async def test_an_agent_sees_his_own_promises_that_are_due_the_oldest_first(db: Database) -> None:
    agent, other = await add_actor(db, extension="1001"), await add_actor(db, extension="1002")
    now = db.clock.now()
    for number, (who, hours) in enumerate([(agent, 2), (agent, -30), (agent, 9), (other, 1)]):
        await add_call(
            db,
            agent=who,
            number=f"1380013800{number}",
            started_at=now - timedelta(days=3),
            next_at=now + timedelta(hours=hours),
        )
    found = await _due(db, agent)
    assert [one.due_at - now for one in found] == [timedelta(hours=-30), timedelta(hours=2)]
    assert [one.call.customer_number for one in found] == ["138****8001", "138****8000"]


async def test_a_talk_since_then_keeps_the_promise_and_a_try_does_not(db: Database) -> None:
    agent, colleague = await add_actor(db, extension="1001"), await add_actor(db, extension="1002")
    now = db.clock.now()
    customer = await add_customer(db, phones=["13800138000", "13900139000"], owner=agent)
    promised: dict[str, Any] = {"started_at": now - timedelta(days=2), "next_at": now + timedelta(hours=1)}
    await add_call(db, agent=agent, customer=customer, **promised)
    await add_call(db, agent=agent, number="13700137000", **promised)
    later = now - timedelta(hours=3)
    await add_call(db, agent=agent, number="13700137000", status=CallStatus.MISSED, started_at=later)
    assert len(await _due(db, agent)) == 2
    # By another number of the same customer, and with a colleague.
    await add_call(db, agent=colleague, customer=customer, number="13900139000", started_at=later)
    assert [one.call.customer for one in await _due(db, agent)] == [None]
    await add_call(db, agent=agent, number="13700137000", started_at=later + timedelta(hours=1))
    assert await _due(db, agent) == []


async def test_only_a_card_within_reach_is_opened(db: Database) -> None:
    agent = await add_actor(db, extension="1001")
    now = db.clock.now()
    promised: dict[str, Any] = {"started_at": now - timedelta(days=2), "next_at": now}
    mine = await add_customer(db, "张桂兰", phones=["13800138000"], owner=agent)
    theirs = await add_customer(db, "李建华", phones=["13900139000"])
    await add_call(db, agent=agent, customer=mine, **promised)
    await add_call(db, agent=agent, customer=theirs, number="13900139000", **promised)
    found = await _due(db, agent)
    assert {one.call.customer.name: one.open_card for one in found if one.call.customer} == {
        "张桂兰": True,
        "李建华": False,
    }


async def test_what_nobody_kept_for_very_long_is_let_go(db: Database) -> None:
    agent = await add_actor(db, extension="1001")
    now = db.clock.now()
    old = now - LONGEST_OVERDUE - timedelta(minutes=1)
    await add_call(db, agent=agent, started_at=old - timedelta(days=1), next_at=old)
    assert await _due(db, agent) == []


async def test_the_list_is_read_along_its_index(db: Database) -> None:
    read = "SELECT id FROM calls WHERE owner_id = 1 AND next_at >= '2026-01-01' AND next_at < '2026-02-01'"
    async with db.uow() as uow:
        if db.is_sqlite:
            rows = await uow.session.execute(text("EXPLAIN QUERY PLAN " + read))
        else:
            await uow.session.execute(text("SET LOCAL enable_seqscan = off"))
            rows = await uow.session.execute(text("EXPLAIN " + read))
        assert "ix_calls_due" in " ".join(str(row) for row in rows)
