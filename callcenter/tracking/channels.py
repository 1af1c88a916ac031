"""Birth, state, names and death of channels."""

from __future__ import annotations

from callcenter.ami.events import Hangup, HangupRequest, NewCallerid, Newchannel, Newstate, Rename
from callcenter.tracking import agents, closing, legs, linking, registry, timing
from callcenter.tracking.model import UP, Call, Channel, Mode, World, is_customer
from callcenter.tracking.naming import Kind, extension_of


def new_channel(world: World, event: Newchannel) -> None:
    channel = world.channels.get(event.uniqueid)
    if channel is not None and (channel.adopted or channel.created_at == event.at):
        # Taken in from a state list that was read a moment before this event was heard.
        channel.adopted = False
        world.touched = channel.call.id
        return
    kind = world.kind(event.channel)
    if kind is Kind.MACHINE or not event.uniqueid:
        return
    if channel is not None:
        # The PBX restarted and counts anew: the old one is dead without a word.
        closing.vanish(world, [channel], event.at)
    channel = Channel(event.uniqueid, event.linkedid or event.uniqueid, event.channel, kind, event.at)
    channel.state = event.state
    channel.outgoing = event.state in ("Down", "Rsrvd")
    channel.exten = event.exten
    channel.caller_number = event.caller_number
    channel.caller_name = event.caller_name
    registry.register(world, channel)
    _place(world, channel, event.at)
    world.touched = channel.call.id


def _place(world: World, channel: Channel, at: float) -> None:
    """Finds the call of a new channel, or begins one."""
    call = world.links.get(channel.linkedid)
    if call is not None and not (call.ended and channel.uniqueid == channel.linkedid):
        linking.adopt(world, channel, call)
        if channel.kind is Kind.TRUNK and channel.outgoing:
            _leads_outside(world, channel, at)
        return
    if channel.kind is Kind.EXTENSION and not channel.outgoing and _serves_another(world, channel, at):
        return
    call = linking.begin(world, channel, at)
    first_words(call, channel)
    if call.from_trunk:
        world.tell(call, "started")


def _serves_another(world: World, channel: Channel, at: float) -> bool:
    """A phone begins a channel that is part of a call we know: it fetches a parked call, or asks a colleague."""
    parkee = world.parked.get(channel.exten)
    if parkee is not None and not parkee.gone:
        linking.adopt(world, channel, parkee.call)
        return True
    return linking.consults(world, channel, at)


def _leads_outside(world: World, channel: Channel, at: float) -> None:
    for consult in channel.call.consults.values():
        if consult.linkedid == channel.linkedid:
            linking.part(world, consult, at)
            return


def first_words(call: Call, channel: Channel) -> None:
    if channel.kind is Kind.EXTENSION:
        call.caller_number = channel.extension
        call.called_number = "" if channel.outgoing else channel.exten
    elif channel.kind is Kind.TRUNK and not channel.outgoing:
        call.caller_number = channel.caller_number
        call.caller_name = channel.caller_name
        call.called_number = channel.exten


def new_state(world: World, event: Newstate) -> None:
    channel = world.channels.get(event.uniqueid)
    if channel is None:
        return
    world.touched = channel.call.id
    if event.linkedid != channel.linkedid:
        linking.relink(world, channel, event.linkedid, event.at)
    channel.state = event.state
    if channel.kind is not Kind.EXTENSION:
        return
    if event.state in ("Ringing", UP) and channel.outgoing:
        legs.rings(world, channel, event.at)
        leg = channel.leg
        if leg is not None and leg.own and event.state == UP:
            legs.bridged(leg, event.at)
    agents.moved(world, channel, event.at)


def new_caller_id(world: World, event: NewCallerid) -> None:
    channel = world.channels.get(event.uniqueid)
    if channel is None:
        return
    world.touched = channel.call.id
    channel.caller_number = event.caller_number
    if event.linkedid != channel.linkedid:
        linking.relink(world, channel, event.linkedid, event.at)
    call = channel.call
    if call.from_trunk and channel.uniqueid == call.uniqueid:
        # The dialplan may have looked the name up; the number stays as the network sent it.
        call.caller_name = event.caller_name or call.caller_name
        call.caller_number = call.caller_number or event.caller_number


def rename(world: World, event: Rename) -> None:
    """A masquerade: the uniqueid stays with the conversation, the name follows."""
    channel = world.channels.get(event.uniqueid)
    if channel is None:
        return
    world.touched = channel.call.id
    channel.name = event.new_name
    if "<" in event.new_name:
        return
    kind = world.kind(event.new_name)
    extension = extension_of(event.new_name) if kind is Kind.EXTENSION else ""
    if kind in (Kind.MACHINE, Kind.LOCAL) or (kind, extension) == (channel.kind, channel.extension):
        return
    registry.unregister(world, channel)
    channel.kind, channel.extension = kind, extension
    registry.register(world, channel)
    timing.settle(world, channel.call, event.at)


def hangup_request(world: World, event: HangupRequest) -> None:
    channel = world.channels.get(event.uniqueid)
    if channel is None:
        return
    world.touched = channel.call.id
    channel.leaving = True
    call = channel.call
    if channel.kind is Kind.TRUNK:
        _leaves_another_customer(channel)
    if call.ended or (call.cut and call.mode is not Mode.TALK):
        return
    if channel.outsider or (channel.kind is Kind.TRUNK and not is_customer(call, channel) and channel.bridge):
        call.walked_out = channel.name
    elif channel.kind is Kind.EXTENSION and not (
        channel.consult or channel.listening or channel.extension == call.sent_by
    ):
        leg = channel.leg
        if _was_talking(channel, event.at) or channel.uniqueid == call.uniqueid or (leg is not None and leg.own):
            call.walked_out = channel.extension


def _leaves_another_customer(channel: Channel) -> None:
    """Two customers who were joined have a call each: for the one who stays, the other side hangs up."""
    bridge = channel.bridge
    if bridge is None or not bridge.basic:
        return
    for member in bridge.members.values():
        if member.call is not channel.call and not member.call.ended:
            member.call.walked_out = channel.name


def _was_talking(channel: Channel, at: float) -> bool:
    """In a bridge, or just out of it: the two events take different ways through the PBX."""
    if channel.state != UP:
        return False
    met = channel.call.last_met_at
    return channel.bridge is not None or (met is not None and at - met < 0.05)


def hang_up(world: World, event: Hangup) -> None:
    channel = world.channels.get(event.uniqueid)
    if channel is None:
        return
    call = channel.call
    world.touched = call.id
    if channel.kind is Kind.TRUNK and channel.outgoing:
        call.far_cause = event.cause
    remove(world, channel, event.cause, event.at)


def remove(world: World, channel: Channel, cause: int, at: float) -> None:
    """The channel is gone: its bridge, its leg, its recordings, perhaps its call."""
    call = channel.call
    registry.leave_bridge(world, channel)
    channel.gone = True
    closing.stop_recordings(world, call, channel, at)
    customer = is_customer(call, channel)
    legs.close(world, channel, cause, at)
    registry.unregister(world, channel)
    call.channels.pop(channel.uniqueid, None)
    if call.consults.get(channel.extension) is channel:
        del call.consults[channel.extension]
    timing.settle(world, call, at)
    closing.after_hangup(world, call, channel, customer, at)
    if channel.kind is Kind.EXTENSION:
        agents.moved(world, channel, at)
