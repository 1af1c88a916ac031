"""Pure rules of data protection."""

from __future__ import annotations

import pytest

from crm_core.customers.protection.kinds import Channel, ConsentState, Purpose
from crm_core.customers.protection.rules import Limits, formula_safe, limits_of, standing, wait_seconds, wrong_limits


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\tx", "\rx", "\nx", " =1", "＝1", "\u3000@x", "\ufeff=1"])
def test_what_a_spreadsheet_would_run_is_quoted(text: str) -> None:
    assert formula_safe(text) == "'" + text


@pytest.mark.parametrize("text", ["", "张三", "13800138000", "a=b", "1-2", "x@example.com"])
def test_what_no_spreadsheet_runs_stays_as_it_is(text: str) -> None:
    assert formula_safe(text) == text


@pytest.mark.parametrize(
    ("said", "purpose", "allowed"),
    [
        (None, Purpose.CARE, True),
        (None, Purpose.SERVICE, True),
        (None, Purpose.PROMOTION, False),
        (None, Purpose.RESEARCH, False),
        (ConsentState.GRANTED, Purpose.PROMOTION, True),
        (ConsentState.WITHDRAWN, Purpose.CARE, False),
    ],
)
def test_advertising_needs_a_yes_and_a_no_always_counts(
    said: ConsentState | None, purpose: Purpose, allowed: bool
) -> None:
    last = {} if said is None else {(Channel.SMS, purpose): said}
    assert standing(last, Channel.SMS, purpose, do_not_call=False).allowed is allowed


def test_the_wait_ends_when_the_oldest_that_counts_leaves_the_window() -> None:
    assert wait_seconds([], 2, 3600) == 0
    assert wait_seconds([10, 4000], 2, 3600) == 0
    assert wait_seconds([10, 600], 2, 3600) == 3000
    assert wait_seconds([10, 20, 600], 2, 3600) == 3580


def test_a_stored_limit_that_is_not_allowed_has_its_default() -> None:
    stored = {"reveals_hour": 0, "approval_rows": 5, "file_hours": True, "other": 1}
    assert limits_of(stored) == Limits(approval_rows=5)
    assert limits_of("?") == Limits()
    assert set(wrong_limits(stored)) == {"reveals_hour", "file_hours", "other"}
