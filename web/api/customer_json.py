"""A customer as JSON, in the words of the contract."""

from __future__ import annotations

from datetime import tzinfo
from typing import Any

from typing_extensions import TypedDict

from crm_core.customers.kinds import Calendar, CustomerKind, PhoneKind, PhoneState, Sex
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


class Address(TypedDict):
    province: str | None
    city: str | None
    district: str | None
    community: str | None
    street: str | None
    postcode: str | None


class Referrer(TypedDict):
    id: Id
    name: str


class CustomerAnswer(TypedDict):
    """A person or an organisation; send `version` back as If-Match to be sure that nobody changed it meanwhile."""

    id: Id
    account_number: str
    kind: CustomerKind
    name: str
    form_of_address: str | None
    sex: Sex | None
    birthday: Birthday | None
    age: int | None
    phones: list[PhoneAnswer]
    address: Address
    occupation: str | None
    owner: str | None
    department: str | None
    type: str | None
    source: str | None
    referred_by: Referrer | None
    membership: str | None
    best_time: str | None
    taboos: str | None
    do_not_call: bool
    remarks: str | None
    custom: dict[str, Any]
    created_at: Time
    updated_at: Time
    collected_at: Day | None
    collected_by: str | None
    entered_by: str | None
    version: int


class CustomerNoteAnswer(TypedDict):
    id: Id
    at: Time
    author: str | None
    text: str


def customer_answer(customer: CustomerView, zone: tzinfo) -> CustomerAnswer:
    referrer = customer.referred_by_id
    return {
        "id": ids.show(customer.id),
        "account_number": customer.account_number,
        "kind": customer.kind,
        "name": customer.name,
        "form_of_address": customer.form_of_address,
        "sex": customer.sex,
        "birthday": _birthday(customer),
        "age": customer.age,
        "phones": [_phone(phone) for phone in customer.phones],
        "address": {
            "province": customer.province,
            "city": customer.city,
            "district": customer.district,
            "community": customer.community,
            "street": customer.street,
            "postcode": customer.postcode,
        },
        "occupation": customer.occupation,
        "owner": customer.owner,
        "department": customer.department,
        "type": customer.type,
        "source": customer.source,
        "referred_by": None if referrer is None else {"id": ids.show(referrer), "name": customer.referred_by or ""},
        "membership": customer.membership,
        "best_time": customer.best_time,
        "taboos": customer.taboos,
        "do_not_call": customer.do_not_call,
        "remarks": customer.remarks,
        "custom": customer.custom,
        "created_at": time_text(customer.created_at, zone) or "",
        "updated_at": time_text(customer.updated_at, zone) or "",
        "collected_at": day_text(customer.collected_at),
        "collected_by": customer.collected_by,
        "entered_by": customer.entered_by,
        "version": customer.version,
    }


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


def _phone(phone: PhoneView) -> PhoneAnswer:
    return {
        "number": phone.number,
        "kind": phone.kind,
        "primary": phone.primary,
        "state": phone.state,
        "masked": phone.masked,
        "region": phone.region,
        "carrier": phone.carrier,
    }
