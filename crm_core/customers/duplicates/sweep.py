"""Who of a whole base is compared with whom: blocks of equal keys, and a bound on what a pair can score; pure.

All with whole columns at once. The bound never lies below the score (a property test holds it to that), so that what
it leaves out would not have stood in the list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from math import log2
from typing import Any, Final

import numpy as np

from crm_core.customers.duplicates import rules
from crm_core.customers.duplicates.keys import LARGEST_BLOCK, KeyKind
from crm_core.customers.duplicates.rules import Alike
from crm_core.customers.duplicates.stretches import Base, Numbers

_AT_ONCE: Final = 1 << 20  # pairs weighed together
_END, _SHORTEST, _LETTER = np.uint64(10**4), np.uint64(10**7), np.uint64(127)
_PHONES: Final = ("phone0", "phone1", "phone2")
_MOBILES, _MOBILES_END = np.uint64(861 * 10**10), np.uint64(10**10)  # +861 and ten digits
_REMEMBERED: Final = 4_000  # customers; those of many pairs come close together
_ROUNDED: Final = 0.01  # bits; a score is rounded before it is measured against the least one
Keyed = tuple[Numbers, Numbers]  # keys, and the rows that have them


def _mixed(*columns: Any) -> Numbers:
    """One number for several columns, row by row."""
    found = np.zeros(len(columns[0]), dtype="u8")
    for column in columns:
        found = (found ^ column.astype("u8")) * np.uint64(0x9E3779B97F4A7C15)
        found ^= found >> np.uint64(29)
    return found


def _cards(base: Base) -> Keyed:
    rows = np.flatnonzero(base.rows["card"])
    return base.rows["card"][rows], rows


def _phones(base: Base) -> Keyed:
    rows, numbers = base.keys("numbers")
    return numbers, rows


def _names_with_day(base: Base) -> Keyed:
    rows = np.flatnonzero((base.rows["name"] != 0) & (base.rows["day"] != 0))
    return _mixed(base.rows["name"][rows], base.rows["day"][rows]), rows


def _sounds_with_day(base: Base) -> Keyed:
    return _with_day(base, *base.keys("readings"))


def _starts_with_day(base: Base) -> Keyed:
    return _with_day(base, *base.keys("initials"))


def _with_day(base: Base, rows: Numbers, texts: Numbers) -> Keyed:
    days = base.rows["day"][rows]
    known = np.flatnonzero(days)
    return _mixed(texts[known], days[known]), rows[known]


def _names_with_address(base: Base) -> Keyed:
    rows = np.flatnonzero(base.rows["address"])
    return _mixed(base.rows["name"][rows], base.rows["address"][rows]), rows


def _households(base: Base) -> Keyed:
    rows, initials = base.keys("initials")
    addresses = base.rows["address"][rows]
    known = np.flatnonzero(addresses)
    return _mixed(initials[known] & _LETTER, addresses[known]), rows[known]


def _names_with_number(base: Base) -> Keyed:
    """A slip in the last four digits or before them."""
    rows, numbers = base.keys("numbers")
    names = base.rows["name"][rows]
    known = np.flatnonzero((names != 0) & (numbers >= _SHORTEST))
    rows, names, numbers = rows[known], names[known], numbers[known]
    ends = (numbers // _END, numbers % _END + _SHORTEST)
    return np.concatenate([_mixed(names, end) for end in ends]), np.concatenate([rows, rows])


_KEYED: Final[Mapping[KeyKind, Callable[[Base], Keyed]]] = {
    KeyKind.ID_CARD: _cards,
    KeyKind.PHONE: _phones,
    KeyKind.NAME_BIRTHDAY: _names_with_day,
    KeyKind.SOUND_BIRTHDAY: _sounds_with_day,
    KeyKind.INITIALS_BIRTHDAY: _starts_with_day,
    KeyKind.NAME_ADDRESS: _names_with_address,
    KeyKind.HOUSEHOLD: _households,
    KeyKind.NAME_NUMBER: _names_with_number,
}


def worth_comparing(
    base: Base, kinds: Iterable[KeyKind], least: float, crowd: float
) -> tuple[Numbers, dict[str, int], int]:
    """(pairs of rows as one number each, in order and each once; too large blocks by kind; how many were weighed)."""
    found, too_large, weighed = [], {}, 0
    bits = crowd - _ROUNDED + (log2(least / (1.0 - least)) if least < 1.0 else float("inf"))
    for kind in kinds:
        keys, rows = _KEYED[kind](base)
        blocks = _Blocks(keys, rows, LARGEST_BLOCK[kind])
        too_large[kind.name.lower()] = blocks.too_large
        for one, other in blocks.pairs():
            weighed += len(one)
            places = (slice(at, at + _AT_ONCE) for at in range(0, len(one), _AT_ONCE))
            found += [_kept(base, one[place], other[place], bits) for place in places]
    return (np.unique(np.concatenate(found)) if found else np.empty(0, "i8")), too_large, weighed


def _kept(base: Base, one: Numbers, other: Numbers, bits: float) -> Numbers:
    good = most_bits(base.rows[one], base.rows[other]) >= bits
    return np.minimum(one, other)[good] * len(base) + np.maximum(one, other)[good]


class _Blocks:
    """Rows in the order of their keys; blocks beyond ``largest`` are counted and left out."""

    def __init__(self, keys: Numbers, rows: Numbers, largest: int) -> None:
        order = np.lexsort((rows, keys))
        keys, rows = keys[order], rows[order]
        # Two readings of one name, or two of his numbers, may make one key: he counts once.
        once = np.concatenate(([True], (keys[1:] != keys[:-1]) | (rows[1:] != rows[:-1])))[: len(keys)]
        keys, rows = keys[once], rows[once]
        starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1]))) if len(keys) else np.empty(0, "i8")
        sizes = np.diff(np.append(starts, len(keys)))
        self.too_large = int((sizes > largest).sum())
        good = (sizes > 1) & (sizes <= largest)
        self._rows, self._starts, self._sizes = rows, starts[good], sizes[good]

    def pairs(self) -> Iterator[tuple[Numbers, Numbers]]:
        """All pairs within the blocks: those one apart, then two apart, …"""
        place = np.repeat(self._starts + self._sizes, self._sizes)  # the end of each member's block
        inner = np.arange(len(place)) - np.repeat(np.cumsum(self._sizes) - self._sizes, self._sizes)
        member = np.repeat(self._starts, self._sizes) + inner
        for apart in range(1, int(self._sizes.max(initial=1))):
            stays = member + apart < place
            member, place = member[stays], place[stays]
            yield self._rows[member], self._rows[member + apart]


def most_bits(one: Numbers, other: Numbers) -> Numbers:
    """What each pair of rows can weigh at most by ``rules.compare``."""
    bits = np.full(len(one), rules.PRIOR)
    for column, same, different in (
        ("card", rules.ID_SAME, rules.ID_OTHER),
        ("address", rules.ADDRESS_SAME, rules.NOTHING_SHARED),
        ("sex", 0.0, rules.SEX_OTHER),
        ("kind", 0.0, rules.KIND_OTHER),
    ):
        a, b = one[column], other[column]
        bits += np.where((a != 0) & (b != 0), np.where(a == b, same, different), 0.0)
    return bits + _of_phones(one, other) + _of_names(one, other) + _of_birthdays(one, other)


def _of_phones(one: Numbers, other: Numbers) -> Numbers:
    shared = one["more"] | other["more"]
    for a in _PHONES:
        for b in _PHONES:
            shared |= (one[a] == other[b]) & (one[a] != 0)
    known = (one["phone0"] != 0) & (other["phone0"] != 0)
    twice = np.logical_and.reduce([_has(rows, mobile) for rows in (one, other) for mobile in (True, False)])
    apart = known.astype("f8") + twice
    return np.where(shared, rules.MOBILE + rules.SECOND_NUMBER, apart * rules.NOTHING_SHARED)


def _has(rows: Numbers, mobile: bool) -> Numbers:
    """Whether there is such a number, as ``rules.is_mobile`` has it."""
    found = np.zeros(len(rows), dtype=bool)
    for column in _PHONES:
        own = rows[column]
        found |= (own != 0) & (((own >= _MOBILES) & (own < _MOBILES + _MOBILES_END)) == mobile)
    return found


def _of_names(one: Numbers, other: Numbers) -> Numbers:
    both = (one["name"] != 0) & (other["name"] != 0)
    sound = np.where(one["sounds"] & other["sounds"] != 0, rules.NAME_SOUND, rules.NAME_NEARLY)
    return np.where(both, np.where(one["name"] == other["name"], rules.NAME_SAME, sound), 0.0)


def _of_birthdays(one: Numbers, other: Numbers) -> Numbers:
    full = (one["day"] != 0) & (other["day"] != 0)
    part = np.where(one["born"] & other["born"], rules.BIRTHDAY_ALIKE, 0.0)
    return np.where(full & (one["day"] == other["day"]), rules.BIRTHDAY_SAME, part)


def compared(base: Base, pairs: Numbers, least: float, crowd: float) -> list[tuple[int, int, Alike]]:
    """Those of the pairs that really score ``least``, as ids."""
    facts, found = lru_cache(maxsize=_REMEMBERED)(base.facts), []
    for pair in pairs.tolist():
        one, other = (facts(row) for row in divmod(pair, len(base)))
        alike = rules.compare(one, other, crowd)
        if alike.score >= least:
            found.append((one.customer_id, other.customer_id, alike))
    return found
