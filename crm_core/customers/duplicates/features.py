"""A customer as the whole search reads him: numbers in fixed places, keys of varying count, and the facts themselves.

It is stored with the customer, so that a search reads a million of them in seconds and works out nothing twice. The
numbers only choose who is compared; what is compared are the facts.
"""

from __future__ import annotations

import marshal
import struct
from functools import lru_cache
from hashlib import blake2b
from typing import Final

from crm_core.customers.duplicates.rules import Birthday, Facts
from crm_core.customers.kinds import CustomerKind, Sex

# Rises when what is stored, or a rule of ``keys`` that it follows from, changes.
MADE_BY: Final = 1
# 0 means unknown everywhere. ``sounds`` has a bit for each reading: no common bit, no common reading.
PLACES: Final = (
    ("name", "Q"), ("sounds", "Q"), ("card", "Q"), ("address", "Q"), ("phone0", "Q"), ("phone1", "Q"), ("phone2", "Q"),
    ("day", "I"), ("born", "?"), ("more", "?"), ("sex", "B"), ("kind", "B"), ("numbers", "H"), ("readings", "H"),
    ("initials", "H"),
)  # fmt: skip
_ROW: Final = struct.Struct("<" + "".join(code for _, code in PLACES))
KEYS: Final = ("numbers", "readings", "initials")  # eight bytes each, behind the fixed places, in this order
_OWN_PHONES: Final = 3
_LONGEST: Final = 17  # digits of a number
_SEXES: Final = {None: 0, Sex.MALE: 1, Sex.FEMALE: 2}
_KINDS: Final = {CustomerKind.PERSON: 1, CustomerKind.ORGANIZATION: 2}


def number_of(text: str) -> int:
    """63 bits that stand for a text, the same in every process; 0 stands for none."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big") >> 1 | 1


_repeated = lru_cache(maxsize=1 << 14)(number_of)  # names and their readings come again and again


def digits(phone: str) -> int:
    """A phone number as the number it is; one whose country nobody knows stands apart."""
    plain = phone.removeprefix("+")
    if not (plain.isascii() and plain.isdecimal() and len(plain) <= _LONGEST):
        return number_of(phone)
    return int(plain) if phone[0] == "+" else int(plain) + 10**_LONGEST


def start_of(initials: str) -> int:
    """Stands for initials; its lowest seven bits stand for the first letter, the surname's."""
    return number_of(initials) & ~127 | ord(initials[0]) & 127


def whole_day(day: Birthday) -> int:
    """A full birthday as a number, 0 for any other."""
    year, month, number = day
    return 0 if year is None or month is None or number is None else year * 10_000 + month * 100 + number


def packed(one: Facts) -> bytes:
    """The record of a customer."""
    readings = [_repeated(text) for text in one.readings]
    initials = [start_of(text) for text in one.initials]
    numbers = sorted(digits(number) for number in one.phones)
    sounds = 0
    for number in readings:
        sounds |= 1 << (number >> 8 & 63)
    row = _ROW.pack(
        _repeated(one.name) if one.name else 0,
        sounds,
        number_of(one.id_card_index) if one.id_card_index else 0,
        number_of(one.address) if one.address else 0,
        *(numbers + [0] * _OWN_PHONES)[:_OWN_PHONES],
        whole_day(one.birthday),
        any(part is not None for part in one.birthday),
        len(numbers) > _OWN_PHONES,
        _SEXES[one.sex],
        _KINDS[one.kind],
        len(numbers),
        len(readings),
        len(initials),
    )
    keys = struct.pack(f"<{len(numbers) + len(readings) + len(initials)}Q", *numbers, *readings, *initials)
    plain = (one.name, one.readings, one.initials, str(one.kind), None if one.sex is None else str(one.sex))
    days = (one.birthday, one.typed_birthday)
    return row + keys + marshal.dumps((*plain, *days, one.id_card_index, one.phones, one.address))
