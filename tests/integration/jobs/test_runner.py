"""Jobs on both databases: steps are whole or not at all, work goes on after a crash, nobody does it twice."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from crm_core.db.database import Database
from crm_core.jobs import queries, service
from crm_core.jobs.models import JobState
from crm_core.jobs.runner import Cancelled, JobRunner, Work, run_one
from crm_core.kernel.clock import FixedClock
from crm_core.kernel.errors import Conflict, NotFound, Rejected
from crm_core.organization import service as organization
from crm_core.organization.access import SYSTEM, Actor
from crm_core.organization.models import Role
from tests.factories import add_actor


async def begun(db: Database, by: Actor = SYSTEM, **params: Any) -> int:
    async with db.uow() as uow:
        return (await service.start(uow, "count", params, by=by, total=params.get("to"))).id


async def seen(db: Database, job_id: int, by: Actor = SYSTEM) -> queries.JobView:
    async with db.read() as session:
        return await queries.job(session, by, job_id)


async def count(work: Work) -> Mapping[str, Any]:
    """Counts to ``to``; goes on behind the last number that was stored."""
    for number in range(work.position.get("last", 0) + 1, work.params["to"] + 1):
        async with work.step() as step:
            step.row(number, "done", subject_id=number)
            step.done, step.position = number, {"last": number}
            if number == work.params.get("break_at"):
                raise ZeroDivisionError
            if number == work.params.get("refuse_at"):
                raise Rejected("too_far", "That is too far.")
    return {"counted": work.done}


async def test_a_job_is_done_with_its_rows_and_its_result(db: Database) -> None:
    job_id = await begun(db, to=3)
    assert await run_one(db, {"count": count})
    job = await seen(db, job_id)
    assert (job.state, job.done, job.total, job.result) == (JobState.DONE, 3, 3, {"counted": 3})
    async with db.read() as session:
        assert await queries.verdicts(session, job_id) == {"done": 3}
        page = await queries.rows(session, job_id, limit=2)
        rest = await queries.rows(session, job_id, limit=2, cursor=page.next)
    assert [row.number for row in (*page.items, *rest.items)] == [1, 2, 3]
    assert rest.next is None
    assert not await run_one(db, {"count": count})


async def test_a_step_that_breaks_leaves_nothing_of_itself(db: Database) -> None:
    job_id = await begun(db, to=5, break_at=3)
    assert await run_one(db, {"count": count})
    job = await seen(db, job_id)
    assert (job.state, job.done, job.error_code) == (JobState.FAILED, 2, "internal")
    async with db.read() as session:
        assert await queries.verdicts(session, job_id) == {"done": 2}


async def test_a_refusal_is_said_in_its_own_words(db: Database) -> None:
    job_id = await begun(db, to=5, refuse_at=2)
    await run_one(db, {"count": count})
    job = await seen(db, job_id)
    assert (job.state, job.error_code, job.error) == (JobState.FAILED, "too_far", "That is too far.")


async def test_work_of_a_dead_process_goes_on_where_it_was(db: Database, clock: FixedClock) -> None:
    job_id = await begun(db, to=4)
    died = asyncio.Event()

    async def dying(work: Work) -> Mapping[str, Any]:
        async with work.step() as step:
            step.row(1, "done")
            step.done, step.position = 1, {"last": 1}
        died.set()
        await asyncio.Event().wait()
        return {}

    process = asyncio.create_task(run_one(db, {"count": dying}))
    await died.wait()
    process.cancel()
    assert not await run_one(db, {"count": count}), "its lease still holds"
    clock.move(timedelta(minutes=2))
    assert await run_one(db, {"count": count})
    job = await seen(db, job_id)
    assert (job.state, job.done, job.result) == (JobState.DONE, 4, {"counted": 4})


async def test_who_lost_the_lease_writes_no_more(db: Database, clock: FixedClock) -> None:
    job_id = await begun(db, to=2)
    frozen, thawed = asyncio.Event(), asyncio.Event()

    async def slow(work: Work) -> Mapping[str, Any]:
        frozen.set()
        await thawed.wait()
        return await count(work)

    first = asyncio.create_task(run_one(db, {"count": slow}))
    await frozen.wait()
    clock.move(timedelta(minutes=2))
    assert await run_one(db, {"count": count})
    thawed.set()
    await first
    job = await seen(db, job_id)
    assert (job.state, job.done) == (JobState.DONE, 2)


async def test_two_runners_never_take_the_same_job(db: Database) -> None:
    for _ in range(6):
        await begun(db, to=1)
    taken: list[int] = []

    async def note(work: Work) -> Mapping[str, Any]:
        taken.append(work.id)
        await asyncio.sleep(0)
        return {}

    async def work_through() -> None:
        while await run_one(db, {"count": note}):
            pass

    await asyncio.gather(*(work_through() for _ in range(4)))
    assert len(taken) == len(set(taken)) == 6


async def test_a_cancelled_job_keeps_what_is_finished(db: Database) -> None:
    job_id = await begun(db, to=5)

    async def cancelled_on_the_way(work: Work) -> Mapping[str, Any]:
        async with work.step() as step:
            step.done = 1
        async with db.uow() as uow:
            await service.cancel(uow, job_id, by=SYSTEM)
        with pytest.raises(Cancelled):
            async with work.step() as step:
                step.done = 2
        raise Cancelled

    await run_one(db, {"count": cancelled_on_the_way})
    job = await seen(db, job_id)
    assert (job.state, job.done) == (JobState.CANCELLED, 1)
    with pytest.raises(Conflict, match="over already"):
        async with db.uow() as uow:
            await service.cancel(uow, job_id, by=SYSTEM)


async def test_a_job_that_waits_is_cancelled_at_once(db: Database) -> None:
    job_id = await begun(db, to=5)
    async with db.uow() as uow:
        await service.cancel(uow, job_id, by=SYSTEM)
    assert not await run_one(db, {"count": count})
    assert (await seen(db, job_id)).state is JobState.CANCELLED


async def test_work_that_kills_its_process_is_given_up(db: Database, clock: FixedClock) -> None:
    job_id = await begun(db, to=5)

    async def deadly(work: Work) -> Mapping[str, Any]:
        raise asyncio.CancelledError

    for _ in range(5):
        with pytest.raises(asyncio.CancelledError):
            await run_one(db, {"count": deadly})
        clock.move(timedelta(minutes=2))
    assert not await run_one(db, {"count": deadly})
    job = await seen(db, job_id)
    assert (job.state, job.error_code) == (JobState.FAILED, "job_gave_up")


async def test_others_do_not_see_it_and_who_left_gets_nothing_done(db: Database) -> None:
    mine, other = await add_actor(db, role=Role.DATA_CLERK), await add_actor(db, role=Role.DATA_CLERK)
    job_id = await begun(db, mine, to=2)
    with pytest.raises(NotFound):
        await seen(db, job_id, other)
    with pytest.raises(NotFound):
        async with db.uow() as uow:
            await service.cancel(uow, job_id, by=other)
    async with db.read() as session:
        assert not (await queries.jobs(session, other)).items
        assert [one.id for one in (await queries.jobs(session, mine)).items] == [job_id]
    async with db.uow() as uow:
        await organization.change_user(uow, mine.user_id or 0, {"active": False}, by=SYSTEM)
    await run_one(db, {"count": count})
    assert (await seen(db, job_id)).error_code == "asker_gone"


async def test_a_kind_that_nobody_knows_fails_clearly(db: Database) -> None:
    job_id = await begun(db, to=1)
    await run_one(db, {})
    assert (await seen(db, job_id)).error_code == "job_unknown"


async def test_the_runner_takes_up_what_waits_while_it_runs(db: Database) -> None:
    runner = asyncio.create_task(JobRunner(db, {"count": count}).run())
    try:
        job_id = await begun(db, to=2)
        async with asyncio.timeout(20):
            while (await seen(db, job_id)).state is not JobState.DONE:  # noqa: ASYNC110 - the database tells
                await asyncio.sleep(0.05)
    finally:
        runner.cancel()
