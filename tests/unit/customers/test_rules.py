"""Pure rules of customers."""

from __future__ import annotations

from datetime import date
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_core.customers.rules import (
    CandidateFacts,
    MatchReason,
    age,
    checked,
    clean,
    days_to_birthday,
    household_key,
    rank,
)
from crm_core.kernel.errors import Rejected


def test_the_owner_comes_first_and_the_order_never_depends_on_the_input() -> None:
    candidates = [
        CandidateFacts(1, exact=True),
        CandidateFacts(2, exact=True, owner_is_you=True),
        CandidateFacts(3, exact=True, last_spoke=True),
        CandidateFacts(4, exact=True, open_follow_up=True),
        CandidateFacts(5, exact=True, same_household=True),
        CandidateFacts(6, exact=False, owner_is_you=True, last_spoke=True, open_follow_up=True, times_chosen=9),
    ]
    for order in permutations(candidates):
        assert [one.customer_id for one in rank(order)] == [2, 3, 4, 5, 1, 6]


def test_each_reason_is_named_strongest_first() -> None:
    (one,) = rank([CandidateFacts(1, exact=True, owner_is_you=True, times_chosen=2)])
    assert one.reason is MatchReason.OWNER_IS_YOU
    assert one.reasons == (MatchReason.OWNER_IS_YOU, MatchReason.CHOSEN_BEFORE, MatchReason.EXACT)


def test_what_was_chosen_oftener_ranks_higher() -> None:
    ranked = rank([CandidateFacts(1, exact=True, times_chosen=1), CandidateFacts(2, exact=True, times_chosen=4)])
    assert [one.customer_id for one in ranked] == [2, 1]


_flags = st.booleans()


@given(st.builds(CandidateFacts, st.just(1), _flags, _flags, _flags, _flags, _flags, st.integers(0, 99), _flags))
def test_a_score_is_between_0_and_1_and_a_suffix_stays_below_an_exact_number(candidate: CandidateFacts) -> None:
    (one,) = rank([candidate])
    assert 0 < one.score <= 1
    assert candidate.exact == (one.score >= 0.5)


def test_fields_are_cleaned_and_wrong_ones_named_all_at_once() -> None:
    assert checked({"name": " 张\x00三 ", "sex": "female", "taboos": ""}, new=True) == {
        "name": "张三",
        "sex": "female",
        "taboos": None,
    }
    with pytest.raises(Rejected) as refused:
        checked({"name": "", "sex": "x", "birth_month": 13, "do_not_call": "yes", "nonsense": 1}, new=True)
    assert set(refused.value.errors) == {"name", "sex", "birth_month", "do_not_call", "nonsense"}


def test_a_change_need_not_name_the_customer_again() -> None:
    assert checked({"city": "上海"}, new=False) == {"city": "上海"}


@pytest.mark.parametrize("field", ["id", "version", "account_number", "created_at", "pinyin", "household_key"])
def test_what_the_system_keeps_cannot_be_written(field: str) -> None:
    with pytest.raises(Rejected):
        checked({"name": "张三", field: "1"}, new=True)


def test_clean_keeps_line_breaks_and_every_script() -> None:
    assert clean("\u0007甲\n乙\t😀 ") == "甲\n乙\t😀"


def test_one_address_is_one_household_in_every_spelling() -> None:
    one = household_key({"city": "上海", "street": "南京路１号 2室"})
    assert one is not None
    assert one == household_key({"city": "上海", "street": "南京路1号2室"})
    assert one != household_key({"city": "北京", "street": "南京路1号2室"})
    assert household_key({"city": "上海"}) is None


@pytest.mark.parametrize(
    ("today", "days"),
    [(date(2026, 11, 21), 0), (date(2026, 11, 20), 1), (date(2026, 11, 22), 364)],
)
def test_days_to_a_birthday(today: date, days: int) -> None:
    assert days_to_birthday(11, 21, today) == days


def test_who_is_born_on_29_february_has_a_birthday_every_year() -> None:
    assert days_to_birthday(2, 29, date(2026, 2, 28)) == 0
    assert days_to_birthday(2, 29, date(2028, 2, 28)) == 1
    assert days_to_birthday(2, 30, date(2026, 2, 28)) is None


def test_age_counts_full_years() -> None:
    assert age(1950, 11, 22, date(2026, 11, 21)) == 75
    assert age(1950, 11, 21, date(2026, 11, 21)) == 76
    assert age(1950, None, None, date(2026, 1, 1)) == 76
    assert age(None, 1, 1, date(2026, 1, 1)) is None
