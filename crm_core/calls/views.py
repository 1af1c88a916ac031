"""Calls as others see them: plain values with all that a list, a card or the API shows, masked for who asks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crm_core.calls.facts import CallState, CallStatus, Certainty, Direction, EndedBy, LegOutcome, Transfer
from crm_core.calls.models import RecordingState


@dataclass(frozen=True, slots=True)
class Reference:
    """Another object by id and by the name people know it by."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class LegView:
    id: int
    extension: str
    user_id: int | None
    rang_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    outcome: LegOutcome | None
    talk_seconds: float | None
    hold_seconds: float | None
    queue: str | None
    transferred_from: str | None


@dataclass(frozen=True, slots=True)
class RecordingView:
    """``seconds`` is None until the file was read."""

    id: int
    call_id: int
    pbx: str
    file: str
    started_at: datetime
    stopped_at: datetime | None
    state: RecordingState
    seconds: float | None
    size: int | None
    pauses: tuple[tuple[float, float | None], ...]


@dataclass(frozen=True, slots=True)
class NoteView:
    id: int
    at: datetime
    author: str | None
    text: str


@dataclass(frozen=True, slots=True)
class CallView:
    """One call. Numbers of the customer are masked already when the asker's role says so."""

    id: int
    pbx: str
    uniqueid: str
    direction: Direction
    state: CallState
    status: CallStatus | None
    caller_number: str | None
    caller_name: str | None
    called_number: str | None
    customer_number: str | None
    customer: Reference | None
    owner: Reference | None
    queue: str | None
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    wait_seconds: float | None
    talk_seconds: float | None
    hold_seconds: float | None
    agents: tuple[str, ...]
    transferred: Transfer | None
    ended_by: EndedBy | None
    certainty: Certainty
    progress: int | None
    disposition: str | None
    next_at: datetime | None
    claimed_by: Reference | None
    claimed_at: datetime | None
    returned_at: datetime | None
    legs: tuple[LegView, ...] = ()
    recordings: tuple[RecordingView, ...] = ()


@dataclass(frozen=True, slots=True)
class CallDetail:
    """One call with its notes, the queues it went through and its times on hold."""

    call: CallView
    notes: tuple[NoteView, ...]
    queues: tuple[dict[str, Any], ...]
    holds: tuple[dict[str, Any], ...]
