"""Days of birth in a condition: when they are kept, since when, and how old; solar and lunar ones alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final

from sqlalchemy import ColumnElement, Integer, and_, case, cast, extract, false, func, or_, tuple_

from crm_core.customers.conditions import periods
from crm_core.customers.conditions.fields import Birth, Kind
from crm_core.customers.conditions.tree import MOST_VALUES, Op
from crm_core.customers.kinds import Calendar
from crm_core.customers.search.filters import YearlyDay, lunar_birthdays, months_before, solar_birthdays
from crm_core.customers.search.queries import Now
from crm_core.kernel.lunar import from_solar

_OLDEST: Final = 150
_FIRST, _LAST = date(1901, 1, 1), date(2099, 12, 31)  # what the lunar calendar reaches
_COMPARED: Final[Mapping[Op, Callable[[Any, Any], ColumnElement[bool]]]] = {
    Op.GT: lambda key, value: key > value,
    Op.GTE: lambda key, value: key >= value,
    Op.LT: lambda key, value: key < value,
    Op.LTE: lambda key, value: key <= value,
    Op.EQ: lambda key, value: key == value,
}


def tested(birth: Birth, kind: Kind, op: Op, value: Any, now: Now) -> ColumnElement[bool]:
    """Raises ValueError for a value that does not fit."""
    if kind is Kind.AGE:
        return _aged(birth, op, value, now.today)
    if op is Op.ANNIVERSARY_IN:
        return yearly(birth, kind, value, now)
    if op is Op.BETWEEN:
        low, high = _pair(value)
        return and_(_born(birth, Op.GTE, _day(low)), _born(birth, Op.LTE, _day(high)))
    if op in (Op.WITHIN_LAST, Op.BEFORE_LAST):
        since = periods.moved(now.today, value, back=True)
        return _born(birth, Op.GTE if op is Op.WITHIN_LAST else Op.LT, _inside(since))
    if op is Op.WITHIN_NEXT:
        # Nobody is born in the future: what is meant is when it is kept.
        return _kept(birth, now.today, periods.moved(now.today, value, back=False))
    if op is Op.IN_PERIOD:
        first, last = periods.period(value, now.today)
        return and_(_born(birth, Op.GTE, _inside(first)), _born(birth, Op.LTE, _inside(last)))
    return _born(birth, op, _day(value))


def yearly(column: Any, kind: Kind, value: Any, now: Now) -> ColumnElement[bool]:
    """The day is kept in the period, whatever its year. Raises ValueError."""
    first, last = periods.period(value, now.today)
    if isinstance(column, Birth):
        return _kept(column, first, last)
    days = sorted({(one.month, one.day) for one in solar_birthdays(first, last)})
    if kind is Kind.ISO_DAY:
        return func.substr(column, 6, 5).in_([f"{month:02}-{day:02}" for month, day in days])
    on = cast(extract("month", column), Integer) * 100 + cast(extract("day", column), Integer)
    return on.in_([month * 100 + day for month, day in days])


def _kept(birth: Birth, first: date, last: date) -> ColumnElement[bool]:
    first, last = _inside(first), _inside(last)
    # A birthday without a calendar is meant as a solar one.
    solar = or_(birth.calendar == Calendar.SOLAR, birth.calendar.is_(None))
    return or_(
        and_(solar, _on(birth, solar_birthdays(first, last))),
        and_(birth.calendar == Calendar.LUNAR, _on(birth, lunar_birthdays(first, last))),
    )


def _on(birth: Birth, days: set[YearlyDay]) -> ColumnElement[bool]:
    parts: list[ColumnElement[bool]] = []
    for leap in (None, False, True):
        pairs = sorted((one.month, one.day) for one in days if one.leap is leap)
        if pairs:
            on = tuple_(birth.month, birth.day).in_(pairs)
            parts.append(on if leap is None else and_(on, birth.leap.is_(leap)))
    return or_(*parts)


def _born(birth: Birth, op: Op, day: date) -> ColumnElement[bool]:
    """Both calendars count their days in the same order, so each is compared in its own."""
    at, compare = from_solar(_inside(day)), _COMPARED[op]
    year, month, dom = (cast(part, Integer) for part in (birth.year, birth.month, birth.day))
    leap = case((birth.leap.is_(True), 1), else_=0)
    solar = year * 10_000 + month * 100 + dom
    lunar = (year * 100 + month) * 200 + leap * 100 + dom
    is_solar = or_(birth.calendar == Calendar.SOLAR, birth.calendar.is_(None))
    return or_(
        and_(is_solar, compare(solar, day.year * 10_000 + day.month * 100 + day.day)),
        and_(
            birth.calendar == Calendar.LUNAR,
            compare(lunar, (at.year * 100 + at.month) * 200 + int(at.leap) * 100 + at.day),
        ),
    )


def _aged(birth: Birth, op: Op, value: Any, today: date) -> ColumnElement[bool]:
    if op is Op.BETWEEN:
        low, high = _pair(value)
        return and_(_aged(birth, Op.GTE, low, today), _aged(birth, Op.LTE, high, today))
    if op is Op.IN:
        if not isinstance(value, list) or not 1 <= len(value) <= MOST_VALUES:
            raise ValueError(f"has to be a list of 1 to {MOST_VALUES} values")
        return or_(*(_aged(birth, Op.EQ, one, today) for one in value))
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _OLDEST:
        raise ValueError(f"must be a whole number of years, 0 to {_OLDEST}")
    if op is Op.EQ:
        return and_(_aged(birth, Op.GTE, value, today), _aged(birth, Op.LTE, value, today))
    years = value + (1 if op in (Op.GT, Op.LTE) else 0)
    at_least = op in (Op.GT, Op.GTE)
    born = _born(birth, Op.LTE if at_least else Op.GT, months_before(today, 12 * years))
    # Of whom only the year is known, the age is the difference of the years, as on the card.
    year = cast(birth.year, Integer)
    only_year = and_(
        or_(birth.month.is_(None), birth.day.is_(None)),
        year <= today.year - years if at_least else year > today.year - years,
    )
    return or_(func.coalesce(born, false()), func.coalesce(only_year, false()))


def _pair(value: Any) -> list[Any]:
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError("has to be a list of two values")
    return value


def _day(value: Any) -> date:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError("must be a date, as in 1950-03-01") from None


def _inside(day: date) -> date:
    return min(max(day, _FIRST), _LAST)
