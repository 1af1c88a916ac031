"""What people do to calls: notes, progress, results, claims of missed calls, whose call it was."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Final

from crm_core.audit import service as audit
from crm_core.calls import missed_queries, queries, rules
from crm_core.calls.events import CallLinked, CallProgressed, MissedCallClaimed
from crm_core.calls.facts import Direction
from crm_core.calls.models import Call, CallNote, CallParty, NumberChoice
from crm_core.customers import lookup_queries
from crm_core.customers.queries import no_customer
from crm_core.customers.service import checked_note, checked_reason
from crm_core.db.uow import UnitOfWork
from crm_core.db.upsert import Excluded, table_of, upsert
from crm_core.kernel.errors import Conflict, Denied, Rejected
from crm_core.kernel.ids import new_id, show
from crm_core.organization import queries as organization_queries
from crm_core.organization.access import Action, Actor, Scope


class _Keep(Enum):
    KEEP = 0


KEEP: Final = _Keep.KEEP  # "leave it as it is", where None means "take it away"
_LONGEST_DISPOSITION = 40
_choices, _parties = table_of(NumberChoice), table_of(CallParty)


async def reveal_number(uow: UnitOfWork, call_id: int, *, reason: str, by: Actor) -> str | None:
    """The customer's whole number for one who sees it masked; the audit keeps who, when and why.

    Raises NotFound when the right does not reach the call, Rejected without a reason.
    """
    call = await queries.call_to_change(uow.session, by, call_id, Action.CUSTOMER_REVEAL)
    why = checked_reason(reason)
    audit.record(uow, by, "call.reveal_number", "call", call.id, {"reason": why})
    return call.customer_number or (call.caller_number if call.direction is Direction.INBOUND else call.called_number)


async def add_note(uow: UnitOfWork, call_id: int, text: str, *, by: Actor) -> CallNote:
    """Raises NotFound when the call is out of reach, Rejected for an empty note."""
    call = await queries.call_to_change(uow.session, by, call_id, Action.CALL_NOTE)
    note = CallNote(id=new_id(), call_id=call.id, at=uow.clock.now(), author_id=by.user_id, text=checked_note(text))
    uow.session.add(note)
    audit.record(uow, by, "call.note", "call", call.id)
    return note


async def write_up(
    uow: UnitOfWork,
    call_id: int,
    *,
    by: Actor,
    note: str = "",
    progress: int | _Keep | None = KEEP,
    disposition: str | _Keep | None = KEEP,
    next_at: datetime | _Keep | None = KEEP,
) -> Call:
    """Everything that the desk saves with one click; what is KEEP stays as it is."""
    call = await queries.call_to_change(uow.session, by, call_id, Action.CALL_NOTE)
    if progress is not KEEP:
        _progressed(uow, call, rules.checked_progress(progress), by)
    if disposition is not KEEP and disposition != call.disposition:
        _set(uow, call, "disposition", _checked_disposition(disposition), by)
    if next_at is not KEEP and next_at != call.next_at:
        if next_at is not None and next_at.tzinfo is None:
            raise Rejected("next_at_invalid", "The time needs an offset.", errors={"next_at": "needs an offset"})
        _set(uow, call, "next_at", next_at, by)
    if note.strip():
        await add_note(uow, call.id, note, by=by)
    return call


async def set_progress(uow: UnitOfWork, call_id: int, progress: int | None, *, by: Actor) -> Call:
    """15, 50, 75, 100 or None; the audit keeps every step. Raises Rejected for another value."""
    return await write_up(uow, call_id, by=by, progress=progress)


async def set_disposition(
    uow: UnitOfWork,
    call_id: int,
    disposition: str | None,
    *,
    by: Actor,
    next_at: datetime | _Keep | None = KEEP,
) -> Call:
    """The result of the call and, when given, when to contact the customer again."""
    return await write_up(uow, call_id, by=by, disposition=disposition, next_at=next_at)


def _progressed(uow: UnitOfWork, call: Call, progress: int | None, by: Actor) -> None:
    before = call.progress
    if progress == before:
        return
    _set(uow, call, "progress", progress, by)
    uow.emit(
        CallProgressed(
            call_id=call.id, customer_id=call.customer_id, by_user_id=by.user_id, before=before, progress=progress
        )
    )


def _set(uow: UnitOfWork, call: Call, name: str, value: int | str | datetime | None, by: Actor) -> None:
    old = getattr(call, name)
    setattr(call, name, value)
    audit.record(uow, by, f"call.{name}", "call", call.id, {"old": _plain(old), "new": _plain(value)})


def _plain(value: int | str | datetime | None) -> int | str | None:
    return value.isoformat() if isinstance(value, datetime) else value


def _checked_disposition(disposition: str | None) -> str | None:
    plain = (disposition or "").strip()
    if len(plain) > _LONGEST_DISPOSITION or not plain.isprintable():
        raise Rejected("disposition_invalid", "A result is a short code.", errors={"disposition": "too long"})
    return plain or None


async def link_customer(uow: UnitOfWork, call_id: int, customer_id: int, *, by: Actor) -> Call:
    """Says whose call it was; the next pop of this number ranks that customer higher.

    Raises NotFound unless the customer is within reach or has the call's number.
    """
    call = await queries.call_to_change(uow.session, by, call_id, Action.CALL_NOTE)
    match = await lookup_queries.match_of(uow.session, customer_id, call.customer_e164)
    if match is None or not (
        match.e164 == call.customer_e164 is not None
        or by.reaches(Action.CUSTOMER_READ, owner_id=match.owner_id, department_id=match.department_id)
    ):
        raise no_customer()
    before, call.customer_id = call.customer_id, customer_id
    audit.record(
        uow, by, "call.link_customer", "call", call.id, {"old": before and show(before), "new": show(customer_id)}
    )
    uow.emit(CallLinked(call_id=call.id, customer_id=customer_id, by_user_id=by.user_id))
    if call.customer_e164 is not None:
        await _learn(uow, call.customer_e164, customer_id, by)
    return call


async def _learn(uow: UnitOfWork, e164: str, customer_id: int, by: Actor) -> None:
    row = {
        "e164": e164,
        "customer_id": customer_id,
        "times": 1,
        "last_at": uow.clock.now(),
        "last_by_id": by.user_id,
    }
    await upsert(uow.session, _choices, [row], keys=["e164", "customer_id"], change=_once_more)


def _once_more(new: Excluded) -> dict[str, object]:
    return {"times": _choices.c.times + 1, "last_at": new.last_at, "last_by_id": new.last_by_id}


async def claim(uow: UnitOfWork, call_id: int, *, by: Actor) -> Sequence[Call]:
    """Takes a missed call on, with all other open ones of the same caller; one wins, the other hears who did.

    Raises Conflict ``already_claimed`` or ``already_returned``, NotFound.
    """
    calls = await missed_queries.to_return_with(uow.session, by, call_id)
    other = next((c.claimed_by_id for c in calls if c.claimed_by_id not in (None, by.user_id)), None)
    if other is not None:
        names = await organization_queries.names_of(uow.session, [other])
        name, shown = names.get(other, ("", ""))
        raise Conflict("already_claimed", f"{shown or name} calls back already.", extra={"by": name, "name": shown})
    for call in calls:
        call.claimed_by_id, call.claimed_at = by.user_id, uow.clock.now()
    rows = [
        {
            "call_id": call.id,
            "extension": (by.extension or by.name)[:40],
            "user_id": by.user_id,
            "started_at": call.started_at,
            "as_agent": False,
        }
        for call in calls
    ]
    await uow.session.flush()
    await upsert(uow.session, _parties, rows, keys=["call_id", "extension"])
    audit.record(uow, by, "call.claim", "call", call_id)
    uow.emit(MissedCallClaimed(call_id=call_id, by_user_id=by.user_id or 0))
    return calls


async def release(uow: UnitOfWork, call_id: int, *, by: Actor) -> Sequence[Call]:
    """Gives a claimed call back to the list; one's own, or anybody's for those who lead."""
    calls = await missed_queries.to_return_with(uow.session, by, call_id)
    leads = by.scope(Action.CALL_NOTE) >= Scope.DEPARTMENT
    if not leads and any(call.claimed_by_id not in (None, by.user_id) for call in calls):
        raise Denied("not_your_claim", "Somebody else has taken this call on.")
    for call in calls:
        call.claimed_by_id = call.claimed_at = None
    audit.record(uow, by, "call.release", "call", call_id)
    return calls


async def mark_returned(uow: UnitOfWork, call_id: int, *, by: Actor) -> Sequence[Call]:
    """Takes the caller off the list; a call in which he was reached does so by itself."""
    calls = await missed_queries.to_return_with(uow.session, by, call_id)
    for call in calls:
        call.returned_at = uow.clock.now()
    audit.record(uow, by, "call.returned", "call", call_id)
    return calls
