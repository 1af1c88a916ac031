"""The same person entered twice, as it happens: heard wrong, moved, known by the phone alone, a digit slipped."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

from callcenter.demo import words
from crm_core.customers import pinyin

Row = tuple[Any, ...]
_EVERY, _PLACE, _BACK = 40, 21, 3  # one in forty; these fall on nobody who is married to a neighbour
_NOBODY_KNOWS: Row = (None, None, None, None, False)
_NO_HOME: Row = (None,) * 7


class Slip(IntEnum):
    """How it came that nobody noticed."""

    HEARD_WRONG = 0
    MOVED = 1
    PHONE_ALONE = 2
    DIGIT = 3


@dataclass(frozen=True, slots=True)
class Drawn:
    """What identifies an invented person: rows of name, birthday and home, the landline, the mobile number."""

    person: Row
    birth: Row
    home: Row
    landline: str
    mobile: str


def source_of(index: int) -> int | None:
    """Whose second entry this customer is; None for most."""
    return index - _BACK if index % _EVERY == _PLACE else None


def doubled(first: Drawn, fresh: Drawn, index: int) -> Drawn:
    """The second entry of ``first``; what he has not in common with it he has of ``fresh``."""
    match Slip(index // _EVERY % len(Slip)):
        case Slip.HEARD_WRONG:
            return replace(first, person=_heard_wrong(first.person), mobile=fresh.mobile)
        case Slip.MOVED:
            return replace(fresh, person=first.person, birth=first.birth)
        case Slip.PHONE_ALONE:
            return replace(first, birth=_NOBODY_KNOWS, home=_NO_HOME)
        case Slip.DIGIT:
            return replace(first, mobile=_slipped(first.mobile))


def _heard_wrong(person: Row) -> Row:
    """Another character of the same sound, in the first place of the given name where there is one."""
    name = str(person[0])
    for place in range(1, len(name)):
        alike = words.SOUND_ALIKE.get(name[place])
        if alike is not None:
            name = name[:place] + alike + name[place + 1 :]
            return (name, *pinyin.keys(name), *person[3:])
    return person


def _slipped(number: str) -> str:
    """Two neighbouring digits the wrong way round."""
    for place in range(len(number) - 1, 4, -1):
        if number[place] != number[place - 1]:
            return number[: place - 1] + number[place] + number[place - 1] + number[place + 1 :]
    return number
