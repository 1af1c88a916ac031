"""Transfers, pick-ups and parking: events that say what channels and bridges alone do not."""

from __future__ import annotations

from callcenter.ami.events import (
    AttendedTransfer,
    BlindTransfer,
    ParkedCall,
    ParkedCallGiveUp,
    ParkedCallTimeOut,
    Pickup,
    UnParkedCall,
)
from callcenter.tracking import legs, linking, timing
from callcenter.tracking.model import Call, Channel, World
from callcenter.tracking.naming import extension_of
from crm_core.calls.facts import LegOutcome, Transfer


def blind_transfer(world: World, event: BlindTransfer) -> None:
    transferee = world.channels.get(event.transferee_uniqueid)
    transferer = world.channels.get(event.transferer_uniqueid)
    channel = transferee or transferer
    if channel is None:
        return
    call = channel.call
    world.touched = call.id
    if event.result != "Success" or _in_lot(transferee):
        # Parking by transfer says Success too, but nobody was sent to anybody.
        return
    _transferred(world, call, Transfer.BLIND)
    call.sent_by = transferer.extension if transferer is not None else extension_of(event.transferer_channel)
    call.walked_out = ""
    if transferer is not None:
        transferer.left = None
        transferer.consulting = False


def _in_lot(channel: Channel | None) -> bool:
    return channel is not None and channel.bridge is not None and channel.bridge.holding


def _transferred(world: World, call: Call, how: Transfer) -> None:
    call.transfer_before = call.transferred
    call.transferred = how
    world.tell(call, "transferred")


def attended_transfer(world: World, event: AttendedTransfer) -> None:
    """``orig`` and ``second`` may be two calls that nothing else ties together (a target that is an application)."""
    known = [
        channel
        for uniqueid in (
            event.orig_uniqueid,
            event.second_uniqueid,
            event.transferee_uniqueid,
            event.target_uniqueid,
        )
        if (channel := world.channels.get(uniqueid)) is not None
    ]
    if not known:
        return
    call = known[0].call
    world.touched = call.id
    if event.result != "Success" or event.dest_type in ("Fail", "Threeway"):
        return
    for channel in known[1:]:
        call = linking.unite(world, call, channel.call, event.at)
    world.touched = call.id
    sender = extension_of(event.orig_channel)
    for channel in known:
        if channel.extension == sender:
            channel.consulting = False
            channel.left = None
    for call in dict.fromkeys(channel.call for channel in known):
        _transferred(world, call, Transfer.ATTENDED)
        call.walked_out = ""
        call.consults.pop(sender, None)
        call.sent_by = sender
        timing.settle(world, call, event.at)


def pickup(world: World, event: Pickup) -> None:
    """A colleague takes a call that rings elsewhere; until now the two had different linkedids."""
    taker = world.channels.get(event.uniqueid)
    target = world.channels.get(event.target_uniqueid)
    if taker is None or target is None:
        return
    call = linking.unite(world, target.call, taker.call, event.at)
    world.touched = call.id
    taker.consult = False
    call.consults.pop(taker.extension, None)
    leg = target.leg
    if leg is not None and leg.outcome is None:
        leg.taken_by = taker.extension
        leg.outcome = LegOutcome.ANSWERED_ELSEWHERE
        legs.take_back(world, call, leg)


def parked_call(world: World, event: ParkedCall) -> None:
    parkee = world.channels.get(event.parkee_uniqueid)
    if parkee is None:
        return
    call = parkee.call
    world.touched = call.id
    world.parked[event.space] = parkee
    call.was_only_parked()
    call.walked_out = ""
    # Of two colleagues the parked one is now the one who is served.
    call.pivot = parkee.uniqueid
    for channel in call.channels.values():
        channel.consulting = False
        channel.left = None
    timing.settle(world, call, event.at)
    world.tell(call, "updated")


def parked_call_over(world: World, event: ParkedCallGiveUp | ParkedCallTimeOut) -> None:
    """The caller gave up in the lot, or goes back to the one who parked."""
    parkee = world.parked.pop(event.space, None) or world.channels.get(event.parkee_uniqueid)
    if parkee is not None and not parkee.gone:
        world.touched = parkee.call.id
        timing.settle(world, parkee.call, event.at)


def unparked_call(world: World, event: UnParkedCall) -> None:
    """Somebody fetches a parked call: the linkedids of the two never merge."""
    world.parked.pop(event.space, None)
    parkee = world.channels.get(event.parkee_uniqueid)
    if parkee is None:
        return
    world.touched = parkee.call.id
    retriever = world.channels.get(event.retriever_uniqueid)
    if retriever is None:
        return
    retriever.consult = False
    retriever.call.consults.pop(retriever.extension, None)
    call = linking.unite(world, parkee.call, retriever.call, event.at)
    world.touched = call.id
    timing.settle(world, call, event.at)
