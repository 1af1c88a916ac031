"""Demo customers look like customers: what the rules of the core would have stored, the bulk rows hold as well."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest

from callcenter.demo.customers import (
    CUSTOMER_COLUMNS,
    NUMBER_COLUMNS,
    PHONE_COLUMNS,
    CustomerMaker,
    CustomerRows,
    Owner,
)
from crm_core.customers import pinyin, rules
from crm_core.customers.models import AccountNumber, Customer, Phone
from crm_core.kernel.phone import recognise

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
OWNERS = [Owner(1, "王伟", "1001", 10), Owner(2, "李娜", "1002", 20)]


@pytest.fixture(scope="module")
def made() -> CustomerRows:
    return CustomerMaker(OWNERS, seed=1, now=NOW).make(0, 2000, callers=400)


def dicts(columns: tuple[str, ...], rows: list[tuple[object, ...]]) -> list[dict[str, object]]:
    return [dict(zip(columns, row, strict=True)) for row in rows]


def test_every_column_without_default_is_filled() -> None:
    for model, columns in ((Customer, CUSTOMER_COLUMNS), (Phone, PHONE_COLUMNS), (AccountNumber, NUMBER_COLUMNS)):
        table = model.__table__
        needed = {c.name for c in table.columns if not c.nullable}
        assert needed <= set(columns) <= set(table.columns.keys())


def test_phone_rows_are_what_the_phone_rules_make_of_the_number(made: CustomerRows) -> None:
    for row in dicts(PHONE_COLUMNS, made.phones):
        known = recognise(str(row["number"]))
        assert known is not None, row
        assert (known.e164, known.reversed_digits) == (row["e164"], row["reversed_digits"])


def test_names_are_found_by_pinyin_and_couples_by_household(made: CustomerRows) -> None:
    rows = dicts(CUSTOMER_COLUMNS, made.customers)
    for row in rows[:200]:
        assert (row["pinyin"], row["initials"]) == pinyin.keys(str(row["name"]))
        assert row["household_key"] == rules.household_key(row)
    assert rows[7]["household_key"] == rows[6]["household_key"]
    assert rows[7]["sex"] != rows[6]["sex"]


def test_mobile_numbers_and_account_numbers_are_unique(made: CustomerRows) -> None:
    mobiles = Counter(row["number"] for row in dicts(PHONE_COLUMNS, made.phones) if row["kind"] == "mobile")
    assert max(mobiles.values()) == 1
    assert len({row[0] for row in made.numbers}) == len(made.numbers)


def test_some_have_landlines_only_several_numbers_taboos_and_no_calls(made: CustomerRows) -> None:
    rows = dicts(CUSTOMER_COLUMNS, made.customers)
    per_customer = Counter(row["customer_id"] for row in dicts(PHONE_COLUMNS, made.phones))
    assert {1, 2} <= set(per_customer.values()) and len(per_customer) == len(rows)
    assert any(row["taboos"] for row in rows) and any(row["do_not_call"] for row in rows)
    assert {row["birth_calendar"] for row in rows} == {"solar", "lunar"}
    assert {row["owner_id"] for row in rows} == {1, 2}


def test_the_same_seed_makes_the_same_people_and_another_one_others(made: CustomerRows) -> None:
    assert CustomerMaker(OWNERS, seed=1, now=NOW).make(0, 2000).customers == made.customers
    assert CustomerMaker(OWNERS, seed=2, now=NOW).make(0, 2000).customers != made.customers


def test_callers_ring_with_the_primary_number_of_a_customer(made: CustomerRows) -> None:
    primary = {str(row[2]).replace("-", "") for row in made.phones if row[7] == 0}
    assert len(made.callers) == 400
    assert {caller.number for caller in made.callers} <= primary
