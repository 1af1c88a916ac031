"""A call as JSON: the words of the contract, the same in the list, in the detail and wherever else a call is shown."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo
from typing import Any

from typing_extensions import TypedDict

from crm_core.calls.facts import CallState, CallStatus, Certainty, Direction, EndedBy, LegOutcome, Transfer
from crm_core.calls.models import RecordingState
from crm_core.calls.rules import unpack_events
from crm_core.calls.views import CallDetail, CallView, LegView, NoteView, RecordingView, Reference
from crm_core.kernel import ids
from web.api.values import Id, Seconds, Time, time_text

# What every event repeats and nobody asks for.
_NOISE = frozenset({"Event", "Timestamp", "Privilege", "SystemName", "File", "Line", "Func", "SequenceNumber"})


class ReferenceAnswer(TypedDict):
    id: Id
    name: str


class LegAnswer(TypedDict):
    """One ring of one extension; `outcome` is null while it rings."""

    extension: str
    rang_at: Time | None
    answered_at: Time | None
    ended_at: Time | None
    outcome: LegOutcome | None
    talk_seconds: Seconds | None
    hold_seconds: Seconds | None
    queue: str | None
    transferred_from: str | None


class RecordingAnswer(TypedDict):
    """`seconds` is null until the file was read."""

    id: Id
    seconds: Seconds | None
    state: RecordingState
    started_at: Time


class CallAnswer(TypedDict):
    """One customer's contact from its first channel to its last; `status` is null while it is not known."""

    id: Id
    pbx: str
    direction: Direction
    state: CallState
    status: CallStatus | None
    caller_number: str | None
    caller_name: str | None
    called_number: str | None
    customer_number: str | None
    customer: ReferenceAnswer | None
    owner: ReferenceAnswer | None
    queue: str | None
    started_at: Time
    answered_at: Time | None
    ended_at: Time | None
    wait_seconds: Seconds | None
    talk_seconds: Seconds | None
    hold_seconds: Seconds | None
    agents: list[str]
    transferred: Transfer | None
    ended_by: EndedBy | None
    progress: int | None
    disposition: str | None
    next_at: Time | None
    claimed_by: ReferenceAnswer | None
    claimed_at: Time | None
    returned_at: Time | None
    legs: list[LegAnswer]
    recordings: list[RecordingAnswer]
    certainty: Certainty


class NoteAnswer(TypedDict):
    id: Id
    at: Time
    author: str | None
    text: str


class QueueAnswer(TypedDict):
    """One stay in one queue; `outcome` is answered, abandoned, timeout or left."""

    queue: str
    joined_at: Time | None
    left_at: Time | None
    wait_seconds: Seconds | None
    outcome: str | None


class HoldAnswer(TypedDict):
    """Time on hold, parked or in consultation."""

    kind: str
    started_at: Time | None
    ended_at: Time | None
    seconds: Seconds | None
    by: str | None


class PbxEventAnswer(TypedDict):
    """One event of the PBX that made the call what it is; repeated headers stand on lines of their own."""

    at: Time | None
    event: str
    fields: dict[str, str]


class CallDetailAnswer(CallAnswer):
    """A call with everything; `explain` is null for those who may not see the PBX's events."""

    queues: list[QueueAnswer]
    holds: list[HoldAnswer]
    notes: list[NoteAnswer]
    explain: list[PbxEventAnswer] | None


def call_answer(call: CallView, zone: tzinfo) -> CallAnswer:
    return {
        "id": ids.show(call.id),
        "pbx": call.pbx,
        "direction": call.direction,
        "state": call.state,
        "status": call.status,
        "caller_number": call.caller_number,
        "caller_name": call.caller_name,
        "called_number": call.called_number,
        "customer_number": call.customer_number,
        "customer": reference(call.customer),
        "owner": reference(call.owner),
        "queue": call.queue,
        "started_at": time_text(call.started_at, zone) or "",
        "answered_at": time_text(call.answered_at, zone),
        "ended_at": time_text(call.ended_at, zone),
        "wait_seconds": call.wait_seconds,
        "talk_seconds": call.talk_seconds,
        "hold_seconds": call.hold_seconds,
        "agents": list(call.agents),
        "transferred": call.transferred,
        "ended_by": call.ended_by,
        "progress": call.progress,
        "disposition": call.disposition,
        "next_at": time_text(call.next_at, zone),
        "claimed_by": reference(call.claimed_by),
        "claimed_at": time_text(call.claimed_at, zone),
        "returned_at": time_text(call.returned_at, zone),
        "legs": [_leg(leg, zone) for leg in call.legs],
        "recordings": [_recording(recording, zone) for recording in call.recordings],
        "certainty": call.certainty,
    }


def detail_answer(detail: CallDetail, chunks: Iterable[bytes] | None, zone: tzinfo) -> CallDetailAnswer:
    """``chunks`` are the journal's; None when the asker may not see them."""
    return {
        **call_answer(detail.call, zone),
        "queues": [_queue(visit, zone) for visit in detail.queues],
        "holds": [_hold(span, zone) for span in detail.holds],
        "notes": [note_answer(note, zone) for note in detail.notes],
        "explain": None if chunks is None else _explain(chunks, zone),
    }


def reference(other: Reference | None) -> ReferenceAnswer | None:
    return None if other is None else {"id": ids.show(other.id), "name": other.name}


def note_answer(note: NoteView, zone: tzinfo) -> NoteAnswer:
    return {
        "id": ids.show(note.id),
        "at": time_text(note.at, zone) or "",
        "author": note.author,
        "text": note.text,
    }


def _leg(leg: LegView, zone: tzinfo) -> LegAnswer:
    return {
        "extension": leg.extension,
        "rang_at": time_text(leg.rang_at, zone),
        "answered_at": time_text(leg.answered_at, zone),
        "ended_at": time_text(leg.ended_at, zone),
        "outcome": leg.outcome,
        "talk_seconds": leg.talk_seconds,
        "hold_seconds": leg.hold_seconds,
        "queue": leg.queue,
        "transferred_from": leg.transferred_from,
    }


def _recording(recording: RecordingView, zone: tzinfo) -> RecordingAnswer:
    return {
        "id": ids.show(recording.id),
        "seconds": recording.seconds,
        "state": recording.state,
        "started_at": time_text(recording.started_at, zone) or "",
    }


def _queue(visit: dict[str, Any], zone: tzinfo) -> QueueAnswer:
    joined, left = visit.get("joined_at"), visit.get("left_at")
    return {
        "queue": visit["queue"],
        "joined_at": _epoch_text(joined, zone),
        "left_at": _epoch_text(left, zone),
        "wait_seconds": _span(joined, left),
        "outcome": visit.get("outcome"),
    }


def _hold(span: dict[str, Any], zone: tzinfo) -> HoldAnswer:
    started, ended = span.get("started_at"), span.get("ended_at")
    return {
        "kind": span["kind"],
        "started_at": _epoch_text(started, zone),
        "ended_at": _epoch_text(ended, zone),
        "seconds": _span(started, ended),
        "by": span.get("by"),
    }


def _explain(chunks: Iterable[bytes], zone: tzinfo) -> list[PbxEventAnswer]:
    return [_event(headers, zone) for chunk in chunks for headers in unpack_events(chunk)]


def _event(headers: list[tuple[str, str]], zone: tzinfo) -> PbxEventAnswer:
    fields: dict[str, str] = {}
    at, name = None, ""
    for key, value in headers:
        if key == "Timestamp":
            at = value
        elif key == "Event":
            name = value
        elif key not in _NOISE and value:
            fields[key] = f"{fields[key]}\n{value}" if key in fields else value
    return {"at": _epoch_text(at, zone), "event": name, "fields": fields}


def _epoch_text(seconds: float | str | None, zone: tzinfo) -> str | None:
    try:
        return None if seconds is None else time_text(datetime.fromtimestamp(float(seconds), UTC), zone)
    except (ValueError, OverflowError, OSError):
        return None  # the PBX's text is shown elsewhere; a time that is none is simply not known


def _span(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else max(0.0, round(end - start, 6))
