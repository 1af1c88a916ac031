"""Pure rules of data protection: what a spreadsheet must not run, what a consent allows, when somebody saw enough."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from crm_core.customers.protection.kinds import Channel, ConsentState, Purpose

# What a cell begins with to be run as a formula; the wide forms count for spreadsheets set to Chinese.
_STARTERS: Final = frozenset("=+-@\t\r\n＝＋－＠")
_QUOTE: Final = "'"
# Without a word of the customer's: care and service follow from what was bought, advertising needs a yes.
_NEEDS_YES: Final = frozenset({Purpose.PROMOTION, Purpose.RESEARCH})
REASON_LENGTH: Final = 500
AGREEMENT: Final = "1"  # version of the words that people promise secrecy in
_USUAL_TIMES: Final = 3


def formula_safe(text: str) -> str:
    """The text as a cell that no spreadsheet runs (OWASP, "CSV injection")."""
    start = text.lstrip(" \u3000\u00a0\ufeff\u200b")[:1]
    return _QUOTE + text if text[:1] in _STARTERS or start in _STARTERS else text


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a customer may be approached in this way for this purpose, and the code of the reason if not."""

    allowed: bool
    reason: str


def standing(
    last: Mapping[tuple[Channel, Purpose], ConsentState], channel: Channel, purpose: Purpose, *, do_not_call: bool
) -> Standing:
    """``last`` is the newest word of the customer for each channel and purpose; a taken-back one always counts."""
    if do_not_call and channel is Channel.CALL:
        return Standing(False, "do_not_call")
    said = last.get((channel, purpose))
    if said is ConsentState.WITHDRAWN:
        return Standing(False, "withdrawn")
    if said is ConsentState.GRANTED:
        return Standing(True, "granted")
    return Standing(False, "not_asked") if purpose in _NEEDS_YES else Standing(True, "not_needed")


@dataclass(frozen=True, slots=True)
class Limits:
    """What an administrator allows: whole values a user and hour or day, rows without a second person, file life."""

    reveals_hour: int = 20
    reveals_day: int = 60
    approval_rows: int = 200
    file_hours: int = 24
    agreement_required: int = 0  # 1: no whole value and no export before the confidentiality agreement


BOUNDS: Final[Mapping[str, tuple[int, int]]] = {
    "reveals_hour": (1, 10_000),
    "reveals_day": (1, 100_000),
    "approval_rows": (0, 10_000_000),
    "file_hours": (1, 168),
    "agreement_required": (0, 1),
}


def limits_of(stored: object) -> Limits:
    """From the stored setting; what is missing or no longer allowed has its default."""
    given = stored if isinstance(stored, Mapping) else {}
    kept = {name: given[name] for name in BOUNDS if name in given and _allowed(name, given[name])}
    return Limits(**kept)


def wrong_limits(changes: Mapping[str, object]) -> dict[str, str]:
    """What is wrong with these changes, by field."""
    wrong = {name: "is not known" for name in changes if name not in BOUNDS}
    for name, (low, high) in BOUNDS.items():
        if name in changes and not _allowed(name, changes[name]):
            wrong[name] = f"must be from {low} to {high}"
    return wrong


def _allowed(name: str, value: object) -> bool:
    low, high = BOUNDS[name]
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


@dataclass(frozen=True, slots=True)
class Amounts:
    """What somebody took in a period: different cards opened, whole values shown, rows exported."""

    cards: int = 0
    reveals: int = 0
    exported: int = 0


# Below these nothing stands out, whatever the past was.
_LEAST: Final = Amounts(cards=30, reveals=10, exported=200)


def unusual(now: Amounts, before: Amounts) -> tuple[str, ...]:
    """What is more than three times the own average of earlier periods, and no small amount."""
    return tuple(
        name
        for name in Amounts.__slots__
        if getattr(now, name) >= getattr(_LEAST, name) and getattr(now, name) > _USUAL_TIMES * getattr(before, name)
    )


def wait_seconds(ages: Iterable[float], limit: int, window: float) -> float:
    """``ages`` are the seconds since each earlier one inside the window: how long until there is room; 0 is now."""
    inside = sorted(age for age in ages if age < window)
    return 0.0 if len(inside) < limit else window - inside[limit - 1]
