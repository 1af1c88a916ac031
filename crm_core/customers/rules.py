"""Pure rules of customers: what may be entered, who ranks first for a number, when a birthday is near."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from crm_core.customers.kinds import Calendar, CustomerKind, MaritalState, PhoneKind, PhoneState, Sex, UseState
from crm_core.kernel.errors import Rejected
from crm_core.kernel.phone import NumberKind, PhoneNumber

_SIGNS = re.compile(r"[^\w|]|_")  # all but letters, digits and the bar between parts
LIMITS: dict[str, int] = {
    "name": 120,
    "form_of_address": 40,
    "occupation": 80,
    "province": 40,
    "city": 40,
    "district": 40,
    "community": 80,
    "street": 200,
    "postcode": 10,
    "type": 40,
    "source": 40,
    "membership": 40,
    "best_time": 120,
    "taboos": 4000,
    "remarks": 20_000,
    "collected_by": 80,
    "collected_department": 80,
    "ethnicity": 40,
    "origin": 80,
    "education": 40,
    "position": 80,
    "economic_state": 40,
    "email": 200,
    "wechat": 80,
    "qq": 20,
    "best_way": 80,
    "id_card": 40,
    "medical_history": 20_000,
    "allergies": 4000,
    "health_state": 4000,
    "beliefs": 400,
    "contraindications": 4000,
}
_ENUMS: dict[str, type[StrEnum]] = {
    "kind": CustomerKind,
    "sex": Sex,
    "birth_calendar": Calendar,
    "marital_state": MaritalState,
    "use_state": UseState,
}
_DAYS = frozenset({"collected_at", "wedding_day"})
_WHOLE: dict[str, tuple[int, int]] = {"birth_year": (1850, 2150), "birth_month": (1, 12), "birth_day": (1, 31)}
_FLAGS = frozenset({"birth_leap", "do_not_call"})
CENTRES = frozenset({"sales_centre_id", "profit_centre_id", "service_centre_id"})
_IDS = frozenset({"owner_id", "department_id", "referred_by_id", *CENTRES})
WRITABLE = frozenset({*LIMITS, *_ENUMS, *_WHOLE, *_FLAGS, *_IDS, *_DAYS, "custom"})
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
MOST_PHONES = 20
NOTE_LIMIT = 20_000
BIRTHDAY_SOON_DAYS = 14


@dataclass(frozen=True, slots=True)
class PhoneInput:
    """A number as it was given; the first one, or the one marked, is the primary."""

    number: str
    kind: PhoneKind | None = None
    primary: bool = False
    state: PhoneState | None = None


class MatchReason(StrEnum):
    """Why a customer is offered for a number, strongest first."""

    OWNER_IS_YOU = "owner_is_you"
    LAST_SPOKE = "last_spoke"
    OPEN_FOLLOW_UP = "open_follow_up"
    CHOSEN_BEFORE = "chosen_before"
    SAME_HOUSEHOLD = "same_household"
    EXACT = "exact"
    SUFFIX = "suffix"


# What each reason adds to the score; an exact number is worth more than everything said of a mere suffix.
_WEIGHT: dict[MatchReason, float] = {
    MatchReason.EXACT: 0.5,
    MatchReason.SUFFIX: 0.2,
    MatchReason.OWNER_IS_YOU: 0.15,
    MatchReason.LAST_SPOKE: 0.12,
    MatchReason.OPEN_FOLLOW_UP: 0.1,
    MatchReason.CHOSEN_BEFORE: 0.1,
    MatchReason.SAME_HOUSEHOLD: 0.03,
}
_TOP_CHOICES = 5


@dataclass(frozen=True, slots=True)
class CandidateFacts:
    """What the ranking knows of one customer that a number leads to."""

    customer_id: int
    exact: bool
    primary: bool = False
    owner_is_you: bool = False
    last_spoke: bool = False
    open_follow_up: bool = False
    times_chosen: int = 0
    same_household: bool = False


@dataclass(frozen=True, slots=True)
class Ranked:
    """``score`` is 0 to 1; ``reason`` is the strongest of ``reasons``."""

    customer_id: int
    score: float
    reason: MatchReason
    reasons: tuple[MatchReason, ...]


def rank(candidates: Sequence[CandidateFacts]) -> list[Ranked]:
    """Best first; equal ones in the order of their ids, so that every screen shows the same order."""
    ranked = [_ranked(candidate) for candidate in candidates]
    primary = {candidate.customer_id: candidate.primary for candidate in candidates}
    return sorted(ranked, key=lambda one: (-one.score, not primary[one.customer_id], one.customer_id))


def _ranked(candidate: CandidateFacts) -> Ranked:
    found = [
        (MatchReason.OWNER_IS_YOU, candidate.owner_is_you),
        (MatchReason.LAST_SPOKE, candidate.last_spoke),
        (MatchReason.OPEN_FOLLOW_UP, candidate.open_follow_up),
        (MatchReason.CHOSEN_BEFORE, candidate.times_chosen > 0),
        (MatchReason.SAME_HOUSEHOLD, candidate.same_household),
        (MatchReason.EXACT if candidate.exact else MatchReason.SUFFIX, True),
    ]
    reasons = tuple(reason for reason, holds in found if holds)
    score = sum(_WEIGHT[reason] for reason in reasons)
    # Choices of colleagues count more the oftener they were made, up to a bound.
    score += 0.01 * max(0, min(candidate.times_chosen, _TOP_CHOICES) - 1)
    score = score if candidate.exact else min(score, _WEIGHT[MatchReason.EXACT] - 0.01)
    return Ranked(candidate.customer_id, round(min(score, 1.0), 3), reasons[0], reasons)


def checked(fields: Mapping[str, Any], *, new: bool) -> dict[str, Any]:
    """The fields cleaned and of the right type. Raises Rejected that names every wrong one."""
    errors = {name: "unknown field" for name in fields if name not in WRITABLE}
    values: dict[str, Any] = {}
    for name in fields.keys() & WRITABLE:
        try:
            values[name] = _checked(name, fields[name])
        except ValueError as error:
            errors[name] = str(error)
    if (new or "name" in fields) and not values.get("name") and "name" not in errors:
        errors["name"] = "must not be empty"
    if errors:
        raise Rejected("customer_invalid", f"Please correct: {', '.join(sorted(errors))}.", errors=errors)
    return values


def _checked(name: str, value: Any) -> Any:
    if name == "custom":
        if not isinstance(value, Mapping):
            raise ValueError("must be an object")
        return dict(value)
    if name in _FLAGS:
        return _of_type(value, bool, "must be true or false")
    if value is None or value == "":
        return None if name != "kind" else CustomerKind.PERSON
    if name in LIMITS:
        text = clean(_of_type(value, str, "must be text"))
        if len(text) > LIMITS[name]:
            raise ValueError(f"at most {LIMITS[name]} characters")
        if name == "email" and text and not _EMAIL.fullmatch(text):
            raise ValueError("is no e-mail address")
        return text or None
    return _checked_value(name, value)


def _checked_value(name: str, value: Any) -> Any:
    if name in _ENUMS:
        allowed = [member.value for member in _ENUMS[name]]
        if value not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return _ENUMS[name](value)
    if name in _DAYS:
        return _of_type(value, date, "must be a date")
    number = _of_type(value, int, "must be a whole number")
    low, high = _WHOLE.get(name, (0, (1 << 63) - 1))
    if not low <= number <= high:
        raise ValueError(f"must be {low} to {high}")
    return number


def _of_type(value: Any, kind: type, message: str) -> Any:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ValueError(message)
    return value


def clean(text: str) -> str:
    """Without control characters (line breaks stay) and blanks around; nothing else is changed."""
    kept = (c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs"))
    return "".join(kept).strip()


def phone_kind(given: PhoneKind | None, number: PhoneNumber) -> PhoneKind:
    if given is not None:
        return given
    return PhoneKind.MOBILE if number.kind is NumberKind.MOBILE else PhoneKind.LANDLINE


def household_key(fields: Mapping[str, Any]) -> str | None:
    """The same for all who live at one address; None while the address is not known to the street."""
    if not fields.get("street"):
        return None
    parts = (fields.get(name) or "" for name in ("province", "city", "district", "community", "street"))
    plain = unicodedata.normalize("NFKC", "|".join(parts)).casefold()
    plain = _SIGNS.sub("", plain)
    return hashlib.blake2b(plain.encode(), digest_size=16).hexdigest()


def age(year: int | None, month: int | None, day: int | None, today: date) -> int | None:
    """Full years by the solar date; with a lunar or an incomplete one the difference of the years."""
    if year is None:
        return None
    had = month is None or day is None or (today.month, today.day) >= (month, day)
    years = today.year - year - (0 if had else 1)
    return years if years >= 0 else None


def days_to_birthday(month: int | None, day: int | None, today: date) -> int | None:
    """Days to the next solar birthday, 0 today; who is born on 29 February has the 28th in other years."""
    if month is None or day is None:
        return None
    for year in (today.year, today.year + 1):
        try:
            next_one = date(year, month, day)
        except ValueError:
            if (month, day) != (2, 29):
                return None
            next_one = date(year, 2, 28)
        if next_one >= today:
            return (next_one - today) // timedelta(days=1)
    return None
