"""What happened on a call, for those who react to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from crm_core.kernel.events import DomainEvent


@dataclass(frozen=True, slots=True)
class CallEnded(DomainEvent):
    """A call is over; emitted once a call, whatever is corrected later."""

    type: ClassVar[str] = "calls.ended"
    call_id: int
    pbx: str
    direction: str
    status: str | None
    customer_id: int | None
    customer_e164: str | None
    owner_id: int | None
    queue: str | None
    started_at: str
    ended_at: str | None  # None: it ended while nobody listened to the PBX
    talk_seconds: float | None


@dataclass(frozen=True, slots=True)
class CallMissed(DomainEvent):
    """Somebody outside called and reached nobody: missed, or abandoned in a queue."""

    type: ClassVar[str] = "calls.missed"
    call_id: int
    pbx: str
    status: str
    customer_id: int | None
    customer_e164: str | None
    queue: str | None
    started_at: str


@dataclass(frozen=True, slots=True)
class CallProgressed(DomainEvent):
    """The stage of a sale was set on a call."""

    type: ClassVar[str] = "calls.progressed"
    call_id: int
    customer_id: int | None
    by_user_id: int | None
    before: int | None
    progress: int | None


@dataclass(frozen=True, slots=True)
class MissedCallClaimed(DomainEvent):
    """Somebody has taken it on to call back."""

    type: ClassVar[str] = "calls.missed_claimed"
    call_id: int
    by_user_id: int


@dataclass(frozen=True, slots=True)
class CallLinked(DomainEvent):
    """A call was said to be this customer's."""

    type: ClassVar[str] = "calls.linked"
    call_id: int
    customer_id: int
    by_user_id: int | None
