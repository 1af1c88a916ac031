"""What an event changed. The facts themselves are asked for lazily, so that a flood of events builds no snapshots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from crm_core.calls.facts import LegFacts, RecordingFacts

What = Literal["started", "ringing", "queued", "answered", "held", "resumed", "transferred", "updated", "ended"]
Reason = Literal["answered_elsewhere", "caller_gone", "no_answer", "declined", "busy"]


@dataclass(frozen=True, slots=True)
class CallChanged:
    """A call changed. ``started`` is the first for its id, ``ended`` comes once; ``updated`` may follow that.

    ``last`` is true on the very last change: afterwards the tracker has forgotten the call, so ask for its facts now.
    """

    call_id: int
    what: What
    last: bool = False


@dataclass(frozen=True, slots=True)
class CallMerged:
    """What looked like two calls is one: ``call_id`` never was a call, everything of it belongs to ``into``."""

    call_id: int
    into: int


@dataclass(frozen=True, slots=True)
class LegRang:
    """An extension began to ring for this call: its screen pops. Never sent for the own phone of a click-to-dial."""

    call_id: int
    leg: LegFacts


@dataclass(frozen=True, slots=True)
class LegClosed:
    """An extension for which ``LegRang`` was sent stopped ringing and did not take the call (``leg.outcome`` says why).

    ``reason`` is what its screen is told; ``by`` is the extension that answered instead, if any did.
    """

    call_id: int
    leg: LegFacts
    by: str | None = None
    reason: Reason = "no_answer"


@dataclass(frozen=True, slots=True)
class RecordingStopped:
    """A recording file is complete and can be looked for."""

    call_id: int
    recording: RecordingFacts


@dataclass(frozen=True, slots=True)
class AgentChanged:
    """The live state of an extension changed (``CallTracker.agent``)."""

    extension: str


@dataclass(frozen=True, slots=True)
class QueueChanged:
    """Who waits in a queue, or which members it has, changed (``CallTracker.queue``)."""

    queue: str


Change = CallChanged | CallMerged | LegRang | LegClosed | RecordingStopped | AgentChanged | QueueChanged
