"""Merging two customers and undoing it: nothing attached is lost, whatever tables there are."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from crm_core.audit import queries as audit
from crm_core.customers import merge_queries, queries, sealed, service
from crm_core.customers.duplicates import merging
from crm_core.customers.duplicates import service as duplicates
from crm_core.customers.duplicates.merging import merge
from crm_core.customers.duplicates.records import SEALED
from crm_core.customers.duplicates.reference_queries import ENDED, REBUILT, references_to
from crm_core.customers.duplicates.undoing import Undone, undo
from crm_core.customers.kinds import PhoneState
from crm_core.customers.models import AccountNumber, Customer, CustomerNote, FamilyMember, Phone
from crm_core.customers.search import service as search
from crm_core.db.database import Database
from crm_core.db.outbox import OutboxRow
from crm_core.kernel.errors import Conflict, Denied, NotFound, Rejected
from crm_core.kernel.ids import new_id
from crm_core.organization.access import SYSTEM, Actor
from crm_core.organization.models import Role
from tests.factories import add_actor, add_call, add_customer, add_department
from tests.integration.customers.anything import CUSTOMERS, add_row, everything

REFERENCES = references_to(CUSTOMERS)


async def _merge(db: Database, gone: Customer | int, into: Customer | int, by: Actor = SYSTEM, **more: Any) -> int:
    async with db.uow() as uow:
        return (await merge(uow, _id(gone), _id(into), by=by, **more)).id


async def _undo(db: Database, merge_id: int, by: Actor = SYSTEM) -> Undone:
    async with db.uow() as uow:
        return await undo(uow, merge_id, by=by)


def _id(customer: Customer | int) -> int:
    return customer if isinstance(customer, int) else customer.id


async def _stored(db: Database, customer: Customer | int) -> Customer:
    async with db.read() as session:
        return await queries.customer_to_change(session, SYSTEM, _id(customer), merging.Action.CUSTOMER_READ)


async def _indexed(db: Database, *customers: Customer) -> None:
    async with db.uow() as uow:
        await duplicates.renew(uow, [one.id for one in customers])
        await search.index_ids(uow, [one.id for one in customers])


async def _change(db: Database, customer: Customer | int, **fields: Any) -> None:
    async with db.uow() as uow:
        await service.update(uow, _id(customer), fields, by=SYSTEM)


async def test_every_foreign_key_to_customers_is_moved_and_moved_back(db: Database) -> None:
    """A table that somebody adds later is met here by itself: it moves, or it is named in REBUILT or ENDED."""
    gone, into = await add_customer(db, "王芳", phones=["13800138000"]), await add_customer(db, "王方")
    for reference in REFERENCES:
        if reference.table.name not in REBUILT:
            await add_row(db, reference.table, **{reference.column.name: gone.id})
    await _indexed(db, gone, into)
    before = await everything(db)
    merge_id = await _merge(db, gone, into)
    after = await everything(db)
    for reference in REFERENCES:
        name = reference.table.name
        if name in REBUILT | ENDED | {"customers", "customer_merges"}:  # the last two lose and win a row by the merge
            continue
        assert len(after[name]) == len(before[name]), f"{name} lost rows: move them, or name it in REBUILT or ENDED"
    async with db.read() as session:
        assert await session.get(Customer, gone.id) is None
    assert (await _undo(db, merge_id)).kept == ()
    assert await everything(db) == before


async def test_rows_that_both_have_are_joined_and_come_apart_again(db: Database) -> None:
    gone, into = await add_customer(db, "王芳"), await add_customer(db, "王芳")
    for reference in REFERENCES:
        if reference.unique and reference.table.name not in REBUILT and reference.table is not CUSTOMERS:
            row = await add_row(db, reference.table, **{reference.column.name: gone.id})
            if reference.table.c["id" if "id" in row else reference.column.name].primary_key and "id" in row:
                row["id"] = new_id()
            async with db.uow() as uow:
                await uow.session.execute(insert(reference.table).values(row | {reference.column.name: into.id}))
    await _indexed(db, gone, into)
    before = await everything(db)
    merge_id = await _merge(db, gone, into)
    assert (await _undo(db, merge_id)).kept == ()
    assert await everything(db) == before


async def test_what_binds_the_two_to_each_other_falls_away_and_comes_back(db: Database) -> None:
    gone = await add_customer(db, "王芳")
    into = await add_customer(db, "王方", referred_by_id=gone.id)
    third = await add_customer(db, "李四", referred_by_id=gone.id)
    async with db.uow() as uow:
        uow.session.add(FamilyMember(id=new_id(), customer_id=into.id, member_id=gone.id, relation="本人", name="王芳"))
    await _indexed(db, gone, into, third)
    before = await everything(db)
    merge_id = await _merge(db, gone, into)
    assert (await _stored(db, into)).referred_by_id is None
    assert (await _stored(db, third)).referred_by_id == into.id
    async with db.read() as session:
        assert await session.scalar(select(func.count()).select_from(FamilyMember)) == 0
    await _undo(db, merge_id)
    assert await everything(db) == before


async def test_the_survivor_keeps_his_values_takes_what_he_lacks_and_what_is_chosen(db: Database) -> None:
    gone = await add_customer(
        db, "王芳", city="上海", street="张江路5号", remarks="怕吵", occupation="教师", custom={"a": 1, "b": 2}
    )
    into = await add_customer(db, "王方", remarks="晚上打", occupation="医生", custom={"a": 9})
    await _merge(db, gone, into, take=["name"])
    found = await _stored(db, into)
    assert (found.name, found.occupation, found.city, found.street) == ("王芳", "医生", "上海", "张江路5号")
    assert (found.remarks, found.custom) == ("晚上打\n怕吵", {"a": 9, "b": 2})
    assert found.pinyin.startswith("wangfang")
    assert found.household_key is not None


async def test_numbers_come_together_once_each_with_one_primary(db: Database) -> None:
    gone = await add_customer(db, "王芳", phones=["13900139000", "13800138000"])
    into = await add_customer(db, "王方", phones=["13800138000", "02162345678"])
    merge_id = await _merge(db, gone, into)
    found = await _stored(db, into)
    assert [phone.number for phone in found.phones] == ["13800138000", "02162345678", "13900139000"]
    assert [phone.position for phone in found.phones] == [0, 1, 2]
    await _undo(db, merge_id)
    assert [phone.number for phone in (await _stored(db, gone)).phones] == ["13900139000", "13800138000"]
    assert [phone.number for phone in (await _stored(db, into)).phones] == ["13800138000", "02162345678"]


async def test_the_old_id_and_the_old_account_number_lead_to_the_survivor(db: Database) -> None:
    gone, into, last = await add_customer(db, "王芳"), await add_customer(db, "王方"), await add_customer(db, "王放")
    first = await _merge(db, gone, into)
    second = await _merge(db, into, last)
    async with db.read() as session:
        assert await merge_queries.survivor_of(session, gone.id) == last.id
        assert await merge_queries.survivor_of(session, into.id) == last.id
        assert (await queries.customer(session, SYSTEM, gone.id, today=date(2026, 11, 21))).id == last.id
        number = await session.get_one(AccountNumber, gone.account_number)
        assert number.customer_id == last.id
    with pytest.raises(Conflict) as refused:
        await _undo(db, first)
    assert refused.value.code == "merge_undo_order"
    await _undo(db, second)
    await _undo(db, first)
    async with db.read() as session:
        assert await merge_queries.survivor_of(session, gone.id) is None
    with pytest.raises(Conflict) as refused:
        await _undo(db, first)
    assert refused.value.code == "merge_undone"


async def test_undoing_keeps_and_names_what_a_person_changed_since(db: Database) -> None:
    gone = await add_customer(db, "王芳", phones=["13900139000"], occupation="教师", city="上海", street="张江路5号")
    into = await add_customer(db, "王方")
    call = await add_call(db, customer=gone)
    merge_id = await _merge(db, gone, into, take=["name"])
    await _change(db, into, occupation="医生", best_time="晚上")
    async with db.uow() as uow:
        (phone,) = (await queries.customer_to_change(uow.session, SYSTEM, into.id, merging.Action.CUSTOMER_READ)).phones
        phone.state = PhoneState.VALID
        await service.add_note(uow, into.id, "说好周五再打", by=SYSTEM)
    undone = await _undo(db, merge_id)
    assert undone.kept == ("occupation", "phones")
    found, other = await _stored(db, into), await _stored(db, gone)
    assert (found.name, found.occupation, found.best_time, found.city) == ("王方", "医生", "晚上", None)
    assert (other.name, other.occupation, other.street) == ("王芳", "教师", "张江路5号")
    assert [(p.number, p.state) for p in other.phones] == [("13900139000", PhoneState.VALID)]
    async with db.read() as session:
        (note,) = (await session.scalars(select(CustomerNote))).all()
        assert note.customer_id == into.id
        assert (await session.get_one(type(call), call.id)).customer_id == gone.id


async def test_sealed_fields_are_sealed_for_the_customer_who_has_them(db: Database) -> None:
    gone, into = await add_customer(db, "王芳"), await add_customer(db, "王方")
    number = "11010519491231002X"
    async with db.uow() as uow:
        row = await uow.session.get_one(Customer, gone.id)
        sealed.set_id_card(uow.keyring, row, number)
        sealed.set_medical(uow.keyring, row, {"medical_history": "高血压", "contraindications": "人参"})
        sealed.set_medical(uow.keyring, await uow.session.get_one(Customer, into.id), {"contraindications": "蜂蜜"})
    merge_id = await _merge(db, gone, into)
    assert await _opened(db, into) == (number, "高血压", "蜂蜜\n人参")
    await _undo(db, merge_id)
    assert await _opened(db, gone) == (number, "高血压", "人参")
    assert await _opened(db, into) == (None, None, "蜂蜜")


def test_every_sealed_column_of_a_customer_is_known_to_the_merge() -> None:
    assert {column.name for column in CUSTOMERS.columns if column.name.endswith("_sealed")} == set(SEALED)


async def _opened(db: Database, customer: Customer) -> tuple[str | None, str | None, str | None]:
    async with db.uow() as uow:
        row = await uow.session.get_one(Customer, customer.id)
        medical = sealed.open_medical(uow.keyring, row.id, row.medical_sealed, row.contraindications_sealed)
        card = sealed.open_id_card(uow.keyring, row.id, row.id_card_sealed)
    return card, medical["medical_history"], medical["contraindications"]


async def test_only_whose_right_reaches_both_may_merge(db: Database) -> None:
    here, there = await add_department(db), await add_department(db)
    mine, other = await add_customer(db, "王芳", department=here), await add_customer(db, "王方", department=there)
    supervisor = await add_actor(db, role=Role.SUPERVISOR, department=here)
    agent = await add_actor(db, role=Role.AGENT, department=here)
    for gone, into in ((mine, other), (other, mine)):
        with pytest.raises(NotFound):
            await _merge(db, gone, into, supervisor)
    with pytest.raises(Denied):
        await _merge(db, mine, other, agent)
    with pytest.raises(Rejected):
        await _merge(db, mine, mine)
    merge_id = await _merge(db, other, mine)
    with pytest.raises(NotFound):  # what comes out again would be out of reach
        await _undo(db, merge_id, supervisor)


async def test_a_merge_that_fails_at_its_end_has_changed_nothing(db: Database) -> None:
    gone, into = await add_customer(db, "王芳", phones=["13900139000"]), await add_customer(db, "王方")
    await _indexed(db, gone, into)
    before = await everything(db)

    async def crash(_: object) -> None:
        raise RuntimeError("the lights go out")

    with pytest.raises(RuntimeError):
        await _merge(db, gone, into, apply=crash)
    assert await everything(db) == before


async def test_merging_is_on_record_and_told_to_those_who_remember_customers(db: Database) -> None:
    gone, into = await add_customer(db, "王芳", phones=["13900139000"]), await add_customer(db, "王方")
    await _merge(db, gone, into)
    async with db.read() as session:
        lines = await audit.page(session)
        assert {"customer.merge", "customer.merged_into"} <= {line.action for line in lines}
        told = {row.type for row in await session.scalars(select(OutboxRow))}
    assert {"customers.merged", "customers.changed", "customers.phones_changed"} <= told


async def test_numbers_lead_to_the_survivor_after_a_merge(db: Database) -> None:
    gone, into = await add_customer(db, "王芳", phones=["13900139000"]), await add_customer(db, "王方")
    await _merge(db, gone, into)
    async with db.read() as session:
        rows = await session.scalars(select(Phone.customer_id).where(Phone.e164 == "+8613900139000"))
        assert rows.all() == [into.id]
