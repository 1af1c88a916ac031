"""Somebody leaves: all of his customers by a plan over several others, evenly, within their caps, resumable."""

from __future__ import annotations

from collections import Counter

import pytest

from crm_core.customers.allocation import change_queries, leaving, queries, service
from crm_core.customers.allocation.change_queries import ChangeFilter
from crm_core.customers.allocation.jobs import HANDLERS
from crm_core.customers.allocation.kinds import Method
from crm_core.customers.allocation.leaving import HandOver
from crm_core.customers.allocation.views import Person
from crm_core.jobs import queries as job_queries
from crm_core.jobs import runner
from crm_core.jobs.queries import JobView
from crm_core.kernel.errors import Conflict, Denied, Rejected
from crm_core.organization.access import Actor
from crm_core.organization.models import User
from tests.factories import add_actor, add_department
from tests.integration.allocation.conftest import ZONE, Staff


def _plan(staff: Staff, *people: Person, method: Method = Method.ROUND_ROBIN) -> HandOver:
    return HandOver(staff.agents[0].user_id or 0, method, people or _both(staff), "has left us")


def _both(staff: Staff) -> tuple[Person, ...]:
    return tuple(Person(one.user_id or 0) for one in staff.agents[1:])


async def _hand_over(staff: Staff, plan: HandOver, by: Actor | None = None) -> JobView:
    async with staff.db.uow() as uow:
        job = await leaving.start(uow, plan, by=by or staff.manager, zone=ZONE)
    assert await runner.run_one(staff.db, HANDLERS)
    async with staff.db.read() as session:
        done = await job_queries.job(session, by or staff.manager, job.id)
    assert done.error is None
    return done


async def test_everything_is_handed_to_several_evenly_over_many_steps(
    staff: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaving, "AT_ONCE", 3)
    ids = await staff.customers(8, owner=staff.agents[0])
    async with staff.db.read() as session:
        now = staff.db.clock.now()
        plan = await leaving.preview(session, _plan(staff), by=staff.manager, now=now, zone=ZONE)
    done = await _hand_over(staff, _plan(staff))
    owners = Counter([await staff.owner(one) for one in ids])
    assert owners == {one.user_id: 4 for one in staff.agents[1:]} == plan.given
    assert (done.done, done.total, done.result["given"], done.result["refused"]) == (8, 8, 8, 0)
    async with staff.db.read() as session:
        page = await change_queries.changes(session, staff.manager, ChangeFilter(batch_id=int(done.result["batch"])))
        assert await queries.owned_count(session, staff.boss, staff.agents[0].user_id or 0) == 0
    assert {(c.from_user, c.reason) for c in page.items} == {("agent0", "has left us")} and len(page.items) == 8


async def test_who_may_not_sign_in_any_more_can_still_be_taken_over_from(staff: Staff) -> None:
    await staff.customers(2, owner=staff.agents[0])
    async with staff.db.uow() as uow:
        (await uow.session.get_one(User, staff.agents[0].user_id)).active = False
    assert (await _hand_over(staff, _plan(staff))).result["given"] == 2


async def test_caps_hold_and_what_finds_no_room_stays_with_the_reason(staff: Staff) -> None:
    await staff.rules(cap=2)
    ids = await staff.customers(5, owner=staff.agents[0])
    done = await _hand_over(staff, _plan(staff))
    async with staff.db.read() as session:
        rows = (await job_queries.rows(session, done.id)).items
    assert [row.reason for row in rows] == ["", "", "", "", "cap_reached"]
    assert [await staff.owner(one) for one in ids].count(staff.agents[0].user_id) == 1


async def test_weights_and_regions_of_the_plan_hold(staff: Staff) -> None:
    first, second = staff.agents[1].user_id or 0, staff.agents[2].user_id or 0
    await staff.customers(4, owner=staff.agents[0])
    await _hand_over(staff, _plan(staff, Person(first, 3), Person(second, 1), method=Method.WEIGHTED))
    async with staff.db.read() as session:
        assert [await queries.owned_count(session, staff.boss, one) for one in (first, second)] == [3, 1]
    here = await staff.customers(1, owner=staff.agents[0], city="上海市")
    there = await staff.customers(1, owner=staff.agents[0], city="北京市")
    people = (Person(first, regions=("北京市",)), Person(second, regions=("上海市",)))
    await _hand_over(staff, _plan(staff, *people, method=Method.MATCHING))
    assert (await staff.owner(here[0]), await staff.owner(there[0])) == (second, first)


async def test_whom_somebody_else_moves_meanwhile_is_left_alone(staff: Staff, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = await staff.customers(2, owner=staff.agents[0])
    read = queries.owned_by
    moved = False

    async def overtaken(*args: object, **more: object) -> object:
        nonlocal moved
        rows = await read(*args, **more)  # type: ignore[arg-type]
        if not moved and not staff.db.is_sqlite:
            moved = True
            async with staff.db.uow() as uow:
                await service.transfer(uow, [first], staff.manager.user_id, "mine", staff.boss, zone=ZONE)
        return rows

    monkeypatch.setattr(leaving.queries, "owned_by", overtaken)
    done = await _hand_over(staff, _plan(staff))
    async with staff.db.read() as session:
        rows = {row.subject_id: row.reason for row in (await job_queries.rows(session, done.id)).items}
    assert rows == {first: "" if staff.db.is_sqlite else "moved_meanwhile", second: ""}


async def test_a_plan_is_refused_with_its_reason(staff: Staff) -> None:
    elsewhere = await add_actor(staff.db, department=await add_department(staff.db))
    leaver = staff.agents[0].user_id or 0
    for by, people, error in (
        (staff.agents[1], _both(staff), Denied),
        (staff.manager, (Person(elsewhere.user_id or 0),), Denied),
        (staff.manager, (Person(leaver),), Rejected),
        (staff.manager, (), Rejected),
        (staff.manager, _both(staff), Conflict),
    ):
        with pytest.raises(error):
            async with staff.db.uow() as uow:
                await leaving.start(uow, HandOver(leaver, Method.ROUND_ROBIN, people, "left"), by=by, zone=ZONE)
