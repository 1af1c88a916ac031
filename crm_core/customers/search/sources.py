"""From typed words to the places in the database that hold them (pure): each way a word can be meant is a branch.

A branch is a list of sources, all of which a customer has to be in; a source is a set of tokens any of which will do,
a whole phone number, a whole ID card, or a day of entry.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from crm_core.customers.kinds import Calendar
from crm_core.customers.search import tokens
from crm_core.customers.search.asked import Day, Sight, Word, entered_on

_ID_SHORTEST, _ID_END = 3, 4
_WHOLE_ID = 18
_ID_FOLLOWING = "0123456789X" + tokens.ID_END


@dataclass(frozen=True, slots=True)
class TokenSource:
    """Customers with any of these tokens."""

    tokens: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PhoneSource:
    """Customers with exactly this number."""

    e164: str


@dataclass(frozen=True, slots=True)
class IdCardSource:
    """The customer with this ID card, by its keyed index."""

    blind: str


@dataclass(frozen=True, slots=True)
class EntrySource:
    """Customers entered at or after ``start`` and before ``end``."""

    start: datetime
    end: datetime


Source = TokenSource | PhoneSource | IdCardSource | EntrySource
Branch = tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """How words are read: what the searcher sees, the keys' answers for ID cards, and what day it is where."""

    sight: Sight
    today: date
    zone: tzinfo
    id_fragments: Callable[[str], Sequence[str]]
    id_blind: Callable[[str], str | None]


def ways(word: Word, reading: Reading) -> list[Branch]:
    """Every way in which the word can be meant; none when it can be nothing."""
    found: list[Branch] = []
    if word.name:
        found.append(_all(tokens.name_needs(word.name)))
    if word.letters:
        found.append(_all(tokens.letter_needs(word.letters)))
    if word.number:
        found.append(_all(tokens.number_needs(word.number)))
    if word.account:
        found.append(_all(tokens.whole_number_needs(word.account)))
    found += _phone_ways(word, reading.sight)
    found += _id_ways(word.id_card, reading)
    if word.day is not None:
        found.append((TokenSource(_birthday_tokens(word.day)),))
        found += _entry_ways(word.day, reading)
    return [way for way in dict.fromkeys(found) if way]


def _all(needs: Sequence[tokens.Need]) -> Branch:
    return tuple(TokenSource(need) for need in needs)


def _phone_ways(word: Word, sight: Sight) -> list[Branch]:
    if not word.digits:
        return []
    ways: list[Branch] = [(PhoneSource(word.e164),)] if word.e164 else []
    if sight.phones:
        ways.append(_all(tokens.phone_needs(word.digits)))
    else:
        # Also a whole number that has no area code; what the mask hides is left to the final look.
        ways.append(_all(tokens.phone_end_needs(word.digits)))
    return ways


def _id_ways(part: str, reading: Reading) -> list[Branch]:
    if len(part) < _ID_SHORTEST:
        return []
    if len(part) == _WHOLE_ID and (blind := reading.id_blind(part)) is not None:
        return [(IdCardSource(blind),)]
    if not reading.sight.id_cards and len(part) != _ID_END:
        return []
    if len(part) == _ID_SHORTEST:
        # As with other numbers: any of the fragments that begin with it, the number's end among them.
        longer = [fragment for last in _ID_FOLLOWING for fragment in reading.id_fragments(part + last)]
        return [(TokenSource(tuple(need[0] for need in tokens.id_card_needs(longer))),)] if longer else []
    return [_all(tokens.id_card_needs(reading.id_fragments(part)))]


def _birthday_tokens(day: Day) -> tuple[int, ...]:
    if day.year is not None:
        return (tokens.birthday_token(day.year, day.month, day.day),)
    return tuple(tokens.yearly_token(calendar, day.month, day.day) for calendar in Calendar)


def _entry_ways(day: Day, reading: Reading) -> list[Branch]:
    entered = entered_on(day, reading.today)
    if entered is None:
        return []
    start = datetime.combine(entered, time.min, tzinfo=reading.zone)
    end = datetime.combine(entered + timedelta(days=1), time.min, tzinfo=reading.zone)
    return [(EntrySource(start, end),)]
