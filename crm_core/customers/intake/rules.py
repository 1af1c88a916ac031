"""Pure rules of the intake: what a stack of sheets must say, and until when it has to be entered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from crm_core.customers.rules import clean
from crm_core.kernel.errors import Rejected
from crm_core.organization.preferences import Choice, IntakeRules

MOST_SHEETS = 500
LIMITS = {"collected_by": 80, "source": 40, "remarks": 20_000}
_SHEET_LIMITS = {"name": 120, "phone": 40, "note": 400}
REASON_LIMIT = 400


@dataclass(frozen=True, slots=True)
class SheetInput:
    """What can be read off a sheet at a glance, so that a search finds it before it is entered."""

    name: str | None = None
    phone: str | None = None
    note: str | None = None


def business_day(at: datetime, zone: tzinfo) -> date:
    """The day on the company's wall calendar."""
    return at.astimezone(zone).date()


def due_day(day: date, sheets: int, rules: IntakeRules) -> date:
    """Handed in today, entered today; a day with too many sheets may take ``delay_days`` longer."""
    late = rules.delay_sheets > 0 and sheets > rules.delay_sheets
    return day + timedelta(days=int(rules.delay_days)) if late else day


def source_word(text: str | None, sources: Sequence[Choice]) -> str | None:
    """The word that is stored for a source that is given by its code or in either language; others stay."""
    plain = clean(text or "")
    wanted = plain.casefold()
    known = (one for one in sources if wanted in (one.code, one.zh.casefold(), one.en.casefold()))
    found = next(known, None) if plain else None
    return found.label("zh") or found.code if found else plain or None


def checked_stack(fields: Mapping[str, Any], sheets: int) -> dict[str, Any]:
    """The texts cleaned. Raises Rejected that names every wrong field."""
    values: dict[str, Any] = {name: clean(fields.get(name) or "") or None for name in LIMITS}
    errors = {name: f"at most {most} characters" for name, most in LIMITS.items() if len(values[name] or "") > most}
    if not 1 <= sheets <= MOST_SHEETS:
        errors["sheets"] = f"must be 1 to {MOST_SHEETS}"
    if errors:
        raise Rejected("registration_invalid", f"Please correct: {', '.join(sorted(errors))}.", errors=errors)
    return values


def checked_sheets(given: Sequence[SheetInput], sheets: int) -> list[SheetInput]:
    """As many as there are sheets, the named ones first. Raises Rejected for more than that, or endless texts."""
    errors: dict[str, str] = {}
    if len(given) > sheets:
        errors["entries"] = f"at most {sheets}, one for each sheet"
    found: list[SheetInput] = []
    for place, one in enumerate(given):
        texts = {name: clean(getattr(one, name) or "") or None for name in _SHEET_LIMITS}
        for name, most in _SHEET_LIMITS.items():
            if len(texts[name] or "") > most:
                errors[f"entries.{place}.{name}"] = f"at most {most} characters"
        found.append(SheetInput(**texts))
    if errors:
        raise Rejected("registration_invalid", f"Please correct: {', '.join(sorted(errors))}.", errors=errors)
    return [*found, *[SheetInput()] * (sheets - len(found))]


def checked_reason(reason: str) -> str:
    """Why a sheet waits or is refused. Raises Rejected for none."""
    plain = clean(reason)
    if not plain:
        raise Rejected(
            "intake_reason_missing", "Say why, so that the collector can help.", errors={"reason": "missing"}
        )
    return plain[:REASON_LIMIT]
