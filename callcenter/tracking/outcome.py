"""How a call went and who ended it, in the words of the public contract."""

from __future__ import annotations

from callcenter.tracking.model import Call, World, direction_of
from crm_core.calls.facts import CallStatus, Direction, EndedBy, LegOutcome

# Causes by which nothing went wrong on the way: unknown, normal clearing, no user responding, no answer, answered
# elsewhere, normal unspecified, interworking (a cancelled SIP call). Busy is 17; all others say why it failed.
_NOTHING_WRONG = (0, 16, 18, 19, 26, 31, 127)
# So long after the last talk the end has nothing to do with it any more: a dialplan ended the call.
_AFTER_TALK = 0.5


def status_of(world: World, call: Call) -> CallStatus | None:
    """None when the link was down at the end and nobody can say."""
    if call.answered_at is not None or call.answer_unknown:
        return CallStatus.ANSWERED
    if call.end_unknown or (call.gap and not _seen_enough(call)):
        return None
    direction = direction_of(world, call)
    if call.originated and not _own_phone_taken(call):
        unseen = any(leg.own and leg.outcome is None for leg in call.legs)
        return None if call.gap and unseen else CallStatus.CANCELLED
    if direction is Direction.OUTBOUND:
        return _far_side(call)
    if call.visits:
        return CallStatus.ABANDONED if call.visits[-1].abandoned else CallStatus.MISSED
    return _rung(call)


def _seen_enough(call: Call) -> bool:
    """Whether an unanswered call with a gap shows by what was heard, not by what was not, how it went."""
    if call.answer_doubtful:
        return False
    if call.visits:
        # What tells a time-out from a caller who left may have been said while the link was down.
        return call.ended_by is not None or call.visits[-1].outcome in ("timeout", "left")
    return bool(call.far_status) or any(leg.outcome not in (None, LegOutcome.BUSY) for leg in call.legs)


def _own_phone_taken(call: Call) -> bool:
    return any(leg.own and (leg.answered_at is not None or leg.outcome is LegOutcome.ANSWERED) for leg in call.legs)


def _far_side(call: Call) -> CallStatus:
    if call.far_cause == 17 or call.far_status == "BUSY":
        return CallStatus.BUSY
    if call.far_cause not in _NOTHING_WRONG:
        return CallStatus.FAILED
    if call.far_cause in (18, 19):
        return CallStatus.MISSED
    if call.far_status in ("CONGESTION", "CHANUNAVAIL"):
        return CallStatus.FAILED
    if not call.far_status and call.tried:
        return CallStatus.FAILED
    return CallStatus.MISSED


def _rung(call: Call) -> CallStatus:
    outcomes = {leg.outcome for leg in call.legs if not leg.own and leg.outcome is not LegOutcome.LISTENED}
    if call.refused_queue:
        return CallStatus.MISSED
    if not outcomes:
        if call.tried:
            return CallStatus.FAILED
        if call.far_status:
            return _far_side(call)
        return CallStatus.SELF_SERVED
    if outcomes == {LegOutcome.BUSY}:
        return CallStatus.BUSY
    if outcomes == {LegOutcome.FAILED}:
        return CallStatus.FAILED
    return CallStatus.MISSED


def ended_by_of(world: World, call: Call) -> EndedBy | None:
    """The side that hung up; the PBX when the dialplan or a time-out did; None when that cannot be told."""
    if call.ended_by is not None:
        return call.ended_by
    if call.walked_out:
        return _side_of(world, call, call.walked_out)
    if call.gap:
        # The hang-up may have been said while the link was down.
        return None
    if call.answered_at is None:
        return EndedBy.PBX
    met, ended = call.last_met_at, call.ended_at
    if met is None or ended is None:
        return None
    # The call went on without the one who spoke last: it rang elsewhere, or a machine had it.
    went_on = any(leg.rang_at >= met for leg in call.legs) or ended - met > _AFTER_TALK
    return EndedBy.PBX if went_on else None


def _side_of(world: World, call: Call, extension: str) -> EndedBy:
    direction = direction_of(world, call)
    if direction is Direction.INBOUND:
        return EndedBy.CALLED
    if direction is Direction.OUTBOUND:
        return EndedBy.CALLER
    return EndedBy.CALLER if extension == call.caller_extension else EndedBy.CALLED


def hung_up_first(world: World, call: Call, leaving: bool, customer: bool) -> EndedBy | None:
    """Who ended it, seen at the hang-up of the customer's own channel."""
    if not (leaving and customer):
        return None
    return EndedBy.CALLER if direction_of(world, call) is Direction.INBOUND else EndedBy.CALLED
