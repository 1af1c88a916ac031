"""The way back to the pool: announced first, spared by what is open, voided by a contact, taken back on its day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.calls.work_queries import LastTalks
from crm_core.customers.allocation import change_queries, queries, reclaim, reclaim_queries
from crm_core.customers.allocation.change_queries import ChangeFilter
from crm_core.customers.allocation.jobs import handlers
from crm_core.customers.kinds import OwnerChangeKind
from crm_core.db.queries import due
from crm_core.jobs import queries as job_queries
from crm_core.jobs import runner
from crm_core.kernel.clock import FixedClock
from tests.factories import add_call, add_customer
from tests.integration.allocation.conftest import ZONE, Staff


class OpenOrder:
    """A later context that knows of one customer's open order."""

    def __init__(self, customer_id: int) -> None:
        self._customer_id = customer_id

    async def spared(self, session: AsyncSession, customer_ids: Sequence[int]) -> Mapping[int, str]:
        return {one: "open_order" for one in customer_ids if one == self._customer_id}


async def _asleep(staff: Staff, days: int = 40, **fields: object) -> int:
    at = staff.db.clock.now() - timedelta(days=days)
    values = {"owner": staff.agents[0], "department": staff.department, "created_at": at, "allocated_at": at, **fields}
    return (await add_customer(staff.db, **values)).id  # type: ignore[arg-type]


async def _night(staff: Staff, *exemptions: reclaim.Exemption) -> Mapping[str, int]:
    """The job as it runs each night; its counts."""
    async with staff.db.uow() as uow:
        job = await reclaim.start(uow, by=staff.data, zone=ZONE)
    assert await runner.run_one(staff.db, handlers(exemptions, [LastTalks()]))
    async with staff.db.read() as session:
        done = await job_queries.job(session, staff.data, job.id)
    assert done.error is None
    return done.result


async def test_a_sleeping_customer_is_announced_and_goes_back_on_his_day(staff: Staff, clock: FixedClock) -> None:
    await staff.rules(not_contacted_days=30, notice_days=7)
    one = await _asleep(staff)
    assert await _night(staff) == {"announced": 1, "kept": 0}
    assert await staff.owner(one) == staff.agents[0].user_id
    async with staff.db.read() as session:
        (told,) = await reclaim_queries.announced_to(session, staff.agents[0].user_id or 0)
    assert (told.customer_id, told.due_on.isoformat()) == (one, "2026-11-28")
    clock.move(timedelta(days=6))
    assert await _night(staff) == {"announced": 1, "kept": 0}
    assert await staff.owner(one) is not None
    clock.move(timedelta(days=1))
    assert await _night(staff) == {"reclaimed": 1, "kept": 0}
    assert await staff.owner(one) is None
    async with staff.db.read() as session:
        page = await change_queries.changes(session, staff.manager, ChangeFilter(customer_id=one))
        waiting = await queries.queue(session, staff.manager)
    assert [(c.kind, c.from_user, c.to_user) for c in page.items] == [(OwnerChangeKind.RECLAIM, "agent0", None)]
    assert [(row["id"], row["back_from"], row["rule"]) for row in waiting.items] == [(one, "agent0", "not_contacted")]


async def test_who_came_back_is_allocated_again_and_leaves_the_pool(staff: Staff) -> None:
    await staff.rules(not_contacted_days=30, notice_days=0)
    one = await _asleep(staff)
    await _night(staff)
    await staff.allocate([one])
    assert await staff.owner(one) is not None
    async with staff.db.read() as session:
        assert await queries.pool_size(session) == 0


async def test_an_open_order_or_task_spares_a_customer(staff: Staff) -> None:
    await staff.rules(not_contacted_days=30, notice_days=0)
    one = await _asleep(staff)
    assert await _night(staff, OpenOrder(one)) == {"spared": 1, "kept": 0}
    assert await staff.owner(one) is not None


@pytest.mark.parametrize("how", ["talk", "note", "last contact"])
async def test_a_contact_voids_the_announcement(staff: Staff, how: str, clock: FixedClock) -> None:
    await staff.rules(not_contacted_days=30, notice_days=7)
    one = await _asleep(staff)
    await _night(staff)
    clock.move(timedelta(days=3))
    await _contact(staff, one, how, clock.now())
    clock.move(timedelta(days=5))
    assert await _night(staff) == {"kept": 1}
    assert await staff.owner(one) is not None
    async with staff.db.read() as session:
        assert not await reclaim_queries.announced_to(session, staff.agents[0].user_id or 0)


async def _contact(staff: Staff, customer_id: int, how: str, at: datetime) -> None:
    from crm_core.customers import service as customers
    from crm_core.customers.models import Customer

    if how == "talk":
        async with staff.db.read() as session:
            customer = await session.get_one(Customer, customer_id)
        await add_call(staff.db, agent=staff.agents[0], customer=customer, started_at=at)
        return
    async with staff.db.uow() as uow:
        if how == "note":
            await customers.add_note(uow, customer_id, "called, wants tea", by=staff.agents[0])
        else:
            (await uow.session.get_one(Customer, customer_id)).last_contact_at = at


async def test_who_never_bought_goes_back_and_who_bought_stays(staff: Staff) -> None:
    await staff.rules(not_bought_days=30, notice_days=0)
    never = await _asleep(staff)
    bought = await _asleep(staff, purchase_state="first")
    fresh = await _asleep(staff, days=10)
    assert await _night(staff) == {"reclaimed": 1, "kept": 0}
    owners = [await staff.owner(one) for one in (never, bought, fresh)]
    assert owners == [None, staff.agents[0].user_id, staff.agents[0].user_id]


async def test_a_transfer_voids_the_announcement_for_the_old_owner(staff: Staff) -> None:
    from crm_core.customers.allocation import service

    await staff.rules(not_contacted_days=30, notice_days=7)
    one = await _asleep(staff)
    await _night(staff)
    async with staff.db.uow() as uow:
        await service.transfer(uow, [one], staff.agents[1].user_id, "left", staff.manager)
    assert await _night(staff) == {"kept": 0}
    assert await staff.owner(one) == staff.agents[1].user_id


async def test_many_sleepers_are_looked_at_in_steps_and_each_is_announced_once(
    staff: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reclaim, "CHUNK", 2)
    await staff.rules(not_contacted_days=30, notice_days=7)
    for _ in range(5):
        await _asleep(staff)
    assert await _night(staff) == {"announced": 5, "kept": 0}
    assert await _night(staff) == {"announced": 5, "kept": 0}
    async with staff.db.uow() as uow:
        told = await reclaim_queries.announced_to(uow.session, staff.agents[0].user_id or 0)
        events = [e for e in await due(uow.session, uow.clock.now(), 100) if e.type == "customers.reclaim_announced"]
    assert len(told) == 5
    assert sum(event.payload["count"] for event in events) == 5
