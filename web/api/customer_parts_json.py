"""Family, memorial days, relations, attitudes and contacts as JSON, and as clients send them."""

from __future__ import annotations

from datetime import date, tzinfo
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from typing_extensions import TypedDict

from crm_core.customers.kinds import AttitudeKind, Calendar, Sex
from crm_core.customers.views import AttitudeView, BirthView, ContactView, FamilyView, MemorialDayView, RelationView
from crm_core.kernel import ids
from web.api.customer_input import BirthdayInput, Line40, Line80, Line120, Line200, Prose4000
from web.api.customer_json import Birthday
from web.api.values import EXAMPLE_ID, Day, Id, Input, Line, ObjectId, Time, day_text, time_text

Line400 = Annotated[Line | None, Field(max_length=400)]
_DAY: Final[dict[str, JsonValue]] = {"calendar": "lunar", "year": 1953, "month": 8, "day": 15}


class Linked(TypedDict):
    """Another customer."""

    id: Id
    name: str


class FamilyAnswer(TypedDict):
    """A relative; `customer` when he is one too. `next_birthday` is when it is kept next."""

    id: Id
    relation: str
    name: str
    customer: Id | None
    sex: Sex | None
    birthday: Birthday | None
    next_birthday: Day | None
    education: str | None
    school: str | None
    occupation: str | None
    phone: str | None
    blood_type: str | None
    hobbies: str | None
    remarks: str | None


class MemorialDayAnswer(TypedDict):
    id: Id
    title: str
    day: Birthday
    next: Day | None
    remarks: str | None


class RelationAnswer(TypedDict):
    """What `customer` is to this one; with `inverse` what this one is to `customer`, as noted on the other card."""

    id: Id
    customer: Linked
    account_number: str
    relation: str
    inverse: bool
    remarks: str | None


class AttitudeAnswer(TypedDict):
    id: Id
    kind: AttitudeKind
    subject: str | None
    score: int | None
    value: str | None
    date: Day
    source: str | None
    noted_by: str | None
    noted_at: Time


class ContactAnswer(TypedDict):
    """Somebody at an organisation; `masked` says that `phone` is not the whole number."""

    id: Id
    name: str
    position: str | None
    department: str | None
    key_person: bool
    phone: str | None
    masked: bool
    email: str | None
    wechat: str | None
    sex: Sex | None
    birthday: Birthday | None
    next_birthday: Day | None
    education: str | None
    personality: str | None
    hobbies: str | None
    family: str | None
    abilities: str | None
    remarks: str | None
    customer: Id | None


class FamilyChange(Input):
    """Only the named fields change; null empties one."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"relation": "女儿", "name": "李梅", "birthday": _DAY, "education": "本科"}]}
    )

    relation: Line40 = None
    name: Line120 = None
    customer: Annotated[ObjectId | None, Field(description="when this relative is a customer too")] = None
    sex: Sex | None = None
    birthday: BirthdayInput | None = None
    education: Line40 = None
    school: Line120 = None
    occupation: Line80 = None
    phone: Line40 = None
    blood_type: Annotated[Line | None, Field(max_length=10)] = None
    hobbies: Line400 = None
    remarks: Prose4000 = None


class MemorialDayInput(Input):
    """A day that is kept each year."""

    calendar: Calendar = Calendar.SOLAR
    year: Annotated[int | None, Field(ge=1850, le=2150)] = None
    month: Annotated[int, Field(ge=1, le=12)]
    day: Annotated[int, Field(ge=1, le=31)]
    leap: bool = False


class MemorialDayChange(Input):
    """Only the named fields change."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"title": "结婚纪念日", "day": _DAY}]})

    title: Line80 = None
    day: MemorialDayInput | None = None
    remarks: Prose4000 = None


class RelationChange(Input):
    """Only the named fields change."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"customer": EXAMPLE_ID, "relation": "邻居"}]})

    customer: ObjectId | None = None
    relation: Line40 = None
    remarks: Prose4000 = None


class AttitudeChange(Input):
    """Only the named fields change."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "product_satisfaction",
                    "subject": "净水器",
                    "score": 5,
                    "date": "2026-11-20",
                    "source": "回访",
                }
            ]
        }
    )

    kind: AttitudeKind | None = None
    subject: Annotated[Line120, Field(description="which product or service")] = None
    score: Annotated[int | None, Field(ge=1, le=5)] = None
    value: Line400 = None
    noted_on: Annotated[date | None, Field(alias="date")] = None
    source: Line80 = None


class ContactChange(Input):
    """Only the named fields change; null empties one."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "王总", "position": "总经理", "key_person": True, "phone": "13800138000"}]
        }
    )

    name: Line120 = None
    position: Line80 = None
    department: Line80 = None
    key_person: bool = False
    phone: Line40 = None
    email: Line200 = None
    wechat: Line80 = None
    sex: Sex | None = None
    birthday: BirthdayInput | None = None
    education: Line40 = None
    personality: Line400 = None
    hobbies: Line400 = None
    family: Line400 = None
    abilities: Line400 = None
    remarks: Prose4000 = None
    customer: Annotated[ObjectId | None, Field(description="when this person is a customer too")] = None


def fields_of(given: BaseModel, link: str = "") -> dict[str, Any]:
    """The named fields under the core's names; ``link`` is what it calls the other customer."""
    fields = {name: getattr(given, name) for name in given.model_fields_set}
    if "customer" in fields:
        fields[link] = fields.pop("customer")
    for name, prefix in (("birthday", "birth_"), ("day", "")):
        if name in fields and (fields[name] is None or isinstance(fields[name], BaseModel)):
            day: Any = fields.pop(name)
            parts = ("calendar", "year", "month", "day", "leap")
            fields |= {f"{prefix}{part}": getattr(day, part, False if part == "leap" else None) for part in parts}
    return fields


def family_answer(one: FamilyView) -> FamilyAnswer:
    return {
        "id": ids.show(one.id),
        "relation": one.relation,
        "name": one.name,
        "customer": None if one.member_id is None else ids.show(one.member_id),
        "sex": one.sex,
        "birthday": _birthday(one.birth),
        "next_birthday": day_text(one.birth.next_on),
        "education": one.education,
        "school": one.school,
        "occupation": one.occupation,
        "phone": one.phone,
        "blood_type": one.blood_type,
        "hobbies": one.hobbies,
        "remarks": one.remarks,
    }


def memorial_day_answer(one: MemorialDayView) -> MemorialDayAnswer:
    return {
        "id": ids.show(one.id),
        "title": one.title,
        "day": _day(one.on),
        "next": day_text(one.on.next_on),
        "remarks": one.remarks,
    }


def relation_answer(one: RelationView) -> RelationAnswer:
    return {
        "id": ids.show(one.id),
        "customer": {"id": ids.show(one.other_id), "name": one.other_name},
        "account_number": one.other_account_number,
        "relation": one.relation,
        "inverse": one.inverse,
        "remarks": one.remarks,
    }


def attitude_answer(one: AttitudeView, zone: tzinfo) -> AttitudeAnswer:
    return {
        "id": ids.show(one.id),
        "kind": one.kind,
        "subject": one.subject,
        "score": one.score,
        "value": one.value,
        "date": one.noted_on.isoformat(),
        "source": one.source,
        "noted_by": one.noted_by,
        "noted_at": time_text(one.noted_at, zone) or "",
    }


def contact_answer(one: ContactView) -> ContactAnswer:
    return {
        "id": ids.show(one.id),
        "name": one.name,
        "position": one.position,
        "department": one.department,
        "key_person": one.key_person,
        "phone": one.phone,
        "masked": one.masked,
        "email": one.email,
        "wechat": one.wechat,
        "sex": one.sex,
        "birthday": _birthday(one.birth),
        "next_birthday": day_text(one.birth.next_on),
        "education": one.education,
        "personality": one.personality,
        "hobbies": one.hobbies,
        "family": one.family,
        "abilities": one.abilities,
        "remarks": one.remarks,
        "customer": None if one.person_id is None else ids.show(one.person_id),
    }


def _birthday(birth: BirthView) -> Birthday | None:
    return None if birth.year is None and birth.month is None else _day(birth)


def _day(birth: BirthView) -> Birthday:
    return {
        "calendar": birth.calendar or Calendar.SOLAR,
        "year": birth.year,
        "month": birth.month,
        "day": birth.day,
        "leap": birth.leap,
    }
