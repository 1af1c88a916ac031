"""A customer as JSON, in the words of the contract."""

from __future__ import annotations

from datetime import tzinfo
from typing import Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

from crm_core.customers.kinds import (
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
from crm_core.customers.views import CustomerNoteView, CustomerView, PhoneView
from crm_core.kernel import ids
from web.api.values import Day, Id, Time, day_text, time_text


class Birthday(TypedDict):
    calendar: Calendar
    year: int | None
    month: int | None
    day: int | None
    leap: bool


class PhoneAnswer(TypedDict):
    """`masked` says that `number` is not the whole one; `region` and `carrier` follow from the number."""

    number: str
    kind: PhoneKind
    primary: bool
    state: PhoneState
    masked: bool
    region: str | None
    carrier: str | None
    failed_tries: int
    tried_at: Time | None
    reached_at: Time | None


class LunarDayAnswer(TypedDict):
    year: int
    month: int
    day: int
    leap: bool


class Rfm(TypedDict):
    """Value by recency, frequency and monetary value, as last reckoned."""

    recency_days: int | None
    frequency: int | None
    monetary: Annotated[str | None, Field(description="an amount of money")]


class Address(TypedDict):
    province: str | None
    city: str | None
    district: str | None
    community: str | None
    street: str | None
    postcode: str | None


class Referrer(TypedDict):
    """`name` is null when the customer is not within your reach."""

    id: Id
    name: str | None


class WhoAnswer(TypedDict):
    id: Id
    account_number: str
    kind: CustomerKind
    name: str
    form_of_address: str | None
    sex: Sex | None
    birthday: Birthday | None
    age: int | None
    solar_birthday: Day | None
    lunar_birthday: LunarDayAnswer | None
    next_birthday: Day | None
    id_card: str | None
    id_card_masked: bool
    occupation: str | None
    ethnicity: str | None
    origin: str | None
    education: str | None
    position: str | None
    marital_state: MaritalState | None
    economic_state: str | None
    wedding_day: Day | None


class ReachAnswer(TypedDict):
    phones: list[PhoneAnswer]
    address: Address
    best_time: str | None
    best_way: str | None
    email: str | None
    wechat: str | None
    qq: str | None
    do_not_call: bool
    taboos: str | None
    remarks: str | None


class ClassAnswer(TypedDict):
    type: str | None
    source: str | None
    referred_by: Referrer | None
    membership: str | None
    use_state: UseState | None
    record_state: RecordState
    purchase_state: PurchaseState
    retention_state: RetentionState | None
    grade: str | None
    rfm: Rfm


class KeptAnswer(TypedDict):
    owner: str | None
    department: str | None
    centre: str | None
    profit_centre: str | None
    service_centre: str | None
    created_at: Time
    updated_at: Time
    collected_at: Day | None
    collected_by: str | None
    collected_department: str | None
    entered_by: str | None
    allocated_at: Time | None
    last_contact_at: Time | None
    verified_at: Time | None
    verified_by: str | None
    version: int


class MedicalAnswer(TypedDict):
    medical_history: str | None
    allergies: str | None
    health_state: str | None
    beliefs: str | None
    contraindications: str | None
    medical_hidden: bool


class CustomerAnswer(WhoAnswer, ReachAnswer, ClassAnswer, KeptAnswer, MedicalAnswer):
    """A person or an organisation; send `version` back as If-Match to be sure that nobody changed it meanwhile.

    `solar_birthday` and `lunar_birthday` are the same day in both calendars, `next_birthday` is when it is kept next.
    The medical fields are null and `medical_hidden` is true for who has no right to them; `id_card_masked` says that
    `id_card` is not the whole one. `completeness` is 0 to 100; `missing` names what is worth asking for next.
    `details` and `missing` are null in lists.
    """

    custom: dict[str, Any]
    completeness: int
    missing: list[str] | None
    details: dict[str, str | int | None] | None


class CustomerNoteAnswer(TypedDict):
    id: Id
    at: Time
    author: str | None
    text: str


def customer_answer(customer: CustomerView, zone: tzinfo) -> CustomerAnswer:
    return {
        **_who(customer),
        **_reach(customer, zone),
        **_classes(customer),
        **_kept(customer, zone),
        **_medical(customer),
        "custom": customer.custom,
        "completeness": customer.completeness,
        "missing": None if customer.missing is None else list(customer.missing),
        "details": None if customer.details is None else {k: _plain(v) for k, v in customer.details.items()},
    }


def _who(customer: CustomerView) -> WhoAnswer:
    return {
        "id": ids.show(customer.id),
        "account_number": customer.account_number,
        "kind": customer.kind,
        "name": customer.name,
        "form_of_address": customer.form_of_address,
        "sex": customer.sex,
        "birthday": _birthday(customer),
        "age": customer.age,
        "solar_birthday": day_text(customer.solar_birthday),
        "lunar_birthday": _lunar(customer),
        "next_birthday": day_text(customer.next_birthday),
        "id_card": customer.id_card,
        "id_card_masked": customer.id_card_masked,
        "occupation": customer.occupation,
        "ethnicity": customer.ethnicity,
        "origin": customer.origin,
        "education": customer.education,
        "position": customer.position,
        "marital_state": customer.marital_state,
        "economic_state": customer.economic_state,
        "wedding_day": day_text(customer.wedding_day),
    }


def _reach(customer: CustomerView, zone: tzinfo) -> ReachAnswer:
    return {
        "phones": [_phone(phone, zone) for phone in customer.phones],
        "address": {
            "province": customer.province,
            "city": customer.city,
            "district": customer.district,
            "community": customer.community,
            "street": customer.street,
            "postcode": customer.postcode,
        },
        "best_time": customer.best_time,
        "best_way": customer.best_way,
        "email": customer.email,
        "wechat": customer.wechat,
        "qq": customer.qq,
        "do_not_call": customer.do_not_call,
        "taboos": customer.taboos,
        "remarks": customer.remarks,
    }


def _classes(customer: CustomerView) -> ClassAnswer:
    referrer = customer.referred_by_id
    return {
        "type": customer.type,
        "source": customer.source,
        "referred_by": None if referrer is None else {"id": ids.show(referrer), "name": customer.referred_by},
        "membership": customer.membership,
        "use_state": customer.use_state,
        "record_state": customer.record_state,
        "purchase_state": customer.purchase_state,
        "retention_state": customer.retention_state,
        "grade": customer.grade,
        "rfm": {
            "recency_days": customer.rfm_recency_days,
            "frequency": customer.rfm_frequency,
            "monetary": None if customer.rfm_monetary is None else str(customer.rfm_monetary),
        },
    }


def _kept(customer: CustomerView, zone: tzinfo) -> KeptAnswer:
    return {
        "owner": customer.owner,
        "department": customer.department,
        "centre": customer.centre,
        "profit_centre": customer.profit_centre,
        "service_centre": customer.service_centre,
        "created_at": time_text(customer.created_at, zone) or "",
        "updated_at": time_text(customer.updated_at, zone) or "",
        "collected_at": day_text(customer.collected_at),
        "collected_by": customer.collected_by,
        "collected_department": customer.collected_department,
        "entered_by": customer.entered_by,
        "allocated_at": time_text(customer.allocated_at, zone),
        "last_contact_at": time_text(customer.last_contact_at, zone),
        "verified_at": time_text(customer.verified_at, zone),
        "verified_by": customer.verified_by,
        "version": customer.version,
    }


def _medical(customer: CustomerView) -> MedicalAnswer:
    return {
        "medical_history": customer.medical_history,
        "allergies": customer.allergies,
        "health_state": customer.health_state,
        "beliefs": customer.beliefs,
        "contraindications": customer.contraindications,
        "medical_hidden": customer.medical_hidden,
    }


def _plain(value: Any) -> str | int | None:
    """Money and days as text."""
    return value if value is None or isinstance(value, int) else str(value)


def _lunar(customer: CustomerView) -> LunarDayAnswer | None:
    day = customer.lunar_birthday
    return None if day is None else {"year": day.year, "month": day.month, "day": day.day, "leap": day.leap}


def note_answer(note: CustomerNoteView, zone: tzinfo) -> CustomerNoteAnswer:
    return {
        "id": ids.show(note.id),
        "at": time_text(note.at, zone) or "",
        "author": note.author,
        "text": note.text,
    }


def _birthday(customer: CustomerView) -> Birthday | None:
    known = (customer.birth_year, customer.birth_month, customer.birth_day)
    if customer.birth_calendar is None and all(part is None for part in known):
        return None
    return {
        "calendar": customer.birth_calendar or Calendar.SOLAR,
        "year": customer.birth_year,
        "month": customer.birth_month,
        "day": customer.birth_day,
        "leap": customer.birth_leap,
    }


def _phone(phone: PhoneView, zone: tzinfo) -> PhoneAnswer:
    return {
        "number": phone.number,
        "kind": phone.kind,
        "primary": phone.primary,
        "state": phone.state,
        "masked": phone.masked,
        "region": phone.region,
        "carrier": phone.carrier,
        "failed_tries": phone.failed_tries,
        "tried_at": time_text(phone.tried_at, zone),
        "reached_at": time_text(phone.reached_at, zone),
    }
