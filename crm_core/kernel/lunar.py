"""The Chinese lunar calendar from 1900 to 2100: both ways, and the solar days on which a yearly day falls.

The table is printed by ``scripts/make_lunar.py``; the tests compare every single day with the library behind it.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, timedelta

FIRST_YEAR, LAST_YEAR = 1900, 2100
_FIRST_DAY = date(1900, 1, 31)  # new year's day of the lunar year 1900
_MONTHS = 12
_LONGEST = 30
_LUNAR = "lunar"  # the other calendar is "solar"


@dataclass(frozen=True, slots=True)
class LunarDay:
    """A yearly lunar day such as a birthday; ``leap`` when it lies in the leap month of that number."""

    month: int
    day: int
    leap: bool = False
    year: int | None = None


@dataclass(frozen=True, slots=True, order=True)
class LunarDate:
    """One day of one lunar year."""

    year: int
    month: int
    day: int
    leap: bool = False


# A number a year: 4 bits of leap month, then a bit a month, 1 for 30 days, in the order of the year.
# fmt: off
_YEARS = (
    0x16D28, 0x07520, 0x0EA50, 0x164A5, 0x064B0, 0x0A9B0, 0x15564, 0x056A0, 0x0B590, 0x17522, 0x07520, 0x1B256,
    0x0B250, 0x0A4B0, 0x14AB5, 0x02AD0, 0x056B0, 0x0B692, 0x0DA90, 0x1D927, 0x0E920, 0x0D250, 0x1A4D5, 0x0A560,
    0x02B60, 0x15B54, 0x06D40, 0x0EA90, 0x1E922, 0x0E920, 0x0D266, 0x052B0, 0x0A570, 0x12B65, 0x0B5A0, 0x06D40,
    0x0EC93, 0x07490, 0x16937, 0x0A930, 0x052B0, 0x0A5B6, 0x0AAD0, 0x056A0, 0x1B554, 0x0BA40, 0x0B490, 0x1A932,
    0x0A950, 0x152D7, 0x05360, 0x0AAD0, 0x15AA5, 0x05B20, 0x0DA50, 0x1D4A3, 0x0D4A0, 0x0A958, 0x0A970, 0x05560,
    0x0AB56, 0x0AD50, 0x06D20, 0x0EA54, 0x0EA50, 0x064A0, 0x0C973, 0x0A9B0, 0x155A7, 0x056A0, 0x0B690, 0x17525,
    0x0B520, 0x0B250, 0x164B4, 0x0A4B0, 0x14AB8, 0x02AD0, 0x056D0, 0x0B696, 0x0DA90, 0x0D920, 0x1D254, 0x0D250,
    0x1A4DA, 0x0A560, 0x02B60, 0x05B56, 0x06D50, 0x0EA90, 0x1E925, 0x0E920, 0x0D260, 0x0A563, 0x0A570, 0x14D68,
    0x035A0, 0x06D50, 0x16C95, 0x07490, 0x06930, 0x152B4, 0x052B0, 0x0A5B0, 0x155A2, 0x056A0, 0x1B557, 0x0BA40,
    0x0B490, 0x1A935, 0x0A950, 0x052D0, 0x0AAD4, 0x0AB50, 0x15AA9, 0x05D20, 0x0DA50, 0x1D4A6, 0x0D4A0, 0x0C950,
    0x152E4, 0x05560, 0x0AB50, 0x15B22, 0x06D20, 0x0EA56, 0x07250, 0x064B0, 0x0C975, 0x0CAB0, 0x055A0, 0x0AD63,
    0x0B690, 0x1752B, 0x0B520, 0x0B250, 0x1A4B6, 0x0A4B0, 0x04AB0, 0x055B5, 0x05AD0, 0x0B6A0, 0x1B522, 0x0D920,
    0x1D257, 0x0D250, 0x0A550, 0x14AD5, 0x04B60, 0x05B50, 0x0DAA3, 0x0EC90, 0x1E928, 0x0E920, 0x0D260, 0x0A566,
    0x0A570, 0x04D60, 0x06D54, 0x07550, 0x07490, 0x0E933, 0x06930, 0x152B7, 0x052B0, 0x0A5B0, 0x155A5, 0x056A0,
    0x0B650, 0x174A4, 0x0B4A0, 0x1A958, 0x0A950, 0x052D0, 0x0AAD6, 0x0AB50, 0x05AA0, 0x0BA54, 0x0DA50, 0x0D4A0,
    0x1C953, 0x0C960, 0x194E7, 0x05560, 0x0AB50, 0x15B25, 0x06D20, 0x0EA50, 0x0E4A4, 0x068B0, 0x0C978, 0x04AB0,
    0x055B0, 0x0AD66, 0x0B6A0, 0x07520, 0x17254, 0x0B450, 0x0A8B0, 0x149B2, 0x04AB0,
)
# fmt: on


def _month_lengths(code: int) -> tuple[int, ...]:
    count = _MONTHS + (1 if code & 0xF else 0)
    return tuple(29 + (code >> (4 + place) & 1) for place in range(count))


_LENGTHS = tuple(_month_lengths(code) for code in _YEARS)
_STARTS = [_FIRST_DAY.toordinal()]
for _lengths in _LENGTHS:
    _STARTS.append(_STARTS[-1] + sum(_lengths))
FIRST_DAY, LAST_DAY = _FIRST_DAY, date.fromordinal(_STARTS[-1] - 1)


def leap_month(year: int) -> int | None:
    """The number of that lunar year's leap month; None when it has none. Raises ValueError outside 1900 to 2100."""
    return _YEARS[_index(year)] & 0xF or None


def month_length(year: int, month: int, leap: bool = False) -> int | None:
    """29 or 30 days; None when that lunar year has no such month. Raises ValueError outside 1900 to 2100."""
    place = _place(year, month, leap)
    return None if place is None else _LENGTHS[_index(year)][place]


def to_solar(year: int, month: int, day: int, leap: bool = False) -> date | None:
    """The solar date; None when that lunar day does not exist in that year, or the year is not in the table."""
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return None
    place = _place(year, month, leap)
    lengths = _LENGTHS[_index(year)]
    if place is None or not 1 <= day <= lengths[place]:
        return None
    return date.fromordinal(_STARTS[_index(year)] + sum(lengths[:place]) + day - 1)


def from_solar(day: date) -> LunarDate:
    """The lunar date of a solar one. Raises ValueError before 31 January 1900 and after 28 January 2101."""
    if not FIRST_DAY <= day <= LAST_DAY:
        raise ValueError("lunar_out_of_range")
    index = bisect_right(_STARTS, day.toordinal()) - 1
    rest = day.toordinal() - _STARTS[index]
    place = 0
    for place, length in enumerate(_LENGTHS[index]):  # noqa: B007 - the place is used after the loop
        if rest < length:
            break
        rest -= length
    leap = _YEARS[index] & 0xF
    after = bool(leap) and place >= leap
    return LunarDate(FIRST_YEAR + index, place + (0 if after else 1), rest + 1, bool(leap) and place == leap)


def occurrences(calendar: str, month: int, day: int, leap: bool, start: date, end: date) -> list[date]:
    """The solar dates from ``start`` to ``end``, both included, on which this yearly day is kept, in their order.

    A leap month that a year lacks falls back to the plain one, a 30th that does not exist to the 29th, and
    29 February to the 28th. Lunar days outside the table (1900 to 2100) have none. Raises ValueError for no day.
    """
    if calendar == _LUNAR:
        _check(month, day, _LONGEST)
        # A lunar year begins up to seven weeks after the solar one of the same number and ends as late.
        years = range(max(start.year - 1, FIRST_YEAR), min(end.year, LAST_YEAR) + 1)
        found = [_kept(year, month, day, leap) for year in years]
    else:
        _check(month, day, 29 if month == 2 else 31)
        found = [_solar(year, month, day) for year in range(start.year, end.year + 1)]
    return [one for one in found if start <= one <= end]


def _kept(year: int, month: int, day: int, leap: bool) -> date:
    in_leap = leap and leap_month(year) == month
    exact = to_solar(year, month, day, in_leap)
    if exact is None:
        last = to_solar(year, month, _LONGEST - 1, in_leap)
        assert last is not None, "every month has a 29th"  # noqa: S101 - narrows the type
        return last
    return exact


def _solar(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        if (month, day) != (2, 29):
            raise
        return date(year, 2, 28)


def _check(month: int, day: int, longest: int) -> None:
    if not 1 <= month <= _MONTHS or not 1 <= day <= longest:
        raise ValueError("no_such_day")


def _index(year: int) -> int:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise ValueError("lunar_out_of_range")
    return year - FIRST_YEAR


def _place(year: int, month: int, leap: bool) -> int | None:
    """Where the month stands in its year, from 0."""
    own = leap_month(year)
    if not 1 <= month <= _MONTHS or (leap and own != month):
        return None
    return month if leap or (own is not None and month > own) else month - 1


def next_occurrence(calendar: str, month: int, day: int, leap: bool, today: date) -> date | None:
    """The next date on which this yearly day is kept, today included; None outside the table. Raises ValueError."""
    # 13 lunar months and a bit: the longest span between two of the same yearly day.
    found = occurrences(calendar, month, day, leap, today, today + timedelta(days=400))
    return found[0] if found else None
