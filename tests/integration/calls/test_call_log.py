"""The call log: filters, pages, reach and masks, in a constant number of statements."""

from __future__ import annotations

from datetime import timedelta

import pytest

from crm_core.audit import queries as audit
from crm_core.calls import queries, recording_queries, recordings
from crm_core.calls.facts import CallStatus, Direction
from crm_core.calls.queries import CallFilter
from crm_core.db.database import Database
from crm_core.kernel.errors import Denied, NotFound, Rejected
from crm_core.organization.access import SYSTEM, Action, Actor
from crm_core.organization.models import Role
from tests.factories import add_actor, add_call, add_centre, add_customer, add_department
from tests.integration.statements import counted


async def _ids(db: Database, actor: Actor, where: CallFilter | None = None) -> set[int]:
    async with db.read() as session:
        return {call.id for call in (await queries.calls(session, actor, where or CallFilter())).items}


async def test_the_log_is_newest_first_and_pages_never_overlap(db: Database) -> None:
    start = db.clock.now() - timedelta(hours=1)
    made = [await add_call(db, started_at=start + timedelta(seconds=n // 2)) for n in range(9)]
    seen: list[int] = []
    cursor = None
    async with db.read() as session:
        while True:
            page = await queries.calls(session, SYSTEM, CallFilter(), limit=2, cursor=cursor)
            seen += [call.id for call in page.items]
            cursor = page.next
            if cursor is None:
                break
    assert seen == [call.id for call in sorted(made, key=lambda c: (c.started_at, c.id), reverse=True)]


async def test_each_filter_cuts_the_log(db: Database) -> None:
    agent = await add_actor(db, extension="1001")
    other = await add_actor(db, extension="1002")
    customer = await add_customer(db)
    now = db.clock.now()
    one = await add_call(db, agent=agent, customer=customer, queue="sales", started_at=now - timedelta(hours=2))
    two = await add_call(
        db,
        agent=other,
        number="021-62345678",
        status=CallStatus.MISSED,
        direction=Direction.OUTBOUND,
        started_at=now - timedelta(hours=1),
    )
    hour = timedelta(hours=1)
    for where, expected in [
        (CallFilter(), {one.id, two.id}),
        (CallFilter(started_from=now - hour), {two.id}),
        (CallFilter(started_to=now - hour), {one.id}),
        (CallFilter(status=CallStatus.MISSED), {two.id}),
        (CallFilter(direction=Direction.INBOUND), {one.id}),
        (CallFilter(agent="1001"), {one.id}),
        (CallFilter(queue="sales"), {one.id}),
        (CallFilter(customer_id=customer.id), {one.id}),
        (CallFilter(number="+86 138 0013 8000"), {one.id}),
        (CallFilter(number="9999"), set()),
        (CallFilter(number="0013800"), {one.id}),
        (CallFilter(number="%"), set()),
    ]:
        assert await _ids(db, SYSTEM, where) == expected, where


async def test_the_number_of_statements_does_not_grow_with_the_rows(db: Database) -> None:
    agent = await add_actor(db, extension="1001")
    for n in range(3):
        await add_call(db, agent=agent, recording=f"{n}.wav")
    with counted(db) as few:
        await _ids(db, agent)
    for n in range(3, 30):
        await add_call(db, agent=agent, recording=f"{n}.wav")
    with counted(db) as many:
        assert len(await _ids(db, agent)) == 30
    assert len(many) == len(few) == 3


async def test_each_role_sees_its_reach_in_the_list_and_singly_alike(db: Database) -> None:
    centre = await add_centre(db)
    north, south = await add_department(db, sales_centre=centre), await add_department(db, sales_centre=centre)
    far = await add_department(db, sales_centre=await add_centre(db))
    mine = await add_actor(db, extension="1001", department=north)
    mate = await add_actor(db, extension="1002", department=north)
    near = await add_actor(db, extension="1003", department=south)
    away = await add_actor(db, extension="1004", department=far)
    calls = {name: await add_call(db, agent=agent) for name, agent in
             (("mine", mine), ("mate", mate), ("near", near), ("away", away))}  # fmt: skip
    calls["nobody"] = await add_call(db, status=CallStatus.ABANDONED)
    calls["elsewhere"] = await add_call(db, status=CallStatus.ABANDONED, pbx="other")
    expected = {
        mine: {"mine"},
        await add_actor(db, role=Role.SUPERVISOR, department=north): {"mine", "mate", "nobody"},
        await add_actor(db, role=Role.MANAGER, department=north): {"mine", "mate", "near", "nobody"},
        await add_actor(db, role=Role.ADMIN): set(calls),
    }
    for actor, names in expected.items():
        assert await _ids(db, actor) == {calls[name].id for name in names}, actor.role
        async with db.read() as session:
            for name, call in calls.items():
                if name in names:
                    assert (await queries.call(session, actor, call.id)).call.id == call.id
                else:
                    with pytest.raises(NotFound):
                        await queries.call(session, actor, call.id)


async def test_who_may_not_read_calls_is_told_so(db: Database) -> None:
    clerk = await add_actor(db, role=Role.DATA_CLERK)
    with pytest.raises(Denied):
        await _ids(db, clerk)


async def test_the_customers_number_is_masked_for_an_agent_whichever_side_called(db: Database) -> None:
    agent = await add_actor(db, extension="1001")
    inbound = await add_call(db, agent=agent, caller_name="13800138000")
    outbound = await add_call(
        db, agent=agent, direction=Direction.OUTBOUND, caller_number="1001", called_number="02162345678"
    )
    async with db.read() as session:
        seen = {call.id: call for call in (await queries.calls(session, agent, CallFilter())).items}
        full = {call.id: call for call in (await queries.calls(session, SYSTEM, CallFilter())).items}
    assert (seen[inbound.id].caller_number, seen[inbound.id].caller_name) == ("138****8000", "138****8000")
    assert (seen[inbound.id].called_number, seen[inbound.id].customer_number) == ("8001", "138****8000")
    assert (seen[outbound.id].caller_number, seen[outbound.id].called_number) == ("1001", "021****5678")
    assert full[inbound.id].caller_number == "13800138000"


@pytest.mark.parametrize("limit", [0, -1, 501])
async def test_a_page_has_a_bound(db: Database, limit: int) -> None:
    async with db.read() as session:
        with pytest.raises(Rejected):
            await queries.calls(session, SYSTEM, CallFilter(), limit=limit)


@pytest.mark.parametrize("cursor", ["", "x", "####", "é", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTox"])
async def test_a_cursor_of_ones_own_making_is_refused(db: Database, cursor: str) -> None:
    async with db.read() as session:
        with pytest.raises(Rejected):
            await queries.calls(session, SYSTEM, CallFilter(), cursor=cursor)


async def test_a_recording_follows_its_calls_reach_and_each_listening_is_on_record(db: Database) -> None:
    agent = await add_actor(db, extension="1001")
    stranger = await add_actor(db, extension="1002")
    call = await add_call(db, agent=agent, recording="a.wav")
    async with db.read() as session:
        ((recording,),) = (await queries.recordings_of(session, [call.id])).values()
        assert await recording_queries.peaks(session, agent, recording.id) is None
        assert await recording_queries.known_files(session, "main", ["a.wav", "b.wav"]) == {"a.wav"}
        assert [one.id for one in await recording_queries.in_order(session, "main")] == [recording.id]
    async with db.uow() as uow:
        assert (await recordings.open_recording(uow, recording.id, by=agent)).file == "a.wav"
        with pytest.raises(NotFound):
            await recordings.open_recording(uow, recording.id, by=stranger)
    async with db.read() as session:
        (line,) = await audit.page(session, action="recording.play")
        assert (line.actor_id, line.object_id) == (agent.user_id, recording.id)


async def test_only_calls_within_the_right_asked_for_can_be_explained(db: Database) -> None:
    agent = await add_actor(db, extension="1001")
    call = await add_call(db, agent=agent)
    async with db.read() as session:
        with pytest.raises(Denied):
            await queries.call(session, agent, call.id, Action.CALL_EXPLAIN)
