"""A base of the last release, with customers in it: after the upgrade they are found as if always here."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core import migrations
from crm_core.calls.work_queries import LastTalks
from crm_core.customers import rebuilding, rebuilding_queries
from crm_core.customers.duplicates import jobs as duplicates
from crm_core.customers.duplicates import pair_queries
from crm_core.customers.duplicates.models import PairState
from crm_core.customers.kinds import Sex
from crm_core.customers.models import Customer
from crm_core.customers.rebuilding import REBUILD
from crm_core.db.database import Database
from crm_core.jobs import queries as jobs
from crm_core.jobs import service
from crm_core.jobs.models import JobState
from crm_core.jobs.runner import run_one
from crm_core.kernel.clock import FixedClock
from crm_core.organization.access import SYSTEM
from tests.factories import add_call, add_customer
from tests.integration.search.bases import found

BORN: dict[str, Any] = {"birth_year": 1951, "birth_month": 3, "birth_day": 8, "sex": Sex.FEMALE}
HOME: dict[str, Any] = {"province": "上海市", "city": "上海", "district": "徐汇区", "street": "桂林路5号302室"}
HANDLERS = {**rebuilding.handlers([LastTalks()]), **duplicates.HANDLERS}


async def old_base(db: Database, more: int = 0) -> list[Customer]:
    """Two entries of one woman, her neighbour, and ``more``, as the release before the customer database kept them."""
    made = [
        await add_customer(db, "曾桂英", phones=["13800138001"], **BORN, **HOME),
        await add_customer(db, "曾桂英", phones=["13800138001", "02162345678"], **BORN),
        await add_customer(db, "李建国", phones=["13912345679"], remarks="耳背", **HOME),
    ]
    made += [await add_customer(db, f"王秀{n}", phones=[f"1370000{n:04d}"]) for n in range(more)]
    await add_call(db, customer=made[2], number="13912345679")
    await migrations.downgrade(db, "0001")
    await migrations.upgrade(db)
    return made


async def worked(db: Database) -> None:
    while await run_one(db, HANDLERS):
        pass
    assert (await state_of(db)).error is None


async def stored(db: Database, customer: Customer) -> Customer:
    async with db.read() as session:
        return await session.get_one(Customer, customer.id)


async def state_of(db: Database) -> jobs.JobView:
    async with db.read() as session:
        return (await jobs.jobs(session, SYSTEM, kind=REBUILD, limit=1)).items[0]


async def test_customers_of_the_last_release_are_found_after_the_upgrade(db: Database) -> None:
    one, other, neighbour = await old_base(db)
    assert await found(db, SYSTEM, "李建国") == []
    assert await rebuilding.start_if_needed(db)
    await worked(db)
    for text in ("李建国", "ljg", "1391234", neighbour.account_number):
        assert await found(db, SYSTEM, text) == [neighbour.id]
    assert set(await found(db, SYSTEM, "zengguiying")) == {one.id, other.id}


async def test_their_duplicates_wait_on_the_list(db: Database) -> None:
    one, other, _ = await old_base(db)
    await rebuilding.start_if_needed(db)
    await worked(db)
    async with db.read() as session:
        (pair,) = (await pair_queries.pairs(session, SYSTEM)).items
    assert ({pair.first.id, pair.second.id}, pair.state) == ({one.id, other.id}, PairState.OPEN)


async def test_what_follows_from_their_fields_is_worked_out_and_nothing_else_changes(db: Database) -> None:
    one, other, neighbour = await old_base(db)
    await rebuilding.start_if_needed(db)
    await worked(db)
    first, second, third = [await stored(db, customer) for customer in (one, other, neighbour)]
    assert first.completeness > second.completeness > third.completeness > 0
    assert first.household_key == third.household_key is not None
    assert (third.remarks, third.version, third.updated_at) == ("耳背", neighbour.version, neighbour.updated_at)
    assert third.last_contact_at is not None and first.last_contact_at is None


async def test_a_base_that_is_known_already_needs_nothing(db: Database) -> None:
    assert not await rebuilding.start_if_needed(db)
    await old_base(db)
    assert await rebuilding.start_if_needed(db)
    assert not await rebuilding.start_if_needed(db)
    await worked(db)
    assert not await rebuilding.start_if_needed(db)


async def test_the_work_is_begun_again_when_somebody_had_cancelled_it(db: Database) -> None:
    await old_base(db)
    await rebuilding.start_if_needed(db)
    async with db.uow() as uow:
        await service.cancel(uow, (await state_of(db)).id, by=SYSTEM)
    assert await rebuilding.start_if_needed(db)


class Dying:
    """Knows of no talks, and takes the process with it at the third batch."""

    def __init__(self) -> None:
        self.asked = 0

    async def last(self, session: AsyncSession, customer_ids: Sequence[int]) -> Mapping[int, Any]:
        self.asked += 1
        if self.asked == 3:
            raise asyncio.CancelledError
        return {}


async def test_after_a_crash_the_work_goes_on_where_it_stood(
    db: Database, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuilding, "_CHUNK", 2)
    made = await old_base(db, more=5)
    await rebuilding.start_if_needed(db)
    with pytest.raises(asyncio.CancelledError):
        await run_one(db, rebuilding.handlers([Dying()]))
    job = await state_of(db)
    assert (job.state, job.done, job.total) == (JobState.RUNNING, 4, 8)
    clock.move(timedelta(minutes=5))
    await worked(db)
    job = await state_of(db)
    assert (job.state, job.done) == (JobState.DONE, 8)
    for customer in made:
        assert customer.id in await found(db, SYSTEM, customer.account_number)


async def test_by_hand_the_same_is_done_at_once_and_again(db: Database) -> None:
    _, _, neighbour = await old_base(db)
    told: list[int] = []
    for _ in range(2):
        assert await rebuilding.rebuild(db, [LastTalks()], told.append) == 3
        assert await found(db, SYSTEM, "李建国") == [neighbour.id]
        assert (await stored(db, neighbour)).completeness > 0
    assert told == [3, 3]
    async with db.read() as session:
        assert not await rebuilding_queries.is_unknown_to_search(session)


async def test_who_was_erased_stays_unknown(db: Database) -> None:
    erased = await add_customer(db, "*", updated_at=datetime(2026, 1, 1, tzinfo=UTC))
    await rebuilding.rebuild(db, [], lambda done: None)
    async with db.uow() as uow:
        assert await rebuilding_queries.ids_to_renew(uow.session, 0, 10) == []
    assert erased.pinyin in ("", None)
