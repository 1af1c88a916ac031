"""Pure rules of allocation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from crm_core.customers.allocation import choosing, policy, rules
from crm_core.customers.allocation.choosing import Choice, Filter
from crm_core.customers.allocation.kinds import Method, Period, ReclaimRule
from crm_core.customers.allocation.policy import Policy
from crm_core.customers.allocation.rules import Candidate, Receiver, Share, distribute
from crm_core.kernel.errors import Rejected

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)


def _customers(count: int) -> list[Candidate]:
    return [Candidate(n) for n in range(count)]


def test_weights_share_in_proportion() -> None:
    receivers = [Receiver(1, weight=3), Receiver(2, weight=1)]
    distribute(Method.WEIGHTED, _customers(8), receivers)
    assert [one.given for one in receivers] == [6, 2]


def test_who_has_least_open_customers_comes_first() -> None:
    receivers = [Receiver(1, open=5), Receiver(2, open=2), Receiver(3, open=4)]
    distribute(Method.LEAST_OPEN, _customers(4), receivers)
    assert [one.open for one in receivers] == [5, 5, 5]


def test_region_and_type_decide_who_takes_a_customer() -> None:
    receivers = [
        Receiver(1, regions=frozenset({"上海市"})),
        Receiver(2, regions=frozenset({"江苏省"}), types=frozenset({"A"})),
    ]
    customers = [
        Candidate(1, frozenset({"上海市", "浦东新区"}), "B"),
        Candidate(2, frozenset({"江苏省", "苏州市"}), "A"),
        Candidate(3, frozenset({"江苏省"}), "B"),
        Candidate(4),
    ]
    assert distribute(Method.MATCHING, customers, receivers) == [
        Share(1, 1), Share(2, 2), Share(3, None, "nobody_matches"), Share(4, None, "nobody_matches"),
    ]  # fmt: skip


def test_the_reason_is_that_of_all_who_are_full() -> None:
    full = [Receiver(1, room=0, full="cap_reached"), Receiver(2, room=0, full="cap_reached")]
    assert distribute(Method.ROUND_ROBIN, _customers(1), full)[0].reason == "cap_reached"
    full[1].full = "quota_used"
    assert distribute(Method.ROUND_ROBIN, _customers(1), full)[0].reason == "nobody_has_room"


@pytest.mark.parametrize(
    ("cap", "quota", "expected"),
    [
        (None, None, (None, "cap_reached")),
        (10, None, (4, "cap_reached")),
        (None, 5, (2, "quota_used")),
        (10, 5, (2, "quota_used")),
        (7, 50, (1, "cap_reached")),
        (3, 5, (0, "cap_reached")),
    ],
)
def test_the_smaller_of_cap_and_quota_is_the_room(
    cap: int | None, quota: int | None, expected: tuple[int | None, str]
) -> None:
    assert rules.room(open_now=6, cap=cap, used=3, quota=quota) == expected


@pytest.mark.parametrize(
    ("period", "day"), [(Period.DAY, "2026-11-22"), (Period.WEEK, "2026-11-16"), (Period.MONTH, "2026-11-01")]
)
def test_a_period_begins_at_midnight_of_the_business(period: Period, day: str) -> None:
    late = datetime(2026, 11, 21, 17, 0, tzinfo=UTC)  # Sunday 01:00 in Shanghai
    assert rules.period_start(late, period, ZoneInfo("Asia/Shanghai")).isoformat() == f"{day}T00:00:00+08:00"


def test_the_spread_is_nought_when_all_have_the_same_and_near_one_when_one_has_all() -> None:
    assert rules.gini([4, 4, 4]) == 0.0
    assert rules.gini([0, 0, 0, 100]) == pytest.approx(0.75)
    assert rules.gini([]) == rules.gini([7]) == rules.gini([0, 0]) == 0.0
    assert [rules.evenness(value) for value in (0.0, 0.2, 0.5)] == ["even", "fairly_even", "uneven"]


def _reclaim(**changes: object) -> ReclaimRule | None:
    facts: dict[str, object] = {
        "now": NOW, "since": NOW - timedelta(days=100), "contacted": None, "bought": False,
        "not_contacted_days": None, "not_bought_days": None,
    }  # fmt: skip
    return rules.reclaim_rule(**(facts | changes))  # type: ignore[arg-type]


def test_the_days_without_contact_count_from_the_last_contact_or_from_getting_the_customer() -> None:
    assert _reclaim(not_contacted_days=100) is ReclaimRule.NOT_CONTACTED
    assert _reclaim(not_contacted_days=101) is None
    assert _reclaim(not_contacted_days=30, contacted=NOW - timedelta(days=29)) is None
    # A contact of an earlier owner does not count against the present one.
    assert _reclaim(not_contacted_days=30, since=NOW - timedelta(days=5), contacted=NOW - timedelta(days=300)) is None


def test_who_bought_is_never_taken_back_for_not_buying() -> None:
    assert _reclaim(not_bought_days=60) is ReclaimRule.NOT_BOUGHT
    assert _reclaim(not_bought_days=60, bought=True) is None
    assert _reclaim() is None


def test_rules_of_the_house_survive_storing_and_wrong_values_fall_back_to_the_default() -> None:
    made = policy.checked(Policy(), {"cap": 5, "period": "week", "not_contacted_days": 30})
    assert policy.parse(policy.plain(made)) == made
    assert policy.parse({"cap": -1, "period": "year", "colour": 1}) == Policy()
    assert policy.parse("nonsense") == Policy()


@pytest.mark.parametrize(
    "changes", [{"cap": -1}, {"cap": "5"}, {"cap": True}, {"period": "year"}, {"new_days": None}, {"colour": 1}]
)
def test_a_wrong_rule_is_named(changes: dict[str, object]) -> None:
    with pytest.raises(Rejected) as refused:
        policy.checked(Policy(), changes)
    assert list(refused.value.errors) == list(changes)


def test_a_choice_survives_storing() -> None:
    for choice in (Choice(ids=(3, 1)), Choice(filter=Filter(type="A", department_id=7), most=9, departments=(1, 2))):
        assert choosing.parse(choosing.plain(choice)) == choice


@pytest.mark.parametrize(
    ("where", "code"),
    [
        ({"colour": "red"}, "where_invalid"),
        ({"type": 5}, "where_invalid"),
        ({"type": " "}, "where_invalid"),
        ({}, "where_invalid"),
    ],
)
def test_a_filter_from_outside_is_checked(where: dict[str, object], code: str) -> None:
    with pytest.raises(Rejected) as refused:
        choosing.checked_where(where)
    assert refused.value.code == code
