"""Transfers: who may, how many fit, what stays on record."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select

from crm_core.customers.allocation import change_queries, service
from crm_core.customers.allocation.change_queries import ChangeFilter
from crm_core.customers.allocation.jobs import HANDLERS
from crm_core.customers.allocation.kinds import Verdict
from crm_core.customers.classification.models import ClassificationChange
from crm_core.customers.kinds import OwnerChangeKind, RecordState
from crm_core.customers.models import Customer
from crm_core.db.database import Database
from crm_core.jobs import queries as job_queries
from crm_core.jobs import runner
from crm_core.jobs.models import JobState
from crm_core.kernel.errors import Denied, NotFound, Rejected
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
    (one,) = await staff.customers(1)
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
    (one,) = await staff.customers(1)
    assert (await _transfer(staff, [one], staff.agents[0].user_id)).given == 1


async def test_customers_out_of_reach_are_not_found_and_people_out_of_reach_refused(staff: Staff, db: Database) -> None:
    elsewhere = await add_department(db)
    theirs = await add_customer(db, department=elsewhere)
    stranger = await add_actor(db, department=elsewhere)
    (mine,) = await staff.customers(1)
    with pytest.raises(NotFound):
        await _transfer(staff, [theirs.id], staff.agents[0].user_id)
    done = await _transfer(staff, [theirs.id, mine], staff.agents[0].user_id)
    assert [(one.verdict, one.reason) for one in done.outcomes] == [("refused", "not_found"), ("given", "")]
    with pytest.raises(Denied) as refused:
        await _transfer(staff, [mine], stranger.user_id)
    assert refused.value.code == "owner_out_of_reach"


async def test_a_transfer_needs_a_reason_and_somebody_who_is_still_here(staff: Staff, db: Database) -> None:
    (one,) = await staff.customers(1)
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
    (one,) = await staff.customers(1)
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


async def test_many_customers_are_transferred_by_a_job_with_a_result_list(
    staff: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "AT_ONCE", 3)
    monkeypatch.setattr("crm_core.customers.allocation.jobs.AT_ONCE", 3)
    await staff.rules(cap=6)
    ids = await staff.customers(7)
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
