"""Prints the table of ``crm_core/kernel/lunar.py``: one number a lunar year, from the library lunar_python (MIT).

The lowest 4 bits are the leap month (0: none), the next 13 the months in their order, a leap one after its plain
one: 1 for 30 days, 0 for 29; the first month is the lowest bit.
"""

from __future__ import annotations

from lunar_python import LunarYear

FIRST, LAST = 1900, 2100
_A_LINE = 12
_LONG = 30


def year_code(year: int) -> int:
    """The number of one lunar year."""
    known = LunarYear.fromYear(year)
    # The library lists the months from the winter solstice on; those of the neighbours' years are left out.
    months = [month for month in known.getMonths() if month.getYear() == year]
    code = known.getLeapMonth()
    for place, month in enumerate(months):
        code |= (month.getDayCount() == _LONG) << (4 + place)
    return code


def main() -> None:
    codes = [f"0x{year_code(year):05X}" for year in range(FIRST, LAST + 1)]
    for start in range(0, len(codes), _A_LINE):
        print(f"    {', '.join(codes[start : start + _A_LINE])},")


if __name__ == "__main__":
    main()
