"""What is known of a call, as plain values: the tracker makes them, the recorder stores them, the API shows them.

Pure: no database, no clock. Instants are epoch seconds of the PBX's own clock, durations are seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Direction(StrEnum):
    """Where the first channel came from and whether a trunk was involved at all."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"
    INTERNAL = "internal"


class CallStatus(StrEnum):
    """How a call went, in the words of the public contract; a live call has none until it is known."""

    ANSWERED = "answered"
    ABANDONED = "abandoned"
    MISSED = "missed"
    BUSY = "busy"
    FAILED = "failed"
    SELF_SERVED = "self_served"
    CANCELLED = "cancelled"


class CallState(StrEnum):
    """What a call is doing right now."""

    NEW = "new"
    QUEUED = "queued"
    RINGING = "ringing"
    TALKING = "talking"
    HELD = "held"
    ENDED = "ended"


class LegOutcome(StrEnum):
    """How one ring of one extension ended."""

    ANSWERED = "answered"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    DECLINED = "declined"
    ANSWERED_ELSEWHERE = "answered_elsewhere"
    CANCELLED = "cancelled"
    FAILED = "failed"
    LISTENED = "listened"


class Transfer(StrEnum):
    BLIND = "blind"
    ATTENDED = "attended"


class EndedBy(StrEnum):
    CALLER = "caller"
    CALLED = "called"
    PBX = "pbx"


class Certainty(StrEnum):
    COMPLETE = "complete"
    GAP = "gap"


@dataclass(frozen=True, slots=True)
class LegFacts:
    """One ring of one extension. ``outcome`` is None while it rings; unknown times are None."""

    id: int
    channel: str
    extension: str
    rang_at: float | None
    answered_at: float | None = None
    ended_at: float | None = None
    outcome: LegOutcome | None = None
    talk_seconds: float | None = 0.0
    hold_seconds: float | None = 0.0
    queue: str | None = None
    transferred_from: str | None = None


@dataclass(frozen=True, slots=True)
class QueueVisit:
    """One stay of the caller in one queue; ``outcome`` is answered, abandoned, timeout or left."""

    queue: str
    joined_at: float
    left_at: float | None = None
    outcome: str | None = None


@dataclass(frozen=True, slots=True)
class HoldSpan:
    """Time on hold, parked or in consultation; ``kind`` says which; ``by`` is the extension that did it."""

    kind: str
    started_at: float
    ended_at: float | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True)
class RecordingFacts:
    """One recording file as the PBX named it; ``pauses`` are (from, to) epoch seconds."""

    id: int
    path: str
    started_at: float
    stopped_at: float | None = None
    pauses: tuple[tuple[float, float | None], ...] = ()


@dataclass(frozen=True, slots=True)
class AgentTalk:
    """What one extension spoke with the customer in all, whether it rang (its legs say the same) or began the call."""

    extension: str
    since: float
    talk_seconds: float | None


@dataclass(frozen=True, slots=True)
class CallFacts:
    """A whole call as far as known; field meanings are those of the public contract.

    ``id`` follows from the PBX name, the first channel's uniqueid and its start: same events, same id.
    ``customer_number`` is the outside side's raw number (None for internal calls and hidden callers).
    """

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
    started_at: float
    queue: str | None = None
    answered_at: float | None = None
    ended_at: float | None = None
    wait_seconds: float | None = None
    talk_seconds: float | None = None
    hold_seconds: float | None = None
    agents: tuple[str, ...] = ()
    transferred: Transfer | None = None
    ended_by: EndedBy | None = None
    legs: tuple[LegFacts, ...] = ()
    queues: tuple[QueueVisit, ...] = ()
    holds: tuple[HoldSpan, ...] = ()
    recordings: tuple[RecordingFacts, ...] = ()
    certainty: Certainty = Certainty.COMPLETE
    spoke: tuple[AgentTalk, ...] = ()
