"""The JSON forms of live calls; the same shape as the REST interface gives for stored ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from callcenter.push.hub import instant
from crm_core.calls.facts import CallFacts, CallState, LegFacts, RecordingFacts
from crm_core.kernel import ids


def call(facts: CallFacts, customer: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A call as far as known; ``state`` and ``uniqueid`` are what only a live one needs."""
    return {
        "id": ids.show(facts.id),
        "pbx": facts.pbx,
        "direction": facts.direction,
        "state": facts.state,
        "status": facts.status,
        "caller_number": facts.caller_number,
        "caller_name": facts.caller_name,
        "called_number": facts.called_number,
        "customer_number": facts.customer_number,
        "customer": customer,
        "queue": facts.queue,
        "started_at": instant(facts.started_at),
        "answered_at": _instant(facts.answered_at),
        "ended_at": _instant(facts.ended_at),
        "wait_seconds": _seconds(facts.wait_seconds),
        "talk_seconds": _seconds(facts.talk_seconds),
        "hold_seconds": _seconds(facts.hold_seconds),
        "agents": list(facts.agents),
        "transferred": facts.transferred,
        "ended_by": facts.ended_by,
        "progress": None,
        "legs": [leg(one) for one in facts.legs],
        "recordings": [recording(one) for one in facts.recordings],
        "certainty": facts.certainty,
    }


def leg(facts: LegFacts) -> dict[str, Any]:
    return {
        "extension": facts.extension,
        "rang_at": _instant(facts.rang_at),
        "answered_at": _instant(facts.answered_at),
        "ended_at": _instant(facts.ended_at),
        "outcome": facts.outcome,
        "talk_seconds": _seconds(facts.talk_seconds),
        "hold_seconds": _seconds(facts.hold_seconds),
        "queue": facts.queue,
        "transferred_from": facts.transferred_from,
    }


def recording(facts: RecordingFacts) -> dict[str, Any]:
    """The length is read from the file after it stops; until then a live call knows only that there is one."""
    return {
        "id": ids.show(facts.id),
        "seconds": None,
        "state": "recording" if facts.stopped_at is None else "pending",
        "paused": bool(facts.pauses) and facts.pauses[-1][1] is None,
    }


def is_over(facts: CallFacts) -> bool:
    return facts.state is CallState.ENDED


def _instant(at: float | None) -> str | None:
    return None if at is None else instant(at)


def _seconds(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
