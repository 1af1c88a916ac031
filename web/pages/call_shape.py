"""Calls as the templates show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crm_core.calls.facts import CallState, Direction
from crm_core.calls.models import RecordingState
from crm_core.calls.views import CallDetail, CallView, LegView, Reference
from crm_core.kernel import ids
from crm_core.organization.access import Action, Actor, Mask
from web.pages.explain import explanation
from web.pages.people import Names
from web.pages.words import STATUS_TONE, word
from web.ports import Meaning


def shape(call: CallView, names: Names, actor: Actor) -> dict[str, Any]:
    """One call for a row or a head; numbers are masked already."""
    status = None if call.status is None else str(call.status)
    outbound = call.direction is Direction.OUTBOUND
    return {
        "id": ids.show(call.id),
        "direction": str(call.direction),
        "status": status,
        "tone": STATUS_TONE[status or "live"],
        "caller_number": call.caller_number,
        "caller_name": call.caller_name,
        "called_number": call.called_number,
        "other_number": call.called_number if outbound else call.caller_number,
        "customer": _reference(call.customer),
        "queue": None if call.queue is None else word("queue", call.queue),
        "started_at": call.started_at,
        "answered_at": call.answered_at,
        "wait_seconds": call.wait_seconds,
        **_times(call),
        "agent_names": [names.phone(call.pbx, extension) or extension for extension in call.agents],
        "progress": call.progress,
        "disposition": call.disposition,
        "next_at": call.next_at,
        "recorded": any(recording.state is RecordingState.READY for recording in call.recordings),
        "certainty": str(call.certainty),
        "transferred": None if call.transferred is None else str(call.transferred),
        "ended_by": None if call.ended_by is None else str(call.ended_by),
        **_claim(call, names, actor),
    }


def _times(call: CallView) -> dict[str, Any]:
    """A live call has no talk time yet: ``talking_since`` lets it run where it is shown."""
    live = call.state is not CallState.ENDED
    return {
        "live": live,
        "talking_since": call.answered_at if call.state is CallState.TALKING else None,
        "talk_seconds": None if live else call.talk_seconds,
        "hold_seconds": None if live else call.hold_seconds,
    }


def _claim(call: CallView, names: Names, actor: Actor) -> dict[str, Any]:
    claimer = call.claimed_by
    return {
        "claimed_by": None if claimer is None else {"name": names.user(claimer.id, claimer.name)},
        "claimed_at": call.claimed_at,
        "returned_at": call.returned_at,
        "mine": claimer is not None and claimer.id == actor.user_id,
        "can_dial": call.customer_number is not None or call.caller_number is not None,
    }


def _reference(other: Reference | None) -> dict[str, str] | None:
    return None if other is None else {"id": ids.show(other.id), "name": other.name}


def shape_detail(detail: CallDetail, meanings: Sequence[Meaning] | None, names: Names, actor: Actor) -> dict[str, Any]:
    """A call with all that is inside; ``meanings`` is None for who may not see the PBX's events."""
    call = detail.call
    return shape(call, names, actor) | {
        "can_reveal": bool(call.customer_number) and actor.masks(Mask.PHONE) and actor.may(Action.CUSTOMER_REVEAL),
        "revealed": None,
        "legs": [_leg(leg, names, call.pbx) for leg in call.legs],
        "recordings": [
            {"id": ids.show(r.id), "state": str(r.state), "seconds": r.seconds, "pauses": len(r.pauses)}
            for r in call.recordings
        ],
        "notes": [{"at": note.at, "by": names.named(note.author), "text": note.text} for note in detail.notes],
        "queues": [{"queue": word("queue", visit["queue"]), "seconds": _span(visit)} for visit in detail.queues],
        "explain": None if meanings is None else explanation(meanings),
    }


def _leg(leg: LegView, names: Names, pbx: str) -> dict[str, Any]:
    return {
        "extension": leg.extension,
        "name": names.phone(pbx, leg.extension),
        "rang_at": leg.rang_at,
        "answered_at": leg.answered_at,
        "ended_at": leg.ended_at,
        "outcome": None if leg.outcome is None else str(leg.outcome),
        "talk_seconds": leg.talk_seconds,
        "hold_seconds": leg.hold_seconds,
    }


def _span(visit: dict[str, Any]) -> float | None:
    joined, left = visit.get("joined_at"), visit.get("left_at")
    return None if joined is None or left is None else max(0.0, left - joined)
