"""Who dials whom: DialBegin, its states and its end, and what Originate says of itself."""

from __future__ import annotations

from callcenter.ami.events import DialBegin, DialEnd, DialState, OriginateResponse
from callcenter.tracking import agents, legs, linking
from callcenter.tracking.changes import CallChanged
from callcenter.tracking.model import Call, Channel, World
from callcenter.tracking.naming import Kind


def dial_begin(world: World, event: DialBegin) -> None:
    target = world.channels.get(event.dest_uniqueid)
    if target is None:
        return
    source = world.channels.get(event.uniqueid)
    if source is not None and source.call is not target.call:
        linking.unite(world, source.call, target.call, event.at)
    call = target.call
    world.touched = call.id
    target.dialer = source
    if source is None:
        _dialed_by_pbx(call, target, event)
    else:
        _number_dialed(call, source, target, event)
    legs.dialed(world, target, event.at)
    # The ring may have been told before the dial, when nobody knew yet for whom.
    if target.state in ("Ringing", "Up"):
        legs.rings(world, target, event.at)
    if call.from_trunk or source is not None:
        world.tell(call, "updated")
    if target.kind is Kind.EXTENSION:
        agents.moved(world, target, event.at)


def _dialed_by_pbx(call: Call, target: Channel, event: DialBegin) -> None:
    """Originate rings the own phone first; the caller id of that channel is the number to be dialled afterwards."""
    if target.uniqueid != call.uniqueid:
        return
    call.originated = True
    shown = event.dest_caller_number or target.caller_number
    if not call.called_number and shown not in ("", target.extension):
        call.called_number = shown


def _number_dialed(call: Call, source: Channel, target: Channel, event: DialBegin) -> None:
    if call.from_trunk or source.consult or target.kind is Kind.LOCAL:
        return
    if target.kind is Kind.TRUNK:
        call.far_status = ""
        call.far_cause = 0
    began = source.uniqueid == call.uniqueid or (call.originated and source.kind is Kind.LOCAL)
    if began and event.exten not in ("", "s", "h") and (not call.called_number or call.originated):
        call.called_number = event.exten


def dial_state(world: World, event: DialState) -> None:
    """The phone rings by early media or before its channel says so."""
    if event.status not in ("RINGING", "PROGRESS"):
        return
    target = world.channels.get(event.dest_uniqueid)
    if target is not None and target.kind is Kind.EXTENSION:
        world.touched = target.call.id
        legs.rings(world, target, event.at)


def dial_end(world: World, event: DialEnd) -> None:
    target = world.channels.get(event.dest_uniqueid)
    if target is None:
        return
    world.touched = target.call.id
    if target.kind is Kind.TRUNK and target.outgoing:
        target.call.far_status = event.status
    leg = target.leg
    # In queues a second one follows that says less.
    if leg is not None and not leg.dial_status:
        leg.dial_status = event.status


def originate_response(world: World, event: OriginateResponse) -> None:
    channel = world.channels.get(event.uniqueid)
    call = channel.call if channel is not None else _recently_originated(world, event)
    if call is None:
        return
    world.touched = call.id
    if event.exten in ("", "s") or call.from_trunk or (channel is not None and channel.uniqueid != call.uniqueid):
        return
    call.originated = True
    if call.called_number != event.exten:
        call.called_number = event.exten
        if call.announced:
            world.out.append(CallChanged(call.id, "updated", last=call.id not in world.calls))


def _recently_originated(world: World, event: OriginateResponse) -> Call | None:
    """An ignored phone: the answer to the Originate comes after its channel is gone and names only the endpoint."""
    for _, call in reversed(world.recent.values()):
        own = call.legs[0].channel if call.legs else ""
        if call.originated and call.answered_at is None and own.startswith(event.channel + "-"):
            return call
    live = [
        c for c in world.calls.values() if c.originated and c.legs and c.legs[0].channel.startswith(event.channel + "-")
    ]
    return live[-1] if live else None
