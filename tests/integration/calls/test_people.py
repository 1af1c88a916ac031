"""What people do to calls: notes, progress, claims, whose call it was, and what survives a merge."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from crm_core.audit import queries as audit
from crm_core.calls import journal, missed_queries, queries, recorder_queries, service
from crm_core.calls.facts import CallStatus
from crm_core.calls.merging import merge_calls
from crm_core.calls.models import Call, NumberChoice
from crm_core.calls.rules import pack_events, raw_packets
from crm_core.calls.writing import store_calls
from crm_core.db.database import Database
from crm_core.db.outbox import OutboxRow
from crm_core.kernel.errors import Conflict, CrmError, Denied, NotFound, Rejected
from crm_core.organization.access import SYSTEM, Actor
from crm_core.organization.models import Role
from tests.factories import add_actor, add_call, add_customer, add_department, call_facts, leg_facts


async def _all(db: Database, what: Any) -> list[Any]:
    async with db.read() as session:
        return list(await session.scalars(select(what)))


async def test_every_step_of_progress_is_kept(db: Database) -> None:
    agent = await add_actor(db, extension="1001")
    call = await add_call(db, agent=agent)
    for progress in (15, 75, 75, None):
        async with db.uow() as uow:
            await service.set_progress(uow, call.id, progress, by=agent)
    async with db.read() as session:
        lines = await audit.page(session, action="call.progress")
        assert [(line.detail["old"], line.detail["new"]) for line in reversed(lines)] == [
            (None, 15),
            (15, 75),
            (75, None),
        ]
    told = [row.payload["progress"] for row in await _all(db, OutboxRow) if row.type == "calls.progressed"]
    assert sorted(told, key=str) == [15, 75, None]


async def test_a_write_up_is_stored_with_one_click(db: Database) -> None:
    agent = await add_actor(db, extension="1001")
    call = await add_call(db, agent=agent)
    tomorrow = db.clock.now() + timedelta(days=1)
    async with db.uow() as uow:
        await service.write_up(uow, call.id, by=agent, note=" Wants\x00 two ", progress=50, next_at=tomorrow)
        await service.set_disposition(uow, call.id, "follow_up", by=agent)
    async with db.read() as session:
        detail = await queries.call(session, agent, call.id)
    assert [(note.author, note.text) for note in detail.notes] == [(agent.name, "Wants two")]
    assert (detail.call.progress, detail.call.disposition, detail.call.next_at) == (50, "follow_up", tomorrow)


async def test_wrong_input_is_refused(db: Database) -> None:
    agent = await add_actor(db, extension="1001")
    call = await add_call(db, agent=agent)
    async with db.uow() as uow:
        for wrong in ({"progress": 20}, {"disposition": "x" * 41}, {"next_at": db.clock.now().replace(tzinfo=None)}):
            with pytest.raises(Rejected):
                await service.write_up(uow, call.id, by=agent, **wrong)
        with pytest.raises(Rejected):
            await service.add_note(uow, call.id, " \n", by=agent)


async def test_nobody_writes_on_calls_out_of_reach(db: Database) -> None:
    call = await add_call(db, agent=await add_actor(db, extension="1001"))
    stranger = await add_actor(db, extension="1002")
    async with db.uow() as uow:
        with pytest.raises(NotFound):
            await service.add_note(uow, call.id, "x", by=stranger)
        with pytest.raises(NotFound):
            await service.set_progress(uow, call.id, 15, by=stranger)


async def _missed(db: Database, agent: Actor, **fields: Any) -> Call:
    return await add_call(db, agent=agent, status=CallStatus.MISSED, **fields)


async def test_missed_calls_are_one_line_a_caller(db: Database) -> None:
    agent = await add_actor(db, extension="1001", department=await add_department(db))
    now = db.clock.now()
    await _missed(db, agent, started_at=now - timedelta(hours=3))
    last = await _missed(db, agent, started_at=now - timedelta(hours=1))
    other = await _missed(db, agent, number="13900139000", started_at=now - timedelta(hours=2))
    await add_call(db, agent=agent, number="13700137000")
    await add_call(db, status=CallStatus.MISSED, number="13600136000", customer_number=None, customer_e164=None)
    async with db.read() as session:
        since = now - timedelta(days=7)
        page = await missed_queries.to_return(session, agent, since=since)
        assert [(one.call.id, one.attempts) for one in page.items] == [(last.id, 2), (other.id, 1)]
        assert page.items[0].first_at == now - timedelta(hours=3)
        assert await missed_queries.count_to_return(session, agent, since=since) == 2
        assert not (await missed_queries.to_return(session, agent, since=now)).items
        first = await missed_queries.to_return(session, agent, since=since, limit=1)
        rest = await missed_queries.to_return(session, agent, since=since, limit=1, cursor=first.next)
        assert ([one.call.id for one in rest.items], rest.next) == ([other.id], None)


async def test_of_two_who_claim_at_once_one_wins_and_the_other_hears_who(db: Database) -> None:
    department = await add_department(db)
    one = await add_actor(db, "one", extension="1001", department=department)
    two = await add_actor(db, "two", extension="1002", department=department)
    calls = [await _missed(db, one), await _missed(db, one)]

    async def claim(actor: Actor, call: Call) -> str:
        try:
            async with db.uow() as uow:
                await service.claim(uow, call.id, by=actor)
        except Conflict as conflict:
            assert conflict.code == "already_claimed"
            return f"{actor.name} lost to {conflict.extra['by']}"
        return f"{actor.name} won"

    # Each tries another call of the same caller: it is the caller who must not be called back twice.
    heard = await asyncio.gather(claim(one, calls[0]), claim(two, calls[1]))
    assert set(heard) in ({"one won", "two lost to one"}, {"two won", "one lost to two"})
    winner = one if "one won" in heard else two
    assert {call.claimed_by_id for call in await _all(db, Call)} == {winner.user_id}
    assert await claim(winner, calls[0]) == f"{winner.name} won"


async def test_a_claim_makes_the_call_ones_own_and_can_be_given_back(db: Database) -> None:
    department = await add_department(db)
    one = await add_actor(db, extension="1001", department=department)
    two = await add_actor(db, extension="1002", department=department)
    lead = await add_actor(db, role=Role.SUPERVISOR, department=department)
    call = await _missed(db, one)
    async with db.uow() as uow:
        await service.claim(uow, call.id, by=two)
    async with db.read() as session:
        seen = (await queries.call(session, two, call.id)).call
        assert seen.claimed_by is not None and seen.claimed_by.id == two.user_id
    async with db.uow() as uow:
        with pytest.raises(Denied):
            await service.release(uow, call.id, by=one)
        await service.release(uow, call.id, by=lead)
        await service.claim(uow, call.id, by=one)
        await service.mark_returned(uow, call.id, by=one)
        with pytest.raises(Conflict):
            await service.claim(uow, call.id, by=one)


async def test_saying_whose_call_it_was_teaches_the_next_pop(db: Database) -> None:
    agent = await add_actor(db, extension="1001")
    call = await add_call(db, agent=agent)
    match = await add_customer(db, phones=["13800138000"])
    mine = await add_customer(db, owner=agent)
    foreign = await add_customer(db, phones=["13900139000"])
    async with db.uow() as uow:
        await service.link_customer(uow, call.id, match.id, by=agent)
        await service.link_customer(uow, call.id, match.id, by=agent)
        await service.link_customer(uow, call.id, mine.id, by=agent)
        with pytest.raises(NotFound):
            await service.link_customer(uow, call.id, foreign.id, by=agent)
    assert {(c.customer_id, c.times) for c in await _all(db, NumberChoice)} == {(match.id, 2), (mine.id, 1)}
    assert (await _all(db, Call))[0].customer_id == mine.id


async def test_a_merge_moves_everything_and_the_old_id_still_leads_there(db: Database) -> None:
    agent = await add_actor(db, extension="1001")
    gone = await add_call(db, agent=agent, recording="a.wav")
    kept = await add_call(db, agent=agent)
    async with db.uow() as uow:
        await service.write_up(uow, gone.id, by=agent, note="Before", progress=75)
        chunk = journal.EventChunk(gone.id, db.clock.now(), pack_events([b"Event: Hangup"]))
        await journal.store_events(uow, [chunk])
    async with db.uow() as uow:
        await merge_calls(uow, gone.id, kept.id)
        await merge_calls(uow, gone.id, kept.id)
    async with db.uow() as uow:
        await service.add_note(uow, gone.id, "After", by=agent)
    async with db.read() as session:
        detail = await queries.call(session, agent, gone.id)
        assert detail.call.id == kept.id
        assert detail.call.progress == 75
        assert [note.text for note in detail.notes] == ["Before", "After"]
        assert [leg.extension for leg in detail.call.legs] == ["1001", "1001"]
        assert [recording.file for recording in detail.call.recordings] == ["a.wav"]
        assert [raw_packets(one) for one in await queries.events(session, gone.id)] == [[b"Event: Hangup"]]
    assert [call.id for call in await _all(db, Call)] == [kept.id]


async def test_merging_into_a_call_that_is_not_stored_yet_keeps_what_was_entered(db: Database) -> None:
    agent = await add_actor(db, extension="1001")
    gone, into = await add_call(db, agent=agent), call_facts(leg_facts("1001"))
    async with db.uow() as uow:
        await service.write_up(uow, gone.id, by=agent, note="Kept", progress=15)
        await merge_calls(uow, gone.id, into.id)
        await store_calls(uow, [into])
    async with db.read() as session:
        detail = await queries.call(session, SYSTEM, into.id)
    assert (detail.call.progress, [note.text for note in detail.notes]) == (15, ["Kept"])
    async with db.uow() as uow:
        await merge_calls(uow, 1, 2)


async def test_chains_of_merges_lead_to_the_last(db: Database) -> None:
    calls = [await add_call(db) for _ in range(3)]
    async with db.uow() as uow:
        await merge_calls(uow, calls[0].id, calls[1].id)
        await merge_calls(uow, calls[1].id, calls[2].id)
    async with db.read() as session:
        assert (await queries.call(session, SYSTEM, calls[0].id)).call.id == calls[2].id


async def test_the_journal_keeps_its_place_and_expires(db: Database) -> None:
    call = await add_call(db)
    now = db.clock.now()
    async with db.uow() as uow:
        for days in (40, 20, 0):
            at = now - timedelta(days=days)
            await journal.store_events(uow, [journal.EventChunk(call.id, at, pack_events([b"Event: Newchannel"]))])
        await journal.put_position(uow, "main", "0001", 17)
        await journal.put_position(uow, "main", "0002", 4)
    async with db.uow() as uow:
        assert await journal.expire_events(uow, now - timedelta(days=30)) == 1
        assert await journal.expire_events(uow, now - timedelta(days=30)) == 0
    async with db.read() as session:
        position = await recorder_queries.journal_position(session, "main")
        assert position is not None and (position.segment, position.offset) == ("0002", 4)
        assert len(await queries.events(session, call.id)) == 2


async def test_a_refusal_is_always_an_error_of_the_domain(db: Database) -> None:
    async with db.uow() as uow:
        with pytest.raises(CrmError):
            await service.claim(uow, 1, by=SYSTEM)
