"""Callers in queues. A queue's own numbers are not used: its times are whole seconds and end at the first transfer."""

from __future__ import annotations

from callcenter.ami.events import (
    AgentCalled,
    AgentComplete,
    AgentConnect,
    AgentRingNoAnswer,
    QueueCallerAbandon,
    QueueCallerJoin,
    QueueCallerLeave,
    VarSet,
)
from callcenter.tracking.changes import CallChanged, QueueChanged
from callcenter.tracking.model import Recording, Visit, World
from callcenter.tracking.naming import extension_of
from crm_core.kernel.ids import derived_id


def caller_join(world: World, event: QueueCallerJoin) -> None:
    world.members.join(event.queue, event.uniqueid, event.at, event.position)
    world.out.append(QueueChanged(event.queue))
    channel = world.channels.get(event.uniqueid)
    if channel is None:
        return
    call = channel.call
    world.touched = call.id
    for visit in call.visits:
        if visit.uniqueid == event.uniqueid:
            # In another queue now, so the caller has not left: the first one only ran out of time.
            visit.abandoned = False
            visit.outcome = "timeout" if visit.outcome == "abandoned" else visit.outcome
    call.visits.append(Visit(event.queue, event.uniqueid, event.at))
    call.walked_out = ""
    world.tell(call, "queued")


def _visit(world: World, uniqueid: str, queue: str) -> Visit | None:
    channel = world.channels.get(uniqueid)
    if channel is None:
        return None
    world.touched = channel.call.id
    visits = [visit for visit in channel.call.visits if visit.queue == queue]
    for visit in reversed(visits):
        if visit.uniqueid == uniqueid:
            return visit
    # An attended transfer into the queue: the customer took the place of the agent who had queued.
    return next((visit for visit in visits if visit.left_at is None), None)


def caller_leave(world: World, event: QueueCallerLeave) -> None:
    world.members.leave(event.queue, event.uniqueid)
    world.out.append(QueueChanged(event.queue))
    visit = _visit(world, event.uniqueid, event.queue)
    if visit is not None and visit.left_at is None:
        visit.left_at = event.at
        visit.outcome = visit.outcome or "answered"


def caller_abandon(world: World, event: QueueCallerAbandon) -> None:
    world.members.leave(event.queue, event.uniqueid)
    visit = _visit(world, event.uniqueid, event.queue)
    if visit is not None:
        # Also sent on a time-out; the QUEUESTATUS that follows tells the two apart.
        visit.abandoned = True
        visit.outcome = "abandoned"


def agent_called(world: World, event: AgentCalled) -> None:
    """Says which queue an extension rings for, even when its ring began through a Local channel."""
    channel = world.channels.get(event.dest_uniqueid)
    if channel is None:
        return
    world.touched = channel.call.id
    world.members.saw(extension_of(event.interface))
    if channel.leg is not None:
        channel.leg.queue = event.queue


def agent_said(world: World, event: AgentConnect | AgentComplete | AgentRingNoAnswer) -> None:
    """Belongs to the call, but tells nothing that the bridge does not tell better."""
    channel = world.channels.get(event.uniqueid) or world.channels.get(event.dest_uniqueid)
    if channel is not None:
        world.touched = channel.call.id


def variable(world: World, event: VarSet) -> None:
    channel = world.channels.get(event.uniqueid)
    if channel is None:
        return
    call = channel.call
    world.touched = call.id
    if event.variable == "QUEUESTATUS":
        _queue_status(world, event)
    elif event.variable == "TRANSFERERNAME":
        channel.transferer = extension_of(event.value) if event.value else ""
    elif event.variable == "MIXMONITOR_FILENAME":
        _recording(world, event)
    elif event.variable == "DIALSTATUS":
        call.tried = True


def _queue_status(world: World, event: VarSet) -> None:
    channel = world.channels[event.uniqueid]
    if not event.value or event.value == "CONTINUE":
        return
    visits = [visit for visit in channel.call.visits if visit.uniqueid == event.uniqueid]
    if not visits:
        channel.call.refused_queue = True
        return
    visits[-1].abandoned = False
    visits[-1].outcome = "timeout" if event.value == "TIMEOUT" else "left"
    if visits[-1].left_at is None:
        visits[-1].left_at = event.at


def _recording(world: World, event: VarSet) -> None:
    """MixMonitorStart names no file, this variable does. Started twice on one file it still is one recording."""
    call = world.channels[event.uniqueid].call
    if not event.value:
        return
    for recording in call.recordings:
        if recording.path == event.value:
            recording.stopped_at = None
            return
    identifier = derived_id(world.pbx, str(call.id), event.value)
    call.recordings.append(Recording(identifier, event.value, event.uniqueid, event.at))
    if call.announced:
        world.out.append(CallChanged(call.id, "updated"))
