"""The keys under which alike customers meet: 63-bit numbers, kind in the top bits, so that one index holds them all."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from enum import IntEnum
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final

from crm_core.customers.duplicates.rules import Birthday, Facts
from crm_core.customers.kinds import Calendar, CustomerKind
from crm_core.customers.pinyin import keys as pinyin_keys
from crm_core.kernel import lunar

_SHIFT: Final = 58  # the lower bits are the hash


class KeyKind(IntEnum):
    """The order is that of the whole-base search: the surest kinds first."""

    ID_CARD = 1
    PHONE = 2
    NAME_BIRTHDAY = 3
    SOUND_BIRTHDAY = 4
    INITIALS_BIRTHDAY = 5
    NAME_ADDRESS = 6
    HOUSEHOLD = 7
    NAME_NUMBER = 8


# A larger block says nothing: a switchboard, a collective address, a birthday nobody knew (1 January).
LARGEST_BLOCK: Final[Mapping[KeyKind, int]] = {
    KeyKind.ID_CARD: 50,
    KeyKind.PHONE: 20,
    KeyKind.NAME_BIRTHDAY: 30,
    KeyKind.SOUND_BIRTHDAY: 30,
    KeyKind.INITIALS_BIRTHDAY: 20,
    KeyKind.NAME_ADDRESS: 30,
    KeyKind.HOUSEHOLD: 12,
    KeyKind.NAME_NUMBER: 20,
}
_STARTS: Final = [(kind << _SHIFT, bytes((kind,))) for kind in range(1 + max(KeyKind))]
_MOST_KEYS = 40
_REPEATED: Final = 1 << 14  # names, cities: a few thousand make most of any base
_TITLES = re.compile(r"(?<=..)(?:先生|女士|小姐|太太|老师|阿姨|叔叔|大爷|大妈|奶奶|爷爷)$")
_RANK = re.compile(r"(?:特别行政区|维吾尔自治区|壮族自治区|回族自治区|自治区|自治州|省|市)$")
_HAN = re.compile(r"[^\W\d_]+")
_DIGITS = re.compile(r"\d+")


def kind_of(key: int) -> KeyKind:
    return KeyKind(key >> _SHIFT)


def bounds(kind: KeyKind) -> tuple[int, int]:
    """The lowest key of a kind and the lowest of the next."""
    return kind << _SHIFT, (kind + 1) << _SHIFT


@lru_cache(maxsize=_REPEATED)
def plain_name(name: str) -> str:
    """Without blanks, signs, case, width and titles: 张 三先生 is 张三."""
    plain = "".join(c for c in unicodedata.normalize("NFKC", name).casefold() if c.isalnum())
    return _TITLES.sub("", plain)


def address_key(fields: Mapping[str, Any]) -> str | None:
    """City, first characters and all numbers of the street: 5号302室 meets 5-302. None without a street."""
    street = fields.get("street") or ""
    if not street:
        return None
    street = unicodedata.normalize("NFKC", street)
    numbers = _DIGITS.findall(street)
    words = "".join(_HAN.findall(street)).casefold()
    if not words and not numbers:
        return None
    city = _without_rank(fields.get("city") or fields.get("province") or "")
    road = words[:2] if numbers else words
    return "|".join((city, road, *(number.lstrip("0") for number in numbers)))


@lru_cache(maxsize=_REPEATED)
def _without_rank(city: str) -> str:
    return _RANK.sub("", city)


@lru_cache(maxsize=_REPEATED)
def _words(readings: str) -> frozenset[str]:
    return frozenset(readings.split())


def solar_birthday(calendar: Calendar | None, day: Birthday, *, leap: bool = False) -> Birthday:
    """A lunar day as the solar one of its year where that is known; all else as it is."""
    year, month, number = day
    if calendar is not Calendar.LUNAR or year is None or month is None or number is None:
        return day
    found = lunar.to_solar(year, month, number, leap) if 1900 <= year <= 2100 else None
    return day if found is None else (found.year, found.month, found.day)


def facts_of(customer_id: int, fields: Mapping[str, Any], phones: frozenset[str]) -> Facts:
    """Facts from the customer's columns by name; ``pinyin`` and ``initials`` are worked out when there are none."""
    name = fields.get("name") or ""
    readings, initials = fields.get("pinyin"), fields.get("initials")
    if not readings or not initials:
        readings, initials = pinyin_keys(name)
    typed: Birthday = (fields.get("birth_year"), fields.get("birth_month"), fields.get("birth_day"))
    return Facts(
        customer_id=customer_id,
        name=plain_name(name),
        readings=_words(readings),
        initials=_words(initials),
        kind=fields.get("kind") or CustomerKind.PERSON,
        sex=fields.get("sex"),
        birthday=solar_birthday(fields.get("birth_calendar"), typed, leap=bool(fields.get("birth_leap"))),
        typed_birthday=typed,
        id_card_index=fields.get("id_card_index"),
        phones=phones,
        address=address_key(fields),
    )


def keys_of(facts: Facts, *, card_to_come: bool = False) -> set[int]:
    """All keys of a customer; what is not known makes none. ``card_to_come``: with room for ``card_key``."""
    most = _MOST_KEYS - card_to_come
    found: set[int] = set()
    for kind, text in _texts(facts):
        found.add(_key(kind, text))
        if len(found) == most:
            break
    return found


def card_key(index: str) -> int:
    """The key of an ID card: the first of ``keys_of``, for those who learn its keyed index last."""
    return _key(KeyKind.ID_CARD, index)


def _texts(facts: Facts) -> Iterator[tuple[KeyKind, str]]:
    if facts.id_card_index:
        yield KeyKind.ID_CARD, facts.id_card_index
    for number in sorted(facts.phones):
        yield KeyKind.PHONE, number
        if facts.name and len(number) > 7:
            yield KeyKind.NAME_NUMBER, f"{facts.name}|{number[-4:]}"
            yield KeyKind.NAME_NUMBER, f"{facts.name}|{number[:-4]}"
    if facts.address:
        yield KeyKind.NAME_ADDRESS, f"{facts.name}|{facts.address}"
        for surname in sorted({text[:1] for text in facts.initials}):
            yield KeyKind.HOUSEHOLD, f"{surname}|{facts.address}"
    if None not in facts.birthday:
        yield from _with_birthday(facts, "-".join(map(str, facts.birthday)))


def _with_birthday(facts: Facts, day: str) -> Iterator[tuple[KeyKind, str]]:
    if facts.name:
        yield KeyKind.NAME_BIRTHDAY, f"{facts.name}|{day}"
    for reading in sorted(facts.readings):
        yield KeyKind.SOUND_BIRTHDAY, f"{reading}|{day}"
    for text in sorted(facts.initials):  # 信 typed as 星 still has the same initial
        yield KeyKind.INITIALS_BIRTHDAY, f"{text}|{day}"


def _key(kind: KeyKind, text: str) -> int:
    above, salt = _STARTS[kind]
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, key=salt).digest()
    return above | int.from_bytes(digest, "big") >> (64 - _SHIFT)
