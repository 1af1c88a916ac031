"""Transfers: who may, how many fit, what stays on record."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from crm_core.customers import service as customers
from crm_core.customers.allocation import change_queries, service
from crm_core.customers.allocation.change_queries import ChangeFilter
from crm_core.customers.allocation.choosing import Where
from crm_core.customers.allocation.jobs import HANDLERS
from crm_core.customers.allocation.kinds import NoticeState, ReclaimRule, Verdict
from crm_core.customers.allocation.models import ReclaimNotice
from crm_core.customers.classification.models import ClassificationChange
from crm_core.customers.kinds import OwnerChangeKind, RecordState
from crm_core.customers.models import Customer
from crm_core.db.database import Database
from crm_core.jobs import queries as job_queries
from crm_core.jobs import runner
from crm_core.jobs.models import Job, JobState
from crm_core.kernel.errors import Conflict, CrmError, Denied, NotFound, Rejected
from crm_core.kernel.ids import new_id
from crm_core.organization.access import Actor
from crm_core.organization.models import Role
from tests.factories import add_actor, add_customer, add_department
from tests.integration.allocation.conftest import ZONE, Staff


async def _transfer(staff: Staff, ids: list[int], to: int | None, reason: str = "left us", **more: object):  # type: ignore[no-untyped-def]
    async with staff.db.uow() as uow:
        return await service.transfer(uow, ids, to, reason, staff.manager, zone=ZONE, **more)  # type: ignore[arg-type]


async def test_a_transfer_changes_owner_department_and_record_state_and_leaves_history(staff: Staff) -> None:
    old, new = staff.agents[:2]
    ids = [(await add_customer(staff.db, owner=old, department=staff.department)).id for _ in range(2)]
    done = await _transfer(staff, ids, new.user_id)
    assert [one.verdict for one in done.outcomes] == [Verdict.GIVEN] * 2
    async with staff.db.read() as session:
        one = await session.get_one(Customer, ids[0])
        page = await change_queries.changes(session, staff.manager, ChangeFilter(batch_id=done.batch_id))
    assert (one.owner_id, one.record_state, one.allocated_at, one.version) == (
        new.user_id, RecordState.ALLOCATED, staff.db.clock.now(), 2,
    )  # fmt: skip
    assert {(c.from_user, c.to_user, c.by_user, c.kind, c.reason) for c in page.items} == {
        ("agent0", "agent1", "manager", OwnerChangeKind.TRANSFER, "left us")
    }
    assert len(page.items) == 2


@pytest.mark.parametrize("role", [Role.AGENT, Role.SERVICE_AGENT, Role.SUPERVISOR, Role.DATA_CLERK])
async def test_agents_supervisors_and_clerks_never_transfer(staff: Staff, role: Role) -> None:
    somebody = await add_actor(staff.db, role=role, department=staff.department)
    (one,) = await staff.customers(1, owner=staff.agents[2])
    async with staff.db.uow() as uow:
        with pytest.raises(Denied) as refused:
            await service.transfer(uow, [one], somebody.user_id, "mine", somebody)
    assert refused.value.code == "not_allowed"


async def test_a_transfer_stops_at_the_receivers_cap_and_says_so_of_each_customer(staff: Staff) -> None:
    await staff.rules(cap=3)
    old, new = staff.agents[:2]
    await add_customer(staff.db, owner=new)
    ids = [(await add_customer(staff.db, owner=old, department=staff.department)).id for _ in range(4)]
    done = await _transfer(staff, ids, new.user_id)
    assert [(one.verdict, one.reason) for one in done.outcomes] == [
        (Verdict.GIVEN, ""), (Verdict.GIVEN, ""), (Verdict.REFUSED, "cap_reached"), (Verdict.REFUSED, "cap_reached"),
    ]  # fmt: skip


async def test_lost_customers_do_not_count_towards_the_cap(staff: Staff) -> None:
    await staff.rules(cap=1)
    await add_customer(staff.db, owner=staff.agents[0], retention_state="lost")
    (one,) = await staff.customers(1, owner=staff.agents[2])
    assert (await _transfer(staff, [one], staff.agents[0].user_id)).given == 1


async def test_customers_out_of_reach_are_not_found_and_people_out_of_reach_refused(staff: Staff, db: Database) -> None:
    elsewhere = await add_department(db)
    theirs = await add_customer(db, department=elsewhere)
    stranger = await add_actor(db, department=elsewhere)
    (mine,) = await staff.customers(1, owner=staff.agents[2])
    with pytest.raises(NotFound):
        await _transfer(staff, [theirs.id], staff.agents[0].user_id)
    done = await _transfer(staff, [theirs.id, mine], staff.agents[0].user_id)
    assert [(one.verdict, one.reason) for one in done.outcomes] == [("refused", "not_found"), ("given", "")]
    with pytest.raises(Denied) as refused:
        await _transfer(staff, [mine], stranger.user_id)
    assert refused.value.code == "owner_out_of_reach"


async def test_a_transfer_needs_a_reason_and_somebody_who_is_still_here(staff: Staff, db: Database) -> None:
    (one,) = await staff.customers(1, owner=staff.agents[2])
    gone = await add_actor(db, "gone", department=staff.department)
    async with db.uow() as uow:
        from crm_core.organization.models import User

        (await uow.session.get_one(User, gone.user_id)).active = False
    with pytest.raises(Rejected) as refused:
        await _transfer(staff, [one], staff.agents[0].user_id, "  ")
    assert refused.value.code == "move_reason_missing"
    with pytest.raises(Rejected) as refused:
        await _transfer(staff, [one], gone.user_id)
    assert refused.value.code == "receiver_inactive"


async def test_the_first_giving_is_kept_as_a_change_of_the_record_state(staff: Staff) -> None:
    (one,) = await staff.customers(1, owner=staff.agents[2])
    await _transfer(staff, [one], staff.agents[0].user_id)
    await _transfer(staff, [one], staff.agents[1].user_id)
    async with staff.db.read() as session:
        kept = (await session.scalars(select(ClassificationChange))).all()
    assert [(c.customer_id, c.field, c.old, c.new, c.rule) for c in kept] == [
        (one, "record_state", "new", "allocated", "transfer")
    ]


async def test_two_transfers_at_once_never_exceed_the_cap(staff: Staff) -> None:
    await staff.rules(cap=5)
    old, new = staff.agents[:2]
    ids = [(await add_customer(staff.db, owner=old, department=staff.department)).id for _ in range(12)]
    first, second = await asyncio.gather(_transfer(staff, ids[:6], new.user_id), _transfer(staff, ids[6:], new.user_id))
    assert first.given + second.given == 5
    owners = [await staff.owner(one) for one in ids]
    assert owners.count(new.user_id) == 5


async def test_of_two_managers_who_move_the_same_customers_the_second_hears_who_was_first(staff: Staff) -> None:
    ids = await staff.customers(4, owner=staff.agents[2])
    async with staff.db.read() as session:
        looked = [await service.picked(session, by, ids=ids) for by in (staff.manager, staff.boss)]

    async def move(by: Actor, chosen: service.Picked, to: Actor) -> service.Transferred:
        async with staff.db.uow() as uow:
            return await service.transfer_picked(uow, chosen, to.user_id or 0, "mine", by=by, zone=ZONE)

    done = await asyncio.gather(
        move(staff.manager, looked[0], staff.agents[0]), move(staff.boss, looked[1], staff.agents[1])
    )
    winner, late = sorted(done, key=lambda one: -one.given)
    assert (winner.given, late.given) == (4, 0)
    names = ("manager", "agent0") if done[0].given else ("boss", "agent1")
    assert {(one.reason, one.first and (one.first.by, one.first.to)) for one in late.outcomes} == {
        ("moved_meanwhile", names)
    }
    async with staff.db.read() as session:
        page = await change_queries.changes(session, staff.manager, ChangeFilter(kind=OwnerChangeKind.TRANSFER))
    assert len(page.items) == 4


async def test_a_job_leaves_those_alone_that_somebody_else_moved_after_it_was_asked_for(
    staff: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "AT_ONCE", 2)
    ids = await staff.customers(4, owner=staff.agents[2])
    async with staff.db.uow() as uow:
        begun = await service.transfer_many(uow, ids, staff.agents[0].user_id or 0, "gone", by=staff.manager, zone=ZONE)
    await _transfer(staff, ids[:1], staff.agents[1].user_id)
    assert await runner.run_one(staff.db, HANDLERS)
    async with staff.db.read() as session:
        rows = (await job_queries.rows(session, begun.job_id or 0)).items
    assert [row.reason for row in rows] == ["moved_meanwhile", "", "", ""]
    assert rows[0].data is not None and (rows[0].data["by"], rows[0].data["to"]) == ("manager", "agent1")


async def test_with_a_data_department_nobody_else_gives_customers_that_nobody_has(staff: Staff) -> None:
    first, second = await staff.customers(2)
    done = await _transfer(staff, [first], staff.agents[0].user_id)
    assert [one.reason for one in done.outcomes] == ["no_owner"]
    async with staff.db.uow() as uow:
        his = await service.transfer(uow, [second], staff.data.user_id, "new", staff.data, zone=ZONE)
    assert [one.reason for one in his.outcomes] == ["self_allocation"]
    await staff.rules(data_department_id=None)
    assert (await _transfer(staff, [first], staff.agents[0].user_id)).given == 1


async def test_an_owner_from_the_card_goes_the_way_of_a_transfer(staff: Staff) -> None:
    await staff.rules(cap=1)
    old, new = staff.agents[:2]
    first, second = await staff.customers(2, owner=old)
    before = ReclaimNotice(
        id=new_id(), customer_id=first, owner_id=old.user_id, rule=ReclaimRule.NOT_CONTACTED,
        state=NoticeState.ANNOUNCED, announced_at=staff.db.clock.now(), due_on=staff.db.clock.now().date(),
    )  # fmt: skip
    async with staff.db.uow() as uow:
        uow.session.add(before)
    async with staff.db.uow() as uow:
        changed = await customers.update(
            uow, first, {"owner_id": new.user_id, "occupation": "teacher"}, by=staff.manager, reason="closer by"
        )
        told = [event for event in uow._events if event["type"] == "customers.received"]
    assert (changed.owner_id, changed.occupation, changed.record_state) == (new.user_id, "teacher", "allocated")
    assert [event["payload"]["user_id"] for event in told] == [new.user_id]
    async with staff.db.read() as session:
        page = await change_queries.changes(session, staff.manager, ChangeFilter(customer_id=first))
        assert (await session.get_one(ReclaimNotice, before.id)).outcome == "owner_changed"
    assert [(c.kind, c.reason, c.to_user) for c in page.items] == [(OwnerChangeKind.EDIT, "closer by", "agent1")]
    with pytest.raises(Conflict) as refused:
        async with staff.db.uow() as uow:
            await customers.update(uow, second, {"owner_id": new.user_id}, by=staff.manager)
    assert refused.value.code == "cap_reached"
    assert await staff.owner(second) == old.user_id


async def test_the_cap_holds_when_a_card_and_a_transfer_fill_it_at_once(staff: Staff) -> None:
    await staff.rules(cap=1)
    old, new = staff.agents[:2]
    first, second = await staff.customers(2, owner=old)

    async def from_the_card() -> bool:
        try:
            async with staff.db.uow() as uow:
                await customers.update(uow, first, {"owner_id": new.user_id}, by=staff.manager)
        except Conflict:
            return False
        return True

    card, moved = await asyncio.gather(from_the_card(), _transfer(staff, [second], new.user_id))
    assert card + moved.given == 1


async def test_who_enters_a_customer_for_another_gives_him_one(staff: Staff) -> None:
    await staff.rules(cap=0, data_department_id=None)
    clerk = await add_actor(staff.db, role=Role.DATA_CLERK, department=staff.department)
    for by, owner, code in (
        (clerk, staff.agents[0], "not_allowed"),
        (staff.manager, staff.agents[0], "cap_reached"),
        (staff.agents[0], staff.agents[0], None),
    ):
        said = None
        try:
            async with staff.db.uow() as uow:
                await customers.create(uow, {"name": "新客户", "owner_id": owner.user_id}, by=by)
        except CrmError as error:
            said = error.code
        assert said == code


async def test_a_condition_of_many_is_followed_by_a_job_without_reading_them_all(
    staff: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("service", "jobs"):
        monkeypatch.setattr(f"crm_core.customers.allocation.{module}.AT_ONCE", 3)
    mine = await staff.customers(7, owner=staff.agents[2], type="A")
    await staff.customers(2, owner=staff.agents[2], type="B")
    tree = {"all": [{"field": "owner", "op": "eq", "value": "agent2"}, {"field": "type", "op": "eq", "value": "A"}]}
    async with staff.db.read() as session:
        chosen = await service.picked(session, staff.manager, where=Where(tree=tree))
    assert (chosen.ids, chosen.total) == ((), 7)
    async with staff.db.uow() as uow:
        begun = await service.transfer_picked(
            uow, chosen, staff.agents[0].user_id or 0, "gone", by=staff.manager, zone=ZONE
        )
    later = await staff.customers(1, owner=staff.agents[2], type="A")
    assert await runner.run_one(staff.db, HANDLERS)
    async with staff.db.read() as session:
        job = await job_queries.job(session, staff.manager, begun.job_id or 0)
        kept = await session.get_one(Job, job.id)
    assert (job.state, job.done, job.total, job.result["given"]) == (JobState.DONE, 7, 7, 7)
    assert kept.params["ids"] is None
    assert {await staff.owner(one) for one in mine} == {staff.agents[0].user_id}
    assert await staff.owner(later[0]) == staff.agents[2].user_id


async def test_a_transfer_that_stopped_half_way_goes_on_where_it_was(
    staff: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("service", "jobs"):
        monkeypatch.setattr(f"crm_core.customers.allocation.{module}.AT_ONCE", 2)
    ids = await staff.customers(5, owner=staff.agents[2])
    async with staff.db.uow() as uow:
        begun = await service.transfer_many(uow, ids, staff.agents[0].user_id or 0, "gone", by=staff.manager, zone=ZONE)
    whole, calls = service.transfer, 0

    async def dies(*args: Any, **more: Any) -> service.Transferred:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise SystemExit
        return await whole(*args, **more)

    monkeypatch.setattr(service, "transfer", dies)
    with pytest.raises(SystemExit):
        await runner.run_one(staff.db, HANDLERS)
    async with staff.db.uow() as uow:
        (await uow.session.get_one(Job, begun.job_id)).state = JobState.QUEUED
    assert await runner.run_one(staff.db, HANDLERS)
    async with staff.db.read() as session:
        job = await job_queries.job(session, staff.manager, begun.job_id or 0)
        page = await change_queries.changes(session, staff.manager, ChangeFilter(kind=OwnerChangeKind.TRANSFER))
    assert (job.state, job.done, job.result["given"], len(page.items)) == (JobState.DONE, 5, 5, 5)


async def test_many_customers_are_transferred_by_a_job_with_a_result_list(
    staff: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "AT_ONCE", 3)
    monkeypatch.setattr("crm_core.customers.allocation.jobs.AT_ONCE", 3)
    await staff.rules(cap=6)
    ids = await staff.customers(7, owner=staff.agents[2])
    to = staff.agents[0].user_id or 0
    async with staff.db.uow() as uow:
        begun = await service.transfer_many(uow, ids, to, "left us", by=staff.manager, zone=ZONE)
    assert begun.job_id is not None
    assert await runner.run_one(staff.db, HANDLERS)
    async with staff.db.read() as session:
        job = await job_queries.job(session, staff.manager, begun.job_id)
        rows = await job_queries.rows(session, begun.job_id)
    assert (job.state, job.done, job.result["given"], job.result["refused"]) == (JobState.DONE, 7, 6, 1)
    assert [row.verdict for row in rows.items] == ["given"] * 6 + ["refused"]
