"""Customers: one, enter, change, notes, the whole number on demand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field
from typing_extensions import TypedDict

from crm_core.customers import queries, service
from crm_core.customers.protection import reveals
from crm_core.customers.protection.kinds import Secret
from crm_core.customers.views import CustomerView
from crm_core.db.uow import UnitOfWork
from crm_core.kernel import ids
from crm_core.kernel.errors import Conflict, Rejected
from crm_core.organization import queries as organization
from crm_core.organization.access import Action
from crm_core.organization.models import CentreKind
from web.api.asked import Asked
from web.api.customer_input import (
    AddressInput,
    CustomerChange,
    CustomerFields,
    CustomerNoteInput,
    NewCustomer,
    RevealInput,
    core_fields,
    core_phones,
)
from web.api.customer_json import CustomerAnswer, CustomerNoteAnswer, customer_answer, note_answer
from web.api.values import ById, Cursor, Input
from web.registry import Routes

routes = Routes("customers")
_CENTRES = {"centre": CentreKind.SALES, "profit_centre": CentreKind.PROFIT, "service_centre": CentreKind.SERVICE}
_OUTSIDE = {name: f"address.{name}" for name in AddressInput.model_fields} | {"referred_by_id": "referred_by"}
_TAG = re.compile(r'(?:W/)?"?(\d{1,9})"?')


class NoteList(TypedDict):
    items: list[CustomerNoteAnswer]
    next: Cursor | None


class Revealed(TypedDict):
    """The whole numbers, in the order of the customer's phones; the one of the ID card when that was asked for."""

    numbers: list[str]


class AddQuery(Input):
    accept_duplicate: Annotated[bool, Field(description="store it although somebody alike is there")] = False


def _version(value: str) -> str:
    if value.strip() != "*" and not _TAG.fullmatch(value.strip()):
        raise ValueError('has to be the version, as in "3"')
    return value.strip()


class IfMatch(BaseModel):
    value: Annotated[
        str | None,
        AfterValidator(lambda value: value if value is None else _version(value)),
        Field(alias="If-Match", max_length=40, description="the `version` that was read; another one answers 409"),
    ] = None

    @property
    def version(self) -> int | None:
        found = _TAG.fullmatch(self.value) if self.value else None
        return int(found.group(1)) if found else None


@contextmanager
def in_clients_words() -> Iterator[None]:
    """The core's refusals with the fields and candidates as clients know them."""
    try:
        yield
    except Rejected as refused:
        errors = {_OUTSIDE.get(name, name): text for name, text in refused.errors.items()}
        raise Rejected(refused.code, refused.detail, errors=errors, extra=refused.extra) from None
    except Conflict as conflict:
        raise _with_shown_candidates(conflict) from None


def today(asked: Asked) -> date:
    return asked.context.clock.now().astimezone(asked.context.settings.timezone).date()


@routes.route("GET", "/customers/{id}", "One customer", right=Action.CUSTOMER_READ, subject="customer")
async def get_customer(asked: Asked, path: ById) -> CustomerAnswer:
    """The answer's ETag is the version. Who had the card open, and when, is on record."""
    answer = await _whole(asked, path.id)
    asked.context.reads.note(path.id, asked.actor.user_id, asked.context.clock.now())
    return answer


@routes.route(
    "POST",
    "/customers",
    "Enter a customer",
    right=Action.CUSTOMER_WRITE,
    status=201,
    errors={
        403: ["owner_out_of_reach", "medical_denied"],
        409: ["possible_duplicate", "id_card_taken", "cap_reached", "no_owner"],
        422: ["customer_invalid", "phone_invalid"],
    },
)
async def add_customer(asked: Asked, query: AddQuery, body: NewCustomer) -> CustomerAnswer:
    """409 `possible_duplicate` names `candidates` when somebody of this name has one of these numbers."""
    fields = await fields_of(asked, body)
    with in_clients_words():
        async with asked.uow() as uow:
            customer = await service.create(
                uow,
                fields,
                core_phones(body) or (),
                by=asked.actor,
                area_code=asked.context.settings.area_code,
                account_number=body.account_number,
                accept_duplicate=query.accept_duplicate,
            )
    asked.headers["Location"] = f"/api/v1/customers/{ids.show(customer.id)}"
    return await _whole(asked, customer.id)


@routes.route(
    "PATCH",
    "/customers/{id}",
    "Change a customer",
    right=Action.CUSTOMER_WRITE,
    subject="customer",
    errors={
        403: ["owner_out_of_reach", "medical_denied"],
        409: ["stale", "id_card_taken", "cap_reached", "no_owner", "moved_meanwhile"],
        422: ["customer_invalid", "phone_invalid", "phone_masked"],
    },
)
async def change_customer(asked: Asked, path: ById, headers: IfMatch, body: CustomerChange) -> CustomerAnswer:
    """Only the named fields change. A masked number may be sent back as it was shown."""
    async with asked.read() as session:
        await queries.customer(session, asked.actor, path.id, today=today(asked), action=Action.CUSTOMER_WRITE)
    fields = await fields_of(asked, body)
    with in_clients_words():
        async with asked.uow() as uow:
            await service.update(
                uow,
                path.id,
                fields,
                by=asked.actor,
                phones=core_phones(body),
                version=headers.version,
                area_code=asked.context.settings.area_code,
                reason=body.reason,
            )
    return await _whole(asked, path.id)


@routes.route(
    "POST",
    "/customers/{id}/verify",
    "Say that all of this is still right today",
    right=Action.CUSTOMER_WRITE,
    subject="customer",
)
async def verify(asked: Asked, path: ById) -> CustomerAnswer:
    """Somebody has asked the customer: `verified_at` is now."""
    async with asked.uow() as uow:
        await service.verify(uow, path.id, by=asked.actor)
    return await _whole(asked, path.id)


@routes.route("GET", "/customers/{id}/notes", "A customer's notes", right=Action.CUSTOMER_READ, subject="customer")
async def list_notes(asked: Asked, path: ById) -> NoteList:
    """The newest hundred, newest first; the timeline has them all."""
    async with asked.read() as session:
        await queries.customer(session, asked.actor, path.id, today=today(asked))
        rows = await queries.notes(session, path.id)
    zone = asked.context.settings.timezone
    return {"items": [note_answer(row, zone) for row in rows], "next": None}


@routes.route(
    "POST",
    "/customers/{id}/notes",
    "Note something on a customer",
    right=Action.CUSTOMER_READ,
    status=201,
    subject="customer",
    errors={422: ["note_empty"]},
)
async def add_note(asked: Asked, path: ById, body: CustomerNoteInput) -> CustomerNoteAnswer:
    async with asked.uow() as uow:
        note = await service.add_note(uow, path.id, body.text, by=asked.actor)
    zone = asked.context.settings.timezone
    return {
        "id": ids.show(note.id),
        "at": note.at.astimezone(zone).isoformat(),
        "author": asked.actor.name,
        "text": note.text,
    }


@routes.route(
    "POST",
    "/customers/{id}/reveal",
    "Show the whole numbers, with a reason",
    right=Action.CUSTOMER_REVEAL,
    subject="customer",
)
async def reveal(asked: Asked, path: ById, body: RevealInput) -> Revealed:
    """Who asked, when and why is on record; how many an hour and a day has its limit."""
    secret = Secret.ID_CARD if body.what == "id_card" else Secret.PHONE

    async def read(uow: UnitOfWork) -> list[str]:
        whole = service.reveal_id_card if secret is Secret.ID_CARD else service.reveal_phones
        return await whole(uow, path.id, reason=body.reason, by=asked.actor)

    numbers = await reveals.reveal(asked.context.db, path.id, secret, read, reason=body.reason, by=asked.actor)
    return {"numbers": numbers}


async def _whole(asked: Asked, customer_id: int) -> CustomerAnswer:
    view: CustomerView
    async with asked.read() as session:
        view = await queries.customer(session, asked.actor, customer_id, today=today(asked))
    asked.headers["ETag"] = f'"{view.version}"'
    return customer_answer(view, asked.context.settings.timezone)


async def fields_of(asked: Asked, body: CustomerFields) -> dict[str, Any]:
    """The core's fields, names of people and departments turned into ids. Raises Rejected for unknown ones."""
    fields, wrong = core_fields(body), {}
    async with asked.read() as session:
        if "owner" in body.model_fields_set:
            owner = await organization.user_by_name(session, body.owner) if body.owner else None
            fields["owner_id"] = owner.id if owner else None
            if body.owner and (owner is None or not owner.active):
                wrong["owner"] = "there is no such user"
        if "department" in body.model_fields_set:
            department = await organization.department_by_name(session, body.department) if body.department else None
            fields["department_id"] = department.id if department else None
            if body.department and department is None:
                wrong["department"] = "there is no such department"
        centres = {(one.kind, one.name): one.id for one in await organization.centres(session)}
    for name, kind in _CENTRES.items():
        if name in body.model_fields_set:
            given = getattr(body, name)
            fields[f"{kind}_centre_id"] = found = centres.get((kind, given)) if given else None
            if given and found is None:
                wrong[name] = "there is no such centre"
    if wrong:
        raise Rejected("invalid_input", "Some of the input is wrong; see errors.", errors=wrong)
    return fields


def _with_shown_candidates(conflict: Conflict) -> Conflict:
    """The candidates under the contract's words and with ids as they are shown."""
    found = conflict.extra.get("candidates")
    if not isinstance(found, list):
        return conflict
    candidates = [
        {
            # One out of reach bears neither id nor name; ``ask`` says whose he is.
            "customer": {"id": ids.show(one["customer_id"]), "name": one["name"]} if one["customer_id"] else None,
            "ask": one["ask"],
            "score": one["score"],
            "reasons": one["reasons"],
        }
        for one in found
    ]
    return Conflict(conflict.code, conflict.detail, errors=conflict.errors, extra={"candidates": candidates})
