"""What somebody typed into the one box (pure): what each word can mean, and whether a customer is meant."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, tzinfo
from typing import Final

from crm_core.customers.search.tokens import Facts, number_key, plain, spellings
from crm_core.kernel.id_card import parse
from crm_core.kernel.phone import national, recognise

_MOST_WORDS: Final = 6
_LONGEST: Final = 80
_SHORTEST_NUMBER: Final = 3
_VISIBLE_END: Final = 4  # 138****8000: what a masked number shows of its end
_WHOLE_ACCOUNT: Final = 8
_WHOLE_NUMBER: Final = 7  # digits from which on blanks and dashes stand inside one number
_ONE_NUMBER = re.compile(r"[+(（]?[\d\s()（）.-]+[\dxX]")
_FULL_DAY = re.compile(r"(\d{4})(?:[-/.年](\d{1,2})[-/.月](\d{1,2})[日号]?|(\d\d)(\d\d))")
_YEARLY_DAY = re.compile(r"(\d{1,2})(?:[-/.](\d{1,2})|月(\d{1,2})[日号]?)|(\d\d)(\d\d)")
_ID_PART = re.compile(r"\d{3,18}|\d{2,17}x")
_OLD_ID: Final = 15
_LEAP_YEAR: Final = 2024


@dataclass(frozen=True, slots=True)
class Sight:
    """What the searcher sees in full. What he sees masked he finds whole or by the end that the mask shows."""

    phones: bool = True
    id_cards: bool = True


@dataclass(frozen=True, slots=True)
class Day:
    """A date as typed; without a year it is any year's."""

    month: int
    day: int
    year: int | None = None


@dataclass(frozen=True, slots=True)
class Word:
    """One typed word. Each of the parts is None (or empty) where the word cannot be that.

    ``name``: part of a name in other than Latin letters; ``letters``: of pinyin, initials or a Latin name;
    ``number``: of an account or card number, ``account``: a whole short one;
    ``digits``: of a phone, ``e164`` when it is a whole one;
    ``id_card``: of an ID card's number; ``day``: a birthday or the day when the customer was entered.
    """

    name: str = ""
    letters: str = ""
    number: str = ""
    account: str = ""
    digits: str = ""
    e164: str | None = None
    id_card: str = ""
    day: Day | None = None


def words_of(text: str) -> list[Word]:
    """The words, all of which have to fit; a number written with blanks or dashes is one word."""
    typed = unicodedata.normalize("NFKC", text).strip()[:_LONGEST]
    digits = sum(c.isdigit() for c in typed)
    if digits >= _WHOLE_NUMBER and _ONE_NUMBER.fullmatch(typed) and _day(typed) is None:
        return [_word(typed)]
    return [word for part in typed.split()[:_MOST_WORDS] if plain(part) and (word := _word(part))]


def _word(typed: str) -> Word:
    key, day = plain(typed), _day(typed)
    if not key.isascii():
        return Word(name="" if day and "月" in typed else key, day=day)
    digits, e164 = _phone(key, typed)
    return Word(
        letters=key,
        number=_number(key),
        account=number_key(key) if len(key) >= _WHOLE_ACCOUNT and len(number_key(key)) < _SHORTEST_NUMBER else "",
        digits=digits,
        e164=e164,
        id_card=_id_card(key),
        day=day,
    )


def _id_card(key: str) -> str:
    """Part of an ID card's number; an old one of 15 digits as the 18 digits that it is today."""
    if not _ID_PART.fullmatch(key):
        return ""
    if len(key) != _OLD_ID:
        return key
    try:
        return parse(key).number18.casefold()
    except ValueError:
        return key


def _number(key: str) -> str:
    """A whole number is meant without its leading letters and zeros, a fragment as it stands."""
    number = number_key(key) if key[0].isalpha() or len(key) >= _WHOLE_ACCOUNT else key
    return number if len(number) >= _SHORTEST_NUMBER and any(c.isdigit() for c in key) else ""


def _phone(key: str, typed: str) -> tuple[str, str | None]:
    """(digits as dialled inside the country, the whole number as E.164 if it is one)."""
    if not key.isdigit() or len(key) < _SHORTEST_NUMBER:
        return "", None
    known = recognise(typed)
    if known is None or known.e164 is None:
        return key, None
    return national(known.e164), known.e164


def _day(typed: str) -> Day | None:
    if found := _FULL_DAY.fullmatch(typed):
        year, month, day = int(found[1]), int(found[2] or found[4]), int(found[3] or found[5])
    elif found := _YEARLY_DAY.fullmatch(typed):
        year, month, day = 0, int(found[1] or found[4]), int(found[2] or found[3] or found[5])
    else:
        return None
    lunar_thirtieth = day == 30 and 1 <= month <= 12  # the second lunar month may have thirty days
    if not lunar_thirtieth:
        try:
            date(year or _LEAP_YEAR, month, day)
        except ValueError:
            return None
    return Day(month, day, year or None)


def entered_on(day: Day, today: date) -> date | None:
    """The day that is meant when it is said of an entry: without a year the latest that has been."""
    for year in (day.year,) if day.year else (today.year, today.year - 1):
        try:
            found = date(year, day.month, day.day)
        except ValueError:
            continue
        if found <= today:
            return found
    return None


def fits(words: Sequence[Word], facts: Facts, sight: Sight, zone: tzinfo, today: date) -> bool:
    """Whether every word says something of this customer: the meaning of the search, the index only makes it quick."""
    return all(_fits(word, facts, sight, zone, today) for word in words)


def _fits(word: Word, facts: Facts, sight: Sight, zone: tzinfo, today: date) -> bool:
    return (
        (word.name != "" and word.name in plain(facts.name))
        or (word.letters != "" and _fits_letters(word.letters, spellings(facts)))
        or (word.number != "" and any(word.number in number_key(number) for number in facts.numbers))
        or (word.account != "" and any(word.account == number_key(number) for number in facts.numbers))
        or any(_fits_phone(word, phone, sight) for phone in facts.phones)
        or (facts.id_card_plain is not None and _fits_id(word.id_card, facts.id_card_plain.casefold(), sight))
        or (
            word.day is not None
            and (_is_birthday(word.day, facts) or facts.entered(zone) == entered_on(word.day, today))
        )
    )


def _fits_letters(letters: str, spelled: Sequence[str]) -> bool:
    """One letter has to be the first; every name holds it somewhere."""
    return any(one.startswith(letters) if len(letters) == 1 else letters in one for one in spelled)


def _fits_phone(word: Word, phone: str, sight: Sight) -> bool:
    if not word.digits:
        return False
    if sight.phones:
        return word.digits in phone
    return word.digits == phone or (len(word.digits) <= _VISIBLE_END and phone.endswith(word.digits))


def _fits_id(part: str, number: str, sight: Sight) -> bool:
    if len(part) < _SHORTEST_NUMBER:
        return False
    if sight.id_cards:
        return part in number
    return part == number or (len(part) == _VISIBLE_END and number.endswith(part))


def _is_birthday(day: Day, facts: Facts) -> bool:
    same = (facts.birth_month, facts.birth_day) == (day.month, day.day)
    return same and day.year in (None, facts.birth_year)
