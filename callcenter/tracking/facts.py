"""From the fold's state to the plain values that everybody else works with."""

from __future__ import annotations

from callcenter.tracking.model import Call, Leg, Mode, Recording, World, direction_of
from callcenter.tracking.outcome import ended_by_of, status_of
from crm_core.calls.facts import (
    AgentTalk,
    CallFacts,
    CallState,
    CallStatus,
    Certainty,
    Direction,
    LegFacts,
    LegOutcome,
    QueueVisit,
    RecordingFacts,
)

# Ways in which networks say that the caller hides the number.
_HIDDEN = frozenset({"anonymous", "restricted", "unavailable", "unknown", "private", "withheld", "asserted"})


def leg_facts(leg: Leg, now: float | None, unknown: bool = False) -> LegFacts:
    """``now`` (epoch seconds) counts a running interval up to it; ``unknown``: its times were not seen whole."""
    extra = max(0.0, now - leg.since) if now is not None else 0.0
    talk = leg.talk + (extra if leg.mode is Mode.TALK else 0.0)
    hold = leg.hold + (extra if leg.mode is Mode.HOLD else 0.0)
    outcome = leg.outcome
    if outcome is None and leg.answered_at is not None:
        outcome = LegOutcome.ANSWERED
    unseen = leg.lost or leg.unseen or (unknown and leg.answered_at is not None)
    return LegFacts(
        id=leg.id,
        channel=leg.channel,
        extension=leg.extension,
        rang_at=leg.rang_at,
        answered_at=leg.answered_at,
        ended_at=leg.ended_at,
        outcome=outcome,
        talk_seconds=None if unseen else talk,
        hold_seconds=None if unseen else hold,
        queue=leg.queue,
        transferred_from=leg.transferred_from,
    )


def call_facts(world: World, call: Call, now: float | None = None) -> CallFacts:
    """Everything known of a call; ``now`` counts what is still running."""
    direction = direction_of(world, call)
    caller, called = numbers(call, direction)
    ended = call.ended
    extra = max(0.0, now - call.since) if now is not None and not ended else 0.0
    talk = call.talk + (extra if call.mode is Mode.TALK else 0.0)
    hold = call.hold + (extra if call.mode is Mode.HOLD else 0.0)
    unknown = call.times_unknown
    status = status_of(world, call) if ended or call.answered_at is not None or call.answer_unknown else None
    return CallFacts(
        id=call.id,
        pbx=world.pbx,
        uniqueid=call.uniqueid,
        direction=direction,
        state=_state(call),
        status=status,
        caller_number=caller,
        caller_name=call.caller_name or None,
        called_number=called,
        customer_number=customer_number(call, direction),
        started_at=call.started_at,
        queue=call.visits[-1].queue if call.visits else None,
        answered_at=call.answered_at,
        ended_at=call.ended_at,
        wait_seconds=_wait(call, status),
        talk_seconds=None if unknown else talk,
        hold_seconds=None if unknown else hold,
        agents=tuple(call.agents),
        transferred=call.transferred,
        ended_by=ended_by_of(world, call) if call.ended_at is not None else None,
        legs=tuple(leg_facts(leg, now if not ended else None, unknown) for leg in call.legs),
        queues=tuple(QueueVisit(v.queue, v.joined_at, None if v.unseen else v.left_at, v.outcome) for v in call.visits),
        holds=tuple(call.holds),
        recordings=_recordings(call),
        spoke=_spoke(call, now if not ended else None, unknown),
        certainty=Certainty.GAP if call.gap else Certainty.COMPLETE,
    )


def _spoke(call: Call, now: float | None, unknown: bool) -> tuple[AgentTalk, ...]:
    rows = [leg_facts(leg, now, unknown) for leg in (*call.callers, *call.legs)]
    out = []
    for extension, since in call.agents.items():
        talks = [row.talk_seconds for row in rows if row.extension == extension]
        known = [talk for talk in talks if talk is not None]
        out.append(AgentTalk(extension, since, sum(known) if len(known) == len(talks) else None))
    return tuple(out)


def numbers(call: Call, direction: Direction) -> tuple[str | None, str | None]:
    """Caller and called as the contract wants them: an extension calls by its own number, whatever it shows outside."""
    caller = call.caller_number
    if direction is not Direction.INBOUND and call.caller_extension:
        caller = call.caller_extension
    return caller or None, call.called_number or None


def customer_number(call: Call, direction: Direction) -> str | None:
    """The outside side's number; None when it hides it, and for internal calls."""
    if direction is Direction.INTERNAL:
        return None
    number = call.caller_number if direction is Direction.INBOUND else call.called_number
    return None if not number or number.lower() in _HIDDEN else number


def _wait(call: Call, status: CallStatus | None) -> float | None:
    if call.start_unknown or (call.ended and status is None):
        return None
    if call.answered_at is not None:
        return max(0.0, call.answered_at - call.started_at)
    if call.ended_at is None or call.answer_unknown:
        return None
    return max(0.0, call.ended_at - call.started_at)


def _state(call: Call) -> CallState:
    if call.ended:
        return CallState.ENDED
    if call.mode is Mode.TALK:
        return CallState.TALKING
    if call.mode is Mode.HOLD:
        return CallState.HELD
    if any(leg.rang and leg.outcome is None and leg.answered_at is None for leg in call.legs):
        return CallState.RINGING
    if call.visits and call.visits[-1].left_at is None:
        return CallState.QUEUED
    return CallState.NEW


def _recordings(call: Call) -> tuple[RecordingFacts, ...]:
    """Only of calls in which people spoke: a recording of ringing is none."""
    if call.answered_at is None and not call.answer_unknown:
        return ()
    return tuple(recording_facts(recording) for recording in call.recordings)


def recording_facts(recording: Recording) -> RecordingFacts:
    return RecordingFacts(
        recording.id, recording.path, recording.started_at, recording.stopped_at, tuple(recording.pauses)
    )
