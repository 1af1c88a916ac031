"""The intake as others see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from crm_core.customers.intake.kinds import EntryState
from crm_core.customers.kinds import PhoneKind, PhoneState


@dataclass(frozen=True, slots=True)
class Counts:
    """How many sheets of a stack are in which state."""

    waiting: int = 0
    parked: int = 0
    done: int = 0
    rejected: int = 0

    @property
    def open(self) -> int:
        return self.waiting + self.parked


@dataclass(frozen=True, slots=True)
class EntryView:
    """One sheet; ``claimed_by`` only while the claim holds. The number is masked when ``masked`` says so."""

    id: int
    registration_id: int
    position: int
    name: str | None
    phone: str | None
    masked: bool
    note: str | None
    state: EntryState
    claimed_by_id: int | None
    claimed_by: str | None
    claimed_until: datetime | None
    reason: str | None
    customer_id: int | None
    account_number: str | None
    existed: bool
    finished_by: str | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class RegistrationView:
    """A stack with what became of its sheets; ``due_on`` is the day on which all of them are to be entered."""

    id: int
    sheets: int
    handed_in_at: datetime
    business_day: date
    handed_in_by: str | None
    collected_by: str
    collected_at: date | None
    department_id: int | None
    department: str | None
    source: str | None
    remarks: str | None
    scan_id: int | None
    registered_by: str | None
    registered_at: datetime
    due_on: date
    overdue: bool
    counts: Counts
    entries: tuple[EntryView, ...] = ()


@dataclass(frozen=True, slots=True)
class BacklogRow:
    """What is not yet entered of one day, department and collector."""

    business_day: date
    due_on: date
    overdue: bool
    department: str | None
    collected_by: str
    waiting: int
    parked: int
    oldest_at: datetime


@dataclass(frozen=True, slots=True)
class ClerkDay:
    """What one clerk has entered on a day."""

    clerk: str | None
    created: int
    existed: int
    rejected: int


@dataclass(frozen=True, slots=True)
class Clock:
    """The same-day clock: what came today, what is done of it, what is late."""

    today: date
    handed_in: int
    finished: int
    waiting: int
    parked: int
    due_today: int
    overdue: int
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True)
class NumberToVerify:
    """A number that nobody has verified yet, with the tries so far."""

    phone_id: int
    customer_id: int
    customer: str
    account_number: str
    number: str
    masked: bool
    kind: PhoneKind
    state: PhoneState
    region: str | None
    carrier: str | None
    do_not_call: bool
    best_time: str | None
    tries: int
    tried_at: datetime | None
