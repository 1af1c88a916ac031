"""Talk time, the board's numbers and the agents' working time."""

from __future__ import annotations

import statistics
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from crm_core.calls import report_queries as reports
from crm_core.calls.agent_time import AgentChange, end_all_spans, store_agent_changes
from crm_core.calls.facts import CallStatus, Direction, LegOutcome
from crm_core.calls.models import AgentSpan, AgentStatus
from crm_core.calls.writing import store_calls
from crm_core.db.database import Database
from crm_core.kernel.errors import Denied, Rejected
from crm_core.organization.access import SYSTEM
from crm_core.organization.models import Role
from tests.factories import add_actor, add_call, add_department, call_facts, leg_facts
from tests.integration.statements import counted

SHANGHAI = ZoneInfo("Asia/Shanghai")
T = 1795226400.0  # 2026-11-21 10:00 in Shanghai


async def _talk(db: Database, *talks: tuple[str, float, float]) -> None:
    facts = [
        call_facts(leg_facts(extension, talk_seconds=seconds), started_at=at, talk_seconds=seconds)
        for extension, at, seconds in talks
    ]
    async with db.uow() as uow:
        await store_calls(uow, facts)


async def test_talk_time_by_agent_and_business_day(db: Database) -> None:
    await add_actor(db, "a", extension="1001")
    await add_actor(db, "b", extension="1002")
    seconds = [100.0, 200.0, 220.0, 230.0, 500.0]
    late = T + 13 * 3600 + 3599  # 23:59:59 in Shanghai
    await _talk(
        db, *(("1001", T + n, s) for n, s in enumerate(seconds)), ("1001", late, 60.0), ("1001", late + 1, 61.0)
    )
    await _talk(db, ("1002", T, 225.0), ("1009", T, 225.0))
    async with db.read() as session:
        with counted(db) as statements:
            rows = await reports.talk_time(
                session, SYSTEM, first=date(2026, 11, 21), last=date(2026, 11, 22), zone=SHANGHAI
            )
    assert len(statements) == 1
    assert [(row.name, row.day.day, row.calls) for row in rows] == [("a", 21, 6), ("a", 22, 1), ("b", 21, 1)]
    first = rows[0]
    day = [*seconds, 60.0]
    assert first.total == pytest.approx(sum(day))
    assert first.average == pytest.approx(statistics.fmean(day))
    assert first.median == pytest.approx(statistics.median(day))
    assert (first.shortest, first.longest) == (60.0, 500.0)
    assert (first.within_normal, first.outliers, first.band) == (2, 3, "normal")
    assert (rows[1].median, rows[1].band) == (61.0, "short")


async def test_internal_and_missed_calls_are_no_talk_with_customers(db: Database) -> None:
    await add_actor(db, "a", extension="1001")
    ring = leg_facts("1001", answered_at=None, outcome=LegOutcome.NO_ANSWER)
    async with db.uow() as uow:
        await store_calls(
            uow,
            [
                call_facts(leg_facts("1001"), direction=Direction.INTERNAL, caller_number="1002"),
                call_facts(ring, status=CallStatus.MISSED, agents=(), answered_at=None),
                call_facts(direction=Direction.OUTBOUND, caller_number="1001", agents=("1001",), talk_seconds=42.0),
            ],
        )
    async with db.read() as session:
        day = date(2026, 11, 21)
        rows = await reports.talk_time(session, SYSTEM, first=day, last=day, zone=SHANGHAI)
    assert [(row.calls, row.total) for row in rows] == [(1, 42.0)]


async def test_a_report_reaches_no_further_than_the_right(db: Database) -> None:
    north, south = await add_department(db), await add_department(db)
    await add_actor(db, "a", extension="1001", department=north)
    await add_actor(db, "b", extension="1002", department=south)
    await _talk(db, ("1001", T, 225.0), ("1002", T, 225.0))
    lead = await add_actor(db, role=Role.SUPERVISOR, department=north)
    agent = await add_actor(db)
    day = date(2026, 11, 21)
    async with db.read() as session:
        rows = await reports.talk_time(session, lead, first=day, last=day, zone=SHANGHAI)
        assert [row.name for row in rows] == ["a"]
        with pytest.raises(Denied):
            await reports.talk_time(session, agent, first=day, last=day, zone=SHANGHAI)
        for first, last in ((day, day - timedelta(days=1)), (day, day + timedelta(days=92))):
            with pytest.raises(Rejected):
                await reports.talk_time(session, lead, first=first, last=last, zone=SHANGHAI)


async def test_the_boards_numbers_of_today(db: Database) -> None:
    agent = await add_actor(db, "a", extension="1001")
    start = db.clock.now() - timedelta(hours=2)
    await add_call(db, agent=agent, started_at=start, wait_seconds=20.0, talk_seconds=100.0)
    await add_call(db, agent=agent, started_at=start, wait_seconds=30.0, talk_seconds=200.0)
    await add_call(db, agent=agent, started_at=start, status=CallStatus.MISSED)
    await add_call(db, started_at=start, status=CallStatus.ABANDONED, number="13900139000")
    await add_call(db, started_at=start, status=CallStatus.SELF_SERVED)
    await add_call(db, agent=agent, started_at=start, direction=Direction.OUTBOUND)
    await add_call(db, agent=agent, started_at=start - timedelta(days=1))
    async with db.read() as session:
        board = await reports.board(session, SYSTEM, since=start)
        (mine,) = await reports.agents_today(session, SYSTEM, since=start)
        empty = await reports.board(session, SYSTEM, since=db.clock.now())
    assert (board.offered, board.answered, board.abandoned, board.missed, board.outbound) == (4, 2, 1, 1, 1)
    assert (board.answered_rate, board.service_level) == (0.5, 0.25)
    assert (board.average_wait, board.average_talk, board.to_return) == (25.0, 150.0, 2)
    assert (mine.calls, mine.talk_seconds, mine.not_taken) == (3, 350.0, 1)
    assert mine.average_talk == pytest.approx(350 / 3)
    assert (empty.offered, empty.answered_rate, empty.average_wait, empty.to_return) == (0, None, None, 0)


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(T + seconds, UTC)


async def _spans(db: Database, user_id: int | None) -> list[tuple[str, float, float | None]]:
    async with db.read() as session:
        rows = await session.scalars(
            select(AgentSpan).where(AgentSpan.user_id == user_id).order_by(AgentSpan.started_at, AgentSpan.id)
        )
        return [
            (s.status, s.started_at.timestamp() - T, s.ended_at.timestamp() - T if s.ended_at else None) for s in rows
        ]


async def test_an_agents_day_is_a_chain_without_holes(db: Database) -> None:
    agent, mate = (await add_actor(db)).user_id, (await add_actor(db)).user_id
    assert agent is not None and mate is not None
    ready, talking, paused = AgentStatus.AVAILABLE, AgentStatus.TALKING, AgentStatus.PAUSED
    with counted(db) as statements:
        async with db.uow() as uow:
            await store_agent_changes(
                uow,
                [
                    AgentChange(agent, ready, None, _at(0)),
                    AgentChange(mate, ready, None, _at(1)),
                    AgentChange(agent, talking, None, _at(5)),
                    AgentChange(agent, talking, None, _at(6)),
                    AgentChange(agent, ready, None, _at(9)),
                ],
            )
    assert len(statements) <= 3
    async with db.uow() as uow:
        await store_agent_changes(
            uow, [AgentChange(agent, paused, "lunch", _at(20)), AgentChange(agent, paused, "meeting", _at(30))]
        )
        await end_all_spans(uow, [mate], _at(40))
    assert await _spans(db, agent) == [
        ("available", 0, 5),
        ("talking", 5, 9),
        ("available", 9, 20),
        ("paused", 20, 30),
        ("paused", 30, None),
    ]
    assert await _spans(db, mate) == [("available", 1, 40)]


async def test_a_clock_that_was_set_back_leaves_no_negative_span(db: Database) -> None:
    agent = (await add_actor(db)).user_id
    assert agent is not None
    for status, at in ((AgentStatus.AVAILABLE, 100), (AgentStatus.TALKING, 50), (AgentStatus.AVAILABLE, 120)):
        async with db.uow() as uow:
            await store_agent_changes(uow, [AgentChange(agent, status, None, _at(at))])
    assert await _spans(db, agent) == [("available", 100, 100), ("talking", 100, 120), ("available", 120, None)]
