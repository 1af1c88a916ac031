"""States and grades that follow from the facts of buying, each with the rule that set it."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_core.customers.classification import rules
from crm_core.customers.classification.rules import NOTHING, Facts, Grade, Grading, Retention, Settings, came_back
from crm_core.kernel.errors import Rejected

_TODAY = date(2026, 11, 21)
_LIMITS = Retention(stopped_after=30, lost_after=180, returned_for=90)


def bought(days_ago: int, orders: int = 1, **more: Any) -> Facts:
    last = _TODAY - timedelta(days=days_ago)
    return Facts(orders=orders, first_order_on=last, last_order_on=last, window_orders=orders, **more)


@pytest.mark.parametrize(("orders", "state"), [(0, "none"), (1, "first"), (2, "repeat"), (40, "repeat")])
def test_the_purchase_state_follows_from_the_number_of_orders(orders: int, state: str) -> None:
    assert rules.purchase_state(bought(3, orders) if orders else NOTHING).value == state


@pytest.mark.parametrize(
    ("days", "state"), [(0, "in_use"), (29, "in_use"), (30, "stopped"), (179, "stopped"), (180, "lost"), (3000, "lost")]
)
def test_the_retention_state_follows_from_the_days_since_the_supply_ended(days: int, state: str) -> None:
    supplied = bought(days + 60, supplied_until=_TODAY - timedelta(days=days))
    assert rules.retention_state(supplied, _LIMITS, _TODAY).value == state
    assert rules.retention_state(bought(days), _LIMITS, _TODAY).value == state  # without a known supply


def test_a_supply_that_lasts_longer_than_the_wait_is_in_use() -> None:
    facts = bought(400, supplied_until=_TODAY + timedelta(days=10))
    assert rules.retention_state(facts, _LIMITS, _TODAY).value == "in_use"


@pytest.mark.parametrize(("days", "state"), [(0, "returned"), (89, "returned"), (90, "in_use")])
def test_who_came_back_after_being_lost_counts_as_returned_for_a_while(days: int, state: str) -> None:
    back = _TODAY - timedelta(days=days)
    facts = bought(days, 2, supplied_until=_TODAY, came_back_on=back)
    assert rules.retention_state(facts, _LIMITS, _TODAY).value == state


def test_the_day_of_coming_back_is_the_first_order_after_the_last_loss() -> None:
    def order(day: int, lasts: int = 30) -> tuple[date, date]:
        start = date(2020, 1, 1) + timedelta(days=day)
        return start, start + timedelta(days=lasts)

    assert came_back([order(0), order(100), order(200)], _LIMITS) is None
    assert came_back([order(0), order(210), order(230)], _LIMITS) == order(210)[0]
    assert came_back([order(0), order(209)], _LIMITS) is None
    assert came_back([order(0, 300), order(10, 5), order(400)], _LIMITS) is None  # the longer supply counts
    assert came_back([], _LIMITS) is None


def test_who_never_bought_has_no_retention_state_and_no_grade() -> None:
    derived = rules.derive(NOTHING, Settings(), _TODAY)
    assert (derived.purchase_state.value, derived.retention_state.value, derived.grade.value) == ("none", None, None)
    assert (derived.recency_days, derived.frequency, derived.monetary) == (None, None, None)


@pytest.mark.parametrize(
    ("days", "orders", "amount", "grade"),
    [(5, 12, "20000", "A"), (60, 3, "2500", "B"), (100, 2, "600", "C"), (400, 1, "100", "D")],
)
def test_the_grade_is_the_highest_whose_points_are_reached(days: int, orders: int, amount: str, grade: str) -> None:
    facts = bought(days, orders, window_amount=Decimal(amount))
    assert rules.grade(facts, Grading(), _TODAY).value == grade


@given(
    st.integers(0, 2000), st.integers(0, 2000), st.integers(1, 30), st.integers(1, 30), st.integers(0, 20000),
    st.integers(0, 20000),
)  # fmt: skip
def test_buying_later_oftener_or_for_more_never_lowers_the_score(
    d1: int, d2: int, f1: int, f2: int, m1: int, m2: int
) -> None:
    (late, early), (few, often) = sorted((d1, d2)), sorted((f1, f2))
    little, much = sorted((m1, m2))
    worse = sum(rules.scores(early, few, Decimal(little), Grading()))
    assert 3 <= worse <= sum(rules.scores(late, often, Decimal(much), Grading())) <= 15


@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(0, 5))
def test_every_ruling_can_be_said_in_words(days: int, supply: int, orders: int) -> None:
    last = _TODAY - timedelta(days=days)
    facts = Facts(
        orders, last if orders else None, last if orders else None, last + timedelta(days=supply), last, orders
    )
    derived = rules.derive(facts, Settings(), _TODAY)
    for ruling in (derived.purchase_state, derived.retention_state, derived.grade):
        said = rules.why(ruling.rule, ruling.params)
        assert said not in ("", ruling.rule)
        assert "%(" not in said


def test_a_rule_of_another_version_is_shown_by_its_name() -> None:
    assert rules.why("retention.moon", {}) == "retention.moon"
    assert rules.why("purchase.first", {}) == "purchase.first"


def test_settings_are_stored_and_read_as_the_same() -> None:
    wanted = rules.checked(
        {"grading": {"monetary": ["1", "2.50", "3", "4"]}, "retention": {"lost_after": 99}}, Settings()
    )
    assert wanted.grading.monetary[1] == Decimal("2.50")
    assert rules.parsed(rules.plain(wanted)) == wanted
    assert rules.parsed("nonsense") == rules.parsed({"retention": {"lost_after": -1}}) == Settings()


def test_grades_are_ordered_by_their_points() -> None:
    given = {"grades": [{"code": "D", "at_least": 3}, {"code": "VIP", "at_least": 12, "zh": "贵宾"}]}
    assert rules.checked({"grading": given}, Settings()).grading.grades == (Grade("VIP", 12, "贵宾"), Grade("D", 3))


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"moon": {}}, "moon"),
        ({"retention": {"moon": 1}}, "retention.moon"),
        ({"retention": {"stopped_after": "x"}}, "retention.stopped_after"),
        ({"retention": {"stopped_after": 200}}, "retention.lost_after"),
        ({"grading": {"recency": [1, 2, 3]}}, "grading.recency"),
        ({"grading": {"frequency": [1, 1, 2, 3]}}, "grading.frequency"),
        ({"grading": {"monetary": ["a", "b", "c", "d"]}}, "grading.monetary"),
        ({"grading": {"monetary": ["4", "3", "2", "1"]}}, "grading.monetary"),
        ({"grading": {"grades": []}}, "grading.grades"),
        ({"grading": {"grades": [{"code": "A", "at_least": 3}, {"code": "A", "at_least": 4}]}}, "grading.grades"),
        ({"grading": {"grades": [{"code": "<b>", "at_least": 3}]}}, "grading.grades.0.code"),
        ({"grading": {"grades": [{"code": "A", "at_least": 16}]}}, "grading.grades.0.at_least"),
    ],
)
def test_wrong_thresholds_are_named(changes: dict[str, Any], wrong: str) -> None:
    with pytest.raises(Rejected) as refused:
        rules.checked(changes, Settings())
    assert list(refused.value.errors) == [wrong]
