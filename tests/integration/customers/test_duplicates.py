"""Who may be stored twice: while typing, for many rows at once, and over the whole base."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update

from crm_core.customers.duplicates import crew, pair_queries, pairs, queries, service
from crm_core.customers.duplicates import jobs as duplicate_jobs
from crm_core.customers.duplicates.jobs import FIND_DUPLICATES, HANDLERS
from crm_core.customers.duplicates.merging import merge
from crm_core.customers.duplicates.models import DuplicatePair, MatchKey, MatchRecord, PairState
from crm_core.customers.duplicates.queries import Candidate, Probe
from crm_core.customers.duplicates.rules import Reason
from crm_core.customers.duplicates.undoing import undo
from crm_core.customers.kinds import Calendar
from crm_core.customers.models import Customer
from crm_core.customers.service import PhoneInput, create
from crm_core.customers.service import update as change
from crm_core.db.database import Database
from crm_core.jobs import service as jobs
from crm_core.jobs.models import Job, JobState
from crm_core.jobs.runner import run_one
from crm_core.kernel.clock import FixedClock
from crm_core.kernel.errors import Conflict, NotFound
from crm_core.organization.access import SYSTEM, Actor
from crm_core.organization.models import Role
from tests.factories import add_actor, add_customer, add_department
from tests.integration.statements import counted

BORN = {"birth_calendar": Calendar.SOLAR, "birth_year": 1953, "birth_month": 8, "birth_day": 15}


async def _stored(db: Database, name: str, *phones: str, **fields: Any) -> Customer:
    made = await add_customer(db, name, phones=phones, **fields)
    async with db.uow() as uow:
        await service.renew(uow, [made.id])
    return made


async def _candidates(db: Database, actor: Actor = SYSTEM, **known: Any) -> list[Candidate]:
    async with db.read() as session:
        return await queries.candidates(session, actor, Probe(**known))


async def _search(db: Database, **params: Any) -> Job:
    async with db.uow() as uow:
        job = await jobs.start(uow, FIND_DUPLICATES, params, by=SYSTEM)
    assert await run_one(db, HANDLERS)
    async with db.read() as session:
        return await session.get_one(Job, job.id)


async def _pairs(db: Database, state: PairState = PairState.OPEN, actor: Actor = SYSTEM) -> list[set[int]]:
    async with db.read() as session:
        page = await pair_queries.pairs(session, actor, state=state)
    return [{one.first.id, one.second.id} for one in page.items]


async def test_the_same_person_is_found_by_any_of_the_keys(db: Database) -> None:
    stored = await _stored(
        db, "李秀英", "13800138000", city="上海市", street="张江路5号302室", id_card_index="a" * 32, **BORN
    )
    await _stored(db, "陈伟", "13700137000")
    birthday = (1953, 8, 15)
    for known in (
        {"name": "李秀英", "phones": ["138 0013 8000"]},
        {"id_card_index": "a" * 32},
        {"name": "李秀英", "birthday": birthday},
        {"name": "李秀瑛", "birthday": birthday, "phones": ["13800138000"]},
        {"name": "李秀英", "address": {"city": "上海", "street": "张江路 5 弄 302"}},
        {"name": "李绣英", "birthday": birthday},
        {"name": "李秀英", "birthday": (1953, 7, 6), "calendar": Calendar.LUNAR},
    ):
        assert [one.customer_id for one in await _candidates(db, **known)] == [stored.id], known


async def test_a_households_phone_alone_makes_no_candidate(db: Database) -> None:
    await _stored(db, "李秀英", "02162345678", city="上海", street="张江路5号", **BORN)
    known = {"phones": ["021-62345678"], "address": {"city": "上海", "street": "张江路5号"}, "birthday": (1975, 3, 2)}
    assert await _candidates(db, name="王建国", **known) == []
    assert await _candidates(db, name="李小军", **known) == []


async def test_whoever_is_out_of_reach_is_told_of_but_not_shown(db: Database) -> None:
    await _stored(db, "李秀英", "13800138000", department=await add_department(db))
    agent = await add_actor(db, role=Role.AGENT)
    (found,) = await _candidates(db, agent, name="李秀英", phones=["13800138000"])
    assert (found.reachable, found.reasons[0]) == (False, Reason.PHONE)


async def test_looking_costs_the_same_however_many_share_a_key(db: Database) -> None:
    for _ in range(30):
        await _stored(db, "王芳", "4008001234")
    with counted(db) as few:
        await _candidates(db, name="王芳", phones=["4008001234"])
    for _ in range(30):
        await _stored(db, "王芳", "4008001234")
    with counted(db) as many:
        await _candidates(db, name="王芳", phones=["4008001234"])
    assert len(few) == len(many)


async def test_many_rows_are_looked_up_together(db: Database) -> None:
    first = await _stored(db, "李秀英", "13800138000")
    second = await _stored(db, "王建国", "13700137000", **BORN)
    async with db.read() as session:
        found = await queries.candidates_of_many(
            session,
            SYSTEM,
            [
                Probe(name="李秀英", phones=["13800138000"]),
                Probe(name="赵六", phones=["13600136000"]),
                Probe(name="王建国", birthday=(1953, 8, 15)),
            ],
        )
        assert await queries.candidates_of_many(session, SYSTEM, []) == []
    assert [[one.customer_id for one in own] for own in found] == [[first.id], [], [second.id]]


async def test_keys_follow_each_change_of_a_customer(db: Database) -> None:
    async with db.uow() as uow:
        made = await create(uow, {"name": "李秀英"}, [PhoneInput("13800138000")], by=SYSTEM)
    async with db.uow() as uow:
        await change(uow, made.id, {"name": "李秀兰"}, phones=[PhoneInput("13700137000")], by=SYSTEM)
    assert await _candidates(db, name="李秀英", phones=["13800138000"]) == []
    assert [one.name for one in await _candidates(db, name="李秀兰", phones=["13700137000"])] == ["李秀兰"]


async def test_entering_somebody_alike_is_refused_with_candidates(db: Database) -> None:
    first = await _stored(db, "李秀英", "13800138000", **BORN)
    with pytest.raises(Conflict) as refused:
        async with db.uow() as uow:
            await create(uow, {"name": "李秀瑛"} | BORN, [PhoneInput("13800138000")], by=SYSTEM)
    assert refused.value.code == "possible_duplicate"
    (candidate,) = refused.value.extra["candidates"]  # type: ignore[misc]
    assert candidate["customer_id"] == first.id
    assert candidate["reasons"] == ["phone", "birthday", "name_sounds_alike"]


async def test_the_whole_base_is_searched_in_the_background(db: Database) -> None:
    one = await add_customer(db, "李秀英", phones=["13800138000"], **BORN)
    two = await add_customer(db, "李绣英", phones=["13800138000"], **BORN)
    await add_customer(db, "李建国", phones=["13800138000"])
    await add_customer(db, "王芳")
    job = await _search(db)
    assert (job.state, job.result["customers"], job.result["pairs"]) == (JobState.DONE, 4, 1)
    assert await _pairs(db) == [{one.id, two.id}]
    again = await _search(db, renew=True)
    assert again.result["pairs"] == 1
    assert await _pairs(db) == [{one.id, two.id}]


async def test_a_search_that_was_cut_off_begins_anew_and_ends_with_the_same_pairs(
    db: Database, clock: FixedClock
) -> None:
    """As a process leaves it that died after its first pairs: neither lost nor double, and what is gone is gone."""
    first, *others = [await add_customer(db, "李秀英", phones=["13800138000"], **BORN) for _ in range(4)]
    whole = await _search(db)
    expected = sorted(map(sorted, await _pairs(db)))
    assert len(expected) == 6
    async with db.uow() as uow:
        await uow.session.execute(delete(DuplicatePair).where(DuplicatePair.first_id != first.id))
        left = {"state": JobState.QUEUED, "result": {}}
        await uow.session.execute(update(Job).where(Job.id == whole.id).values(**left))
    assert await run_one(db, HANDLERS)
    assert sorted(map(sorted, await _pairs(db))) == expected
    async with db.uow() as uow:
        await change(uow, others[0].id, {"name": "赵建国"}, phones=[], by=SYSTEM)
        await uow.session.execute(update(Job).where(Job.id == whole.id).values(**left))
    clock.move(timedelta(minutes=1))
    assert await run_one(db, HANDLERS)
    assert all(others[0].id not in pair for pair in await _pairs(db))


async def test_processes_find_what_a_thread_finds(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        for _ in range(2):
            await add_customer(db, "李秀英", phones=[f"1380013800{number}"], **BORN)
    await _search(db)
    alone = sorted(map(sorted, await _pairs(db)))
    monkeypatch.setattr(crew, "_LARGE", 1)
    monkeypatch.setattr(duplicate_jobs, "_STRETCH", 2)
    monkeypatch.setattr(duplicate_jobs, "_COMPARED", 4)
    async with db.uow() as uow:
        await uow.session.execute(delete(DuplicatePair))
    assert (await _search(db)).state is JobState.DONE
    assert sorted(map(sorted, await _pairs(db))) == alone


async def test_a_search_can_be_called_off_while_it_reads(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    await add_customer(db, "李秀英", phones=["13800138000"])
    async with db.uow() as uow:
        job = await jobs.start(uow, FIND_DUPLICATES, {}, by=SYSTEM)
    read_stretch = crew.read_stretch

    def asked_to_stop(*given: Any) -> int:
        asyncio.run_coroutine_threadsafe(_ask_to_stop(db, job.id), loop).result()
        return read_stretch(*given)

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(crew, "read_stretch", asked_to_stop)
    assert await run_one(db, HANDLERS)
    async with db.read() as session:
        assert (await session.get_one(Job, job.id)).state is JobState.CANCELLED


async def _ask_to_stop(db: Database, job_id: int) -> None:
    async with db.uow() as uow:
        await jobs.cancel(uow, job_id, by=SYSTEM)


async def test_records_of_older_rules_are_made_anew(db: Database) -> None:
    one, two = [await _stored(db, "李秀英", "13800138000") for _ in range(2)]
    async with db.uow() as uow:
        await uow.session.execute(update(MatchRecord).values(made_by=0, facts=b"of another version"))
        await uow.session.execute(delete(MatchKey).where(MatchKey.customer_id == two.id))
    await _search(db)
    assert await _pairs(db) == [{one.id, two.id}]
    found = await _candidates(db, name="李秀英", phones=["13800138000"])
    assert {candidate.customer_id for candidate in found} == {one.id, two.id}


async def test_what_was_decided_on_a_pair_stays_decided(db: Database) -> None:
    for _ in range(2):
        await add_customer(db, "李秀英", phones=["13800138000"])
    await _search(db)
    async with db.read() as session:
        (pair,) = (await pair_queries.pairs(session, SYSTEM)).items
    async with db.uow() as uow:
        await pairs.decide(uow, pair.id, PairState.NOT_DUPLICATE, by=SYSTEM)
    await _search(db)
    assert await _pairs(db) == []
    assert len(await _pairs(db, PairState.NOT_DUPLICATE)) == 1


async def test_a_pair_that_is_alike_no_more_leaves_the_list(db: Database, clock: FixedClock) -> None:
    one = await add_customer(db, "李秀英", phones=["13800138000"])
    await add_customer(db, "李秀英", phones=["13800138000"])
    await _search(db)
    async with db.uow() as uow:
        await change(uow, one.id, {"name": "赵建国"}, by=SYSTEM)
    clock.move(timedelta(minutes=1))
    await _search(db)
    assert await _pairs(db) == []


async def test_pairs_follow_a_merge_and_come_back_with_its_undoing(db: Database) -> None:
    one, two, three = [await add_customer(db, "李秀英", phones=["13800138000"]) for _ in range(3)]
    await _search(db)
    before = await _pairs(db)
    assert len(before) == 3
    async with db.uow() as uow:
        made = await merge(uow, one.id, two.id, by=SYSTEM)
    assert await _pairs(db) == [{two.id, three.id}]
    async with db.uow() as uow:
        await undo(uow, made.id, by=SYSTEM)
    assert sorted(map(sorted, await _pairs(db))) == sorted(map(sorted, before))


async def test_only_pairs_of_which_both_are_in_reach_are_listed(db: Database) -> None:
    here, there = await add_department(db), await add_department(db)
    await add_customer(db, "李秀英", phones=["13800138000"], department=here)
    await add_customer(db, "李秀英", phones=["13800138000"], department=there)
    await _search(db)
    supervisor = await add_actor(db, role=Role.SUPERVISOR, department=here)
    assert await _pairs(db, actor=supervisor) == []
    async with db.read() as session:
        (pair,) = (await pair_queries.pairs(session, SYSTEM)).items
        with pytest.raises(NotFound):
            await pair_queries.pair(session, supervisor, pair.id)


async def test_a_block_beyond_its_bound_is_counted_and_left_out(db: Database) -> None:
    for _ in range(22):
        await add_customer(db, "", phones=["13800138000"])
    job = await _search(db)
    assert job.result["too_large"]["phone"] == 1
    assert await _pairs(db) == []


async def test_keys_go_with_their_customer(db: Database) -> None:
    one, two = await _stored(db, "李秀英", "13800138000"), await _stored(db, "王芳", "13700137000")
    async with db.uow() as uow:
        await merge(uow, one.id, two.id, by=SYSTEM)
    async with db.read() as session:
        left = await session.scalar(select(func.count()).select_from(MatchKey).where(MatchKey.customer_id == one.id))
    assert left == 0
    assert [found.customer_id for found in await _candidates(db, name="王芳", phones=["13800138000"])] == [two.id]
