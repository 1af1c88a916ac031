"""Which call a channel belongs to: linkedids, joining two calls that turn out to be one, parting one that was two."""

from __future__ import annotations

from callcenter.tracking import legs, timing
from callcenter.tracking.changes import AgentChanged, CallChanged, CallMerged
from callcenter.tracking.model import UP, Bridge, Call, Channel, World, is_customer
from callcenter.tracking.naming import Kind, age_of


def adopt(world: World, channel: Channel, call: Call) -> None:
    """Puts a channel into a call."""
    channel.call = call
    call.channels[channel.uniqueid] = channel
    link(world, channel.linkedid, call)
    if channel.kind is Kind.TRUNK:
        call.trunk_seen = True


def link(world: World, linkedid: str, call: Call) -> None:
    if linkedid and linkedid not in call.links:
        call.links.add(linkedid)
        world.links[linkedid] = call


def begin(world: World, channel: Channel, at: float) -> Call:
    """A new call with this channel as its first."""
    call = Call(world.identifier(channel.uniqueid, at), channel, at)
    world.calls[call.id] = call
    adopt(world, channel, call)
    return call


def relink(world: World, channel: Channel, linkedid: str, at: float) -> None:
    """The PBX shows another linkedid for a known channel: it met an older one, so two calls are one."""
    if not linkedid or linkedid == channel.linkedid:
        return
    channel.linkedid = linkedid
    other = world.links.get(linkedid)
    if other is None:
        link(world, linkedid, channel.call)
    elif other is not channel.call:
        unite(world, channel.call, other, at)


def unite(world: World, one: Call, two: Call, at: float) -> Call:
    """Makes one call of two and gives the one that stays: the customer's, else the older.

    Two customers who called and were joined to each other stay two calls.
    """
    if one is two or _two_callers(one, two):
        return one
    keep, drop = _order(one, two)
    if keep.ended or drop.ended:
        return _transplant(world, one, two, at)
    # Booked as it was until now: whom its people have just met is a matter of the call that stays.
    timing.close_books(drop, at)
    phones = [channel.extension for channel in drop.channels.values() if channel.kind is Kind.EXTENSION]
    _move_channels(world, drop, keep)
    _merge_books(keep, drop)
    world.calls.pop(drop.id, None)
    _tell_merged(world, keep, drop)
    world.out += [AgentChanged(extension) for extension in phones]
    timing.settle(world, keep, at)
    return keep


def _two_callers(one: Call, two: Call) -> bool:
    return one.from_trunk and two.from_trunk and not (one.ended or two.ended)


def _tell_merged(world: World, keep: Call, drop: Call) -> None:
    """Whoever was told of the one that goes learns where it went; who was not need never hear of it."""
    told_now = CallChanged(drop.id, "started") in world.out
    world.out[:] = [c for c in world.out if not (isinstance(c, CallChanged) and c.call_id == drop.id)]
    if drop.announced and not keep.announced:
        world.tell(keep, "started")
    if drop.announced and not told_now:
        world.out.append(CallMerged(drop.id, keep.id))


def belong_together(bridge: Bridge, one: Call, two: Call) -> bool:
    """Whoever meets is one call; only a conference may hold several customers, each with a call of their own."""
    return bridge.basic or not (_has_customer(one) and _has_customer(two))


def _has_customer(call: Call) -> bool:
    return not call.ended and any(is_customer(call, channel) for channel in call.channels.values())


def _order(one: Call, two: Call) -> tuple[Call, Call]:
    if one.from_trunk != two.from_trunk:
        return (one, two) if one.from_trunk else (two, one)
    if (one.customer != "") != (two.customer != ""):
        return (one, two) if one.customer else (two, one)
    older = (one.started_at, age_of(one.uniqueid)) <= (two.started_at, age_of(two.uniqueid))
    return (one, two) if older else (two, one)


def _move_channels(world: World, drop: Call, keep: Call) -> None:
    had_customer = bool(drop.customer) and bool(keep.customer)
    for channel in drop.channels.values():
        channel.call = keep
        channel.outsider |= had_customer and channel.uniqueid == drop.customer
    keep.channels.update(drop.channels)
    drop.channels.clear()
    for linkedid in drop.links:
        world.links[linkedid] = keep
    keep.links |= drop.links
    drop.links.clear()


def _merge_books(keep: Call, drop: Call) -> None:
    for leg in drop.legs:
        # Whatever was said there was not said with this customer.
        leg.talk = leg.hold = 0.0
    for leg in drop.callers:
        if leg.source is not None:
            leg.source.leg = None
    keep.legs = sorted(keep.legs + drop.legs, key=lambda leg: leg.rang_at)
    keep.visits = sorted(keep.visits + drop.visits, key=lambda visit: visit.joined_at)
    keep.recordings += drop.recordings
    keep.trunk_seen |= drop.trunk_seen
    keep.consults.update(drop.consults)
    keep.cut |= drop.cut
    keep.gap |= drop.gap
    keep.tried |= drop.tried


def _transplant(world: World, one: Call, two: Call, at: float) -> Call:
    """One of the two is over (its customer left a conference that goes on): its people simply change calls."""
    over, live = (one, two) if one.ended else (two, one)
    if live.ended:
        return over
    for channel in list(over.channels.values()):
        legs.close(world, channel, 16, at)
        channel.leg = None
        del over.channels[channel.uniqueid]
        adopt(world, channel, live)
        if channel.kind is Kind.EXTENSION:
            world.out.append(AgentChanged(channel.extension))
    for linkedid in over.links:
        world.links[linkedid] = live
    live.links |= over.links
    over.links.clear()
    timing.settle(world, live, at)
    return live


def consultation_of(world: World, extension: str, sure: bool) -> Channel | None:
    """The channel on which this extension speaks with somebody while it begins another one that serves that call."""
    best: Channel | None = None
    for channel in world.extensions.get(extension, {}).values():
        call = channel.call
        busy = channel.state == UP and channel.bridge is not None and not channel.bridge.holding
        if not busy or channel.consult or channel.listening or call.ended or (sure and not _answered(call)):
            continue
        if best is None or (channel.on_hold, channel.created_at) > (best.on_hold, best.created_at):
            best = channel
    return best


def _answered(call: Call) -> bool:
    return call.answered_at is not None or call.answer_unknown


def consults(world: World, channel: Channel, at: float, *, sure: bool = True) -> bool:
    """If this extension speaks with somebody already, its new channel serves that call; gives whether it does.

    ``sure``: that they speak was heard; else it is concluded from a state list.
    """
    first = consultation_of(world, channel.extension, sure)
    if first is None:
        return False
    channel.consult = True
    adopt(world, channel, first.call)
    first.call.consults[channel.extension] = channel
    timing.settle(world, first.call, at)
    return True


def part(world: World, consult: Channel, at: float) -> Call:
    """The second channel of an agent leads outside: that is a call of its own, not a question to a colleague."""
    before = consult.call
    before.consults.pop(consult.extension, None)
    consult.consult = False
    linkedid = consult.linkedid
    del before.channels[consult.uniqueid]
    before.links.discard(linkedid)
    call = begin(world, consult, consult.created_at)
    call.called_number = consult.exten
    call.caller_number = consult.extension
    for channel in [c for c in before.channels.values() if c.linkedid == linkedid]:
        del before.channels[channel.uniqueid]
        if channel.leg in before.legs:
            before.legs.remove(channel.leg)
            call.legs.append(channel.leg)
        adopt(world, channel, call)
    timing.settle(world, before, at)
    return call
