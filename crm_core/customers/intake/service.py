"""Changes of the intake: hand in, take the oldest sheet, finish it, park it, refuse it; each with who did it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any

from crm_core.audit import service as audit
from crm_core.customers.intake import queries
from crm_core.customers.intake.events import IntakeChanged
from crm_core.customers.intake.kinds import OPEN, EntryState
from crm_core.customers.intake.models import Registration, RegistrationEntry
from crm_core.customers.intake.rules import (
    SheetInput,
    business_day,
    checked_reason,
    checked_sheets,
    checked_stack,
    source_word,
)
from crm_core.db.uow import UnitOfWork
from crm_core.kernel.errors import Conflict, Denied, Rejected
from crm_core.kernel.ids import new_id
from crm_core.organization import queries as organization
from crm_core.organization.access import Action, Actor

_SUBJECT = "registration_entry"


async def hand_in(
    uow: UnitOfWork,
    fields: Mapping[str, Any],
    entries: Sequence[SheetInput] = (),
    *,
    sheets: int | None = None,
    by: Actor,
    zone: tzinfo,
) -> Registration:
    """Puts a stack into the queue. ``fields``: handed_in_by_id, handed_in_at, department_id, collected_by,
    collected_at, source, remarks; what is not said is the one who hands in, his department, and now.

    Raises Rejected with the wrong fields, Denied for a department out of reach.
    """
    by.require(Action.INTAKE_HAND_IN)
    number = sheets if sheets is not None else max(1, len(entries))
    values = checked_stack(fields, number)
    rows = checked_sheets(entries, number)
    values |= await _people(uow, fields, by)
    values["source"] = source_word(values["source"], (await organization.preferences(uow.session)).sources)
    now = uow.clock.now()
    at = _handed_in_at(fields.get("handed_in_at"), now)
    stack = Registration(
        id=new_id(),
        sheets=number,
        handed_in_at=at,
        business_day=business_day(at, zone),
        collected_at=fields.get("collected_at"),
        registered_by_id=by.user_id,
        registered_at=now,
        **values,
    )
    uow.session.add(stack)
    await uow.session.flush()
    uow.session.add_all(_sheet(stack, place, row) for place, row in enumerate(rows, 1))
    await uow.session.flush()
    audit.record(uow, by, "intake.hand_in", "registration", stack.id, {"sheets": number})
    _tell(uow, stack, "handed_in", by)
    return stack


def _tell(uow: UnitOfWork, stack: Registration, what: str, by: Actor) -> None:
    """Who looks at the queue sees it at once."""
    uow.emit(
        IntakeChanged(registration_id=stack.id, department_id=stack.department_id, what=what, by_user_id=by.user_id)
    )


async def _note(
    uow: UnitOfWork, sheet: RegistrationEntry, what: str, by: Actor, more: dict[str, Any] | None = None
) -> None:
    """On record and told: what happened to a sheet."""
    audit.record(uow, by, f"intake.{what}", _SUBJECT, sheet.id, more)
    _tell(uow, await uow.session.get_one(Registration, sheet.registration_id), what, by)


def _sheet(stack: Registration, position: int, row: SheetInput) -> RegistrationEntry:
    return RegistrationEntry(
        id=new_id(),
        registration_id=stack.id,
        handed_in_at=stack.handed_in_at,
        position=position,
        name=row.name,
        phone=row.phone,
        note=row.note,
        state=EntryState.WAITING,
    )


def _handed_in_at(given: datetime | None, now: datetime) -> datetime:
    """Sheets from the field may be written down later than they were handed in, never before."""
    if given is not None and given > now + timedelta(minutes=5):
        raise Rejected(
            "registration_invalid", "It cannot be handed in later than now.", errors={"handed_in_at": "in the future"}
        )
    return given or now


async def _people(uow: UnitOfWork, fields: Mapping[str, Any], by: Actor) -> dict[str, Any]:
    """Who brought it, who collected it, whose department: one fits the other and is within reach."""
    bringer_id = fields.get("handed_in_by_id") or by.user_id
    department_id, name = by.department_id, by.display_name or by.name
    if bringer_id is not None and bringer_id != by.user_id:
        bringer = await organization.user_by_id(uow.session, bringer_id)
        department_id, name = bringer.department_id, bringer.display_name
    right, wished = Action.INTAKE_HAND_IN, fields.get("department_id") or department_id
    his = by.reaches(right, owner_id=bringer_id, department_id=department_id)
    if not his or (wished != department_id and not by.reaches(right, owner_id=None, department_id=wished)):
        raise Denied("registration_out_of_reach", "You may not hand in sheets for this person or department.")
    department_id = wished
    found: dict[str, Any] = {"handed_in_by_id": bringer_id, "department_id": department_id}
    if not str(fields.get("collected_by") or "").strip():
        found["collected_by"] = name
    return found


async def attach_scan(uow: UnitOfWork, registration_id: int, scan_id: int, *, by: Actor) -> int | None:
    """Keeps the file of the scanned sheets with the stack; says which file it replaces."""
    stack = await queries.stack_to_change(uow.session, by, registration_id)
    before, stack.scan_id = stack.scan_id, scan_id
    audit.record(uow, by, "intake.scan", "registration", stack.id)
    _tell(uow, stack, "scan", by)
    return before


async def claim_next(uow: UnitOfWork, *, by: Actor) -> RegistrationEntry | None:
    """Gives the clerk the oldest waiting sheet, his unfinished one first; None when nothing waits."""
    now = uow.clock.now()
    sheet = await queries.next_to_enter(uow.session, by, now)
    if sheet is not None:
        await _lease(uow, sheet, by, now)
    return sheet


async def claim(uow: UnitOfWork, entry_id: int, *, by: Actor) -> RegistrationEntry:
    """Takes this sheet, or keeps it longer. Raises Conflict while a colleague has it or when it is finished."""
    sheet = await _open_sheet(uow, entry_id, by)
    await _lease(uow, sheet, by, uow.clock.now())
    return sheet


async def _lease(uow: UnitOfWork, sheet: RegistrationEntry, by: Actor, now: datetime) -> None:
    minutes = (await organization.preferences(uow.session)).intake.lease_minutes
    if sheet.claimed_by_id != by.user_id:
        await _note(uow, sheet, "claim", by)
    sheet.claimed_by_id, sheet.claimed_until = by.user_id, now + timedelta(minutes=minutes)
    sheet.state = EntryState.WAITING
    await uow.session.flush()


async def release(uow: UnitOfWork, entry_id: int, *, by: Actor) -> RegistrationEntry:
    """Puts the sheet back in its place in the queue."""
    sheet = await _open_sheet(uow, entry_id, by)
    sheet.claimed_by_id = sheet.claimed_until = None
    sheet.state, sheet.reason = EntryState.WAITING, None
    await _note(uow, sheet, "release", by)
    return sheet


async def enter(
    uow: UnitOfWork, entry_id: int, customer_id: int, *, existed: bool = False, by: Actor
) -> RegistrationEntry:
    """The sheet is in the base now, as this customer; ``existed``: he was known and the sheet was added to him.

    The caller has made sure that the clerk may see the customer.
    """
    sheet = await _open_sheet(uow, entry_id, by)
    sheet.customer_id, sheet.existed, sheet.reason = customer_id, existed, None
    _finish(uow, sheet, EntryState.DONE, by)
    await _note(uow, sheet, "enter", by, {"customer_id": customer_id, "existed": existed})
    return sheet


async def park(uow: UnitOfWork, entry_id: int, reason: str, *, by: Actor) -> RegistrationEntry:
    """Lays the sheet aside until what is missing is known; it stays in the backlog."""
    sheet = await _open_sheet(uow, entry_id, by)
    sheet.reason, sheet.state = checked_reason(reason), EntryState.PARKED
    sheet.claimed_by_id = sheet.claimed_until = None
    await _note(uow, sheet, "park", by, {"reason": sheet.reason})
    return sheet


async def reject(uow: UnitOfWork, entry_id: int, reason: str, *, by: Actor) -> RegistrationEntry:
    """The sheet is not entered; whoever collected it reads why."""
    sheet = await _open_sheet(uow, entry_id, by)
    sheet.reason = checked_reason(reason)
    _finish(uow, sheet, EntryState.REJECTED, by)
    await _note(uow, sheet, "reject", by, {"reason": sheet.reason})
    return sheet


def _finish(uow: UnitOfWork, sheet: RegistrationEntry, state: EntryState, by: Actor) -> None:
    """The clerk's signature."""
    sheet.state, sheet.finished_by_id, sheet.finished_at = state, by.user_id, uow.clock.now()
    sheet.claimed_by_id = sheet.claimed_until = None


async def _open_sheet(uow: UnitOfWork, entry_id: int, by: Actor) -> RegistrationEntry:
    """Raises Conflict ``entry_finished`` or ``entry_taken``, NotFound."""
    sheet = await queries.entry_to_change(uow.session, by, entry_id)
    if sheet.state not in OPEN:
        raise Conflict("entry_finished", "This sheet is finished already.")
    held = sheet.claimed_until is not None and sheet.claimed_until > uow.clock.now()
    if held and sheet.claimed_by_id not in (None, by.user_id):
        names = await organization.names_of(uow.session, [sheet.claimed_by_id or 0])
        name, shown = names.get(sheet.claimed_by_id or 0, ("", ""))
        raise Conflict("entry_taken", f"{shown or name} enters this sheet already.", extra={"by": name, "name": shown})
    return sheet
