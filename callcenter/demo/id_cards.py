"""Numbers of ID cards for invented people: valid, no two alike, true to birthday and sex; nobody's but by chance."""

from __future__ import annotations

from functools import lru_cache

from crm_core.kernel import places
from crm_core.kernel.id_card import check_digit

# Where the invented people come from: eastern and central China.
_PROVINCES = (31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 51)
_ORDERS = 499  # of one place, one day and one sex
_SPREAD = 7919  # shares no factor with the number of places and orders: neighbours come from everywhere


@lru_cache(maxsize=1)
def _regions() -> tuple[str, ...]:
    codes = (f"{p}{city:02d}{district:02d}" for p in _PROVINCES for city in range(1, 35) for district in range(1, 31))
    return tuple(code for code in codes if (found := places.by_code(code)) is not None and found.district)


def how_many() -> int:
    """So many people can have one."""
    return len(_regions()) * _ORDERS


def number(place: int, born: str, *, male: bool) -> str:
    """The card of the person ``place`` (0 to ``how_many()`` - 1), born on the solar day YYYYMMDD."""
    regions = _regions()
    region, order = divmod(place * _SPREAD % how_many(), _ORDERS)
    body = f"{regions[region]}{born}{2 * (order + 1) - (1 if male else 0):03d}"
    return body + check_digit(body)
