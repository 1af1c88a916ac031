"""Stores what the tracker knows: calls, legs and recordings of a batch in a few statements, whatever its size.

The recorder owns these columns; what agents enter (progress, disposition, claims, chosen customer) is never touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, case, delete, func, or_, update

from crm_core.calls import recorder_queries, rules
from crm_core.calls.events import CallEnded, CallMissed
from crm_core.calls.facts import CallFacts, CallState, CallStatus
from crm_core.calls.models import WAITS, Call, CallParty, Leg, Recording, RecordingState
from crm_core.calls.recorder_queries import StoredCall
from crm_core.customers.lookup_queries import only_customer_of
from crm_core.db.uow import UnitOfWork
from crm_core.db.upsert import Excluded, table_of, upsert
from crm_core.kernel.clock import from_epoch
from crm_core.kernel.phone import recognise
from crm_core.organization import queries as organization_queries
from crm_core.organization.queries import ExtensionUser

Directory = Mapping[tuple[str, str], ExtensionUser]
_BATCH = 500  # keeps every statement far below both databases' limit of parameters

_calls, _legs = table_of(Call), table_of(Leg)
_recordings, _parties = table_of(Recording), table_of(CallParty)
_UNSEEN = (RecordingState.RECORDING, RecordingState.PENDING)
_TELEPHONY = [
    "pbx",
    "uniqueid",
    "direction",
    "state",
    "status",
    "caller_number",
    "caller_name",
    "called_number",
    "customer_number",
    "customer_e164",
    "queue",
    "started_at",
    "answered_at",
    "ended_at",
    "wait_seconds",
    "talk_seconds",
    "hold_seconds",
    "agents",
    "transferred",
    "ended_by",
    "certainty",
    "queues",
    "holds",
]
_LEG_COLUMNS = [
    "call_id",
    "extension",
    "user_id",
    "channel",
    "rang_at",
    "answered_at",
    "ended_at",
    "outcome",
    "talk_seconds",
    "hold_seconds",
    "queue",
    "transferred_from",
]
_RETURN_MISSED = (
    update(_calls)
    .where(
        _calls.c.customer_e164 == bindparam("number"),
        _calls.c.started_at < bindparam("reached_from"),
        WAITS,
    )
    .values(returned_at=bindparam("reached_at"))
)
_MOVE_PARTIES = update(_parties).where(_parties.c.call_id == bindparam("call")).values(started_at=bindparam("at"))


async def store_calls(
    uow: UnitOfWork, facts: Sequence[CallFacts], *, area_code: str = "", directory: Directory | None = None
) -> None:
    """Inserts or updates these calls with all that belongs to them; the latest facts of a call win.

    ``area_code`` completes local numbers ("021"); ``directory`` saves reading the extensions again when at hand.
    Emits CallEnded and CallMissed for calls that were not stored as ended before.
    """
    latest = {call.id: call for call in facts}
    if not latest:
        return
    people = await organization_queries.extensions(uow.session) if directory is None else directory
    batch = sorted(latest.values(), key=lambda call: call.id)  # one order everywhere: no deadlocks
    for start in range(0, len(batch), _BATCH):
        await _store(uow, batch[start : start + _BATCH], area_code, people)


async def _store(uow: UnitOfWork, batch: Sequence[CallFacts], area_code: str, people: Directory) -> None:
    numbers = {call.id: _e164(call, area_code) for call in batch}
    before = await recorder_queries.stored(uow.session, [call.id for call in batch])
    known = await only_customer_of(uow.session, {n for n in numbers.values() if n})
    rows = [_call_row(call, numbers[call.id], known, people) for call in batch]
    await upsert(uow.session, _calls, rows, keys=["id"], change=_call_change)
    await _store_legs(uow, batch, people, before)
    await _store_parties(uow, batch, people, before)
    await _store_recordings(uow, batch)
    ended = [
        (call, row)
        for call, row in zip(batch, rows, strict=True)
        if call.state is CallState.ENDED and not ((old := before.get(call.id)) and old.ended)
    ]
    await _returned(uow, ended)
    for call, row in ended:
        _announce(uow, call, row, before)


def _e164(call: CallFacts, area_code: str) -> str | None:
    number = recognise(call.customer_number, area_code) if call.customer_number else None
    return number.e164 if number else None


def _text(value: str | None, limit: int) -> str | None:
    """What a line sends may hold anything: no NUL, no broken code points, no longer than the column."""
    if value is None or (value.isascii() and "\0" not in value and len(value) <= limit):
        return value
    return value.replace("\0", "").encode("utf-8", "replace").decode()[:limit]


def _at(seconds: float | None) -> datetime | None:
    return None if seconds is None else from_epoch(seconds)


def _call_row(call: CallFacts, e164: str | None, known: Mapping[str, int], people: Directory) -> dict[str, Any]:
    extension = rules.owner_extension(call)
    owner = people.get((call.pbx, extension)) if extension else None
    return {
        "id": call.id,
        "pbx": call.pbx,
        "uniqueid": _text(call.uniqueid, 150),
        "direction": call.direction,
        "state": call.state,
        "status": call.status,
        "caller_number": _text(call.caller_number, 80),
        "caller_name": _text(call.caller_name, 200),
        "called_number": _text(call.called_number, 80),
        "customer_number": _text(call.customer_number, 80),
        "customer_e164": e164,
        "customer_id": known.get(e164) if e164 else None,
        "owner_id": owner.user_id if owner else None,
        "department_id": owner.department_id if owner else None,
        "queue": _text(call.queue, 80),
        "started_at": from_epoch(call.started_at),
        "answered_at": _at(call.answered_at),
        "ended_at": _at(call.ended_at),
        "wait_seconds": call.wait_seconds,
        "talk_seconds": call.talk_seconds,
        "hold_seconds": call.hold_seconds,
        "agents": [_text(extension, 40) for extension in call.agents],
        "transferred": call.transferred,
        "ended_by": call.ended_by,
        "certainty": call.certainty,
        "queues": [
            {"queue": _text(v.queue, 80), "joined_at": v.joined_at, "left_at": v.left_at, "outcome": v.outcome}
            for v in call.queues
        ],
        "holds": [
            {"kind": h.kind, "started_at": h.started_at, "ended_at": h.ended_at, "by": _text(h.by, 40)}
            for h in call.holds
        ],
    }


def _call_change(new: Excluded) -> dict[str, Any]:
    changed: dict[str, Any] = {name: new[name] for name in _TELEPHONY}
    # A person's choice of customer stands; an owner is replaced, never wiped out.
    changed["customer_id"] = func.coalesce(_calls.c.customer_id, new.customer_id)
    changed["owner_id"] = func.coalesce(new.owner_id, _calls.c.owner_id)
    changed["department_id"] = case((new.owner_id.is_not(None), new.department_id), else_=_calls.c.department_id)
    return changed


async def _store_legs(
    uow: UnitOfWork, batch: Sequence[CallFacts], people: Directory, before: Mapping[int, StoredCall]
) -> None:
    rows = [_leg_row(call, leg, people) for call in batch for leg in call.legs]
    await upsert(uow.session, _legs, rows, keys=["id"], change=_leg_change)
    # A ring that later events explain away (a trunk after all, a part of another leg) must not stay.
    stored = await recorder_queries.leg_ids(uow.session, list(before)) if before else []
    current = {row["id"] for row in rows}
    if stale := [leg for leg in stored if leg not in current]:
        await uow.session.execute(delete(_legs).where(_legs.c.id.in_(stale)))


def _leg_change(new: Excluded) -> dict[str, Any]:
    return {name: new[name] for name in _LEG_COLUMNS}


def _leg_row(call: CallFacts, leg: Any, people: Directory) -> dict[str, Any]:
    user = people.get((call.pbx, leg.extension))
    return {
        "id": leg.id,
        "call_id": call.id,
        "extension": _text(leg.extension, 40),
        "user_id": user.user_id if user else None,
        "channel": _text(leg.channel, 200),
        "rang_at": _at(leg.rang_at),
        "answered_at": _at(leg.answered_at),
        "ended_at": _at(leg.ended_at),
        "outcome": leg.outcome,
        "talk_seconds": leg.talk_seconds,
        "hold_seconds": leg.hold_seconds,
        "queue": _text(leg.queue, 80),
        "transferred_from": _text(leg.transferred_from, 40),
    }


async def _store_parties(
    uow: UnitOfWork, batch: Iterable[CallFacts], people: Directory, before: Mapping[int, StoredCall]
) -> None:
    rows = []
    for call in batch:
        for party in rules.parties(call):
            user = people.get((call.pbx, party.extension))
            rows.append(
                {
                    "call_id": call.id,
                    "extension": _text(party.extension, 40),
                    "user_id": user.user_id if user else None,
                    "started_at": from_epoch(call.started_at),
                    "as_agent": party.as_agent,
                    "spoke_at": _at(party.spoke_at),
                    "talk_seconds": party.talk_seconds,
                }
            )
    await upsert(uow.session, _parties, rows, keys=["call_id", "extension"], change=_party_change)
    moved = [
        {"call": call.id, "at": from_epoch(call.started_at)}
        for call in batch
        if (old := before.get(call.id)) and old.started_at != from_epoch(call.started_at)
    ]
    if moved:
        # Also of those who only claimed it: their list is walked along this time.
        connection = await uow.session.connection()
        await connection.execute(_MOVE_PARTIES, moved)


def _party_change(new: Excluded) -> dict[str, Any]:
    return {
        "as_agent": new.as_agent,
        "started_at": new.started_at,
        "spoke_at": new.spoke_at,
        "talk_seconds": new.talk_seconds,
        "user_id": func.coalesce(new.user_id, _parties.c.user_id),
    }


async def _store_recordings(uow: UnitOfWork, batch: Iterable[CallFacts]) -> None:
    rows = [
        {
            "id": recording.id,
            "call_id": call.id,
            "pbx": call.pbx,
            "file": _text(recording.path.replace("\\", "/").rsplit("/", 1)[-1], 255),
            "started_at": from_epoch(recording.started_at),
            "stopped_at": _at(recording.stopped_at),
            "state": RecordingState.RECORDING if recording.stopped_at is None else RecordingState.PENDING,
            "pauses": [list(pause) for pause in recording.pauses],
        }
        for call in batch
        for recording in call.recordings
    ]
    await upsert(uow.session, _recordings, rows, keys=["id"], change=_recording_change)


def _recording_change(new: Excluded) -> dict[str, Any]:
    changed: dict[str, Any] = {name: new[name] for name in ("call_id", "file", "started_at", "stopped_at", "pauses")}
    # Once the file was looked at, what was found stands.
    changed["state"] = case(
        (or_(*(_recordings.c.state == state for state in _UNSEEN)), new.state),
        else_=_recordings.c.state,
    )
    return changed


async def _returned(uow: UnitOfWork, ended: Iterable[tuple[CallFacts, Mapping[str, Any]]]) -> None:
    """Whoever was spoken with, in either direction, need not be called back any more."""
    reached = [
        {"number": row["customer_e164"], "reached_from": row["started_at"], "reached_at": row["answered_at"]}
        for call, row in ended
        if call.status is CallStatus.ANSWERED and row["customer_e164"] and row["answered_at"]
    ]
    if reached:
        connection = await uow.session.connection()
        await connection.execute(_RETURN_MISSED, reached)


def _announce(uow: UnitOfWork, call: CallFacts, row: Mapping[str, Any], before: Mapping[int, StoredCall]) -> None:
    old = before.get(call.id)
    customer_id = (old.customer_id if old else None) or row["customer_id"]
    uow.emit(
        CallEnded(
            call_id=call.id,
            pbx=call.pbx,
            direction=call.direction,
            status=call.status,
            customer_id=customer_id,
            customer_e164=row["customer_e164"],
            owner_id=row["owner_id"],
            queue=row["queue"],
            started_at=row["started_at"].isoformat(),
            ended_at=row["ended_at"].isoformat() if row["ended_at"] else None,
            talk_seconds=call.talk_seconds,
        )
    )
    if rules.is_missed(call):
        uow.emit(
            CallMissed(
                call_id=call.id,
                pbx=call.pbx,
                status=str(call.status),
                customer_id=customer_id,
                customer_e164=row["customer_e164"],
                queue=row["queue"],
                started_at=row["started_at"].isoformat(),
            )
        )
