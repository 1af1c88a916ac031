"""Whose number is it."""

from __future__ import annotations

import pytest

from crm_core.customers.lookup_queries import lookup_by_number, match_of, only_customer_of
from crm_core.db.database import Database
from crm_core.kernel.phone import recognise
from tests.factories import add_customer, add_user
from tests.integration.statements import counted


async def _names(db: Database, number: str, area_code: str = "021") -> list[tuple[str, bool]]:
    known = recognise(number, area_code)
    assert known is not None
    async with db.read() as session:
        return [(m.name, m.exact) for m in await lookup_by_number(session, known.e164, known.digits)]


@pytest.mark.parametrize("number", ["13800138000", "+8613800138000", "013800138000", "1795113800138000"])
async def test_a_number_is_found_in_every_spelling_with_one_statement(db: Database, number: str) -> None:
    await add_customer(db, "张三", phones=["138-0013-8000"])
    await add_customer(db, "李四", phones=["13800138001"])
    with counted(db) as statements:
        assert await _names(db, number) == [("张三", True)]
    assert len(statements) == 1


async def test_a_landline_stored_without_its_area_is_found_by_its_end(db: Database) -> None:
    await add_customer(db, "张三", phones=["62345678"], area_code="")
    await add_customer(db, "李四", phones=["021-52345678"])
    assert await _names(db, "021-62345678") == [("张三", False)]


async def test_a_landline_sent_without_its_area_is_found_by_its_end(db: Database) -> None:
    await add_customer(db, "张三", phones=["021-62345678"])
    await add_customer(db, "李四", phones=["010-62345678"])
    assert await _names(db, "62345678", "") == [("张三", False), ("李四", False)]
    assert await _names(db, "62345678", "010") == [("李四", True)]
    assert await _names(db, "62345678", "0755") == []


async def test_a_household_shares_a_number_and_each_comes_once_primary_first(db: Database) -> None:
    await add_customer(db, "父", phones=["13900139000", "13800138000"])
    await add_customer(db, "母", phones=["13800138000"])
    assert await _names(db, "13800138000") == [("母", True), ("父", True)]
    async with db.read() as session:
        assert await only_customer_of(session, {"+8613800138000"}) == {}
        assert list(await only_customer_of(session, {"+8613900139000", "+8613100131000"})) == ["+8613900139000"]


async def test_short_numbers_match_nothing_by_their_end(db: Database) -> None:
    await add_customer(db, "张三", phones=["13800110110"])
    assert await _names(db, "110") == []


async def test_the_match_carries_what_the_pop_shows(db: Database) -> None:
    owner = await add_user(db, "wangwei")
    customer = await add_customer(
        db, "张三", phones=["13800138000", "021-62345678"], owner=owner, taboos="不要提保险", do_not_call=True
    )
    async with db.read() as session:
        (match,) = await lookup_by_number(session, "+862162345678", "862162345678")
        same = await match_of(session, customer.id, "+862162345678")
        first = await match_of(session, customer.id)
        nobody = await match_of(session, 1)
    assert same == match
    assert (match.owner_name, match.taboos, match.do_not_call, match.primary) == ("wangwei", "不要提保险", True, False)
    assert first is not None and (first.number, first.primary) == ("13800138000", True)
    assert nobody is None


async def test_a_customer_without_numbers_has_a_brief_too(db: Database) -> None:
    customer = await add_customer(db, "张三")
    async with db.read() as session:
        match = await match_of(session, customer.id)
    assert match is not None and (match.number, match.digits) == (None, "")


async def test_the_look_up_goes_by_index(sqlite_url: str) -> None:
    db = Database(sqlite_url)
    try:
        with counted(db) as statements:
            async with db.read() as session:
                await lookup_by_number(session, "+8613800138000", "8613800138000")
        async with db.read() as session:
            for statement in statements:
                connection = await session.connection()
                values = ("1",) * statement.count("?")
                plan = await connection.exec_driver_sql("EXPLAIN QUERY PLAN " + statement, values)
                lines = [str(tuple(row)[-1]) for row in plan]
                assert not any(line.startswith("SCAN") for line in lines), lines
                assert any("ix_customer_phones" in line for line in lines), lines
    finally:
        await db.close()
