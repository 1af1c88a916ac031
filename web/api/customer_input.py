"""A customer as clients send it, and how its nested parts become the fields of the core."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import orjson
from pydantic import AfterValidator, ConfigDict, Field, JsonValue, create_model

from crm_core.customers.details import FIELDS as DETAILS
from crm_core.customers.details import Detail, ValueKind
from crm_core.customers.kinds import Calendar, CustomerKind, MaritalState, PhoneKind, PhoneState, Sex, UseState
from crm_core.customers.rules import MOST_PHONES, NOTE_LIMIT, PhoneInput
from web.api.values import Input, Line, ObjectId, Prose

_CUSTOM_BYTES: Final = 64_000
# Their names are the core's too; the nested and the translated ones are handled one by one.
_PLAIN: Final = (
    "kind",
    "name",
    "form_of_address",
    "sex",
    "occupation",
    "type",
    "source",
    "membership",
    "best_time",
    "taboos",
    "do_not_call",
    "remarks",
    "custom",
    "collected_at",
    "collected_by",
    "collected_department",
    "id_card",
    "medical_history",
    "allergies",
    "health_state",
    "beliefs",
    "contraindications",
    "ethnicity",
    "origin",
    "education",
    "position",
    "marital_state",
    "economic_state",
    "wedding_day",
    "email",
    "wechat",
    "qq",
    "best_way",
    "use_state",
)
_EXAMPLE: Final[dict[str, JsonValue]] = {
    "name": "李秀英",
    "sex": "female",
    "phones": [{"number": "13800138000", "kind": "mobile"}],
    "birthday": {"calendar": "lunar", "year": 1953, "month": 8, "day": 15},
    "address": {"province": "上海", "city": "上海", "district": "浦东新区"},
}


def _storable(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    try:
        text = orjson.dumps(value)
    except (TypeError, ValueError, RecursionError):
        raise ValueError("holds numbers that are too large") from None
    if b"\\u0000" in text:
        raise ValueError("holds control characters")
    if len(text) > _CUSTOM_BYTES:
        raise ValueError("is too large")
    return value


Prose4000 = Annotated[Prose | None, Field(max_length=4000)]
Line10 = Annotated[Line | None, Field(max_length=10)]
Line40 = Annotated[Line | None, Field(max_length=40)]
Line80 = Annotated[Line | None, Field(max_length=80)]
Line120 = Annotated[Line | None, Field(max_length=120)]
Line200 = Annotated[Line | None, Field(max_length=200)]


class BirthdayInput(Input):
    """A birthday in one of both calendars, as far as known."""

    calendar: Calendar = Calendar.SOLAR
    year: Annotated[int | None, Field(ge=1850, le=2150)] = None
    month: Annotated[int | None, Field(ge=1, le=12)] = None
    day: Annotated[int | None, Field(ge=1, le=31)] = None
    leap: Annotated[bool, Field(description="in a leap month of the lunar calendar")] = False


class PhoneEntry(Input):
    """One number; without `kind` it follows from the number, without `primary` the first one is the primary."""

    number: Annotated[Line, Field(min_length=1, max_length=40)]
    kind: PhoneKind | None = None
    primary: bool = False
    state: PhoneState | None = None


class AddressInput(Input):
    """Only the named parts change."""

    province: Line40 = None
    city: Line40 = None
    district: Line40 = None
    community: Line80 = None
    street: Line200 = None
    postcode: Line10 = None


def _detail_type(field: Detail) -> Any:
    if field.kind is ValueKind.DAY:
        return date | None
    if field.kind is ValueKind.WHOLE:
        return Annotated[int, Field(ge=0, le=field.most)] | None
    if field.kind is ValueKind.DECIMAL:
        return Annotated[Decimal, Field(ge=0, le=field.most, allow_inf_nan=False)] | None
    text: Any = Line if field.kind is ValueKind.LINE else Prose
    return Annotated[text, Field(max_length=field.most)] | None


_DETAILS: Final[dict[str, Any]] = {
    name: (_detail_type(field), None) for fields in DETAILS.values() for name, field in fields.items()
}
if TYPE_CHECKING:
    DetailsInput = Input
else:
    # One field for each column of both tables: they are declared there once.
    DetailsInput = create_model(
        "DetailsInput", __base__=Input, __doc__="Details of a person or of an organisation.", **_DETAILS
    )


class CustomerFields(Input):
    """What can be entered of a customer."""

    kind: CustomerKind = CustomerKind.PERSON
    name: Annotated[Line, Field(min_length=1, max_length=120)] = ""
    form_of_address: Line40 = None
    sex: Sex | None = None
    birthday: BirthdayInput | None = None
    phones: Annotated[
        tuple[PhoneEntry, ...], Field(max_length=MOST_PHONES, description="all of them; replaces the list")
    ] = ()
    address: AddressInput | None = None
    occupation: Line80 = None
    owner: Annotated[Line40, Field(description="a user's name")] = None
    department: Annotated[Line80, Field(description="a department's name")] = None
    type: Line40 = None
    source: Line40 = None
    referred_by: Annotated[ObjectId | None, Field(description="the customer who recommended us")] = None
    membership: Line40 = None
    best_time: Line120 = None
    taboos: Annotated[Prose | None, Field(max_length=4000)] = None
    do_not_call: bool = False
    remarks: Prose | None = None
    custom: Annotated[
        dict[str, JsonValue], AfterValidator(_storable), Field(description="own fields", default_factory=dict)
    ]
    collected_at: date | None = None
    collected_by: Line80 = None
    collected_department: Line80 = None
    centre: Annotated[Line80, Field(description="a sales centre's name; null: the department's")] = None
    profit_centre: Line80 = None
    service_centre: Line80 = None
    id_card: Annotated[Line40, Field(description="18 or 15 digits; sex and birthday follow from it")] = None
    medical_history: Prose | None = None
    allergies: Prose4000 = None
    health_state: Prose4000 = None
    beliefs: Annotated[Prose | None, Field(max_length=400)] = None
    contraindications: Annotated[Prose4000, Field(description="what must not be sold or served")] = None
    ethnicity: Line40 = None
    origin: Line80 = None
    education: Line40 = None
    position: Line80 = None
    marital_state: MaritalState | None = None
    economic_state: Line40 = None
    wedding_day: date | None = None
    email: Line200 = None
    wechat: Line80 = None
    qq: Annotated[Line | None, Field(max_length=20)] = None
    best_way: Line80 = None
    use_state: UseState | None = None
    details: Annotated[
        DetailsInput | None, Field(description="fields of a person or of an organisation; only the named ones change")
    ] = None


class CustomerChange(CustomerFields):
    """Only the named fields change; null empties one."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "李秀英", "remarks": "Prefers mornings."}]})

    reason: Annotated[Line, Field(max_length=500, description="why the owner changes")] = ""


class NewCustomer(CustomerFields):
    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    name: Annotated[Line, Field(min_length=1, max_length=120)]
    account_number: Annotated[
        Line | None,
        Field(min_length=1, max_length=20, description="one that the customer brings along; needs the import right"),
    ] = None


class RevealInput(Input):
    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "The delivery service needs it."}]})

    reason: Annotated[Line, Field(min_length=1, max_length=500)]
    what: Annotated[Literal["phones", "id_card"], Field(description="which of the masked fields")] = "phones"


class CustomerNoteInput(Input):
    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "Her daughter decides."}]})

    text: Annotated[Prose, Field(min_length=1, max_length=NOTE_LIMIT)]


def core_fields(given: CustomerFields) -> dict[str, Any]:
    """The named fields under the core's names; owner, department, referral and phones are the caller's to translate."""
    named = given.model_fields_set
    fields: dict[str, Any] = {name: getattr(given, name) for name in _PLAIN if name in named}
    if "birthday" in named:
        fields |= _birthday(given.birthday)
    if "address" in named:
        parts = AddressInput.model_fields if given.address is None else given.address.model_fields_set
        fields |= {part: getattr(given.address, part, None) for part in parts}
    if given.details is not None:
        fields["details"] = {name: getattr(given.details, name) for name in given.details.model_fields_set}
    if "referred_by" in named:
        fields["referred_by_id"] = given.referred_by
    return fields


def _birthday(given: BirthdayInput | None) -> dict[str, Any]:
    known = given if given is not None else BirthdayInput()
    return {
        "birth_calendar": None if given is None else known.calendar,
        "birth_year": known.year,
        "birth_month": known.month,
        "birth_day": known.day,
        "birth_leap": known.leap,
    }


def core_phones(given: CustomerFields) -> Sequence[PhoneInput] | None:
    """The whole list of numbers, None when it was not named."""
    if "phones" not in given.model_fields_set:
        return None
    return [PhoneInput(entry.number, entry.kind, entry.primary, entry.state) for entry in given.phones]
