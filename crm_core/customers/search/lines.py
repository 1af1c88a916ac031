"""A customer as a line of a list (pure): what columns can show, and no more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from crm_core.customers.kinds import Calendar, PurchaseState, RecordState, RetentionState


@dataclass(frozen=True, slots=True)
class CustomerLine:
    """``phone`` is the primary number, masked when the reader's role says so; ``owner_name`` is how people call him."""

    id: int
    name: str
    account_number: str
    form_of_address: str | None
    do_not_call: bool
    province: str | None
    city: str | None
    district: str | None
    owner: str | None
    owner_name: str | None
    department: str | None
    type: str | None
    membership: str | None
    source: str | None
    purchase_state: PurchaseState
    retention_state: RetentionState | None
    record_state: RecordState
    birth_calendar: Calendar | None
    birth_year: int | None
    birth_month: int | None
    birth_day: int | None
    birth_leap: bool
    age: int | None
    last_contact_at: datetime | None
    created_at: datetime
    phone: str | None
