"""Legs: when an extension rings, how its ring ended, and whose screen pops."""

from __future__ import annotations

from callcenter.tracking.changes import LegClosed, LegRang, Reason
from callcenter.tracking.facts import leg_facts
from callcenter.tracking.model import UP, Call, Channel, Leg, Mode, World, is_customer
from callcenter.tracking.naming import Kind
from crm_core.calls.facts import LegOutcome

_MAX_HOPS = 8
_REASONS: dict[LegOutcome, Reason] = {
    LegOutcome.ANSWERED_ELSEWHERE: "answered_elsewhere",
    LegOutcome.BUSY: "busy",
    LegOutcome.DECLINED: "declined",
    LegOutcome.CANCELLED: "caller_gone",
}
# No such number, no route, not registered, out of order, congestion, unavailable.
_UNREACHABLE = (1, 2, 3, 20, 27, 34, 38, 41, 42, 44, 50, 57, 58)


def dialed(world: World, channel: Channel, at: float) -> Leg | None:
    """The leg of an extension's channel that the PBX made; None for channels that ring nobody."""
    if channel.kind is not Kind.EXTENSION or not channel.outgoing:
        return None
    if channel.leg is None:
        call = channel.call
        leg = _new(world, channel, at)
        leg.own = call.originated and not any(c.state == UP for c in call.channels.values() if c is not channel)
        visit = call.visits[-1] if call.visits else None
        leg.queue = visit.queue if visit is not None and visit.left_at is None else None
        leg.transferred_from = _sender(call, channel)
        if call.walked_out and not leg.own:
            call.walked_out = ""
        if leg.own and not call.caller_extension:
            call.caller_extension = channel.extension
    return channel.leg


def _new(world: World, channel: Channel, at: float) -> Leg:
    leg = Leg(world.identifier(channel.uniqueid, channel.created_at), channel, at)
    channel.leg = leg
    channel.call.legs.append(leg)
    return leg


def _sender(call: Call, channel: Channel) -> str | None:
    """The colleague who consults or has sent the customer on, if this ring is due to that."""
    dialer = channel.dialer
    for _ in range(_MAX_HOPS):
        if dialer is None:
            break
        if dialer.consult:
            return dialer.extension
        if dialer.transferer:
            return dialer.transferer
        if dialer.kind is not Kind.LOCAL or dialer.twin is None:
            break
        if dialer.twin.transferer:
            return dialer.twin.transferer
        dialer = dialer.twin.dialer
    return call.sent_by or (_asker(call, channel) if channel.dialer is None else None)


def _asker(call: Call, channel: Channel) -> str | None:
    """The colleague who asks by this ring, when the phone rings before the dial was told."""
    for other in call.channels.values():
        asks = other.extension if other.consult else other.transferer if other.kind is Kind.LOCAL else ""
        if asks and other.linkedid == channel.linkedid:
            return asks
    return None


def rings(world: World, channel: Channel, at: float) -> None:
    """The phone itself rings (or was picked up without ringing first)."""
    leg = dialed(world, channel, at)
    if leg is None or leg.rang or leg.outcome is not None:
        return
    leg.rang = True
    leg.rang_at = at
    if leg.own:
        world.tell(channel.call, "updated")
        return
    world.tell(channel.call, "ringing")
    leg.told = True
    world.out.append(LegRang(channel.call.id, leg_facts(leg, None)))


def join(world: World, channel: Channel, at: float) -> None:
    """Somebody is in the call without having rung: picked up for a colleague, out of the parking lot, a conference."""
    call = channel.call
    if channel.kind is not Kind.EXTENSION or channel.outgoing:
        return
    leg = Leg(world.identifier(channel.uniqueid, channel.created_at), channel, at)
    if world.unheard:
        leg.outcome = LegOutcome.ANSWERED
        leg.unseen = True
    else:
        leg.answered_at = at
    channel.leg = leg
    (call.callers if _began(call, channel) else call.legs).append(leg)


def _began(call: Call, channel: Channel) -> bool:
    return channel.uniqueid == call.uniqueid or (not call.from_trunk and channel.extension == call.caller_extension)


def bridged(leg: Leg, at: float) -> None:
    """The phone is with somebody; one that was up before anybody looked may have been so for long."""
    if leg.unseen:
        leg.outcome = leg.outcome or LegOutcome.ANSWERED
    elif leg.answered_at is None:
        leg.answered_at = at


def close(world: World, channel: Channel, cause: int, at: float) -> None:
    """The channel of a leg is gone."""
    leg = channel.leg
    if leg is None or leg.ended_at is not None or leg.lost:
        return
    leg.book(Mode.NONE, at)
    leg.ended_at = at
    leg.source = None
    if leg.outcome is None:
        leg.outcome = _outcome(channel.call, channel, leg, cause)
    take_back(world, channel.call, leg)


def lose(world: World, channel: Channel, at: float) -> None:
    """The channel vanished while nobody watched: what became of the ring is not known."""
    leg = channel.leg
    if leg is None or leg.ended_at is not None or leg.lost:
        return
    leg.book(Mode.NONE, at)
    leg.lost = True
    leg.source = None
    if leg.answered_at is not None and leg.outcome is None:
        leg.outcome = LegOutcome.ANSWERED
    take_back(world, channel.call, leg)


def take_back(world: World, call: Call, leg: Leg) -> None:
    """Takes the pop back from an extension that did not take the call."""
    if not leg.told or leg.outcome in (LegOutcome.ANSWERED, LegOutcome.LISTENED):
        return
    leg.told = False
    beaten = leg.outcome in (None, LegOutcome.ANSWERED_ELSEWHERE)
    by = (leg.taken_by or _winner(call, leg)) if beaten else ""
    reason: Reason
    if leg.outcome is not None:
        reason = _REASONS.get(leg.outcome, "no_answer")
    else:
        reason = "answered_elsewhere" if by else "caller_gone" if call.ended else "no_answer"
    world.out.append(LegClosed(call.id, leg_facts(leg, None), by or None, reason))


def _winner(call: Call, loser: Leg) -> str:
    """The extension that has answered instead: the last other one whose channel came up while this one rang."""
    for leg in reversed(call.legs):
        if leg is not loser and leg.outcome in (None, LegOutcome.ANSWERED):
            up = leg.source is not None and leg.source.state == UP
            if up if leg.answered_at is None else leg.answered_at >= loser.rang_at:
                return leg.extension
    return ""


def _outcome(call: Call, channel: Channel, leg: Leg, cause: int) -> LegOutcome | None:
    """None when what decides may have been said while the link was down."""
    if leg.answered_at is not None or (leg.own and channel.state == UP):
        return LegOutcome.ANSWERED
    if leg.unseen and channel.state == UP:
        return None
    if leg.taken_by or cause == 26:
        return LegOutcome.ANSWERED_ELSEWHERE
    if cause == 17:
        return LegOutcome.BUSY
    if cause == 21:
        return LegOutcome.DECLINED
    if call.cut and not leg.dial_status:
        return None
    if leg.dial_status != "NOANSWER" and _caller_left(call, channel):
        return LegOutcome.CANCELLED
    if leg.dial_status == "CANCEL" and _winner(call, leg):
        return LegOutcome.ANSWERED_ELSEWHERE
    if call.cut and leg.dial_status == "CANCEL":
        return None
    if leg.dial_status == "BUSY":
        return LegOutcome.BUSY
    if not leg.rang and (leg.dial_status in ("CONGESTION", "CHANUNAVAIL") or cause in _UNREACHABLE):
        return LegOutcome.FAILED
    return LegOutcome.NO_ANSWER


def _caller_left(call: Call, channel: Channel) -> bool:
    """Whether the side for which this phone rang hung up (a Dial's time-out looks the same from the phone)."""
    if any(c.leaving for c in call.channels.values() if is_customer(call, c)):
        return True
    dialer = channel.dialer
    for _ in range(_MAX_HOPS):
        if dialer is None:
            return False
        if dialer.kind is not Kind.LOCAL:
            return dialer.leaving or dialer.gone
        twin = dialer.twin
        if twin is None or twin.dialer is None:
            return dialer.leaving or dialer.gone
        dialer = twin.dialer
    return False
