"""Relative times as days (pure): "3 months", "this_week", "2026-07"."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any, Final

from crm_core.customers.search.filters import months_before

_SPAN: Final = re.compile(r"([1-9]\d{0,4}) ?(day|week|month|year)s?")
_MONTH: Final = re.compile(r"(\d{4})-(\d{2})")
_YEAR: Final = re.compile(r"\d{4}")
_FIRST_YEAR, _LAST_YEAR = 1900, 2100

Days = tuple[date, date]


def moved(day: date, span: Any, *, back: bool) -> date:
    """So many days, weeks, months or years earlier or later. Raises ValueError for what is no such span."""
    found = _SPAN.fullmatch(span) if isinstance(span, str) else None
    if found is None:
        raise ValueError('must be like "7 days" or "3 months"')
    count, unit = int(found[1]), found[2]
    sign = -1 if back else 1
    try:
        if unit in ("day", "week"):
            return day + sign * timedelta(days=count * (7 if unit == "week" else 1))
        return months_before(day, -sign * count * (12 if unit == "year" else 1))
    except (OverflowError, ValueError, AssertionError):
        raise ValueError("is too long ago or too far away") from None


def period(name: Any, today: date) -> Days:
    """First and last day. Raises ValueError for a period that there is not."""
    if isinstance(name, str) and name in _NAMED:
        return _NAMED[name](today)
    if isinstance(name, str) and (found := _MONTH.fullmatch(name)):
        return _month(_checked(int(found[1])), int(found[2]))
    if isinstance(name, str) and _YEAR.fullmatch(name):
        return _year(_checked(int(name)))
    raise ValueError(f'must be one of {", ".join(_NAMED)}, a month as in "2026-07" or a year')


def _checked(year: int) -> int:
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        raise ValueError(f"must lie between {_FIRST_YEAR} and {_LAST_YEAR}")
    return year


def _day(today: date, after: int) -> Days:
    day = today + timedelta(days=after)
    return day, day


def _week(today: date, after: int) -> Days:
    monday = today - timedelta(days=today.weekday()) + timedelta(weeks=after)
    return monday, monday + timedelta(days=6)


def _month(year: int, month: int) -> Days:
    first = date(year, month, 1)
    return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def _months(today: date, after: int) -> Days:
    first = months_before(today.replace(day=1), -after)
    return _month(first.year, first.month)


def _quarter(today: date, after: int) -> Days:
    first = months_before(date(today.year, today.month - (today.month - 1) % 3, 1), -3 * after)
    last = months_before(first, -2)
    return first, _month(last.year, last.month)[1]


def _year(year: int) -> Days:
    return date(year, 1, 1), date(year, 12, 31)


_NAMED: Final[Mapping[str, Callable[[date], Days]]] = {
    "today": lambda today: _day(today, 0),
    "yesterday": lambda today: _day(today, -1),
    "tomorrow": lambda today: _day(today, 1),
    "this_week": lambda today: _week(today, 0),
    "last_week": lambda today: _week(today, -1),
    "next_week": lambda today: _week(today, 1),
    "this_month": lambda today: _months(today, 0),
    "last_month": lambda today: _months(today, -1),
    "next_month": lambda today: _months(today, 1),
    "this_quarter": lambda today: _quarter(today, 0),
    "last_quarter": lambda today: _quarter(today, -1),
    "next_quarter": lambda today: _quarter(today, 1),
    "this_year": lambda today: _year(today.year),
    "last_year": lambda today: _year(today.year - 1),
    "next_year": lambda today: _year(today.year + 1),
}
