"""The quick search: what it finds is what a plain look at everybody would find; who finds what; how it is found."""

from __future__ import annotations

import random
from typing import Any

import pytest

from crm_core.customers import pinyin, sealed
from crm_core.customers.models import Customer
from crm_core.customers.search import facts_queries, queries, service
from crm_core.db import trips
from crm_core.db.database import Database
from crm_core.organization.access import SYSTEM
from crm_core.organization.models import Role
from tests.factories import add_actor, add_customer, add_department
from tests.integration.search.bases import NOW, YESTERDAY, found, fragments, naive, random_base
from tests.integration.statements import counted, in_trips


async def indexed(db: Database, name: str, *phones: str, **fields: Any) -> int:
    """A customer whom the index knows."""
    whole, initials = pinyin.keys(name)
    customer = await add_customer(db, name, phones=phones, pinyin=whole, initials=initials, **fields)
    async with db.uow() as uow:
        await service.index_ids(uow, [customer.id])
    return customer.id


@pytest.mark.parametrize("seed", range(2))
async def test_the_search_finds_what_a_plain_look_at_everybody_finds(db: Database, seed: int) -> None:
    dice = random.Random(seed)
    department = await add_department(db)
    agent = await add_actor(db, role=Role.AGENT, department=department)
    other = await add_actor(db, role=Role.AGENT, department=department)
    supervisor = await add_actor(db, role=Role.SUPERVISOR)
    ids = await random_base(db, dice, 25, [agent, other])
    async with db.read() as session:
        everybody = await facts_queries.facts_of(session, ids)
        page = await queries.find_ids(session, agent, queries.Wanted(), now=NOW, limit=100)
        own = list(page.items)
    hits = 0
    for facts in dice.sample(everybody, 6):
        for text in fragments(dice, facts):
            for actor, reach in ((SYSTEM, ids), (agent, own), (supervisor, [])):
                expected = await naive(db, ids, text, actor, reach)
                assert await found(db, actor, text) == expected, (text, actor.name)
                hits += len(expected)
    assert hits > 50


@pytest.mark.parametrize(
    "text",
    ["曾国", "国华", "华", "zeng", "cengguohua", "zgh", "cg", "nggu", "138001", "380", "138 0013 8000",
     "+86 13800138000", "１３８００１３８", "86 138 0013 8000", "6234-5678", "02162345678",
     "T00770", "7701", "310101", "0815123", "815", "151", "z", "cengguoh", "7月1日", "0701",
     "1953-07-01", "2026-11-20",
     "曾 138", "vip77a", "77a9"],
)  # fmt: skip
async def test_a_customer_is_found_by_each_of_his_marks(db: Database, text: str) -> None:
    customer_id = await indexed(
        db, "曾国华", "13800138000", "02162345678", account_number="T0077012", custom={"member_card": "VIP-77A9"},
        birth_year=1953, birth_month=7, birth_day=1, created_at=YESTERDAY,
    )  # fmt: skip
    await indexed(db, "李四", "13912345679", account_number="T0088000", birth_year=1960, birth_month=2, birth_day=3)
    async with db.uow() as uow:
        kept = await uow.session.get_one(Customer, customer_id)
        sealed.set_id_card(uow.keyring, kept, "310101195308151234")
        await service.index(uow, [kept])
    assert await found(db, SYSTEM, text) == [customer_id]


async def test_who_sees_numbers_masked_finds_them_whole_or_by_the_end_that_he_sees(db: Database) -> None:
    agent = await add_actor(db, role=Role.AGENT)
    customer_id = await indexed(db, "曾国华", "13800138567", owner=agent)
    stranger = await indexed(db, "李四", "13800138567")
    async with db.uow() as uow:
        kept = await uow.session.get_one(Customer, customer_id)
        sealed.set_id_card(uow.keyring, kept, "310101195308151234")
        await service.index(uow, [kept])
    for text in ("13800138567", "138-0013-8567", "8567", "567", "310101195308151234", "1234"):
        assert await found(db, agent, text) == [customer_id], text
    for text in ("38567", "0013", "138", "1380013", "3800138567", "19530815", "310101", "51234"):
        assert await found(db, agent, text) == [], text
    assert await found(db, SYSTEM, "0013") == [stranger, customer_id]


async def test_the_index_follows_each_change_and_forgets_who_is_gone(db: Database) -> None:
    customer_id = await indexed(db, "曾国华", "13800138000")
    async with db.uow() as uow:
        kept = await uow.session.get_one(Customer, customer_id)
        kept.name = "欧阳娜娜"
        kept.pinyin, kept.initials = pinyin.keys(kept.name)
        await service.index(uow, [kept])
    assert await found(db, SYSTEM, "国华") == []
    assert await found(db, SYSTEM, "oynn") == [customer_id]
    async with db.uow() as uow:
        await service.forget(uow, [customer_id])
    assert await found(db, SYSTEM, "oynn") == []
    assert await service.rebuild(db) == 1
    assert await found(db, SYSTEM, "oynn") == [customer_id]


async def test_an_empty_index_is_built_as_a_whole(db: Database) -> None:
    ids = [(await add_customer(db, f"王小{n}", phones=[f"1380013800{n}"])).id for n in range(5)]
    assert await service.build(db) == 5
    assert await found(db, SYSTEM, "王小") == sorted(ids, reverse=True)
    with counted(db) as statements:
        assert await service.rebuild(db) == 5
    assert not [one for one in statements if one.startswith(("INSERT", "DELETE"))]


@pytest.mark.parametrize("text", ["王小", "wangx", "wx", "1380013", "380", "0701", "王 138", "13800138001"])
async def test_no_search_reads_a_whole_table(db: Database, text: str) -> None:
    for number in range(12):
        await indexed(db, f"王小{number}", f"1380013800{number % 10}")
    with in_trips() as pieces:
        await found(db, SYSTEM, text, limit=50)
    assert pieces
    for sql, values in pieces:
        plan = await explained(db, sql, values)
        assert "SCAN search_tokens" not in plan, plan
        assert "SCAN s" not in plan.replace("SCAN some", ""), plan
        assert "SCAN customer" not in plan, plan
        assert "Seq Scan" not in plan, plan


async def explained(db: Database, sql: str, values: Any) -> str:
    """How the database goes about it; PostgreSQL as if the tables were too large to scan."""
    async with db.read() as session:
        connection = await session.connection()
        if db.is_sqlite:
            rows = (await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)).all()
        else:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            async with driver.transaction():
                await driver.execute("SET LOCAL enable_seqscan = off")
                rows = await driver.fetch(f"EXPLAIN {trips._numbered(sql)}", *values)
    return "\n".join(str(row[-1]) for row in rows)


async def test_a_search_takes_as_many_statements_for_many_as_for_few(db: Database) -> None:
    numbers = []
    for count in (2, 40):
        for number in range(count):
            await indexed(db, f"王小{number}", f"138{number:08d}")
        with counted(db) as statements:
            async with db.read() as session:
                await queries.find(session, SYSTEM, queries.Wanted("王小"), now=NOW, limit=20)
        numbers.append(len(statements))
    assert 2 < numbers[1] <= numbers[0] <= 8


async def test_a_page_of_a_list_takes_as_many_statements_for_many_as_for_few(db: Database) -> None:
    owner = await add_actor(db, role=Role.AGENT, department=await add_department(db))
    numbers = []
    for count in (2, 40):
        for number in range(count):
            await indexed(db, f"王小{number}", f"138{number:08d}", owner=owner)
        for text in ("", "王小"):
            with counted(db) as statements:
                async with db.read() as session:
                    page = await queries.find_lines(session, SYSTEM, queries.Wanted(text), now=NOW, limit=20)
            assert page.items[0].owner == owner.name
            numbers.append(len(statements))
    assert 2 < numbers[2] <= numbers[0] <= 6
    assert 2 < numbers[3] <= numbers[1] <= 8


async def test_lines_show_the_same_as_the_whole_customer(db: Database) -> None:
    agent = await add_actor(db, role=Role.AGENT)
    born = {"birth_calendar": "lunar", "birth_year": 1953, "birth_month": 7, "birth_day": 1}
    await indexed(db, "曾国华", "13800138000", owner=agent, **born)
    for actor in (SYSTEM, agent):
        async with db.read() as session:
            (line,) = (await queries.find_lines(session, actor, queries.Wanted("曾"), now=NOW)).items
            (whole,) = (await queries.find(session, actor, queries.Wanted("曾"), now=NOW)).items
        assert line.phone == whole.phones[0].number
        same = set(dir(line)) & set(whole.__dataclass_fields__)
        assert {name: getattr(line, name) for name in same} == {name: getattr(whole, name) for name in same}
        assert len(same) > 20
