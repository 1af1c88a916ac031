"""What a list of customers can be cut by, and the days that a period of birthdays means (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import Any, Final

from crm_core.customers.kinds import CustomerKind, PurchaseState, RecordState, RetentionState
from crm_core.kernel import ids, lunar
from crm_core.kernel.errors import NotFound, Rejected

LONGEST_BIRTHDAYS: Final = 92  # days of a period of birthdays
_MOST_MONTHS: Final = 120
_FIRST_YEAR, _LAST_YEAR = 1901, 2099  # what the lunar calendar reaches


class Sort(StrEnum):
    """In which order; for a quick search it is always the newest first."""

    NEWEST = "-created_at"
    OLDEST = "created_at"
    NAME = "name"
    CHANGED = "-updated_at"
    LONGEST_SILENT = "last_contact_at"


class TimeList(StrEnum):
    """The lists of every morning (时间列表)."""

    NEW_THIS_WEEK = "new_this_week"
    TRANSFERRED_THIS_WEEK = "transferred_this_week"


@dataclass(frozen=True, slots=True)
class Filters:
    """All of them must hold; None is no filter. ``not_contacted_months``: no contact for so long, or never."""

    centre_id: int | None = None
    department_id: int | None = None
    owner_id: int | None = None
    unowned: bool = False
    type: str | None = None
    membership: str | None = None
    source: str | None = None
    kind: CustomerKind | None = None
    record_state: RecordState | None = None
    purchase_state: PurchaseState | None = None
    retention_state: RetentionState | None = None
    list: TimeList | None = None
    not_contacted_months: int | None = None
    birthday_from: date | None = None
    birthday_to: date | None = None

    def __post_init__(self) -> None:
        """Raises Rejected for a period that is none, or of more than 92 days."""
        first, last = self.birthday_from, self.birthday_to
        if (first is None) != (last is None):
            name = "birthday_to" if last is None else "birthday_from"
            raise Rejected("bad_filter", "A period of birthdays needs both its days.", errors={name: "is missing"})
        if first is not None and last is not None and not _is_period(first, last):
            raise Rejected(
                "bad_filter",
                f"A period of birthdays has 1 to {LONGEST_BIRTHDAYS} days between {_FIRST_YEAR} and {_LAST_YEAR}.",
                errors={"birthday_to": f"1 to {LONGEST_BIRTHDAYS} days from the first on"},
            )

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) != field.default for field in fields(self))

    def kept(self) -> dict[str, Any]:
        """As JSON, for a saved view or a job; ``read`` makes it filters again."""
        found = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if value != field.default:
                found[field.name] = _kept(field.name, value)
        return found


def _is_period(first: date, last: date) -> bool:
    within = first.year >= _FIRST_YEAR and last.year <= _LAST_YEAR
    return within and 0 <= (last - first).days < LONGEST_BIRTHDAYS


def _kept(name: str, value: Any) -> Any:
    if name.endswith("_id"):
        return ids.show(value)
    return value.isoformat() if isinstance(value, date) else value


def read(values: Mapping[str, Any]) -> Filters:
    """Filters from texts, as in an address or a saved view. Raises Rejected that names every wrong one."""
    found: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for name, value in values.items():
        try:
            found[name] = _read(name, value)
        except (ValueError, NotFound):
            wrong[name] = "has an unknown value"
        except KeyError:
            wrong[name] = "is no filter"
    if wrong:
        raise Rejected("bad_filter", "The filter has an unknown value.", errors=wrong)
    return Filters(**found)


_TEXTS: Final = ("type", "membership", "source")
_WORDS: Final[dict[str, type[StrEnum]]] = {
    "kind": CustomerKind,
    "record_state": RecordState,
    "purchase_state": PurchaseState,
    "retention_state": RetentionState,
    "list": TimeList,
}


def _read(name: str, value: Any) -> Any:
    if name in _WORDS:
        return _WORDS[name](value)
    if name in ("centre_id", "department_id", "owner_id"):
        return ids.parse(str(value))
    if name in ("birthday_from", "birthday_to"):
        return date.fromisoformat(str(value))
    if name == "not_contacted_months":
        months = int(value)
        if not 1 <= months <= _MOST_MONTHS:
            raise ValueError
        return months
    if name == "unowned":
        return str(value).lower() in ("true", "1")
    if name not in _TEXTS:
        raise KeyError(name)
    return str(value)[:40]


@dataclass(frozen=True, slots=True)
class YearlyDay:
    """A day of the year on which birthdays fall; ``leap`` None: of those born in a leap month and in a plain one."""

    month: int
    day: int
    leap: bool | None = None


def solar_birthdays(first: date, last: date) -> set[YearlyDay]:
    """The solar birthdays of the period; 29 February is the 28th in other years."""
    found = set()
    for day in _days(first, last):
        found.add(YearlyDay(day.month, day.day))
        if (day.month, day.day) == (2, 28) and (day + timedelta(days=1)).month == 3:
            found.add(YearlyDay(2, 29))
    return found


def lunar_birthdays(first: date, last: date) -> set[YearlyDay]:
    """The lunar birthdays that fall into the solar period, by the rules of ``lunar.occurrences``."""
    found = set()
    for day in _days(first, last):
        at = lunar.from_solar(day)
        has_leap = lunar.to_solar(at.year, at.month, 1, True) is not None
        # Born in a leap month: in the leap month if the year has it, else in the plain one of that number.
        leap = True if at.leap else (False if has_leap else None)
        found.add(YearlyDay(at.month, at.day, leap))
        if at.day == 29 and lunar.to_solar(at.year, at.month, 30, at.leap) is None:
            found.add(YearlyDay(at.month, 30, leap))
    return found


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def week_start(today: date, zone: tzinfo) -> datetime:
    """Monday's first moment."""
    return datetime.combine(today - timedelta(days=today.weekday()), time.min, tzinfo=zone)


def months_before(today: date, months: int) -> date:
    """The same day so many months earlier, or that month's last."""
    year, month = divmod(today.year * 12 + today.month - 1 - months, 12)
    for day in range(today.day, 0, -1):
        try:
            return date(year, month + 1, day)
        except ValueError:
            continue
    raise AssertionError("every month has a first day")
