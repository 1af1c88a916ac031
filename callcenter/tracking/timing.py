"""Who is together with whom, and the book-keeping of talk and hold that follows from it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from callcenter.tracking import legs
from callcenter.tracking.model import UP, Bridge, Call, Channel, Mode, World, is_customer
from callcenter.tracking.naming import Kind
from crm_core.calls.facts import HoldSpan


def settle(world: World, call: Call, at: float) -> None:
    """Books the time since the last look and sees anew who is together. Call it after anything that may change that."""
    if call.ended:
        return
    sides = _sides(call)
    met, talking = _company(call, sides)
    if met and call.answered_at is None and not call.answer_unknown:
        _answered(world, call, at)
    if met or call.mode is not Mode.NONE:
        call.last_met_at = at
    _book(world, call, _mode(call, sides, met, talking), at)
    for channel in met:
        channel.consulting = False
        channel.left = None
        if channel.leg is None and channel.call is call:
            legs.join(world, channel, at)
    for channel in talking:
        _spoke(call, channel, at)
    if talking and all(channel.extension != call.sent_by for channel in talking):
        call.sent_by = ""
    _book_legs(call, sides, met, talking, at)


def _company(call: Call, sides: Sequence[Channel]) -> tuple[Sequence[Channel], Sequence[Channel]]:
    """The people in touch with the customer, and those of them who can talk (nobody holds)."""
    met: dict[Channel, None] = {}
    talking: dict[Channel, None] = {}
    for side in sides:
        bridge = side.bridge
        if bridge is None or bridge.holding or side.state != UP or len(bridge.members) < 2:
            continue
        for other in reach(bridge):
            if other is side or not _is_person(call, other):
                continue
            met[other] = None
            if not (side.on_hold or other.on_hold or other.extension in call.consults):
                talking[other] = None
    if not met:
        return (), ()
    if not (call.from_trunk or call.trunk_seen):
        _count_pivot(call, met, talking)
    return tuple(met), tuple(talking)


def _sides(call: Call) -> Sequence[Channel]:
    """The channels of the customer; of an internal call, the one party from whom the others are looked at."""
    if call.from_trunk:
        customer = call.channels.get(call.customer)
        return (customer,) if customer is not None else ()
    if call.trunk_seen:
        return [channel for channel in call.channels.values() if is_customer(call, channel)]
    pivot = call.channels.get(call.pivot)
    if pivot is None or pivot.kind is not Kind.EXTENSION:
        pivot = next((c for c in call.channels.values() if _is_person(call, c) and c.bridge is not None), None)
        if pivot is not None:
            call.pivot = pivot.uniqueid
    return (pivot,) if pivot is not None else ()


def _count_pivot(call: Call, met: dict[Channel, None], talking: dict[Channel, None]) -> None:
    """In an internal call the party from whom we look is a person like the others."""
    pivot = call.channels.get(call.pivot)
    if pivot is not None:
        met[pivot] = None
        if talking:
            talking[pivot] = None


def _is_person(call: Call, channel: Channel) -> bool:
    if channel.kind is Kind.LOCAL or channel.listening or channel.consult or channel.outsider or channel.state != UP:
        return False
    if channel.kind is Kind.EXTENSION:
        return True
    # An outside line stands in for an agent (a desk forwarded to a mobile), but not for one who handed the customer on.
    return not is_customer(call, channel) and not call.agents


def reach(bridge: Bridge) -> Iterable[Channel]:
    """Every channel that hears this bridge, through Local channels into other bridges too."""
    if not any(channel.kind is Kind.LOCAL for channel in bridge.members.values()):
        return bridge.members.values()
    found: list[Channel] = []
    seen = {bridge.id}
    todo = [bridge]
    while todo:
        for channel in todo.pop().members.values():
            found.append(channel)
            beyond = channel.twin.bridge if channel.twin is not None else None
            if beyond is not None and not beyond.holding and beyond.id not in seen:
                seen.add(beyond.id)
                todo.append(beyond)
    return found


def _answered(world: World, call: Call, at: float) -> None:
    if call.answer_doubtful:
        call.answer_unknown = True
    else:
        call.answered_at = at
    if not call.from_trunk and not call.customer:
        _fix_customer(call)
    world.tell(call, "answered")


def _fix_customer(call: Call) -> None:
    """Of several outside lines that were tried, the one that answered is the customer."""
    for channel in call.channels.values():
        if channel.kind is Kind.TRUNK and channel.bridge is not None and not channel.bridge.holding:
            call.customer = channel.uniqueid
            return


def _mode(call: Call, sides: Sequence[Channel], met: Sequence[Channel], talking: Sequence[Channel]) -> Mode:
    if talking:
        return Mode.TALK
    if not sides or (call.answered_at is None and not call.answer_unknown):
        return Mode.NONE
    if met:
        return Mode.HOLD
    for side in sides:
        if side.bridge is not None and side.bridge.holding:
            return Mode.HOLD
    for channel in call.channels.values():
        if channel.consulting:
            return Mode.HOLD
    return Mode.NONE


def _book(world: World, call: Call, mode: Mode, at: float) -> None:
    before = call.mode
    elapsed = max(0.0, at - call.since)
    call.since = at
    if before is Mode.TALK:
        call.talk += elapsed
    elif before is Mode.HOLD:
        call.hold += elapsed
    if mode is before:
        return
    call.mode = mode
    if before is Mode.HOLD:
        _close_hold(call, at)
    if mode is Mode.HOLD:
        kind, by = _why_held(call)
        call.holds.append(HoldSpan(kind, at, None, by))
        world.tell(call, "held")
    elif mode is Mode.TALK and call.holds:
        world.tell(call, "resumed")


def close_books(call: Call, at: float) -> None:
    """Ends all running intervals of a call that is over."""
    elapsed = max(0.0, at - call.since)
    if call.mode is Mode.TALK:
        call.talk += elapsed
    elif call.mode is Mode.HOLD:
        call.hold += elapsed
        _close_hold(call, at)
    call.mode = Mode.NONE
    for leg in (*call.legs, *call.callers):
        leg.book(Mode.NONE, at)


def _close_hold(call: Call, at: float) -> None:
    last = call.holds[-1]
    if at - last.started_at < 0.001 and len(call.holds) > 1:
        # The PBX moved somebody from bridge to bridge: nobody was on hold.
        call.holds.pop()
        return
    call.holds[-1] = HoldSpan(last.kind, last.started_at, max(at, last.started_at), last.by)


def _why_held(call: Call) -> tuple[str, str | None]:
    for side in _sides(call):
        if side.bridge is not None and side.bridge.holding:
            return "parked", None
    consultants = [c.extension for c in call.channels.values() if c.consulting] or list(call.consults)
    if consultants:
        return "consultation", consultants[0]
    holders = [c.extension for c in call.channels.values() if c.on_hold and c.kind is Kind.EXTENSION]
    return "hold", holders[0] if holders else None


def _spoke(call: Call, channel: Channel, at: float) -> None:
    if channel.kind is not Kind.EXTENSION:
        return
    if channel.extension not in call.agents:
        if not call.agents and not (call.from_trunk or call.trunk_seen) and channel.uniqueid != call.pivot:
            pivot = call.channels.get(call.pivot)
            if pivot is not None:
                call.agents[pivot.extension] = at
        call.agents[channel.extension] = at
    call.walked_out = ""


def _book_legs(
    call: Call, sides: Sequence[Channel], met: Sequence[Channel], talking: Sequence[Channel], at: float
) -> None:
    for channel in call.channels.values():
        leg = channel.leg
        if leg is None:
            continue
        if channel in talking:
            mode = Mode.TALK
        elif channel in met or channel.consulting or (call.mode is Mode.HOLD and channel in sides):
            mode = Mode.HOLD
        else:
            mode = Mode.NONE
        if mode is not leg.mode:
            leg.book(mode, at)
