"""What a customer has several of, over REST: family, memorial days, relations, attitudes, contacts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from typing_extensions import TypedDict

from crm_core.customers import parts, parts_queries, queries
from crm_core.customers.parts import ATTITUDE, CONTACT, FAMILY, MEMORIAL_DAY, RELATION, Part
from crm_core.customers.parts_queries import P
from crm_core.kernel.errors import Rejected
from crm_core.organization.access import Action
from web.api.asked import Asked
from web.api.customer_parts_json import (
    AttitudeAnswer,
    AttitudeChange,
    ContactAnswer,
    ContactChange,
    FamilyAnswer,
    FamilyChange,
    MemorialDayAnswer,
    MemorialDayChange,
    RelationAnswer,
    RelationChange,
    attitude_answer,
    contact_answer,
    family_answer,
    fields_of,
    memorial_day_answer,
    relation_answer,
)
from web.api.customers import today
from web.api.values import ById, Cursor, PathId
from web.registry import Routes

routes = Routes("customers")
_READ, _WRITE = Action.CUSTOMER_READ, Action.CUSTOMER_WRITE
_REFUSED = {409: ["too_many_parts", "relation_known"], 422: ["part_invalid", "no_organization"]}
_OUTSIDE = {
    **dict.fromkeys(("member_id", "other_id", "person_id"), "customer"),
    **dict.fromkeys(("calendar", "month"), "day"),
    "noted_on": "date",
}
Read = Callable[[AsyncSession, Asked, int, date], Awaitable[Sequence[Any]]]


class ByPart(ById):
    """The path of an entry of a customer."""

    part: PathId


@contextmanager
def _named_as_given() -> Iterator[None]:
    """The core's refusals with the fields under the names that clients use."""
    try:
        yield
    except Rejected as refused:
        errors = {_OUTSIDE.get(name, name): text for name, text in refused.errors.items()}
        raise Rejected(refused.code, refused.detail, errors=errors, extra=refused.extra) from None


async def _all(asked: Asked, customer_id: int, read: Read) -> Sequence[Any]:
    """Raises NotFound when the customer is out of reach."""
    async with asked.read() as session:
        await queries.customer(session, asked.actor, customer_id, today=today(asked))
        return await read(session, asked, customer_id, today(asked))


async def _add(asked: Asked, part: Part[P], customer_id: int, fields: dict[str, Any], read: Read) -> Any:
    with _named_as_given():
        async with asked.uow() as uow:
            row = await parts.add(uow, part, customer_id, fields, by=asked.actor)
    return next(one for one in await _all(asked, customer_id, read) if one.id == row.id)


async def _change(asked: Asked, part: Part[P], path: ByPart, fields: dict[str, Any], read: Read) -> Any:
    with _named_as_given():
        async with asked.uow() as uow:
            await parts.change(uow, part, path.id, path.part, fields, by=asked.actor)
    return next(one for one in await _all(asked, path.id, read) if one.id == path.part)


async def _remove(asked: Asked, part: Part[P], path: ByPart) -> None:
    async with asked.uow() as uow:
        await parts.remove(uow, part, path.id, path.part, by=asked.actor)


async def _family(session: AsyncSession, asked: Asked, customer_id: int, day: date) -> Sequence[Any]:
    return await parts_queries.family(session, asked.actor, customer_id, today=day)


class FamilyList(TypedDict):
    items: list[FamilyAnswer]
    next: Cursor | None


@routes.route("GET", "/customers/{id}/family", "Family members of a customer", right=_READ, subject="customer")
async def list_family(asked: Asked, path: ById) -> FamilyList:
    """All of them: there are at most a hundred."""
    return {"items": [family_answer(one) for one in await _all(asked, path.id, _family)], "next": None}


@routes.route(
    "POST",
    "/customers/{id}/family",
    "Note a relative",
    right=_WRITE,
    status=201,
    subject="customer",
    errors=_REFUSED,
)
async def add_relative(asked: Asked, path: ById, body: FamilyChange) -> FamilyAnswer:
    one = await _add(asked, FAMILY, path.id, fields_of(body, "member_id"), _family)
    return family_answer(one)


@routes.route(
    "PATCH",
    "/customers/{id}/family/{part}",
    "Change a relative",
    right=_WRITE,
    subject="customer part",
    errors=_REFUSED,
)
async def change_relative(asked: Asked, path: ByPart, body: FamilyChange) -> FamilyAnswer:
    one = await _change(asked, FAMILY, path, fields_of(body, "member_id"), _family)
    return family_answer(one)


@routes.route(
    "DELETE", "/customers/{id}/family/{part}", "Take a relative away", right=_WRITE, status=204, subject="customer part"
)
async def remove_relative(asked: Asked, path: ByPart) -> None:
    await _remove(asked, FAMILY, path)


async def _memorial_days(session: AsyncSession, asked: Asked, customer_id: int, day: date) -> Sequence[Any]:
    return await parts_queries.memorial_days(session, customer_id, today=day)


class MemorialDayList(TypedDict):
    items: list[MemorialDayAnswer]
    next: Cursor | None


@routes.route("GET", "/customers/{id}/memorial-days", "Days that a customer keeps", right=_READ, subject="customer")
async def list_memorial_days(asked: Asked, path: ById) -> MemorialDayList:
    """All of them: there are at most a hundred."""
    return {"items": [memorial_day_answer(one) for one in await _all(asked, path.id, _memorial_days)], "next": None}


@routes.route(
    "POST",
    "/customers/{id}/memorial-days",
    "Note a memorial day",
    right=_WRITE,
    status=201,
    subject="customer",
    errors=_REFUSED,
)
async def add_memorial_day(asked: Asked, path: ById, body: MemorialDayChange) -> MemorialDayAnswer:
    one = await _add(asked, MEMORIAL_DAY, path.id, fields_of(body), _memorial_days)
    return memorial_day_answer(one)


@routes.route(
    "PATCH",
    "/customers/{id}/memorial-days/{part}",
    "Change a memorial day",
    right=_WRITE,
    subject="customer part",
    errors=_REFUSED,
)
async def change_memorial_day(asked: Asked, path: ByPart, body: MemorialDayChange) -> MemorialDayAnswer:
    one = await _change(asked, MEMORIAL_DAY, path, fields_of(body), _memorial_days)
    return memorial_day_answer(one)


@routes.route(
    "DELETE",
    "/customers/{id}/memorial-days/{part}",
    "Take a memorial day away",
    right=_WRITE,
    status=204,
    subject="customer part",
)
async def remove_memorial_day(asked: Asked, path: ByPart) -> None:
    await _remove(asked, MEMORIAL_DAY, path)


async def _relations(session: AsyncSession, asked: Asked, customer_id: int, day: date) -> Sequence[Any]:
    return await parts_queries.relations(session, customer_id, asked.actor)


class RelationList(TypedDict):
    items: list[RelationAnswer]
    next: Cursor | None


@routes.route("GET", "/customers/{id}/relations", "Relations to other customers", right=_READ, subject="customer")
async def list_relations(asked: Asked, path: ById) -> RelationList:
    """All of them: there are at most a hundred."""
    return {"items": [relation_answer(one) for one in await _all(asked, path.id, _relations)], "next": None}


@routes.route(
    "POST",
    "/customers/{id}/relations",
    "Note a relation",
    right=_WRITE,
    status=201,
    subject="customer",
    errors=_REFUSED,
)
async def add_relation(asked: Asked, path: ById, body: RelationChange) -> RelationAnswer:
    one = await _add(asked, RELATION, path.id, fields_of(body, "other_id"), _relations)
    return relation_answer(one)


@routes.route(
    "PATCH",
    "/customers/{id}/relations/{part}",
    "Change a relation",
    right=_WRITE,
    subject="customer part",
    errors=_REFUSED,
)
async def change_relation(asked: Asked, path: ByPart, body: RelationChange) -> RelationAnswer:
    one = await _change(asked, RELATION, path, fields_of(body, "other_id"), _relations)
    return relation_answer(one)


@routes.route(
    "DELETE",
    "/customers/{id}/relations/{part}",
    "Take a relation away",
    right=_WRITE,
    status=204,
    subject="customer part",
)
async def remove_relation(asked: Asked, path: ByPart) -> None:
    await _remove(asked, RELATION, path)


async def _attitudes(session: AsyncSession, asked: Asked, customer_id: int, day: date) -> Sequence[Any]:
    return await parts_queries.attitudes(session, customer_id)


class AttitudeList(TypedDict):
    items: list[AttitudeAnswer]
    next: Cursor | None


@routes.route(
    "GET", "/customers/{id}/attitudes", "What a customer thinks, newest first", right=_READ, subject="customer"
)
async def list_attitudes(asked: Asked, path: ById) -> AttitudeList:
    """All of them: there are at most a hundred."""
    return {
        "items": [
            attitude_answer(one, asked.context.settings.timezone) for one in await _all(asked, path.id, _attitudes)
        ],
        "next": None,
    }


@routes.route(
    "POST",
    "/customers/{id}/attitudes",
    "Note an attitude",
    right=_WRITE,
    status=201,
    subject="customer",
    errors=_REFUSED,
)
async def add_attitude(asked: Asked, path: ById, body: AttitudeChange) -> AttitudeAnswer:
    one = await _add(asked, ATTITUDE, path.id, fields_of(body), _attitudes)
    return attitude_answer(one, asked.context.settings.timezone)


@routes.route(
    "PATCH",
    "/customers/{id}/attitudes/{part}",
    "Change an attitude",
    right=_WRITE,
    subject="customer part",
    errors=_REFUSED,
)
async def change_attitude(asked: Asked, path: ByPart, body: AttitudeChange) -> AttitudeAnswer:
    one = await _change(asked, ATTITUDE, path, fields_of(body), _attitudes)
    return attitude_answer(one, asked.context.settings.timezone)


@routes.route(
    "DELETE",
    "/customers/{id}/attitudes/{part}",
    "Take an attitude away",
    right=_WRITE,
    status=204,
    subject="customer part",
)
async def remove_attitude(asked: Asked, path: ByPart) -> None:
    await _remove(asked, ATTITUDE, path)


async def _contacts(session: AsyncSession, asked: Asked, customer_id: int, day: date) -> Sequence[Any]:
    return await parts_queries.contacts(session, asked.actor, customer_id, today=day)


class ContactList(TypedDict):
    items: list[ContactAnswer]
    next: Cursor | None


@routes.route("GET", "/customers/{id}/contacts", "People at an organisation", right=_READ, subject="customer")
async def list_contacts(asked: Asked, path: ById) -> ContactList:
    """All of them: there are at most a hundred."""
    return {"items": [contact_answer(one) for one in await _all(asked, path.id, _contacts)], "next": None}


@routes.route(
    "POST",
    "/customers/{id}/contacts",
    "Note a contact",
    right=_WRITE,
    status=201,
    subject="customer",
    errors=_REFUSED,
)
async def add_contact(asked: Asked, path: ById, body: ContactChange) -> ContactAnswer:
    one = await _add(asked, CONTACT, path.id, fields_of(body, "person_id"), _contacts)
    return contact_answer(one)


@routes.route(
    "PATCH",
    "/customers/{id}/contacts/{part}",
    "Change a contact",
    right=_WRITE,
    subject="customer part",
    errors=_REFUSED,
)
async def change_contact(asked: Asked, path: ByPart, body: ContactChange) -> ContactAnswer:
    one = await _change(asked, CONTACT, path, fields_of(body, "person_id"), _contacts)
    return contact_answer(one)


@routes.route(
    "DELETE",
    "/customers/{id}/contacts/{part}",
    "Take a contact away",
    right=_WRITE,
    status=204,
    subject="customer part",
)
async def remove_contact(asked: Asked, path: ByPart) -> None:
    await _remove(asked, CONTACT, path)
