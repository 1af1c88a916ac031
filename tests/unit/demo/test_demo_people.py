"""Demo customers look like customers: what the rules of the core would have stored, the bulk rows hold as well."""

from __future__ import annotations

import pickle
from collections import Counter, defaultdict
from datetime import UTC, datetime

import pytest

from callcenter.demo import id_cards, words
from callcenter.demo.customers import (
    CUSTOMER_COLUMNS,
    NUMBER_COLUMNS,
    PHONE_COLUMNS,
    CustomerMaker,
    CustomerRows,
    Owner,
)
from crm_core.customers import completeness, identity, pinyin, rules, sealed
from crm_core.customers.duplicates import keys
from crm_core.customers.duplicates.rules import WORTH_A_LOOK, compare
from crm_core.customers.kinds import CustomerKind
from crm_core.customers.models import AccountNumber, Customer, Phone
from crm_core.kernel import id_card
from crm_core.kernel.phone import recognise
from crm_core.kernel.sealing import KeyRing

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
OWNERS = [Owner(1, "王伟", "1001", 10), Owner(2, "李娜", "1002", 20)]


RING = KeyRing({"k1": bytes(range(32))}, "k1", bytes(32))


@pytest.fixture(scope="module")
def made() -> CustomerRows:
    return CustomerMaker(OWNERS, seed=1, now=NOW).make(0, 2000, callers=400)


@pytest.fixture(scope="module")
def complete() -> CustomerRows:
    return CustomerMaker(OWNERS, seed=1, now=NOW, keys=RING, complete=True).make(0, 2000)


def by_id(made: CustomerRows) -> dict[object, dict[str, object]]:
    return {row["id"]: row for row in dicts(CUSTOMER_COLUMNS, made.customers)}


def dicts(columns: tuple[str, ...], rows: list[tuple[object, ...]]) -> list[dict[str, object]]:
    return [dict(zip(columns, row, strict=True)) for row in rows]


def test_every_column_without_default_is_filled() -> None:
    for model, columns in ((Customer, CUSTOMER_COLUMNS), (Phone, PHONE_COLUMNS), (AccountNumber, NUMBER_COLUMNS)):
        table = model.__table__
        needed = {c.name for c in table.columns if not c.nullable and c.server_default is None}
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
    assert {row["owner_id"] for row in rows} == {1, 2, None}


def test_the_same_seed_makes_the_same_people_and_another_one_others(made: CustomerRows) -> None:
    assert CustomerMaker(OWNERS, seed=1, now=NOW).make(0, 2000).customers == made.customers
    assert CustomerMaker(OWNERS, seed=2, now=NOW).make(0, 2000).customers != made.customers


def test_callers_ring_with_the_primary_number_of_a_customer(made: CustomerRows) -> None:
    primary = {str(row[2]).replace("-", "") for row in made.phones if row[7] == 0}
    assert len(made.callers) == 400
    assert {caller.number for caller in made.callers} <= primary


def test_every_birthday_exists_in_its_calendar_the_leap_months_too(made: CustomerRows) -> None:
    rows = dicts(CUSTOMER_COLUMNS, made.customers)
    assert all(identity.birthday_error(row, NOW.date()) is None for row in rows)
    assert any(row["birth_leap"] for row in rows)


def test_id_cards_are_valid_true_to_their_owner_and_nobody_has_anothers(complete: CustomerRows) -> None:
    shown = [row for row in by_id(complete).values() if row["id_card_sealed"]]
    for row in shown:
        number = sealed.open_id_card(RING, row["id"], row["id_card_sealed"])  # type: ignore[arg-type]
        card = id_card.parse(str(number))
        assert (card.sex, card.birthday) == (row["sex"], identity.solar_birthday(row))
        assert row["id_card_index"] == sealed.id_card_index(RING, card.number18)
    assert len({row["id_card_index"] for row in shown}) == len(shown) > len(complete.customers) / 3


def test_numbers_of_id_cards_repeat_neither_within_nor_across_batches() -> None:
    numbers = {id_cards.number(place, "19510308", male=False) for place in range(0, id_cards.how_many(), 97)}
    assert len(numbers) == len(range(0, id_cards.how_many(), 97))


def test_what_is_known_of_health_is_sealed_and_a_plain_base_has_none(
    complete: CustomerRows, made: CustomerRows
) -> None:
    known = [row for row in by_id(complete).values() if row["medical_sealed"]]
    opened = sealed.open_medical(RING, known[0]["id"], known[0]["medical_sealed"], None)  # type: ignore[arg-type]
    assert opened["medical_history"] in {history for history, _, _ in words.HEALTH}
    assert any(row["contraindications_sealed"] for row in known)
    assert not any(row["medical_sealed"] or row["id_card_sealed"] for row in by_id(made).values())


def test_who_was_entered_twice_is_found_by_the_rules_of_duplicates(complete: CustomerRows) -> None:
    rows, keys_held = by_id(complete), defaultdict[int, set[int]](set)
    reached = defaultdict[object, set[str]](set)
    for phone in dicts(PHONE_COLUMNS, complete.phones):
        reached[phone["customer_id"]].add(str(phone["e164"]))
    for key, own in complete.keys:
        keys_held[own].add(key)
    alike = 0
    for one, other in complete.doubles:
        assert keys_held[one] & keys_held[other], (rows[one]["name"], rows[other]["name"])
        facts = [keys.facts_of(own, rows[own], frozenset(reached[own])) for own in (one, other)]
        alike += compare(facts[0], facts[1]).score >= WORTH_A_LOOK
    assert len(complete.doubles) == 50
    assert alike >= 45


def test_each_slip_of_entering_twice_occurs(complete: CustomerRows) -> None:
    rows = by_id(complete)
    pairs = [(rows[one], rows[other]) for one, other in complete.doubles]
    assert any(a["name"] != b["name"] and a["household_key"] == b["household_key"] for a, b in pairs)
    assert any(a["name"] == b["name"] and a["household_key"] != b["household_key"] for a, b in pairs)
    assert any(b["birth_year"] is None for _, b in pairs)


def test_some_wait_in_the_pool_and_some_for_their_first_owner(complete: CustomerRows) -> None:
    rows = by_id(complete)
    pool = {row[0] for row in complete.pool}
    assert {rows[own]["owner_id"] for own in pool} == {None}
    assert any(row["record_state"] == "new" and own not in pool for own, row in rows.items())
    assert all(row["allocated_at"] is None for row in rows.values() if row["owner_id"] is None)


def test_completeness_is_what_the_record_would_have_measured(complete: CustomerRows) -> None:
    for row in by_id(complete).values():
        parts = completeness.known(row, phone=True)
        assert row["completeness"] == completeness.share(CustomerKind.PERSON, parts)


def test_a_maker_with_keys_can_be_handed_to_another_process(complete: CustomerRows) -> None:
    maker = CustomerMaker(OWNERS, seed=1, now=NOW, keys=RING, complete=True)
    maker.make(0, 10)
    there = pickle.loads(pickle.dumps(maker))  # noqa: S301  # our own
    assert [row[:10] for row in there.make(0, 2000).customers] == [row[:10] for row in complete.customers]
