"""The lunar calendar: every day of two centuries as the library says it, and yearly days in years that lack them."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lunar_python import Lunar, LunarYear, Solar

from crm_core.kernel import lunar
from crm_core.kernel.lunar import FIRST_DAY, LAST_DAY, LunarDate, from_solar, occurrences, to_solar

_DAYS = st.integers(0, (LAST_DAY - FIRST_DAY).days).map(lambda days: FIRST_DAY + timedelta(days))
_ORDINAL_OF_JULIAN_DAY = 1_721_425  # noon of 1 January of the year 1 is 1 721 426


def test_every_day_of_the_table_is_as_the_library_says_it_and_leads_back() -> None:
    seen = 0
    for year in range(lunar.FIRST_YEAR, lunar.LAST_YEAR + 1):
        for month in LunarYear.fromYear(year).getMonths():
            if month.getYear() != year:
                continue
            first = date.fromordinal(round(month.getFirstJulianDay()) - _ORDINAL_OF_JULIAN_DAY)
            number, leap = abs(month.getMonth()), month.getMonth() < 0
            for day in range(month.getDayCount()):
                assert from_solar(first + timedelta(day)) == LunarDate(year, number, day + 1, leap)
                assert to_solar(year, number, day + 1, leap) == first + timedelta(day)
                seen += 1
            assert to_solar(year, number, month.getDayCount() + 1, leap) is None
    assert seen == (LAST_DAY - FIRST_DAY).days + 1


@settings(deadline=None)
@given(_DAYS)
def test_any_day_is_as_the_library_converts_it(day: date) -> None:
    oracle: Lunar = Solar.fromYmd(day.year, day.month, day.day).getLunar()
    month = oracle.getMonth()
    assert from_solar(day) == LunarDate(oracle.getYear(), abs(month), oracle.getDay(), month < 0)


def test_well_known_days_are_right() -> None:
    assert to_solar(2026, 1, 1) == date(2026, 2, 17)
    assert to_solar(2025, 6, 1, leap=True) == date(2025, 7, 25)
    assert (lunar.leap_month(2025), lunar.leap_month(2026)) == (6, None)
    assert from_solar(date(2023, 4, 1)) == LunarDate(2023, 2, 11, leap=True)


def test_a_lunar_day_that_does_not_exist_is_none() -> None:
    assert to_solar(2026, 6, 1, leap=True) is None  # 2026 has no leap month
    short = next(month for month in range(1, 13) if lunar.month_length(2026, month) == 29)
    assert to_solar(2026, short, 29) is not None
    assert to_solar(2026, short, 30) is None
    assert to_solar(2026, 13, 1) is to_solar(2026, 0, 1) is to_solar(2026, 1, 0) is to_solar(2026, 1, 31) is None
    assert to_solar(1899, 1, 1) is to_solar(2101, 1, 1) is None


def test_days_outside_the_table_are_refused_with_a_slug() -> None:
    for day in (FIRST_DAY - timedelta(1), LAST_DAY + timedelta(1)):
        with pytest.raises(ValueError, match="lunar_out_of_range"):
            from_solar(day)


@given(_DAYS)
def test_the_order_of_lunar_days_is_that_of_the_solar_ones(day: date) -> None:
    if day == LAST_DAY:
        return
    here, then = from_solar(day), from_solar(day + timedelta(days=1))
    assert (then.day == here.day + 1) or (then.day == 1 and here.day in (29, 30))


@given(_DAYS, st.integers(1, 12), st.integers(1, 30), st.booleans())
def test_a_lunar_yearly_day_is_kept_exactly_once_a_lunar_year(start: date, month: int, day: int, leap: bool) -> None:
    year = from_solar(start).year
    first = to_solar(year, 1, 1)
    last = to_solar(year + 1, 1, 1)
    if first is None or last is None:
        return
    (kept,) = occurrences("lunar", month, day, leap, first, last - timedelta(days=1))
    as_lunar = from_solar(kept)
    assert (as_lunar.year, as_lunar.month) == (year, month)
    assert as_lunar.leap == (leap and lunar.leap_month(year) == month)
    assert as_lunar.day == day or (day, as_lunar.day) == (30, 29)


@given(_DAYS, st.integers(0, 1200), st.integers(1, 12), st.integers(1, 30), st.booleans())
def test_occurrences_of_a_span_are_those_of_its_parts(start: date, days: int, month: int, day: int, leap: bool) -> None:
    middle, end = start + timedelta(days // 2), start + timedelta(days)
    whole = occurrences("lunar", month, day, leap, start, end)
    parts = [
        *occurrences("lunar", month, day, leap, start, middle),
        *occurrences("lunar", month, day, leap, middle + timedelta(1), end),
    ]
    assert whole == parts == sorted(set(whole))


def test_29_february_is_kept_on_the_28th_in_other_years() -> None:
    found = occurrences("solar", 2, 29, False, date(2023, 1, 1), date(2025, 12, 31))
    assert found == [date(2023, 2, 28), date(2024, 2, 29), date(2025, 2, 28)]


def test_a_birthday_in_a_leap_month_is_kept_in_the_plain_month_of_other_years() -> None:
    found = occurrences("lunar", 6, 1, True, date(2025, 1, 1), date(2026, 12, 31))
    assert found == [date(2025, 7, 25), date(2026, 7, 14)]


@given(_DAYS, st.sampled_from(["solar", "lunar"]), st.integers(1, 12), st.integers(1, 28), st.booleans())
def test_the_next_occurrence_is_within_400_days(today: date, calendar: str, month: int, day: int, leap: bool) -> None:
    found = lunar.next_occurrence(calendar, month, day, leap, today)
    if today + timedelta(days=400) <= LAST_DAY:
        assert found is not None
        assert timedelta(0) <= found - today <= timedelta(days=400)


@pytest.mark.parametrize(("calendar", "month", "day"), [("lunar", 13, 1), ("lunar", 1, 31), ("solar", 2, 30)])
def test_a_day_that_no_year_has_is_refused(calendar: str, month: int, day: int) -> None:
    with pytest.raises(ValueError, match="no_such_day"):
        occurrences(calendar, month, day, False, date(2026, 1, 1), date(2026, 12, 31))
