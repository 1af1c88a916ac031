"""Merging by several people at once, one merge after the other, and after later edits: one truth, nothing lost."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any

import pytest
from sqlalchemy import func, select

from crm_core.customers import merge_queries, queries, service
from crm_core.customers.duplicates import queries as duplicates
from crm_core.customers.duplicates import service as keys
from crm_core.customers.duplicates.merging import merge
from crm_core.customers.duplicates.models import MatchKey, MatchRecord
from crm_core.customers.duplicates.queries import Probe
from crm_core.customers.duplicates.undoing import Undone, undo
from crm_core.customers.merge_models import CustomerMerge
from crm_core.customers.models import Customer, Phone
from crm_core.customers.search import service as search
from crm_core.customers.service import PhoneInput
from crm_core.db.database import Database
from crm_core.kernel.errors import Conflict, CrmError, NotFound
from crm_core.organization.access import SYSTEM, Action
from tests.factories import add_call, add_customer

TODAY = date(2026, 11, 21)


async def _customer(db: Database, name: str, *phones: str, **fields: Any) -> Customer:
    made = await add_customer(db, name, phones=phones, **fields)
    async with db.uow() as uow:
        await keys.renew(uow, [made.id])
        await search.index_ids(uow, [made.id])
    return made


async def _merge(db: Database, gone: int, into: int) -> int:
    async with db.uow() as uow:
        return (await merge(uow, gone, into, by=SYSTEM)).id


async def _undo(db: Database, merge_id: int) -> Undone:
    async with db.uow() as uow:
        return await undo(uow, merge_id, by=SYSTEM)


async def _stored(db: Database, customer_id: int) -> Customer:
    async with db.read() as session:
        return await queries.customer_to_change(session, SYSTEM, customer_id, Action.CUSTOMER_READ)


async def _count(db: Database, *what: Any) -> int:
    async with db.read() as session:
        return int(await session.scalar(select(func.count()).select_from(what[0]).where(*what[1:])) or 0)


async def _one_of(db: Database, *doing: Any) -> tuple[list[int], list[CrmError]]:
    ended = await asyncio.gather(*doing, return_exceptions=True)
    refused = [one for one in ended if isinstance(one, CrmError)]
    assert len([one for one in ended if isinstance(one, int)]) + len(refused) == len(ended), ended
    return [one for one in ended if isinstance(one, int)], refused


async def test_of_two_who_merge_the_same_pair_at_once_one_is_told_that_it_is_done(db: Database) -> None:
    gone, into = await _customer(db, "王芳", "13900139000"), await _customer(db, "王方", "13800138000")
    done, refused = await _one_of(db, *(_merge(db, gone.id, into.id) for _ in range(2)))
    assert len(done) == 1
    assert isinstance(refused[0], Conflict | NotFound)
    assert await _count(db, CustomerMerge) == 1
    assert await _count(db, Phone) == 2
    await _undo(db, done[0])
    assert [phone.number for phone in (await _stored(db, gone.id)).phones] == ["13900139000"]


async def test_of_two_who_merge_a_pair_in_opposite_directions_one_wins_and_nobody_vanishes(db: Database) -> None:
    one, two = await _customer(db, "王芳", "13900139000"), await _customer(db, "王方", "13800138000")
    done, refused = await _one_of(db, _merge(db, one.id, two.id), _merge(db, two.id, one.id))
    assert (len(done), len(refused)) == (1, 1)
    assert isinstance(refused[0], Conflict | NotFound)
    assert await _count(db, Customer) == 1
    async with db.read() as session:
        survivor = await queries.customer(session, SYSTEM, one.id, today=TODAY)
        assert (await queries.customer(session, SYSTEM, two.id, today=TODAY)).id == survivor.id
    assert {phone.number for phone in (await _stored(db, survivor.id)).phones} == {"13900139000", "13800138000"}


async def test_of_two_who_undo_a_merge_at_once_one_is_told_that_it_is_done(db: Database) -> None:
    gone, into = await _customer(db, "王芳", "13900139000"), await _customer(db, "王方")
    merge_id = await _merge(db, gone.id, into.id)
    ended = await asyncio.gather(_undo(db, merge_id), _undo(db, merge_id), return_exceptions=True)
    assert sorted(type(one).__name__ for one in ended) == ["Conflict", "Undone"]
    assert await _count(db, Customer) == 2
    assert await _count(db, Phone) == 1


async def test_a_chain_comes_apart_from_its_end_also_after_edits_between(db: Database) -> None:
    first = await _customer(db, "王芳", "13900139000", remarks="怕吵")
    second = await _customer(db, "王方", "13800138000", occupation="医生")
    third = await _customer(db, "王放", "13700137000")
    early = await _merge(db, first.id, second.id)
    async with db.uow() as uow:
        await service.update(uow, second.id, {"best_time": "晚上"}, by=SYSTEM)
    late = await _merge(db, second.id, third.id)
    assert [phone.number for phone in (await _stored(db, first.id)).phones] == [
        "13700137000", "13800138000", "13900139000"
    ]  # fmt: skip
    async with db.uow() as uow:
        await service.update(uow, third.id, {"occupation": "教师"}, by=SYSTEM)
    with pytest.raises(Conflict) as refused:
        await _undo(db, early)
    assert refused.value.code == "merge_undo_order"
    assert (await _undo(db, late)).kept == ("occupation",)
    async with db.read() as session:
        assert await merge_queries.survivor_of(session, first.id) == second.id
    assert (await _undo(db, early)).kept == ()
    one, two, three = [await _stored(db, each.id) for each in (first, second, third)]
    assert [(each.name, [phone.number for phone in each.phones]) for each in (one, two, three)] == [
        ("王芳", ["13900139000"]), ("王方", ["13800138000"]), ("王放", ["13700137000"])
    ]  # fmt: skip
    assert (two.best_time, two.occupation, two.remarks) == ("晚上", "医生", None)
    assert (three.best_time, three.occupation, three.remarks) == (None, "教师", None)


async def test_edits_of_both_after_a_merge_stay_and_are_named(db: Database) -> None:
    """Also what was added to the survivor stays with him, and a number that was taken away stays away."""
    gone = await _customer(db, "王芳", "13900139000", "13600136000", remarks="怕吵")
    into = await _customer(db, "王方", "13800138000")
    call = await add_call(db, customer=gone)
    merge_id = await _merge(db, gone.id, into.id)
    numbers = [PhoneInput(number) for number in ("13800138000", "13900139000", "13500135000")]
    async with db.uow() as uow:
        await service.update(uow, into.id, {"remarks": "怕吵,周五再打"}, phones=numbers, by=SYSTEM)
    undone = await _undo(db, merge_id)
    assert set(undone.kept) == {"phones", "remarks"}
    one, two = await _stored(db, gone.id), await _stored(db, into.id)
    assert (one.remarks, two.remarks) == ("怕吵", "怕吵,周五再打")
    assert {phone.number for phone in (*one.phones, *two.phones)} == {"13800138000", "13900139000", "13500135000"}
    assert two.phones[0].number == "13800138000"
    async with db.read() as session:
        assert (await session.get_one(type(call), call.id)).customer_id == gone.id


async def test_completeness_and_keys_are_right_after_a_merge_and_after_its_undoing(db: Database) -> None:
    born = {"birth_year": 1953, "birth_month": 8, "birth_day": 15, "birth_calendar": "solar"}
    gone = await _customer(db, "王芳", "13900139000")
    into = await _customer(db, "王方", city="上海", street="张江路5号", **born)
    merge_id = await _merge(db, gone.id, into.id)
    assert (await _stored(db, into.id)).completeness == 20 + 14 + 14  # number, birthday, address
    assert await _found(db, "13900139000") == [into.id]
    assert await _count(db, MatchKey, MatchKey.customer_id == gone.id) == 0
    assert await _count(db, MatchRecord, MatchRecord.customer_id == gone.id) == 0
    await _undo(db, merge_id)
    assert (await _stored(db, into.id)).completeness == 14 + 14
    assert await _found(db, "13900139000") == [gone.id]
    assert await _count(db, MatchRecord) == 2


async def _found(db: Database, number: str) -> list[int]:
    async with db.read() as session:
        found = await duplicates.candidates(session, SYSTEM, Probe(phones=[number]), least=0.01)
    return [one.customer_id for one in found]
