"""Changes to what a customer has several of: family, memorial days, relations, attitudes, contacts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final, Generic

from crm_core.audit import service as audit
from crm_core.customers import changes, identity, parts_queries, queries, record, rules
from crm_core.customers.detail_models import Attitude, CustomerRelation, MemorialDay, OrganizationContact
from crm_core.customers.events import CustomerChanged
from crm_core.customers.kinds import AttitudeKind, Calendar, CustomerKind, Sex
from crm_core.customers.models import Customer, FamilyMember
from crm_core.customers.parts_queries import MOST, P, PartRow
from crm_core.db.uow import UnitOfWork
from crm_core.kernel.errors import Conflict, NotFound, Rejected
from crm_core.kernel.ids import new_id
from crm_core.organization.access import Action, Actor

# A number is the most characters of a text, a pair the range of a whole number.
Check = int | tuple[int, int] | type
_BIRTH: Final[Mapping[str, Check]] = {
    "birth_calendar": Calendar,
    "birth_year": (1850, 2150),
    "birth_month": (1, 12),
    "birth_day": (1, 31),
    "birth_leap": bool,
}
_PHONE = re.compile(r"[0-9+()（）\-\s/转,，;;*]{3,40}")


@dataclass(frozen=True, slots=True)
class Part(Generic[P]):
    """One kind of them: its table, what its fields may hold, which are needed, and the one that links a customer."""

    name: str
    table: type[P]
    fields: Mapping[str, Check]
    required: tuple[str, ...]
    link: str | None = None


FAMILY: Final = Part(
    "family",
    FamilyMember,
    {
        "relation": 40,
        "name": 120,
        "member_id": (1, (1 << 63) - 1),
        **_BIRTH,
        "sex": Sex,
        "education": 40,
        "school": 120,
        "occupation": 80,
        "phone": 40,
        "blood_type": 10,
        "hobbies": 400,
        "remarks": 4000,
    },
    ("relation", "name"),
    "member_id",
)
MEMORIAL_DAY: Final = Part(
    "memorial_day",
    MemorialDay,
    {
        "title": 80,
        "calendar": Calendar,
        "year": (1850, 2150),
        "month": (1, 12),
        "day": (1, 31),
        "leap": bool,
        "remarks": 4000,
    },
    ("title", "calendar", "month", "day"),
)
RELATION: Final = Part(
    "relation",
    CustomerRelation,
    {"other_id": (1, (1 << 63) - 1), "relation": 40, "remarks": 4000},
    ("other_id", "relation"),
    "other_id",
)
ATTITUDE: Final = Part(
    "attitude",
    Attitude,
    {
        "kind": AttitudeKind,
        "subject": 120,
        "score": (1, 5),
        "value": 400,
        "noted_on": date,
        "source": 80,
    },
    ("kind", "noted_on"),
)
CONTACT: Final = Part(
    "contact",
    OrganizationContact,
    {
        "name": 120,
        "position": 80,
        "department": 80,
        "key_person": bool,
        "phone": 40,
        "email": 200,
        "wechat": 80,
        "sex": Sex,
        **_BIRTH,
        "education": 40,
        "personality": 400,
        "hobbies": 400,
        "family": 400,
        "abilities": 400,
        "remarks": 4000,
        "person_id": (1, (1 << 63) - 1),
    },
    ("name",),
    "person_id",
)


async def add(uow: UnitOfWork, part: Part[P], customer_id: int, fields: Mapping[str, Any], *, by: Actor) -> P:
    """Raises NotFound when the customer is out of reach, Rejected with the wrong fields, Conflict for one too many."""
    customer = await queries.customer_to_change(uow.session, by, customer_id, Action.CUSTOMER_WRITE)
    if part.table is OrganizationContact and customer.kind is not CustomerKind.ORGANIZATION:
        raise Rejected("no_organization", "Only an organisation has contacts; note a person's family instead.")
    if await parts_queries.count(uow.session, part.table, customer.id) >= MOST:
        raise Conflict("too_many_parts", f"A customer has at most {MOST} of these.")
    row = part.table(id=new_id(), customer_id=customer.id)
    values = await _checked(uow, part, customer, row, fields, by)
    now = uow.clock.now()
    if isinstance(row, Attitude):
        row.noted_by_id, row.noted_at = by.user_id, now
    elif isinstance(row, CustomerRelation):
        row.created_by_id, row.created_at = by.user_id, now
    await _refuse_known(uow, row, values)
    _set(row, values)
    uow.session.add(row)
    await _changed(uow, customer, part, f"customer.{part.name}_added", row.id, by)
    return row


async def change(
    uow: UnitOfWork, part: Part[P], customer_id: int, row_id: int, fields: Mapping[str, Any], *, by: Actor
) -> P:
    """Only the given fields. Raises NotFound for a row that is not this customer's, Rejected with the wrong fields."""
    customer = await queries.customer_to_change(uow.session, by, customer_id, Action.CUSTOMER_WRITE)
    row = await parts_queries.part(uow.session, part.table, customer.id, row_id)
    if "phone" in fields and "*" in (fields["phone"] or ""):
        fields = {name: value for name, value in fields.items() if name != "phone"}  # sent back as it was shown
    values = await _checked(uow, part, customer, row, fields, by)
    await _refuse_known(uow, row, values)
    _set(row, values)
    await _changed(uow, customer, part, f"customer.{part.name}_changed", row.id, by)
    return row


async def remove(uow: UnitOfWork, part: Part[P], customer_id: int, row_id: int, *, by: Actor) -> None:
    """A relation can be taken away from either card. Raises NotFound for a row that is not this customer's."""
    customer = await queries.customer_to_change(uow.session, by, customer_id, Action.CUSTOMER_WRITE)
    if part.table is CustomerRelation:
        row: Any = await uow.session.get(CustomerRelation, row_id)
        if row is None or customer.id not in (row.customer_id, row.other_id):
            raise NotFound("part_not_found", "There is no such entry on this customer.")
    else:
        row = await parts_queries.part(uow.session, part.table, customer.id, row_id)
    await uow.session.delete(row)
    await _changed(uow, customer, part, f"customer.{part.name}_removed", row_id, by)


async def _checked(
    uow: UnitOfWork, part: Part[P], customer: Customer, row: P, fields: Mapping[str, Any], by: Actor
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    errors = {name: "unknown field" for name in fields if name not in part.fields}
    for name in fields.keys() & part.fields.keys():
        try:
            values[name] = _value(part.fields[name], fields[name])
        except ValueError as error:
            errors[name] = str(error)
    for name in part.required:
        if name not in errors and values.get(name, getattr(row, name)) in (None, ""):
            errors[name] = "must not be empty"
    if not errors:
        errors = _day_errors(part, row, values, uow.clock.now().date())
    if values.get("phone") and not _PHONE.fullmatch(values["phone"]):
        errors["phone"] = "is no phone number"
    linked = values.get(part.link) if part.link else None
    if linked is not None and part.link is not None and part.link not in errors:
        errors |= await _link_errors(uow, part.link, customer.id, linked, by)
    if errors:
        raise Rejected("part_invalid", f"Please correct: {', '.join(sorted(errors))}.", errors=errors)
    return values


def _value(check: Check, value: Any) -> Any:
    if check is bool:
        if not isinstance(value, bool):
            raise ValueError("must be true or false")
        return value
    if value is None or value == "":
        return None
    if isinstance(check, int):
        if not isinstance(value, str):
            raise ValueError("must be text")
        text = rules.clean(value)
        if len(text) > check:
            raise ValueError(f"at most {check} characters")
        return text or None
    if isinstance(check, tuple):
        low, high = check
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"must be {low} to {high}")
        return value
    return _of_kind(check, value)


def _of_kind(check: type, value: Any) -> Any:
    if check is date:
        if not isinstance(value, date):
            raise ValueError("must be a date")
        return value
    if issubclass(check, StrEnum):
        try:
            return check(value)
        except ValueError:
            raise ValueError(f"must be one of {', '.join(check)}") from None
    raise TypeError(check)


def _day_errors(part: Part[P], row: P, values: Mapping[str, Any], today: date) -> dict[str, str]:
    """Whether the day, in its calendar, exists; a memorial day may lie ahead."""
    prefix = "" if part.table is MemorialDay else "birth_"
    names = [f"{prefix}{name}" for name in ("calendar", "year", "month", "day", "leap")]
    if not values.keys() & set(names):
        if part.table is Attitude and values.get("noted_on") is not None and values["noted_on"] > today:
            return {"noted_on": "lies in the future"}
        return {}
    known = dict(zip(identity.PARTS, (values.get(name, getattr(row, name)) for name in names), strict=True))
    wrong = identity.birthday_error(known, today if prefix else date.max)
    return {} if wrong is None else {"birthday" if prefix else "day": wrong}


async def _link_errors(uow: UnitOfWork, field: str, customer_id: int, other_id: int, by: Actor) -> dict[str, str]:
    """A link leads to another customer that who makes it can see."""
    if other_id == customer_id:
        return {field: "is the customer himself"}
    try:
        await queries.customer(uow.session, by, other_id, today=uow.clock.now().date())
    except NotFound:
        return {field: "there is no such customer"}
    return {}


async def _refuse_known(uow: UnitOfWork, row: PartRow, values: Mapping[str, Any]) -> None:
    """Two customers are the same thing to each other only once."""
    if not isinstance(row, CustomerRelation):
        return
    new = (values.get("other_id", row.other_id), values.get("relation", row.relation), False)
    for one in await parts_queries.relations(uow.session, row.customer_id):
        if one.id != row.id and (one.other_id, one.relation, one.inverse) == new:
            raise Conflict("relation_known", "This relation is noted already.", errors={"relation": "is noted already"})


def _set(row: Any, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(row, name, value)


async def _changed(uow: UnitOfWork, customer: Customer, part: Part[P], what: str, row_id: int, by: Actor) -> None:
    await uow.session.flush()
    await record.measure(uow, customer)
    audit.record(uow, by, what, "customer", customer.id, {"id": str(row_id)})
    changes.edited(uow, customer.id, [part.name], by_id=by.user_id)
    uow.emit(CustomerChanged(customer_id=customer.id, by_user_id=by.user_id, fields=[part.name]))
