"""Registrations: when they are due, what may be written on them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from crm_core.customers.intake.rules import (
    SheetInput,
    business_day,
    checked_reason,
    checked_sheets,
    checked_stack,
    due_day,
    source_word,
)
from crm_core.kernel.errors import Rejected
from crm_core.organization.preferences import IntakeRules, Preferences

DAY = date(2026, 11, 21)
SOURCES = Preferences().sources


def test_what_is_handed_in_today_is_due_today() -> None:
    assert due_day(DAY, 200, IntakeRules(delay_sheets=200, delay_days=2)) == DAY


def test_a_day_with_too_many_sheets_may_take_longer() -> None:
    assert due_day(DAY, 201, IntakeRules(delay_sheets=200, delay_days=2)) == date(2026, 11, 23)


def test_without_the_setting_no_volume_allows_a_delay() -> None:
    assert due_day(DAY, 10_000, IntakeRules(delay_sheets=0, delay_days=2)) == DAY


def test_the_day_turns_at_midnight_of_the_company() -> None:
    late = datetime(2026, 11, 21, 16, 1, tzinfo=UTC)
    assert business_day(late, ZoneInfo("Asia/Shanghai")) == date(2026, 11, 22)
    assert business_day(late, ZoneInfo("Europe/Berlin")) == DAY


@pytest.mark.parametrize("given", ["referral", "转介绍", "Referral", " REFERRAL "])
def test_a_source_is_stored_under_one_word_whatever_it_is_called(given: str) -> None:
    assert source_word(given, SOURCES) == "转介绍"


def test_a_source_that_is_not_in_the_list_is_kept_as_it_is() -> None:
    assert source_word("邻居", SOURCES) == "邻居"
    assert source_word(" ", SOURCES) is None


def test_the_list_holds_the_channels_of_the_trade() -> None:
    words = {source.zh for source in SOURCES}
    assert {"个人搜集", "转介绍", "公司活动", "外联", "科普会", "旅游", "体验", "单位合作"} <= words


def test_every_sheet_is_counted_also_the_unnamed_ones() -> None:
    found = checked_sheets([SheetInput(" 张三 ", "")], 3)
    assert found == [SheetInput("张三"), SheetInput(), SheetInput()]


def test_more_names_than_sheets_are_refused() -> None:
    with pytest.raises(Rejected) as refused:
        checked_sheets([SheetInput("张三"), SheetInput("李四")], 1)
    assert list(refused.value.errors) == ["entries"]


def test_every_wrong_field_is_named() -> None:
    with pytest.raises(Rejected) as refused:
        checked_stack({"collected_by": "x" * 81, "source": "y" * 41}, 501)
    assert sorted(refused.value.errors) == ["collected_by", "sheets", "source"]


def test_a_sheet_is_not_laid_aside_without_a_reason() -> None:
    with pytest.raises(Rejected):
        checked_reason(" \n")
