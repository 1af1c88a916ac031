"""Customers as others see them: plain values, numbers masked already when the asker's role says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from crm_core.customers.kinds import (
    AttitudeKind,
    Calendar,
    CustomerKind,
    MaritalState,
    PhoneKind,
    PhoneState,
    PurchaseState,
    RecordState,
    RetentionState,
    Sex,
    UseState,
)
from crm_core.kernel.lunar import LunarDate


@dataclass(frozen=True, slots=True)
class PhoneView:
    """``masked`` says that ``number`` is not the whole one; ``region`` is province and city of registration.

    ``failed_tries`` are the calls in a row that nobody answered.
    """

    id: int
    number: str
    kind: PhoneKind
    primary: bool
    state: PhoneState
    masked: bool
    region: str | None
    carrier: str | None
    failed_tries: int = 0
    tried_at: datetime | None = None
    reached_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CustomerView:
    """One customer with names instead of ids where people read them.

    ``id_card_masked`` says that ``id_card`` is not the whole one; ``medical_hidden`` that the medical fields are None
    because the asker has no right to them; ``referred_by`` is None too when he is out of the asker's reach.
    ``details`` and ``missing`` are None where many customers are read at once.
    """

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
    ethnicity: str | None
    origin: str | None
    education: str | None
    position: str | None
    marital_state: MaritalState | None
    economic_state: str | None
    wedding_day: date | None
    email: str | None
    wechat: str | None
    qq: str | None
    best_way: str | None
    use_state: UseState | None
    record_state: RecordState
    purchase_state: PurchaseState
    retention_state: RetentionState | None
    grade: str | None
    rfm_recency_days: int | None
    rfm_frequency: int | None
    rfm_monetary: Decimal | None
    centre: str | None
    profit_centre: str | None
    service_centre: str | None
    collected_department: str | None
    allocated_at: datetime | None
    last_contact_at: datetime | None
    verified_at: datetime | None
    verified_by: str | None
    completeness: int
    id_card: str | None
    id_card_masked: bool
    medical_history: str | None
    allergies: str | None
    health_state: str | None
    beliefs: str | None
    contraindications: str | None
    medical_hidden: bool
    solar_birthday: date | None
    lunar_birthday: LunarDate | None
    next_birthday: date | None
    phones: tuple[PhoneView, ...] = ()
    details: Mapping[str, Any] | None = None
    missing: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class CustomerNoteView:
    id: int
    at: datetime
    author: str | None
    text: str


@dataclass(frozen=True, slots=True)
class BirthView:
    """A day of birth in one of both calendars, as far as known; ``next_on`` is when it is kept next."""

    calendar: Calendar | None
    year: int | None
    month: int | None
    day: int | None
    leap: bool
    next_on: date | None = None


@dataclass(frozen=True, slots=True)
class FamilyView:
    """A relative; ``member_id`` when he is a customer too."""

    id: int
    relation: str
    name: str
    member_id: int | None
    sex: Sex | None
    birth: BirthView
    education: str | None
    school: str | None
    occupation: str | None
    phone: str | None
    blood_type: str | None
    hobbies: str | None
    remarks: str | None
    member_account: str | None

    @property
    def birth_year(self) -> int | None:
        return self.birth.year


@dataclass(frozen=True, slots=True)
class MemorialDayView:
    id: int
    title: str
    on: BirthView
    remarks: str | None


@dataclass(frozen=True, slots=True)
class RelationView:
    """The other customer as seen from this card; ``inverse`` when it was noted on the other's card."""

    id: int
    other_id: int
    other_name: str
    other_account_number: str
    relation: str
    inverse: bool
    remarks: str | None


@dataclass(frozen=True, slots=True)
class AttitudeView:
    id: int
    kind: AttitudeKind
    subject: str | None
    score: int | None
    value: str | None
    noted_on: date
    source: str | None
    noted_by: str | None
    noted_at: datetime


@dataclass(frozen=True, slots=True)
class ContactView:
    """Somebody at an organisation; ``person_id`` when he is a customer too, ``masked`` when ``phone`` is not whole."""

    id: int
    name: str
    position: str | None
    department: str | None
    key_person: bool
    phone: str | None
    masked: bool
    email: str | None
    wechat: str | None
    sex: Sex | None
    birth: BirthView
    education: str | None
    personality: str | None
    hobbies: str | None
    family: str | None
    abilities: str | None
    remarks: str | None
    person_id: int | None
    person_account: str | None
