"""Storing what the tracker knows: complete, repeatable, in few statements, and never over what people entered."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select, update

from crm_core.calls import queries, recorder_queries, service
from crm_core.calls.facts import (
    AgentTalk,
    CallFacts,
    CallState,
    CallStatus,
    Certainty,
    Direction,
    HoldSpan,
    LegOutcome,
    QueueVisit,
    RecordingFacts,
    Transfer,
)
from crm_core.calls.models import Call, CallParty, Leg, Recording, RecordingState
from crm_core.calls.writing import store_calls
from crm_core.db.database import Database
from crm_core.db.outbox import OutboxRow
from crm_core.kernel.ids import new_id
from crm_core.organization.access import SYSTEM
from tests.factories import add_actor, add_customer, add_department, call_facts, leg_facts
from tests.integration.statements import counted

T = 1795226400.0


async def _store(db: Database, *facts: CallFacts) -> None:
    async with db.uow() as uow:
        await store_calls(uow, facts, area_code="021")


async def _all(db: Database, what: Any) -> list[Any]:
    async with db.read() as session:
        return list(await session.scalars(select(what)))


async def _events(db: Database, kind: str) -> list[dict[str, Any]]:
    return [row.payload for row in await _all(db, OutboxRow) if row.type == kind]


async def test_a_whole_call_is_stored_as_it_was(db: Database) -> None:
    department = await add_department(db)
    agent = await add_actor(db, extension="1002", department=department)
    facts = call_facts(
        leg_facts("1001", answered_at=None, outcome=LegOutcome.NO_ANSWER, queue="sales"),
        leg_facts("1002", transferred_from="1001"),
        caller_name="张三",
        queue="sales",
        hold_seconds=2.5,
        transferred=Transfer.BLIND,
        queues=(QueueVisit("sales", T, T + 10, "answered"),),
        holds=(HoldSpan("hold", T + 20, T + 22.5, "1002"),),
        recordings=(
            RecordingFacts(new_id(), "/var/spool/asterisk/monitor/a.wav", T + 10, T + 60, ((T + 20, T + 22),)),
        ),
        certainty=Certainty.GAP,
    )
    await _store(db, facts)
    async with db.read() as session:
        detail = await queries.call(session, SYSTEM, facts.id)
    call = detail.call
    assert call.status is CallStatus.ANSWERED
    assert call.started_at == datetime.fromtimestamp(T, UTC)
    assert (call.wait_seconds, call.talk_seconds, call.hold_seconds) == (10.0, 50.0, 2.5)
    assert call.agents == ("1002",)
    assert call.owner is not None and call.owner.id == agent.user_id
    assert call.transferred is Transfer.BLIND
    assert call.certainty is Certainty.GAP
    assert [(leg.extension, leg.outcome, leg.queue, leg.transferred_from) for leg in call.legs] == [
        ("1001", LegOutcome.NO_ANSWER, "sales", None),
        ("1002", LegOutcome.ANSWERED, None, "1001"),
    ]
    (recording,) = call.recordings
    assert (recording.file, recording.state) == ("a.wav", RecordingState.PENDING)
    assert recording.pauses == ((T + 20, T + 22),)
    assert detail.queues == ({"queue": "sales", "joined_at": T, "left_at": T + 10, "outcome": "answered"},)
    assert detail.holds == ({"kind": "hold", "started_at": T + 20, "ended_at": T + 22.5, "by": "1002"},)


async def test_the_latest_facts_win_and_storing_again_changes_nothing(db: Database) -> None:
    live = call_facts(leg_facts("1001", ended_at=None), state=CallState.TALKING, status=None, ended_at=None)
    ended = replace(live, state=CallState.ENDED, status=CallStatus.ANSWERED, ended_at=T + 60)
    await _store(db, live)
    await _store(db, live, ended)
    await _store(db, ended)
    (call,) = await _all(db, Call)
    assert (call.state, call.status) == (CallState.ENDED, CallStatus.ANSWERED)
    assert len(await _all(db, Leg)) == 1
    assert len(await _events(db, "calls.ended")) == 1


async def test_what_people_entered_is_never_touched(db: Database) -> None:
    agent = await add_actor(db, extension="1001")
    customer = await add_customer(db, phones=["13900139000"], owner=agent)
    facts = call_facts(leg_facts("1001"), state=CallState.TALKING, status=None, ended_at=None)
    await _store(db, facts)
    async with db.uow() as uow:
        await service.write_up(
            uow, facts.id, by=agent, note="Promised", progress=50, disposition="sale", next_at=db.clock.now()
        )
        await service.link_customer(uow, facts.id, customer.id, by=agent)
    await _store(db, replace(facts, state=CallState.ENDED, status=CallStatus.ANSWERED, ended_at=T + 60))
    async with db.read() as session:
        detail = await queries.call(session, SYSTEM, facts.id)
    assert (detail.call.progress, detail.call.disposition, detail.call.next_at) == (50, "sale", db.clock.now())
    assert detail.call.customer is not None and detail.call.customer.id == customer.id
    assert [note.text for note in detail.notes] == ["Promised"]


async def test_the_customer_is_linked_when_the_number_leaves_no_doubt(db: Database) -> None:
    one = await add_customer(db, "张三", phones=["021-62345678"])
    await add_customer(db, "李四", phones=["13900139000"])
    await add_customer(db, "李五", phones=["13900139000"])
    sure = call_facts(customer_number="62345678")
    doubt = call_facts(customer_number="13900139000")
    hidden = call_facts(customer_number=None, caller_number="anonymous")
    await _store(db, sure, doubt, hidden)
    calls = {call.id: call for call in await _all(db, Call)}
    assert (calls[sure.id].customer_id, calls[sure.id].customer_e164) == (one.id, "+862162345678")
    assert (calls[doubt.id].customer_id, calls[doubt.id].customer_e164) == (None, "+8613900139000")
    assert (calls[hidden.id].customer_id, calls[hidden.id].customer_e164) == (None, None)


async def test_a_ring_that_later_events_explain_away_does_not_stay(db: Database) -> None:
    first, second = leg_facts("1001"), leg_facts("1002")
    facts = call_facts(first, second)
    await _store(db, facts)
    await _store(db, replace(facts, legs=(first,)))
    assert [leg.extension for leg in await _all(db, Leg)] == ["1001"]


async def test_what_was_found_of_a_recording_stands(db: Database) -> None:
    recording = RecordingFacts(new_id(), "b.wav", T, None)
    facts = call_facts(recordings=(recording,))
    await _store(db, facts)
    assert (await _all(db, Recording))[0].state is RecordingState.RECORDING
    stopped = replace(facts, recordings=(replace(recording, stopped_at=T + 9),))
    await _store(db, stopped)
    assert (await _all(db, Recording))[0].state is RecordingState.PENDING
    async with db.uow() as uow:
        await uow.session.execute(update(Recording).values(state=RecordingState.READY, seconds=9.0))
    await _store(db, stopped)
    (stored,) = await _all(db, Recording)
    assert (stored.state, stored.seconds) == (RecordingState.READY, 9.0)


async def test_ended_and_missed_calls_are_told_once(db: Database) -> None:
    missed = call_facts(status=CallStatus.ABANDONED, queue="sales")
    outbound = call_facts(direction=Direction.OUTBOUND, status=CallStatus.MISSED, caller_number="1001")
    await _store(db, missed, outbound)
    await _store(db, missed, outbound)
    assert {event["call_id"] for event in await _events(db, "calls.ended")} == {missed.id, outbound.id}
    (event,) = await _events(db, "calls.missed")
    assert (event["call_id"], event["status"], event["queue"]) == (missed.id, "abandoned", "sales")


async def test_whoever_was_reached_need_not_be_called_back(db: Database) -> None:
    missed = call_facts(status=CallStatus.MISSED, started_at=T - 600, ended_at=T - 590)
    other = call_facts(status=CallStatus.MISSED, started_at=T - 600, ended_at=T - 590, customer_number="13900139000")
    await _store(db, missed, other)
    await _store(db, call_facts(direction=Direction.OUTBOUND, caller_number="1001", status=CallStatus.MISSED))
    calls = {call.id: call for call in await _all(db, Call)}
    assert calls[missed.id].returned_at is None
    await _store(db, call_facts(direction=Direction.OUTBOUND, caller_number="1001", agents=("1001",)))
    calls = {call.id: call for call in await _all(db, Call)}
    assert calls[missed.id].returned_at == datetime.fromtimestamp(T + 10, UTC)
    assert calls[other.id].returned_at is None


async def test_each_agents_talk_is_kept(db: Database) -> None:
    agent = await add_actor(db, extension="1002")
    facts = call_facts(
        leg_facts("1001"),
        leg_facts("1002"),
        spoke=(AgentTalk("1001", T + 10, 20.0), AgentTalk("1002", T + 30, 30.0)),
    )
    await _store(db, facts)
    parties = {party.extension: party for party in await _all(db, CallParty)}
    assert (parties["1001"].talk_seconds, parties["1001"].user_id) == (20.0, None)
    assert (parties["1002"].talk_seconds, parties["1002"].user_id) == (30.0, agent.user_id)


async def test_whatever_a_line_sends_can_be_stored(db: Database) -> None:
    nasty = "<script>\0" + "\udcff" + "😀" * 300
    facts = call_facts(
        leg_facts("9" * 60, channel="C" * 400),
        caller_name=nasty,
        caller_number=nasty,
        called_number="8" * 300,
        customer_number=nasty,
        queue=nasty,
    )
    await _store(db, facts)
    (call,) = await _all(db, Call)
    assert call.caller_name is not None and call.caller_name.startswith("<script>") and "\0" not in call.caller_name


async def test_a_batch_takes_few_statements_and_none_that_would_hold_up_the_loop(db: Database) -> None:
    """The reads are the same for any size; rows are written two dozen at a time."""

    def batch(size: int) -> list[CallFacts]:
        return [
            call_facts(
                leg_facts("1001"),
                leg_facts("1002"),
                customer_number=f"138{new_id() % 10**8:08d}",
                recordings=(RecordingFacts(new_id(), "x.wav", T, T + 1),),
            )
            for _ in range(size)
        ]

    with counted(db) as few:
        await _store(db, *batch(1))
    with counted(db) as many:
        await _store(db, *batch(100))
    written = {Call: 100, Leg: 200, CallParty: 200, Recording: 100}
    assert len(many) - len(few) == sum(-(-rows // 24) - 1 for rows in written.values())
    assert len(await _all(db, Call)) == 101


async def test_more_calls_than_a_statement_holds_are_stored_in_parts(db: Database) -> None:
    await _store(db, *(call_facts(customer_number=None) for _ in range(1100)))
    assert len(await _all(db, Call)) == 1100


async def test_a_restart_finds_the_calls_that_have_no_end(db: Database) -> None:
    live = call_facts(state=CallState.TALKING, status=None, ended_at=None)
    await _store(db, live, call_facts())
    async with db.read() as session:
        rows = await recorder_queries.open_calls(session, "main")
        assert [(row.id, row.uniqueid) for row in rows] == [(live.id, live.uniqueid)]
        assert not await recorder_queries.open_calls(session, "other")


async def test_calls_of_an_agent_without_legs_are_his(db: Database) -> None:
    agent = await add_actor(db, extension="1001")
    facts = call_facts(direction=Direction.OUTBOUND, caller_number="1001", called_number="13800138000")
    await _store(db, facts)
    async with db.read() as session:
        page = await queries.calls(session, agent, queries.CallFilter())
    assert [call.id for call in page.items] == [facts.id]
    assert page.items[0].started_at + timedelta(seconds=60) == page.items[0].ended_at
