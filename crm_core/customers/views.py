"""Customers as others see them: plain values, numbers masked already when the asker's role says so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from crm_core.customers.kinds import Calendar, CustomerKind, PhoneKind, PhoneState, Sex


@dataclass(frozen=True, slots=True)
class PhoneView:
    """``masked`` says that ``number`` is not the whole one; ``region`` is province and city of registration."""

    id: int
    number: str
    kind: PhoneKind
    primary: bool
    state: PhoneState
    masked: bool
    region: str | None
    carrier: str | None


@dataclass(frozen=True, slots=True)
class CustomerView:
    """One customer with names instead of ids where people read them."""

    id: int
    account_number: str
    kind: CustomerKind
    name: str
    form_of_address: str | None
    sex: Sex | None
    birth_calendar: Calendar | None
    birth_year: int | None
    birth_month: int | None
    birth_day: int | None
    birth_leap: bool
    age: int | None
    occupation: str | None
    province: str | None
    city: str | None
    district: str | None
    community: str | None
    street: str | None
    postcode: str | None
    owner_id: int | None
    owner: str | None
    department_id: int | None
    department: str | None
    type: str | None
    source: str | None
    membership: str | None
    referred_by_id: int | None
    referred_by: str | None
    best_time: str | None
    taboos: str | None
    do_not_call: bool
    remarks: str | None
    custom: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    collected_at: date | None
    collected_by: str | None
    entered_by: str | None
    version: int
    phones: tuple[PhoneView, ...] = ()


@dataclass(frozen=True, slots=True)
class CustomerNoteView:
    id: int
    at: datetime
    author: str | None
    text: str


@dataclass(frozen=True, slots=True)
class FamilyView:
    """A relative; ``member_id`` when he is a customer too."""

    id: int
    relation: str
    name: str
    birth_year: int | None
    member_id: int | None
