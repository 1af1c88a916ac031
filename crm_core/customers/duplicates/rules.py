"""How alike two customers are: weights in bits, after Fellegi and Sunter, and the reasons in words; pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from math import log2
from typing import Final

from crm_core.customers.kinds import CustomerKind, Sex

Birthday = tuple[int | None, int | None, int | None]
Weighed = tuple["Reason", float]


class Reason(StrEnum):
    """What speaks for one person, and what (``other_…``) against it."""

    ID_CARD = "id_card"
    PHONE = "phone"
    NAME = "name"
    NAME_SOUNDS_ALIKE = "name_sounds_alike"
    NAME_MISTYPED = "name_mistyped"
    BIRTHDAY = "birthday"
    BIRTHDAY_ALIKE = "birthday_alike"
    ADDRESS = "address"
    OTHER_ID_CARD = "other_id_card"
    OTHER_NAME = "other_name"
    OTHER_SEX = "other_sex"
    OTHER_BIRTHDAY = "other_birthday"
    OTHER_KIND = "other_kind"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the comparison knows of one customer; each part may be missing. ``phones`` are E.164 or bare digits."""

    customer_id: int
    name: str = ""  # as ``keys.plain_name`` gives it
    readings: frozenset[str] = frozenset()
    initials: frozenset[str] = frozenset()
    kind: CustomerKind = CustomerKind.PERSON
    sex: Sex | None = None
    birthday: Birthday = (None, None, None)
    typed_birthday: Birthday = (None, None, None)  # before a lunar day was converted
    id_card_index: str | None = None
    phones: frozenset[str] = frozenset()
    address: str | None = None  # as ``keys.address_key`` gives it


@dataclass(frozen=True, slots=True)
class Alike:
    """``score`` is the probability, 0 to 1, that both are one; ``reasons`` the weightiest first."""

    score: float
    reasons: tuple[Reason, ...]


LIKELY: Final = 0.8  # asks before storing a second one
WORTH_A_LOOK: Final = 0.5  # stands in the list of pairs

# Bits: +1 makes it twice as likely. Two of a block are one person in about 1 of 2 ** 8 cases.
PRIOR: Final = -8.0
_UNCROWDED: Final = 200_000  # customers up to which that holds; twice as many meet twice as often by chance
ID_SAME, ID_OTHER = 18.0, -9.0
MOBILE, LANDLINE = 7.5, 4.5  # a landline is a household's more often than a person's
SECOND_NUMBER = 1.5
NAME_SAME, NAME_SHORT, NAME_SOUND = 6.0, 5.0, 2.75
NAME_NEARLY, NAME_TYPO, NAME_TYPO_SURNAME = 2.25, 1.0, 0.0  # a letter of the pinyin; a character; of the surname
NAME_SURNAME, NAME_OTHER = -5.0, -9.0
BIRTHDAY_SAME, BIRTHDAY_CONVERTED = 6.5, 5.75  # a lunar day meets a solar one by chance, too
BIRTHDAY_ALIKE, BIRTHDAY_PART, BIRTHDAY_OTHER = 2.0, 1.0, -5.0
ADDRESS_SAME = 4.0
NOTHING_SHARED = -0.75  # numbers, addresses: people change them, so no reason to name
_MOST_READINGS = 64  # comparisons of one pair of names
SEX_OTHER, KIND_OTHER = -4.0, -6.0


def crowding(customers: int) -> float:
    """Bits to take off in the search through so many: those who happen to be alike grow with the base."""
    return max(0.0, log2(max(customers, 1) / _UNCROWDED))


def compare(one: Facts, other: Facts, crowd: float = 0.0) -> Alike:
    """The same whichever comes first. A shared household's phone alone is weak: other names outweigh it."""
    weighed = [*_of_id_cards(one, other), *_of_phones(one, other), *_of_names(one, other)]
    weighed += [*_of_birthdays(one, other), *_of_addresses(one, other), *_of_sex_and_kind(one, other)]
    bits = PRIOR - crowd + _differing(one, other) + sum(weight for _, weight in weighed)
    weighed.sort(key=lambda pair: (-pair[1], pair[0].value))
    return Alike(round(1.0 / (1.0 + 2.0**-bits), 4), tuple(reason for reason, _ in weighed))


def _of_id_cards(one: Facts, other: Facts) -> list[Weighed]:
    if one.id_card_index is None or other.id_card_index is None:
        return []
    if one.id_card_index == other.id_card_index:
        return [(Reason.ID_CARD, ID_SAME)]
    return [(Reason.OTHER_ID_CARD, ID_OTHER)]


def _of_phones(one: Facts, other: Facts) -> list[Weighed]:
    shared = one.phones & other.phones
    if not shared:
        return []
    best = max(MOBILE if is_mobile(number) else LANDLINE for number in shared)
    return [(Reason.PHONE, best + (SECOND_NUMBER if len(shared) > 1 else 0.0))]


def _of_names(one: Facts, other: Facts) -> list[Weighed]:
    if not one.name or not other.name:
        return []
    if one.name == other.name:
        return [(Reason.NAME, NAME_SAME if len(one.name) > 2 else NAME_SHORT)]
    if one.readings & other.readings:
        return [(Reason.NAME_SOUNDS_ALIKE, NAME_SOUND)]
    slip = _slip_of_name(one, other)
    if slip is not None:
        return [(Reason.NAME_MISTYPED, slip)]
    return [(Reason.OTHER_NAME, NAME_SURNAME if one.name[0] == other.name[0] else NAME_OTHER)]


def _slip_of_name(one: Facts, other: Facts) -> float | None:
    """The weight of a slip: one letter of the pinyin, one character of three, one missing, or two exchanged."""
    if len(one.readings) * len(other.readings) <= _MOST_READINGS:
        pairs = product(one.readings, other.readings)
        if any(len(p) > 3 and within_one(*sorted((p, q), key=len)) for p, q in pairs):
            return NAME_NEARLY
    a, b = sorted((one.name, other.name), key=len)
    exchanged = len(a) == len(b) and a[0] == b[-1] and sorted(a) == sorted(b)
    if exchanged or (len(b) >= 3 and within_one(a, b)):
        return NAME_TYPO if a[0] == b[0] else NAME_TYPO_SURNAME
    return None


def within_one(shorter: str, longer: str) -> bool:
    """Whether one exchange, insertion or swap of neighbours makes the texts equal; the shorter comes first."""
    gap = len(longer) - len(shorter)
    if gap > 1:
        return False
    start = next((n for n, (a, b) in enumerate(zip(shorter, longer, strict=False)) if a != b), len(shorter))
    if gap:
        return shorter[start:] == longer[start + 1 :]
    rest, other = shorter[start:], longer[start:]
    return rest[1:] == other[1:] or (rest[:2] == other[:2][::-1] and rest[2:] == other[2:])


def _of_birthdays(one: Facts, other: Facts) -> list[Weighed]:
    pairs = list(zip(one.birthday, other.birthday, strict=True))
    known = [(a, b) for a, b in pairs if a is not None and b is not None]
    if not known:
        return []
    if all(a == b for a, b in known):
        if len(known) < 3:
            return [(Reason.BIRTHDAY, BIRTHDAY_PART * len(known))]
        as_typed = one.typed_birthday == other.typed_birthday
        return [(Reason.BIRTHDAY, BIRTHDAY_SAME if as_typed else BIRTHDAY_CONVERTED)]
    if len(known) < 3:
        return [(Reason.OTHER_BIRTHDAY, BIRTHDAY_OTHER / 2)]
    if one.typed_birthday == other.typed_birthday or _slip(one.typed_birthday, other.typed_birthday):
        return [(Reason.BIRTHDAY_ALIKE, BIRTHDAY_ALIKE)]
    return [(Reason.OTHER_BIRTHDAY, BIRTHDAY_OTHER)]


def _slip(one: Birthday, other: Birthday) -> bool:
    """Two of the three parts are right, one digit of eight is wrong, or two parts or digits are exchanged."""
    if None in one or None in other:
        return False
    if sum(a == b for a, b in zip(one, other, strict=True)) == 2:
        return True
    if one[0] == other[0] and one[1] == other[2] and one[2] == other[1]:
        return True
    a, b = (f"{part[0]:04d}{part[1]:02d}{part[2]:02d}" for part in (one, other))
    wrong = [n for n in range(8) if a[n] != b[n]]
    return len(wrong) == 2 and wrong[1] == wrong[0] + 1 and a[wrong[0]] == b[wrong[1]] and a[wrong[1]] == b[wrong[0]]


def _of_addresses(one: Facts, other: Facts) -> list[Weighed]:
    same = one.address is not None and one.address == other.address
    return [(Reason.ADDRESS, ADDRESS_SAME)] if same else []


def is_mobile(number: str) -> bool:
    """Of mainland China, where one number is one person's."""
    return len(number) == 14 and number.startswith("+861")


def _differing(one: Facts, other: Facts) -> float:
    """Two mobiles and two landlines that all differ count twice."""
    kinds = 0
    if one.phones and other.phones and one.phones.isdisjoint(other.phones):
        mine, others = ({is_mobile(number) for number in each.phones} for each in (one, other))
        kinds = max(1, len(mine & others))
    addresses = one.address is not None and other.address is not None and one.address != other.address
    return (kinds + addresses) * NOTHING_SHARED


def _of_sex_and_kind(one: Facts, other: Facts) -> list[Weighed]:
    found: list[Weighed] = []
    if one.sex is not None and other.sex is not None and one.sex != other.sex:
        found.append((Reason.OTHER_SEX, SEX_OTHER))
    if one.kind != other.kind:
        found.append((Reason.OTHER_KIND, KIND_OTHER))
    return found
