"""Registrations: hand in, the queue in order of hand-in, take the oldest sheet and finish it, the backlog."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncSession
from typing_extensions import TypedDict

from crm_core.customers import queries as customers
from crm_core.customers import service as customer_service
from crm_core.customers.intake import queries, service
from crm_core.customers.intake.queries import Show
from crm_core.customers.intake.rules import MOST_SHEETS, REASON_LIMIT, SheetInput, business_day
from crm_core.kernel.errors import NotFound, Rejected
from crm_core.organization import queries as organization
from crm_core.organization.access import Action
from web.api.asked import Asked
from web.api.customer_input import NewCustomer, core_phones
from web.api.customers import AddQuery, fields_of, in_clients_words
from web.api.registration_json import (
    BacklogAnswer,
    EntryAnswer,
    RegistrationAnswer,
    RegistrationDetail,
    backlog_answer,
    entry_answer,
    registration_answer,
    registration_detail,
)
from web.api.values import EXAMPLE_ID, ById, Cursor, Input, Instant, Line, ObjectId, Paging, Prose
from web.registry import Routes

routes = Routes("registrations")
_SHEET = "registration entry"
_TAKEN = {409: ["entry_taken", "entry_finished"]}
_WHY = {**_TAKEN, 422: ["intake_reason_missing"]}


class RegistrationPage(TypedDict):
    items: list[RegistrationAnswer]
    next: Cursor | None


class NextEntry(TypedDict):
    """`entry` is null when nothing waits."""

    entry: EntryAnswer | None


class RegistrationQuery(Paging):
    show: Annotated[Show, Field(description="`open` and `parked` in order of hand-in, `all` newest first")] = Show.OPEN


class SheetFields(Input):
    name: Annotated[Line | None, Field(max_length=120)] = None
    phone: Annotated[Line | None, Field(max_length=40)] = None
    note: Annotated[Line | None, Field(max_length=400)] = None


class NewRegistration(Input):
    """Without `sheets` there is one sheet for each of `entries`, which need not be named."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"sheets": 2, "source": "科普会", "entries": [{"name": "李秀英", "phone": "13800138000"}]}]
        }
    )

    sheets: Annotated[int | None, Field(ge=1, le=MOST_SHEETS)] = None
    entries: Annotated[tuple[SheetFields, ...], Field(max_length=MOST_SHEETS)] = ()
    handed_in_by: Annotated[Line | None, Field(max_length=40, description="a user's name; default: you")] = None
    handed_in_at: Annotated[Instant | None, Field(description="default: now")] = None
    collected_by: Annotated[Line | None, Field(max_length=80, description="default: who handed in")] = None
    collected_at: date | None = None
    department: Annotated[Line | None, Field(max_length=80, description="default: of who handed in")] = None
    source: Annotated[Line | None, Field(max_length=40, description="a code or a word of the list of sources")] = None
    remarks: Prose | None = None


class Reason(Input):
    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "The number cannot be read."}]})

    reason: Annotated[Line, Field(min_length=1, max_length=REASON_LIMIT)]


class Entered(Input):
    model_config = ConfigDict(json_schema_extra={"examples": [{"customer_id": EXAMPLE_ID, "existed": True}]})

    customer_id: ObjectId
    existed: Annotated[bool, Field(description="the customer was known; the sheet was added to it")] = False


@routes.route("GET", "/registrations", "Sheets handed in", right=Action.INTAKE_HAND_IN)
async def list_registrations(asked: Asked, query: RegistrationQuery) -> RegistrationPage:
    zone = asked.context.settings.timezone
    today = business_day(asked.context.clock.now(), zone)
    async with asked.read() as session:
        rules = (await organization.preferences(session)).intake
        page = await queries.registrations(
            session, asked.actor, today=today, rules=rules, show=query.show, limit=query.limit, cursor=query.cursor
        )
    return {"items": [registration_answer(view, zone) for view in page.items], "next": page.next}


@routes.route(
    "POST",
    "/registrations",
    "Hand sheets in",
    right=Action.INTAKE_HAND_IN,
    status=201,
    errors={403: ["registration_out_of_reach"], 422: ["registration_invalid"]},
)
async def hand_in(asked: Asked, body: NewRegistration) -> RegistrationDetail:
    """They are entered in the order of hand-in, the same day if the volume allows."""
    fields = await _people(asked, body)
    sheets = [SheetInput(one.name, one.phone, one.note) for one in body.entries]
    async with asked.uow() as uow:
        stack = await service.hand_in(
            uow, fields, sheets, sheets=body.sheets, by=asked.actor, zone=asked.context.settings.timezone
        )
    return await _whole(asked, stack.id)


@routes.route("GET", "/registrations/backlog", "What is not entered yet", right=Action.INTAKE_HAND_IN)
async def backlog(asked: Asked) -> BacklogAnswer:
    """At most 500 lines, the oldest day first."""
    zone, now = asked.context.settings.timezone, asked.context.clock.now()
    today = business_day(now, zone)
    async with asked.read() as session:
        rules = (await organization.preferences(session)).intake
        lines = await queries.backlog(session, asked.actor, today=today, rules=rules)
        clock = await queries.day_clock(session, asked.actor, now=now, zone=zone, rules=rules)
        clerks = await queries.clerks_of(session, asked.actor, today, zone)
    return backlog_answer(clock, lines, clerks, zone)


@routes.route(
    "GET", "/registrations/{id}", "Sheets handed in together", right=Action.INTAKE_HAND_IN, subject="registration"
)
async def get_registration(asked: Asked, path: ById) -> RegistrationDetail:
    return await _whole(asked, path.id)


@routes.route("POST", "/registrations/next", "Take the oldest sheet", right=Action.INTAKE_ENTER)
async def take_next(asked: Asked) -> NextEntry:
    """No two clerks get the same one; who has an unfinished sheet gets it again. It is yours for the lease's time."""
    async with asked.uow() as uow:
        sheet = await service.claim_next(uow, by=asked.actor)
    return {"entry": None if sheet is None else await _entry(asked, sheet.id)}


@routes.route("GET", "/registration-entries/{id}", "One sheet", right=Action.INTAKE_HAND_IN, subject=_SHEET)
async def get_entry(asked: Asked, path: ById) -> EntryAnswer:
    return await _entry(asked, path.id)


@routes.route(
    "POST",
    "/registration-entries/{id}/claim",
    "Take this sheet, or keep it longer",
    right=Action.INTAKE_ENTER,
    subject=_SHEET,
    errors=_TAKEN,
)
async def claim(asked: Asked, path: ById) -> EntryAnswer:
    async with asked.uow() as uow:
        await service.claim(uow, path.id, by=asked.actor)
    return await _entry(asked, path.id)


@routes.route(
    "DELETE",
    "/registration-entries/{id}/claim",
    "Put a sheet back into the queue",
    right=Action.INTAKE_ENTER,
    status=204,
    subject=_SHEET,
    errors=_TAKEN,
)
async def release(asked: Asked, path: ById) -> None:
    """Also a parked one."""
    async with asked.uow() as uow:
        await service.release(uow, path.id, by=asked.actor)


@routes.route(
    "POST",
    "/registration-entries/{id}/customer",
    "Enter a sheet as a new customer",
    right=Action.INTAKE_ENTER,
    status=201,
    subject=_SHEET,
    errors={
        403: ["not_allowed", "owner_out_of_reach", "medical_denied"],
        409: ["entry_taken", "entry_finished", "possible_duplicate", "id_card_taken", "account_number_taken"],
        422: ["customer_invalid", "phone_invalid", "account_number_invalid"],
    },
)
async def enter_new(asked: Asked, path: ById, query: AddQuery, body: NewCustomer) -> EntryAnswer:
    """The customer and your signature on the sheet are stored together or not at all."""
    fields = await fields_of(asked, body)
    with in_clients_words():
        async with asked.uow() as uow:
            await service.claim(uow, path.id, by=asked.actor)
            customer = await customer_service.create(
                uow,
                fields,
                core_phones(body) or (),
                by=asked.actor,
                area_code=asked.context.settings.area_code,
                account_number=body.account_number,
                accept_duplicate=query.accept_duplicate,
            )
            await service.enter(uow, path.id, customer.id, by=asked.actor)
    return await _entry(asked, path.id)


@routes.route(
    "POST",
    "/registration-entries/{id}/enter",
    "A sheet is entered: this is its customer",
    right=Action.INTAKE_ENTER,
    subject=_SHEET,
    errors={**_TAKEN, 422: ["registration_invalid"]},
)
async def enter(asked: Asked, path: ById, body: Entered) -> EntryAnswer:
    """Your signature: you and the time stay with the sheet."""
    async with asked.uow() as uow:
        await _known(asked, uow.session, body.customer_id)
        await service.enter(uow, path.id, body.customer_id, existed=body.existed, by=asked.actor)
    return await _entry(asked, path.id)


@routes.route(
    "POST",
    "/registration-entries/{id}/park",
    "Lay a sheet aside",
    right=Action.INTAKE_ENTER,
    subject=_SHEET,
    errors=_WHY,
)
async def park(asked: Asked, path: ById, body: Reason) -> EntryAnswer:
    async with asked.uow() as uow:
        await service.park(uow, path.id, body.reason, by=asked.actor)
    return await _entry(asked, path.id)


@routes.route(
    "POST",
    "/registration-entries/{id}/reject",
    "Refuse a sheet",
    right=Action.INTAKE_ENTER,
    subject=_SHEET,
    errors=_WHY,
)
async def reject(asked: Asked, path: ById, body: Reason) -> EntryAnswer:
    async with asked.uow() as uow:
        await service.reject(uow, path.id, body.reason, by=asked.actor)
    return await _entry(asked, path.id)


async def _known(asked: Asked, session: AsyncSession, customer_id: int) -> None:
    today = business_day(asked.context.clock.now(), asked.context.settings.timezone)
    try:
        await customers.customer(session, asked.actor, customer_id, today=today)
    except NotFound:
        wrong = {"customer_id": "there is no such customer"}
        raise Rejected("registration_invalid", "There is no such customer.", errors=wrong) from None


async def _whole(asked: Asked, registration_id: int) -> RegistrationDetail:
    zone, now = asked.context.settings.timezone, asked.context.clock.now()
    async with asked.read() as session:
        rules = (await organization.preferences(session)).intake
        view = await queries.registration(
            session, asked.actor, registration_id, now=now, today=business_day(now, zone), rules=rules
        )
    return registration_detail(view, zone)


async def _entry(asked: Asked, entry_id: int) -> EntryAnswer:
    async with asked.read() as session:
        view = await queries.entry(session, asked.actor, entry_id, now=asked.context.clock.now())
    return entry_answer(view, asked.context.settings.timezone)


async def _people(asked: Asked, body: NewRegistration) -> dict[str, Any]:
    """The core's fields, names turned into ids. Raises Rejected for unknown ones."""
    names = ("handed_in_at", "collected_by", "collected_at", "source", "remarks")
    fields: dict[str, Any] = {name: getattr(body, name) for name in names}
    wrong = {}
    async with asked.read() as session:
        if body.handed_in_by:
            user = await organization.user_by_name(session, body.handed_in_by)
            fields["handed_in_by_id"] = user.id if user else None
            if user is None:
                wrong["handed_in_by"] = "there is no such user"
        if body.department:
            department = await organization.department_by_name(session, body.department)
            fields["department_id"] = department.id if department else None
            if department is None:
                wrong["department"] = "there is no such department"
    if wrong:
        raise Rejected("invalid_input", "Some of the input is wrong; see errors.", errors=wrong)
    return fields
