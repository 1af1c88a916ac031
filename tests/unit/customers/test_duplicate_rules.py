"""Scoring of two customers: what speaks for one person, what against it."""

from __future__ import annotations

from typing import Any

import pytest

from crm_core.customers.duplicates import keys
from crm_core.customers.duplicates.fields import combined, restored
from crm_core.customers.duplicates.rules import LIKELY, WORTH_A_LOOK, Alike, Reason, compare, within_one
from crm_core.customers.duplicates.snapshots import Snapshot, snapshot_of, text_of
from crm_core.customers.kinds import Calendar, CustomerKind, Sex
from crm_core.kernel.errors import Rejected

MOBILE, LANDLINE = "+8613800138000", "+862162345678"


def _facts(name: str, *phones: str, born: tuple[int | None, ...] = (None, None, None), **fields: Any) -> Any:
    year, month, day = born
    values = {"name": name, "birth_year": year, "birth_month": month, "birth_day": day, **fields}
    return keys.facts_of(1, values, frozenset(phones))


def _score(one: Any, other: Any) -> Alike:
    return compare(one, other)


BORN = (1953, 8, 15)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (_facts("李秀英", MOBILE), _facts("李秀英", MOBILE)),
        (_facts("李秀英", MOBILE), _facts("李秀瑛", MOBILE)),
        (_facts("李秀英", born=BORN), _facts("李秀英", born=BORN)),
        (_facts("张三", id_card_index="a"), _facts("张山", id_card_index="a")),
        (_facts("曾乐", MOBILE), _facts("Zeng Le", MOBILE)),
        (_facts("李秀英", LANDLINE, born=BORN), _facts("李秀英", LANDLINE, born=(1953, 8, 16))),
        (_facts("李秀英女士", MOBILE), _facts("李秀英", MOBILE)),
    ],
)
def test_likely_one_person(one: Any, other: Any) -> None:
    assert _score(one, other).score >= LIKELY


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (_facts("李秀英", MOBILE), _facts("王建国", MOBILE)),
        (_facts("李秀英", LANDLINE, street="张江路5号"), _facts("李小军", LANDLINE, street="张江路5号")),
        (_facts("李秀英", street="张江路5号"), _facts("王建国", street="张江路5号")),
        (_facts("王芳", id_card_index="a", born=BORN), _facts("王芳", id_card_index="b", born=BORN)),
        (_facts("王芳", sex=Sex.FEMALE, born=BORN), _facts("王方", sex=Sex.MALE, born=BORN)),
        (_facts("王芳"), _facts("王芳")),
        (_facts("", MOBILE), _facts("", MOBILE)),
        (_facts("王芳", LANDLINE), _facts("王芳", LANDLINE, kind=CustomerKind.ORGANIZATION)),
    ],
)
def test_not_worth_a_look(one: Any, other: Any) -> None:
    assert _score(one, other).score < WORTH_A_LOOK


def test_reasons_stand_with_the_weightiest_first_and_contradictions_last() -> None:
    alike = _score(_facts("李秀英", MOBILE, sex=Sex.FEMALE), _facts("李秀瑛", MOBILE, sex=Sex.MALE))
    assert alike.reasons == (Reason.PHONE, Reason.NAME_SOUNDS_ALIKE, Reason.OTHER_SEX)


def test_each_contradiction_lowers_the_score() -> None:
    plain = _score(_facts("李秀英", MOBILE), _facts("李秀英", MOBILE)).score
    for one, other in (
        ({"sex": Sex.MALE}, {"sex": Sex.FEMALE}),
        ({"id_card_index": "a"}, {"id_card_index": "b"}),
        ({"born": (1953, 8, 15)}, {"born": (1981, 3, 2)}),
        ({"kind": CustomerKind.PERSON}, {"kind": CustomerKind.ORGANIZATION}),
    ):
        assert _score(_facts("李秀英", MOBILE, **one), _facts("李秀英", MOBILE, **other)).score < plain


def test_a_lunar_birthday_meets_the_solar_one_and_the_same_digits() -> None:
    lunar = _facts("李秀英", born=(1953, 7, 6), birth_calendar=Calendar.LUNAR)
    assert Reason.BIRTHDAY in _score(lunar, _facts("李秀英", born=(1953, 8, 15))).reasons
    assert Reason.BIRTHDAY_ALIKE in _score(lunar, _facts("李秀英", born=(1953, 7, 6))).reasons


@pytest.mark.parametrize(
    ("one", "other"), [((1953, 8, 15), (1953, 8, 16)), ((1953, 3, 8), (1953, 8, 3)), ((1953, 8, 15), (1935, 8, 15))]
)
def test_a_slip_in_a_birthday_is_forgiven(one: tuple[int, ...], other: tuple[int, ...]) -> None:
    assert Reason.BIRTHDAY_ALIKE in _score(_facts("李秀英", born=one), _facts("李秀英", born=other)).reasons


@pytest.mark.parametrize(
    ("shorter", "longer", "within"),
    [("abc", "abc", True), ("abc", "abd", True), ("abc", "acb", True), ("ab", "abc", True), ("abc", "cab", False)],
)
def test_one_slip_of_the_hand(shorter: str, longer: str, within: bool) -> None:
    assert within_one(shorter, longer) is within


def test_an_address_is_the_same_however_it_is_written() -> None:
    one = keys.address_key({"city": "上海市", "street": "张江路100弄5号302室"})
    assert one == keys.address_key({"city": "上海", "street": "张江路 100弄 ５-302"})
    assert one != keys.address_key({"city": "上海", "street": "张江路100弄5号303室"})
    assert keys.address_key({"city": "上海"}) is None


def test_a_key_says_its_kind_and_fits_a_signed_column() -> None:
    facts = _facts("曾乐乐", MOBILE, LANDLINE, born=BORN, street="张江路5号", id_card_index="a" * 32)
    found = keys.keys_of(facts)
    assert {keys.kind_of(key) for key in found} == set(keys.KeyKind)
    assert all(0 < key < 1 << 63 for key in found)


def test_a_mistyped_name_still_shares_a_key_on_the_same_birthday() -> None:
    for name in ("李绣英", "李秀莹", "李秀音", "黎秀英"):
        shared = keys.keys_of(_facts("李秀英", born=BORN)) & keys.keys_of(_facts(name, born=BORN))
        assert shared, name


def test_a_group_of_columns_is_chosen_as_one() -> None:
    mine = {"birth_year": 1953, "birth_month": 8, "birth_day": None, "city": "上海", "street": None, "custom": {}}
    others = {"birth_year": 1960, "birth_month": 1, "birth_day": 2, "city": "北京", "street": "长安街1号", "custom": {}}
    assert "birth_day" not in combined(mine, others)
    taken = combined(mine, others, ["birthday", "address"])
    assert (taken["birth_year"], taken["birth_day"], taken["city"], taken["street"]) == (1960, 2, "北京", "长安街1号")
    with pytest.raises(Rejected):
        combined(mine, others, ["id"])


def test_what_was_changed_since_is_named_and_the_rest_goes_back() -> None:
    changes = {"name": ["a", "b"], "custom": [{"x": 1}, {"x": 2, "y": 3}], "city": [None, "c"], "street": [None, "s"]}
    now = {"name": "b", "custom": {"x": 5, "y": 3, "z": 1}, "city": "d", "street": "s"}
    assert restored(changes, now) == ({"name": "a", "custom": {"x": 5, "z": 1}}, ["custom.x", "city"])


def test_a_record_of_a_merge_keeps_the_types_of_its_values() -> None:
    from datetime import UTC, date, datetime
    from decimal import Decimal

    row = {
        "a": datetime(2026, 1, 2, tzinfo=UTC),
        "b": date(2026, 1, 2),
        "c": Decimal("1.20"),
        "d": b"\0",
        "~": {"~": 1},
    }
    assert snapshot_of(text_of(Snapshot(row=row))).row == row
