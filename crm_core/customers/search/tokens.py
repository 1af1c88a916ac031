"""The search index's words (pure): small integers for the fragments that a customer can be found by.

A fragment longer than a token is found as all its tokens together; a shorter one as any of the few tokens that begin
with it. So one table of (token, customer) answers every fragment, in the same way on every database.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from enum import IntEnum
from functools import lru_cache
from itertools import pairwise
from zlib import crc32

from crm_core.customers.kinds import Calendar

_FAMILY_BITS = 28  # the family stands above them: a token is a positive 32-bit integer
_MASK = (1 << _FAMILY_BITS) - 1
_ALPHABET = "\0abcdefghijklmnopqrstuvwxyz0123456789"  # \0 marks the end of the text
_PHONE_ALPHABET = "\0" + "0123456789"
_PLACE = {letter: place for place, letter in enumerate(_ALPHABET)}
_BASE = len(_ALPHABET)
_LETTERS, _DIGITS = 3, 4  # characters of a token of letters, of digits
_LONG = 6  # letters of a longer one: what three letters say of a Chinese name, a tenth of the base may have
ID_END = "$"  # follows an ID card's number before it is cut into keyed fragments
_MOST_CODES = 200_000
_SPREAD = 0x9E3779B1  # Knuth's multiplicative hash
_ACCOUNT = re.compile(r"[a-z]{0,4}0*")
_LATIN = re.compile(r"[a-z0-9]+")
_PLAIN_NUMBER = re.compile(r"[a-z]{0,4}\d+")

Need = tuple[int, ...]  # one of these tokens has to be there


class Family(IntEnum):
    """What a token was cut from."""

    LONG = 0
    CHARACTER = 1
    PAIR = 2
    LETTERS = 3
    PHONE = 4
    NUMBER = 5
    ID_CARD = 6
    BIRTHDAY = 7


@dataclass(frozen=True, slots=True)
class Facts:
    """What a customer can be found by; ``phones`` as dialled inside the country, ``id_card`` keyed fragments."""

    id: int
    name: str
    pinyin: str
    initials: str
    created_at: datetime
    numbers: tuple[str, ...] = ()  # account numbers, the old ones too, and card numbers
    phones: tuple[str, ...] = ()
    birth_calendar: Calendar | None = None
    birth_year: int | None = None
    birth_month: int | None = None
    birth_day: int | None = None
    id_card: tuple[str, ...] = ()
    id_card_plain: str | None = None

    def entered(self, zone: tzinfo) -> date:
        """The day on which the customer was entered, as the business counts days."""
        return self.created_at.astimezone(zone).date()


@lru_cache(maxsize=100_000)
def plain(text: str) -> str:
    """Half-width small letters and digits of any script; blanks and signs fall away."""
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


def number_key(number: str) -> str:
    """A number's part that tells: KH00012345 and kh12345 are both 12345, VIP-77A-9 is vip77a9."""
    key = number.lower() if number.isascii() and number.isalnum() else plain(number)
    if not _PLAIN_NUMBER.fullmatch(key):
        return key
    leading = _ACCOUNT.match(key)
    return key[leading.end() :] if leading else key


def spellings(facts: Facts) -> list[str]:
    """Everything in Latin letters that the name can be typed as."""
    return _spelled_as(facts.name, facts.pinyin, facts.initials)


def _spelled_as(name: str, pinyin: str, initials: str) -> list[str]:
    runs = _LATIN.findall(plain(name))
    return [*pinyin.split(" "), *initials.split(" "), *runs]


def tokens_of(facts: Facts) -> set[int]:
    """All tokens of a customer."""
    found = set(_called(facts.name, facts.pinyin, facts.initials))
    for number in facts.numbers:
        key = number_key(number)
        found.update(_grams(Family.NUMBER, key, _DIGITS))
        if len(key) < _DIGITS - 1:
            found.update(token for need in whole_number_needs(key) for token in need)
    for phone in facts.phones:
        found.update(_grams(Family.PHONE, phone, _DIGITS))
    found.update(_id_token(fragment) for fragment in facts.id_card)
    if facts.birth_month and facts.birth_day:
        calendar = facts.birth_calendar or Calendar.SOLAR
        found.add(yearly_token(calendar, facts.birth_month, facts.birth_day))
        if facts.birth_year:
            found.add(birthday_token(facts.birth_year, facts.birth_month, facts.birth_day))
    return found


def packed(tokens: Iterable[int]) -> bytes:
    """Tokens as an entry of the index keeps them: in order, 4 bytes each."""
    return array("i", sorted(tokens)).tobytes()


@lru_cache(maxsize=100_000)
def _called(name: str, pinyin: str, initials: str) -> tuple[int, ...]:
    # Names are few compared with people: the same one comes again and again.
    found = _name_tokens(plain(name))
    for spelling in _spelled_as(name, pinyin, initials):
        found.update(_spelled(spelling))
    return tuple(found)


def name_needs(fragment: str) -> list[Need]:
    """For a fragment (see ``plain``) of a name that holds other than Latin letters."""
    if len(fragment) == 1:
        return [(_token(Family.CHARACTER, ord(fragment)),)]
    return _each({_pair(a, b) for a, b in pairwise(fragment)})


def letter_needs(fragment: str) -> list[Need]:
    """For a fragment of pinyin, initials or a Latin name; for one letter those that begin with it."""
    if len(fragment) == 1:
        return [(_first(fragment),)] if fragment in _PLACE else []
    if len(fragment) >= _LONG:
        return _each(set(_long_grams(fragment)))
    return _needs(Family.LETTERS, fragment, _LETTERS, _LETTERS - 1)


def phone_needs(fragment: str) -> list[Need]:
    """For three or more digits of a phone number."""
    return _needs(Family.PHONE, fragment, _DIGITS, _DIGITS - 1)


def phone_end_needs(fragment: str) -> list[Need]:
    """For the last three or more digits of a phone number."""
    return _each(set(_grams(Family.PHONE, fragment, _DIGITS))) if len(fragment) >= _DIGITS - 1 else []


def number_needs(fragment: str) -> list[Need]:
    """For three or more characters of a ``number_key``."""
    return _needs(Family.NUMBER, fragment, _DIGITS, _DIGITS - 1)


def whole_number_needs(key: str) -> list[Need]:
    """For a whole account number of a ``number_key`` too short to be looked for in parts: KH00000002 is 2."""
    if not 1 <= len(key) < _DIGITS - 1 or not all(c in _PLACE for c in key):
        return []
    return [(_token(Family.NUMBER, _CODES[key.ljust(_DIGITS, "\0")]),)]


def id_card_needs(fragments: Sequence[str]) -> list[Need]:
    """For the keyed fragments of a part of an ID card's number."""
    return _each({_id_token(fragment) for fragment in fragments})


def yearly_token(calendar: Calendar, month: int, day: int) -> int:
    """Born on this day of any year, in that calendar."""
    return _token(Family.BIRTHDAY, (20_000 if calendar is Calendar.LUNAR else 10_000) + month * 100 + day)


def birthday_token(year: int, month: int, day: int) -> int:
    """Born on this very day, in whichever calendar it was given."""
    return _token(Family.BIRTHDAY, (year * 100 + month) * 100 + day)


def _needs(family: Family, fragment: str, size: int, shortest: int) -> list[Need]:
    if len(fragment) < shortest or not all(c in _PLACE for c in fragment):
        return []
    if len(fragment) < size:
        following = _PHONE_ALPHABET if family is Family.PHONE else _ALPHABET
        codes = (_CODES[fragment + last] for last in following)
        return [tuple(_token(family, code) for code in codes)]
    inside = {fragment[start : start + size] for start in range(len(fragment) - size + 1)}
    return _each({_token(family, _CODES[gram]) for gram in inside})


def _grams(family: Family, text: str, size: int) -> Iterable[int]:
    """Every run of ``size`` characters, and the end."""
    ended = text if text.isdigit() and text.isascii() else "".join([c for c in text if c in _PLACE])
    ended += "\0"
    above = family << _FAMILY_BITS
    return [above | _CODES[ended[start : start + size]] for start in range(len(ended) - size + 1)]


def _spelled(spelling: str) -> Iterable[int]:
    first = [_first(spelling[0])] if spelling and spelling[0] in _PLACE else []
    return [*first, *_grams(Family.LETTERS, spelling, _LETTERS), *_long_grams(spelling)]


def _long_grams(spelling: str) -> Iterable[int]:
    starts = range(len(spelling) - _LONG + 1)
    return [_token(Family.LONG, crc32(spelling[start : start + _LONG].encode())) for start in starts]


def _first(letter: str) -> int:
    """A spelling begins with this letter: no run of three is so small a code."""
    return _token(Family.LETTERS, _PLACE[letter])


def _name_tokens(name: str) -> set[int]:
    found = {_token(Family.CHARACTER, ord(c)) for c in name if not c.isascii()}
    found.update(_pair(a, b) for a, b in pairwise(name))
    return found


def _pair(first: str, second: str) -> int:
    return _token(Family.PAIR, (ord(first) * _SPREAD ^ ord(second) * 0x85EBCA6B) >> 3)


class _Codes(dict[str, int]):
    """Runs of characters as numbers, remembered: they are few compared with the places where they stand."""

    def __missing__(self, gram: str) -> int:
        code = 0
        for letter in gram:
            code = code * _BASE + _PLACE[letter]
        if len(self) < _MOST_CODES:
            self[gram] = code & _MASK
        return code & _MASK


_CODES = _Codes()


def _id_token(fragment: str) -> int:
    return _token(Family.ID_CARD, int(fragment[:8], 16))


def _token(family: Family, code: int) -> int:
    return family << _FAMILY_BITS | code & _MASK


def _each(tokens: Iterable[int]) -> list[Need]:
    return [(token,) for token in sorted(tokens)]
