"""What is going on right now at each extension and in each queue, for the board; plain values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class AgentState(StrEnum):
    """What an extension is doing; a phone that nobody can reach is offline."""

    OFFLINE = "offline"
    IDLE = "idle"
    PAUSED = "paused"
    RINGING = "ringing"
    DIALING = "dialing"
    TALKING = "talking"
    HOLDING = "holding"


@dataclass(frozen=True, slots=True)
class Membership:
    """One queue of an extension; ``wrapup_seconds`` and ``last_call`` (epoch seconds) tell how long it may rest."""

    queue: str
    member: str
    penalty: int
    paused: bool
    reason: str | None
    calls_taken: int
    last_call: int
    wrapup_seconds: int


@dataclass(frozen=True, slots=True)
class AgentLive:
    """One extension: ``since`` is when this state began (epoch seconds), None when that was not seen."""

    extension: str
    state: AgentState
    since: float | None
    calls: tuple[int, ...]
    memberships: tuple[Membership, ...]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A caller in a queue; ``position`` counts from 1."""

    call_id: int
    joined_at: float
    position: int


@dataclass(frozen=True, slots=True)
class QueueLive:
    """One queue: who waits (in order) and which extensions serve it."""

    name: str
    waiting: tuple[Waiting, ...]
    members: tuple[str, ...]
