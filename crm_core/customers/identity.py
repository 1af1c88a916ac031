"""Birthdays that exist, in both calendars, and what an ID card says of sex and birthday; pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from crm_core.customers import rules
from crm_core.customers.kinds import Calendar, Sex
from crm_core.kernel.id_card import IdCard, parse
from crm_core.kernel.lunar import LunarDate, from_solar, next_occurrence, to_solar

PARTS: Final = ("birth_calendar", "birth_year", "birth_month", "birth_day", "birth_leap")
_LUNAR_YEARS: Final = (1900, 2100)
_WRONG_CARD: Final = {
    "id_card_length": "has 18 digits, or 15 when it is an old one",
    "id_card_characters": "holds something that is no digit",
    "id_card_region": "begins with no place that issues ID cards",
    "id_card_birthday": "holds a day of birth that does not exist",
    "id_card_check": "its last digit does not fit the others: one of them is wrong",
    "id_card_damaged": "was damaged by a spreadsheet: type it again from the card",
}
_CONTRADICTS: Final = "contradicts the ID card"


def read_id_card(text: str) -> IdCard:
    """Raises ValueError that says what is wrong with the number."""
    try:
        return parse(text)
    except ValueError as error:
        raise ValueError(_WRONG_CARD.get(str(error), "is no ID card number")) from None


def birthday_error(values: Mapping[str, Any], today: date) -> str | None:
    """Why there is no such day of birth, None when there is; an unknown year or day is no fault."""
    calendar, year, month, day, leap = (values.get(name) for name in PARTS)
    if month is None:
        return None if day is None else "a day needs its month"
    if calendar == Calendar.LUNAR:
        return _lunar_error(year, month, day, bool(leap), today)
    if leap:
        return "only the lunar calendar has leap months"
    if day is None:
        return None
    try:
        born = date(year or 2000, month, day)
    except ValueError:
        return "there is no such day"
    return "lies in the future" if year is not None and born > today else None


def _lunar_error(year: int | None, month: int, day: int | None, leap: bool, today: date) -> str | None:
    if day is not None and day > 30:
        return "a lunar month has at most 30 days"
    if year is None or not _LUNAR_YEARS[0] <= year <= _LUNAR_YEARS[1]:
        return None
    first = to_solar(year, month, 1, leap)
    if first is None:
        return "this lunar year has no such leap month"
    born = first if day is None else to_solar(year, month, day, leap)
    if born is None:
        return "this lunar month has no 30th day"
    return "lies in the future" if born > today else None


def solar_birthday(values: Mapping[str, Any]) -> date | None:
    """The day of birth by the solar calendar; None unless it is wholly known."""
    calendar, year, month, day, leap = (values.get(name) for name in PARTS)
    if year is None or month is None or day is None:
        return None
    if calendar == Calendar.LUNAR:
        return to_solar(year, month, day, bool(leap)) if _LUNAR_YEARS[0] <= year <= _LUNAR_YEARS[1] else None
    try:
        return date(year, month, day)
    except ValueError:
        return None


def age(values: Mapping[str, Any], solar: date | None, today: date) -> int | None:
    """Full years by the solar date; with an incomplete one the difference of the years."""
    if solar is not None:
        return rules.age(solar.year, solar.month, solar.day, today)
    return rules.age(values.get("birth_year"), None, None, today)


def next_birthday(values: Mapping[str, Any], today: date) -> date | None:
    """When the birthday is kept next, today included; None while month or day are not known."""
    calendar, _year, month, day, leap = (values.get(name) for name in PARTS)
    return next_kept(calendar, month, day, bool(leap), today)


def next_kept(calendar: str | None, month: int | None, day: int | None, leap: bool, today: date) -> date | None:
    """The next date of a yearly day; None for one that is not wholly known or does not exist."""
    if month is None or day is None:
        return None
    try:
        return next_occurrence(calendar or Calendar.SOLAR, month, day, leap, today)
    except ValueError:
        return None


def lunar_birthday(solar: date | None) -> LunarDate | None:
    """The same day by the lunar calendar, for the years that its tables hold."""
    if solar is None or not date(1900, 2, 1) <= solar <= date(2100, 12, 31):
        return None
    return from_solar(solar)


def contradictions(card: IdCard, values: Mapping[str, Any]) -> dict[str, str]:
    """Which entered fields the card denies. A lunar day may be the card's own: older cards were issued so."""
    errors = {}
    if values.get("sex") is not None and values["sex"] != card.sex:
        errors["sex"] = _CONTRADICTS
    entered = tuple(values.get(name) for name in PARTS[1:4])
    allowed = [(card.birthday.year, card.birthday.month, card.birthday.day)]
    if values.get("birth_calendar") == Calendar.LUNAR and (lunar := lunar_birthday(card.birthday)) is not None:
        allowed.append((lunar.year, lunar.month, lunar.day))
    if not any(all(e is None or e == a for e, a in zip(entered, one, strict=True)) for one in allowed):
        errors["birthday"] = _CONTRADICTS
    return errors


def derived(card: IdCard, values: Mapping[str, Any]) -> dict[str, Any]:
    """Sex and birthday that follow from the card, for what was not entered."""
    found: dict[str, Any] = {}
    if values.get("sex") is None:
        found["sex"] = Sex(card.sex)
    if all(values.get(name) is None for name in PARTS[1:4]):
        born = card.birthday
        found |= dict(zip(PARTS, (Calendar.SOLAR, born.year, born.month, born.day, False), strict=True))
    return found
