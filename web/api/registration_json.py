"""Registrations, their sheets and the backlog as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo

from typing_extensions import TypedDict

from crm_core.customers.intake.kinds import EntryState
from crm_core.customers.intake.views import BacklogRow, ClerkDay, Clock, EntryView, NumberToVerify, RegistrationView
from crm_core.customers.kinds import PhoneKind, PhoneState
from crm_core.kernel import ids
from web.api.values import Day, Id, Time, day_text, time_text


class EntryCustomer(TypedDict):
    id: Id
    account_number: str | None


class EntryAnswer(TypedDict):
    """One sheet; `claimed_by` while a clerk has it, `existed` when its customer was known already."""

    id: Id
    registration_id: Id
    position: int
    name: str | None
    phone: str | None
    masked: bool
    note: str | None
    state: EntryState
    claimed_by: str | None
    claimed_until: Time | None
    reason: str | None
    customer: EntryCustomer | None
    existed: bool
    finished_by: str | None
    finished_at: Time | None


class CountsAnswer(TypedDict):
    waiting: int
    parked: int
    done: int
    rejected: int


class RegistrationAnswer(TypedDict):
    """Sheets handed in together; all of them are to be entered on `due_on`."""

    id: Id
    sheets: int
    handed_in_at: Time
    handed_in_by: str | None
    collected_by: str
    collected_at: Day | None
    department: str | None
    source: str | None
    remarks: str | None
    scanned: bool
    registered_by: str | None
    registered_at: Time
    due_on: Day
    overdue: bool
    counts: CountsAnswer


class RegistrationDetail(RegistrationAnswer):
    entries: list[EntryAnswer]


class BacklogLine(TypedDict):
    day: Day
    due_on: Day
    overdue: bool
    department: str | None
    collected_by: str
    waiting: int
    parked: int
    oldest_at: Time


class ClerkLine(TypedDict):
    clerk: str | None
    created: int
    existed: int
    rejected: int


class ClockAnswer(TypedDict):
    today: Day
    handed_in: int
    finished: int
    waiting: int
    parked: int
    due_today: int
    overdue: int
    oldest_at: Time | None


class BacklogAnswer(TypedDict):
    """Where the day stands, what waits by day, department and collector, and who entered how much today."""

    clock: ClockAnswer
    lines: list[BacklogLine]
    clerks: list[ClerkLine]


class NumberAnswer(TypedDict):
    """A number to verify; `tries` is how often nobody answered."""

    id: Id
    customer: EntryCustomer
    name: str
    number: str
    masked: bool
    kind: PhoneKind
    state: PhoneState
    region: str | None
    carrier: str | None
    do_not_call: bool
    best_time: str | None
    tries: int
    tried_at: Time | None


def registration_answer(view: RegistrationView, zone: tzinfo) -> RegistrationAnswer:
    counts = view.counts
    return {
        "id": ids.show(view.id),
        "sheets": view.sheets,
        "handed_in_at": time_text(view.handed_in_at, zone) or "",
        "handed_in_by": view.handed_in_by,
        "collected_by": view.collected_by,
        "collected_at": day_text(view.collected_at),
        "department": view.department,
        "source": view.source,
        "remarks": view.remarks,
        "scanned": view.scan_id is not None,
        "registered_by": view.registered_by,
        "registered_at": time_text(view.registered_at, zone) or "",
        "due_on": view.due_on.isoformat(),
        "overdue": view.overdue,
        "counts": {
            "waiting": counts.waiting,
            "parked": counts.parked,
            "done": counts.done,
            "rejected": counts.rejected,
        },
    }


def registration_detail(view: RegistrationView, zone: tzinfo) -> RegistrationDetail:
    return {**registration_answer(view, zone), "entries": [entry_answer(one, zone) for one in view.entries]}


def entry_answer(view: EntryView, zone: tzinfo) -> EntryAnswer:
    known = view.customer_id
    return {
        "id": ids.show(view.id),
        "registration_id": ids.show(view.registration_id),
        "position": view.position,
        "name": view.name,
        "phone": view.phone,
        "masked": view.masked,
        "note": view.note,
        "state": view.state,
        "claimed_by": view.claimed_by,
        "claimed_until": time_text(view.claimed_until, zone),
        "reason": view.reason,
        "customer": None if known is None else {"id": ids.show(known), "account_number": view.account_number},
        "existed": view.existed,
        "finished_by": view.finished_by,
        "finished_at": time_text(view.finished_at, zone),
    }


def backlog_answer(
    clock: Clock, lines: Sequence[BacklogRow], clerks: Sequence[ClerkDay], zone: tzinfo
) -> BacklogAnswer:
    return {
        "clock": {
            "today": clock.today.isoformat(),
            "handed_in": clock.handed_in,
            "finished": clock.finished,
            "waiting": clock.waiting,
            "parked": clock.parked,
            "due_today": clock.due_today,
            "overdue": clock.overdue,
            "oldest_at": time_text(clock.oldest_at, zone),
        },
        "lines": [_line(line, zone) for line in lines],
        "clerks": [
            {"clerk": one.clerk, "created": one.created, "existed": one.existed, "rejected": one.rejected}
            for one in clerks
        ],
    }


def _line(line: BacklogRow, zone: tzinfo) -> BacklogLine:
    return {
        "day": line.business_day.isoformat(),
        "due_on": line.due_on.isoformat(),
        "overdue": line.overdue,
        "department": line.department,
        "collected_by": line.collected_by,
        "waiting": line.waiting,
        "parked": line.parked,
        "oldest_at": time_text(line.oldest_at, zone) or "",
    }


def number_answer(view: NumberToVerify, zone: tzinfo) -> NumberAnswer:
    return {
        "id": ids.show(view.phone_id),
        "customer": {"id": ids.show(view.customer_id), "account_number": view.account_number},
        "name": view.customer,
        "number": view.number,
        "masked": view.masked,
        "kind": view.kind,
        "state": view.state,
        "region": view.region,
        "carrier": view.carrier,
        "do_not_call": view.do_not_call,
        "best_time": view.best_time,
        "tries": view.tries,
        "tried_at": time_text(view.tried_at, zone),
    }
