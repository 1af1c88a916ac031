"""Where a Chinese number is registered and with which carrier: what is said of a caller whom nobody knows.

The table is built by ``scripts/make_phone_regions.py`` and read at the first question only.
"""

from __future__ import annotations

import sys
import zlib
from array import array
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import orjson

_DIGITS = 7
_MOBILE = "1"


@dataclass(frozen=True, slots=True)
class Region:
    """``province`` and ``city`` in Chinese, ``english`` both in English; ``carrier`` only for mobiles."""

    province: str
    city: str
    english: str
    carrier: str | None = None
    carrier_english: str | None = None

    @property
    def chinese(self) -> str:
        return self.province if self.city == self.province else self.province + self.city


@dataclass(frozen=True, slots=True)
class _Table:
    starts: array[int]
    values: array[int]
    places: list[tuple[str, str, str]]
    carriers: dict[str, tuple[str, str]]


@lru_cache(maxsize=1)
def _table() -> _Table:
    packed = zlib.decompress((resources.files("crm_core.kernel") / "data" / "regions.bin").read_bytes())
    head_line, _, body = packed.partition(b"\n")
    head = orjson.loads(head_line)
    starts, values = array("I"), array("H")
    split = head["ranges"] * 4
    starts.frombytes(body[:split])
    values.frombytes(body[split:])
    if sys.byteorder == "big":
        starts.byteswap()
        values.byteswap()
    carriers = {prefix: (names[0], names[1]) for prefix, names in head["carriers"].items()}
    return _Table(starts, values, [(p[0], p[1], p[2]) for p in head["places"]], carriers)


def region_of(e164: str | None) -> Region | None:
    """What the number itself says; None for foreign, service and unknown numbers."""
    if e164 is None or not e164.startswith("+86"):
        return None
    digits = e164[3:]
    table = _table()
    index = bisect_right(table.starts, int(digits[:_DIGITS].ljust(_DIGITS, "0"))) - 1
    place = table.values[index] if index >= 0 else 0
    carrier = _carrier(table, digits)
    if place == 0 and carrier is None:
        return None
    province, city, english = table.places[place - 1] if place else ("", "", "")
    return Region(province, city, english, *(carrier or (None, None)))


def _carrier(table: _Table, digits: str) -> tuple[str, str] | None:
    if len(digits) != 11 or not digits.startswith(_MOBILE):
        return None
    for length in range(_DIGITS, 1, -1):
        if known := table.carriers.get(digits[:length]):
            return known
    return None
