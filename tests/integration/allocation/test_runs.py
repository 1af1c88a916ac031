"""Allocation runs: a manager asks, the data department carries out, no customer goes twice, no limit is exceeded."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from crm_core.customers.allocation import applications, people_queries, queries, runs
from crm_core.customers.allocation.choosing import Choice, Filter
from crm_core.customers.allocation.jobs import HANDLERS
from crm_core.customers.allocation.kinds import ApplicationKind, ApplicationState, Method, RunState
from crm_core.customers.allocation.runs import Wish
from crm_core.customers.allocation.views import Person
from crm_core.jobs import runner
from crm_core.kernel.errors import Conflict, CrmError, Denied, Rejected
from crm_core.organization.models import Role
from tests.factories import add_actor, add_customer, add_department
from tests.integration.allocation.conftest import ZONE, Staff


async def test_round_robin_gives_to_each_in_turn(staff: Staff) -> None:
    ids = await staff.customers(7)
    found = await staff.allocate(ids)
    assert sorted(Counter(user for user, _reason in found.values()).values()) == [2, 2, 3]
    assert [await staff.owner(one) for one in ids] == [found[one][0] for one in ids]


async def test_who_received_least_in_the_period_is_first_next_time(staff: Staff) -> None:
    first = await staff.allocate(await staff.customers(1))
    second = await staff.allocate(await staff.customers(1))
    third = await staff.allocate(await staff.customers(1))
    got = {user for found in (first, second, third) for user, _reason in found.values()}
    assert got == {one.user_id for one in staff.agents}


async def test_only_the_data_department_carries_out(staff: Staff) -> None:
    run_id = await staff.request(await staff.customers(1))
    with pytest.raises(Conflict) as refused:
        await staff.carry_out(run_id, by=staff.manager)
    assert refused.value.code == "data_department_only"
    await staff.carry_out(run_id, by=staff.data)


@pytest.mark.parametrize("role", [Role.AGENT, Role.SERVICE_AGENT, Role.SUPERVISOR, Role.DATA_CLERK])
async def test_agents_and_clerks_neither_ask_nor_carry_out(staff: Staff, role: Role) -> None:
    ids = await staff.customers(1)
    somebody = await add_actor(staff.db, role=role, department=staff.department)
    with pytest.raises(Denied):
        await staff.request(ids, by=somebody)
    run_id = await staff.request(ids)
    with pytest.raises(Denied):
        await staff.carry_out(run_id, by=somebody)


async def test_nobody_allocates_to_himself(staff: Staff) -> None:
    ids = await staff.customers(1)
    staff.agents = [staff.manager]
    with pytest.raises(Rejected) as refused:
        await staff.request(ids)
    assert refused.value.code == "self_allocation"
    staff.agents = [staff.data]
    run_id = await staff.request(ids, by=staff.boss)
    with pytest.raises(Rejected) as refused:
        await staff.carry_out(run_id, by=staff.data)
    assert refused.value.code == "self_allocation"


async def test_what_the_data_department_proposes_waits_for_the_manager_of_the_people(staff: Staff) -> None:
    other = await add_department(staff.db)
    manager = await add_actor(staff.db, role=Role.MANAGER, department=other)
    agent = await add_actor(staff.db, department=other)
    (one,) = await staff.customers(1)
    wish = Wish(Method.ROUND_ROBIN, Choice(ids=(one,)), (Person(agent.user_id or 0),), "new leads")
    async with staff.db.uow() as uow:
        run_id = await runs.request(uow, wish, by=staff.data)
    with pytest.raises(Conflict) as refused:
        await staff.carry_out(run_id)
    assert refused.value.code == "allocation_not_approved"
    async with staff.db.uow() as uow:
        await runs.decide(uow, run_id, approve=True, by=manager)
    await staff.carry_out(run_id)
    assert await staff.owner(one) == agent.user_id


async def test_a_customer_with_an_owner_and_one_that_is_gone_are_refused_with_the_reason(staff: Staff) -> None:
    taken = await add_customer(staff.db, owner=staff.agents[0], department=staff.department)
    found = await staff.allocate([taken.id, *await staff.customers(1)])
    assert found[taken.id] == (None, "has_owner")


async def test_the_queue_is_cut_by_its_filter_and_taken_oldest_first(staff: Staff) -> None:
    ids = await staff.customers(3, type="A")
    await staff.customers(2, type="B")
    wish = Wish(
        Method.LEAST_OPEN, Choice(filter=Filter(type="A"), most=2), (Person(staff.agents[0].user_id or 0),), "type A"
    )
    async with staff.db.uow() as uow:
        run_id = await runs.request(uow, wish, by=staff.manager)
    await staff.carry_out(run_id)
    assert set(await staff.results(run_id)) == set(ids[:2])


async def test_a_preview_says_what_carrying_out_then_does_and_stores_nothing(staff: Staff) -> None:
    await staff.rules(cap=2)
    ids = await staff.customers(8)
    people = tuple(Person(one.user_id or 0) for one in staff.agents)
    wish = Wish(Method.ROUND_ROBIN, Choice(ids=tuple(ids)), people, "new leads")
    async with staff.db.read() as session:
        plan = await runs.preview(session, wish, by=staff.manager, now=staff.db.clock.now(), zone=ZONE)
    assert {await staff.owner(one) for one in ids} == {None}
    assert (plan.total, sum(plan.given.values()), plan.reasons) == (8, 6, {"cap_reached": 2})
    done = await staff.allocate(ids)
    assert done == {line.customer_id: (line.user_id, line.reason) for line in plan.lines}


async def test_new_staff_get_a_fixed_number_in_all_and_more_when_granted(staff: Staff) -> None:
    await staff.rules(new_days=90, new_quota=2)
    newcomer = await staff.agent("newcomer", days=10)
    staff.agents = [newcomer]
    found = await staff.allocate(await staff.customers(3))
    assert [reason for _user, reason in found.values()] == ["", "", "quota_used"]
    async with staff.db.uow() as uow:
        asked = await applications.apply(uow, kind=ApplicationKind.QUOTA, wanted=5, reason="all called", by=newcomer)
    with pytest.raises(Conflict) as refused:
        async with staff.db.uow() as uow:
            await applications.apply(uow, kind=ApplicationKind.QUOTA, wanted=5, reason="again", by=newcomer)
    assert refused.value.code == "application_waits"
    async with staff.db.uow() as uow:
        await applications.decide(uow, asked, granted=1, by=staff.manager, zone=ZONE, facts={"open": 2})
    found = await staff.allocate(await staff.customers(2))
    assert [reason for _user, reason in found.values()] == ["", "quota_used"]


async def test_what_was_granted_expires(staff: Staff) -> None:
    await staff.rules(cap=0)
    agent = staff.agents[0]
    async with staff.db.uow() as uow:
        asked = await applications.apply(uow, kind=ApplicationKind.CAP, wanted=4, reason="busy season", by=agent)
    async with staff.db.uow() as uow:
        await applications.decide(uow, asked, granted=4, by=staff.manager, zone=ZONE)
    now = staff.db.clock.now()
    async with staff.db.read() as session:
        today = await people_queries.standings(session, [agent.user_id or 0], now=now, zone=ZONE)
        later = await people_queries.standings(session, [agent.user_id or 0], now=now + timedelta(days=31), zone=ZONE)
    assert (today[agent.user_id or 0].cap, later[agent.user_id or 0].cap) == (4, 0)


async def test_an_application_is_decided_by_a_manager_of_the_department_and_never_by_oneself(staff: Staff) -> None:
    async with staff.db.uow() as uow:
        own = await applications.apply(uow, kind=ApplicationKind.CAP, wanted=4, reason="more", by=staff.manager)
        hers = await applications.apply(uow, kind=ApplicationKind.CAP, wanted=4, reason="more", by=staff.agents[0])
    stranger = await add_actor(staff.db, role=Role.MANAGER, department=await add_department(staff.db))
    for by, which, code in (
        (staff.manager, own, "own_application"),
        (stranger, hers, "application_not_found"),
        (staff.agents[1], hers, "not_allowed"),
    ):
        with pytest.raises(CrmError) as refused:
            async with staff.db.uow() as uow:
                await applications.decide(uow, which, granted=1, by=by, zone=ZONE)
        assert refused.value.code == code
    async with staff.db.uow() as uow:
        await applications.decide(uow, hers, granted=0, by=staff.manager, zone=ZONE, note="too few contacts")
    async with staff.db.read() as session:
        decided = await people_queries.application(session, staff.agents[0], hers)
    assert (decided.state, decided.note) == (ApplicationState.REFUSED, "too few contacts")


async def test_two_runs_at_once_never_give_the_same_customer_twice(staff: Staff) -> None:
    ids = await staff.customers(10)
    first = await staff.request(ids)
    second = await staff.request(list(reversed(ids)))
    await asyncio.gather(staff.carry_out(first), staff.carry_out(second, by=staff.boss))
    results = [await staff.results(run_id) for run_id in (first, second)]
    given = [[one for one, (user, _reason) in found.items() if user is not None] for found in results]
    assert len(given[0]) + len(given[1]) == 10
    assert not set(given[0]) & set(given[1])
    assert {reason for found in results for user, reason in found.values() if user is None} <= {"has_owner"}


async def test_one_run_is_carried_out_once_when_two_press_at_once(staff: Staff) -> None:
    run_id = await staff.request(await staff.customers(4))
    done = await asyncio.gather(staff.carry_out(run_id), staff.carry_out(run_id, by=staff.boss), return_exceptions=True)
    assert [type(one) for one in done if one is not None] == [Conflict]


async def test_two_runs_at_once_never_exceed_a_cap(staff: Staff) -> None:
    await staff.rules(cap=2)
    first, second = await staff.request(await staff.customers(6)), await staff.request(await staff.customers(6))
    await asyncio.gather(staff.carry_out(first), staff.carry_out(second, by=staff.boss))
    async with staff.db.read() as session:
        counts = await people_queries.open_customers(session, [one.user_id or 0 for one in staff.agents])
    assert list(counts.values()) == [2, 2, 2]


async def test_a_big_run_goes_on_as_a_job_and_stays_even_over_its_steps(
    staff: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("runs", "jobs"):
        monkeypatch.setattr(f"crm_core.customers.allocation.{module}.AT_ONCE", 4)
    run_id = await staff.request(await staff.customers(10))
    await staff.carry_out(run_id)
    assert await runner.run_one(staff.db, HANDLERS)
    found = await staff.results(run_id)
    assert sorted(Counter(user for user, _reason in found.values()).values()) == [3, 3, 4]
    async with staff.db.read() as session:
        run = await queries.run(session, staff.manager, run_id)
    assert (run.state, run.given, run.refused, run.executed_by) == (RunState.DONE, 10, 0, "data")
