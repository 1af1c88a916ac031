"""Bridges, Local channels and hold: who is in touch with whom."""

from __future__ import annotations

from callcenter.ami.events import (
    BridgeDestroy,
    BridgeEnter,
    BridgeLeave,
    ConfbridgeJoin,
    Hold,
    LocalBridge,
    Unhold,
)
from callcenter.tracking import agents, legs, linking, timing
from callcenter.tracking.model import UP, Bridge, Call, Channel, World
from callcenter.tracking.naming import Kind


def bridge_destroy(world: World, event: BridgeDestroy) -> None:
    bridge = world.bridges.pop(event.bridge, None)
    if bridge is None:
        return
    stale = list(bridge.members.values())
    bridge.members.clear()
    for channel in stale:
        channel.bridge = None
    for call in dict.fromkeys(channel.call for channel in stale):
        timing.settle(world, call, event.at)


def bridge_enter(world: World, event: BridgeEnter) -> None:
    channel = world.channels.get(event.uniqueid)
    if channel is None:
        return
    world.touched = channel.call.id
    at = event.at
    if event.linkedid != channel.linkedid:
        linking.relink(world, channel, event.linkedid, at)
    bridge = world.bridges.get(event.bridge)
    if bridge is None:
        bridge = world.bridges[event.bridge] = Bridge(event.bridge, event.kind, event.technology, event.name)
    if channel.bridge is not None and channel.bridge is not bridge:
        channel.bridge.members.pop(channel.uniqueid, None)
    channel.bridge = bridge
    bridge.members[channel.uniqueid] = channel
    channel.on_hold = False
    _enters(world, channel, bridge, at)
    _settle_around(world, channel.call, bridge, at)
    world.touched = channel.call.id
    if channel.kind is Kind.EXTENSION:
        agents.moved(world, channel, at)


def conference_joined(world: World, event: ConfbridgeJoin) -> None:
    """Whoever is handed into a conference takes the place of the one who transfers: no BridgeEnter says so."""
    channel = world.channels.get(event.uniqueid)
    if channel is None:
        return
    world.touched = channel.call.id
    if channel.bridge is None or channel.bridge.id == event.bridge or not event.bridge:
        return
    room = event.bridge, event.uniqueid, event.linkedid, "base", "softmix", "", ""
    bridge_enter(world, BridgeEnter(event.at, event.raw, *room))


def _enters(world: World, channel: Channel, bridge: Bridge, at: float) -> None:
    if bridge.holding:
        # Who parked it may hang on for seconds; whoever fetches it is not asked on that one's behalf.
        channel.left = None
        channel.call.was_only_parked()
        return
    if channel.kind is Kind.EXTENSION:
        _begins_consultation(channel, bridge)
    for member in list(bridge.members.values()):
        if member.call is not channel.call and linking.belong_together(bridge, channel.call, member.call):
            linking.unite(world, channel.call, member.call, at)
    _meet(bridge, at)


def _meet(bridge: Bridge, at: float) -> None:
    """A phone that is up has taken the call once somebody is at the other end, be it through Local channels.

    A follow-me asks whoever picks up whether he wants the call: until he says so, he is with nobody.
    """
    people = [c for c in timing.reach(bridge) if c.state == UP and c.kind is not Kind.LOCAL]
    if len(people) > 1:
        for person in people:
            if person.leg is not None:
                legs.bridged(person.leg, at)


def _begins_consultation(channel: Channel, bridge: Bridge) -> None:
    """An agent went from the customer's bridge into another while the customer stays: to ask a colleague."""
    left, channel.left = channel.left, None
    if left is None or left is bridge or not left.members:
        return
    channel.consulting = True
    call = channel.call
    if call.pivot == channel.uniqueid:
        # Of two colleagues the one who waits is now the one who is served.
        stayed = next((c for c in left.members.values() if c.kind is Kind.EXTENSION), None)
        call.pivot = stayed.uniqueid if stayed is not None else call.pivot


def bridge_leave(world: World, event: BridgeLeave) -> None:
    channel = world.channels.get(event.uniqueid)
    bridge = world.bridges.get(event.bridge)
    if channel is None:
        return
    world.touched = channel.call.id
    if channel.bridge is None or channel.bridge.id != event.bridge:
        # It has entered the next one already.
        if bridge is not None:
            bridge.members.pop(channel.uniqueid, None)
        return
    left = channel.bridge
    left.members.pop(channel.uniqueid, None)
    channel.bridge = None
    if channel.kind is Kind.EXTENSION and not channel.leaving and not left.holding:
        channel.left = left
    _settle_around(world, channel.call, left, event.at)
    if channel.kind is Kind.EXTENSION:
        agents.moved(world, channel, event.at)


def _settle_around(world: World, call: Call, bridge: Bridge, at: float) -> None:
    """The call that moved and, in a conference, those whose people met it."""
    timing.settle(world, call, at)
    others = [member.call for member in bridge.members.values() if member.call is not call]
    for other in dict.fromkeys(others):
        timing.settle(world, other, at)


def local_bridge(world: World, event: LocalBridge) -> None:
    one = world.channels.get(event.one_uniqueid)
    two = world.channels.get(event.two_uniqueid)
    if one is None or two is None:
        return
    one.twin, two.twin = two, one
    if one.call is not two.call:
        linking.unite(world, one.call, two.call, event.at)
    world.touched = one.call.id


def hold(world: World, event: Hold) -> None:
    _set_hold(world, event, held=True)


def unhold(world: World, event: Unhold) -> None:
    _set_hold(world, event, held=False)


def _set_hold(world: World, event: Hold | Unhold, held: bool) -> None:
    channel = world.channels.get(event.uniqueid)
    if channel is None:
        return
    world.touched = channel.call.id
    if not held and not channel.on_hold and channel.call.cut:
        # Held while the link was down, unseen: how long is not known.
        channel.call.times_unknown = True
    channel.on_hold = held
    timing.settle(world, channel.call, event.at)
    if channel.kind is Kind.EXTENSION:
        agents.moved(world, channel, event.at)
