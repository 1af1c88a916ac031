"""Customers that should not be in the base: found by reasons, decided by a manager, never deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.calls.facts import CallStatus, Direction
from crm_core.calls.work_queries import CallsMade
from crm_core.customers.allocation import contact_guard, service, unfit, unfit_queries
from crm_core.customers.allocation.jobs import handlers
from crm_core.customers.allocation.kinds import UnfitReason, UnfitState
from crm_core.customers.kinds import PhoneState
from crm_core.customers.models import Customer, Phone
from crm_core.jobs import queries as job_queries
from crm_core.jobs import runner
from crm_core.kernel.errors import Denied, NotFound, Rejected
from tests.factories import add_actor, add_call, add_customer
from tests.integration.allocation.conftest import ZONE, Staff


class Costs:
    """A later context that knows what customers cost."""

    def __init__(self, *customer_ids: int) -> None:
        self._ids = customer_ids

    async def reasons(self, session: AsyncSession, customer_ids: Sequence[int]) -> Mapping[int, Sequence[str]]:
        return {one: [UnfitReason.COST] for one in customer_ids if one in self._ids}


class OpenTask:
    """A later context with an open task for one customer."""

    def __init__(self, customer_id: int) -> None:
        self._id = customer_id

    async def spared(self, session: AsyncSession, customer_ids: Sequence[int]) -> Mapping[int, str]:
        return {one: "open_task" for one in customer_ids if one == self._id}


async def _with_phones(staff: Staff, *states: PhoneState, tries: int = 0, **fields: object) -> int:
    numbers = [f"139{1000 + len(states)}{n:04d}" for n in range(len(states))]
    values = {"owner": staff.agents[0], "department": staff.department, **fields}
    one = await add_customer(staff.db, phones=numbers, **values)  # type: ignore[arg-type]
    async with staff.db.uow() as uow:
        for position, state in enumerate(states):
            which = (Phone.customer_id == one.id) & (Phone.position == position)
            await uow.session.execute(update(Phone).where(which).values(state=state, failed_tries=tries))
    return one.id


async def _search(staff: Staff, **more: object) -> Mapping[str, int]:
    async with staff.db.uow() as uow:
        job = await unfit.start(uow, by=staff.data)
    assert await runner.run_one(staff.db, handlers(**more))  # type: ignore[arg-type]
    async with staff.db.read() as session:
        done = await job_queries.job(session, staff.data, job.id)
    assert done.error is None
    return done.result


async def _listed(staff: Staff, state: UnfitState = UnfitState.PROPOSED) -> dict[int, tuple[str, ...]]:
    async with staff.db.read() as session:
        page = await unfit_queries.page(session, staff.manager, state=state)
    return {one.customer_id: one.reasons for one in page.items}


async def _decide(staff: Staff, *ids: int, archive: bool) -> int:
    async with staff.db.uow() as uow:
        return await unfit.decide(uow, ids, archive=archive, answer="looked at", by=staff.manager)


async def test_all_numbers_wrong_or_never_reached_after_so_many_tries_are_found(
    staff: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unfit, "CHUNK", 2)
    await staff.rules(unfit_tries=6)
    wrong = await _with_phones(staff, PhoneState.WRONG, PhoneState.UNREACHABLE)
    tried = await _with_phones(staff, PhoneState.UNVERIFIED, tries=6)
    await _with_phones(staff, PhoneState.WRONG, PhoneState.VALID)
    await _with_phones(staff, PhoneState.UNVERIFIED, tries=5)
    await _with_phones(staff, PhoneState.UNVERIFIED, tries=9, last_contact_at=staff.db.clock.now())
    assert await _search(staff) == {"proposed": 2}
    assert await _listed(staff) == {wrong: ("wrong_numbers",), tried: ("never_reached",)}


async def test_further_contexts_speak_against_customers_and_an_open_task_spares_them(staff: Staff) -> None:
    dear, busy = await staff.customers(2)
    counts = await _search(staff, against=[Costs(dear, busy)], exemptions=[OpenTask(busy)])
    assert (counts, await _listed(staff)) == ({"proposed": 1, "spared": 1}, {dear: ("cost",)})


async def test_who_is_kept_comes_back_only_for_a_reason_that_is_new(staff: Staff) -> None:
    one = await _with_phones(staff, PhoneState.WRONG)
    await _search(staff)
    assert await _decide(staff, one, archive=False) == 1
    assert await _search(staff) == {"unchanged": 1}
    assert await _listed(staff) == {}
    await _search(staff, against=[Costs(one)])
    assert await _listed(staff) == {one: ("cost", "wrong_numbers")}


async def test_an_archived_customer_is_still_there_without_owner_and_out_of_allocation(staff: Staff) -> None:
    one = await _with_phones(staff, PhoneState.WRONG)
    await _search(staff)
    await _decide(staff, one, archive=True)
    assert await staff.owner(one) is None
    assert await staff.allocate([one]) == {one: (None, "archived")}
    async with staff.db.uow() as uow:
        done = await service.transfer(uow, [one], staff.agents[1].user_id, "try", staff.boss, zone=ZONE)
    assert [outcome.reason for outcome in done.outcomes] == ["archived"]
    assert await _decide(staff, one, archive=False) == 1
    assert (await staff.allocate([one]))[one][1] == ""


async def test_staff_mark_their_own_customers_and_only_managers_decide(staff: Staff) -> None:
    agent, (one,) = staff.agents[0], await staff.customers(1, owner=staff.agents[0])
    stranger = await add_actor(staff.db, department=staff.department)
    for by, note, error in ((stranger, "far away", NotFound), (agent, "  ", Rejected)):
        with pytest.raises(error):
            async with staff.db.uow() as uow:
                await unfit.mark(uow, one, reason=UnfitReason.COST, note=note, by=by)
    async with staff.db.uow() as uow:
        await unfit.mark(uow, one, reason=UnfitReason.BAD_REPUTATION, note="sells on", by=agent)
    assert await _listed(staff) == {one: ("bad_reputation",)}
    with pytest.raises(Denied):
        async with staff.db.uow() as uow:
            await unfit.decide(uow, [one], archive=True, answer="yes", by=agent)
    with pytest.raises(Rejected):
        async with staff.db.uow() as uow:
            await unfit.decide(uow, [one], archive=True, answer=" ", by=staff.manager)


async def test_the_guard_counts_calls_that_we_made_and_that_rang_in_the_period(staff: Staff) -> None:
    await staff.rules(contacts_most=2, contacts_days=7)
    customer = await add_customer(staff.db, owner=staff.agents[0])
    now = staff.db.clock.now()

    async def contacted() -> contact_guard.Contacted:
        async with staff.db.read() as session:
            found = await contact_guard.contacted(session, [customer.id], now=now, sources=[CallsMade()])
        return found[customer.id]

    made = {"customer": customer, "agent": staff.agents[0], "direction": Direction.OUTBOUND}
    await add_call(staff.db, **made)  # type: ignore[arg-type]
    await add_call(staff.db, customer=customer)
    await add_call(staff.db, **made, status=CallStatus.CANCELLED)  # type: ignore[arg-type]
    await add_call(staff.db, **made, started_at=now.replace(day=now.day - 10))  # type: ignore[arg-type]
    assert ((await contacted()).count, (await contacted()).too_often) == (1, False)
    await add_call(staff.db, **made, status=CallStatus.MISSED)  # type: ignore[arg-type]
    assert ((await contacted()).count, (await contacted()).too_often) == (2, True)
    await staff.rules(contacts_most=None)
    assert not (await contacted()).too_often


async def test_nothing_is_deleted_when_customers_are_archived(staff: Staff) -> None:
    ids = [await _with_phones(staff, PhoneState.WRONG) for _ in range(2)]
    await _search(staff)
    await _decide(staff, *ids, archive=True)
    async with staff.db.read() as session:
        assert {one for one in ids if await session.get(Customer, one) is not None} == set(ids)
