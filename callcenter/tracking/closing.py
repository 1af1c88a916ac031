"""The end of calls and recordings, and forgetting them."""

from __future__ import annotations

from callcenter.tracking import legs, registry, timing
from callcenter.tracking.changes import CallChanged, RecordingStopped
from callcenter.tracking.facts import recording_facts
from callcenter.tracking.model import Call, Channel, Recording, World, is_customer
from callcenter.tracking.naming import Kind
from callcenter.tracking.outcome import hung_up_first

# How long, and how many, ended calls are kept for events that come late (seconds of the PBX's clock).
_LATE = 30.0
_MOST_RECENT = 256


def after_hangup(world: World, call: Call, channel: Channel, customer: bool, at: float) -> None:
    """Ends the call when its customer's side is gone, and forgets it when nothing of it is left."""
    if not call.ended and _is_over(call, customer):
        call.ended_by = hung_up_first(world, call, channel.leaving, customer)
        if channel.leaving and not customer and not call.channels and channel.uniqueid == call.pivot:
            call.walked_out = call.walked_out or channel.extension
        end(world, call, at)
    if not call.channels:
        forget(world, call, at)
    elif call.ended and call.announced:
        world.out.append(CallChanged(call.id, "updated"))


def vanish(world: World, gone: list[Channel], at: float) -> None:
    """Channels that are dead although nobody said so."""
    drop(world, gone)
    end_vanished(world, gone, at)


def drop(world: World, gone: list[Channel]) -> None:
    """Out of all tables; what becomes of their calls is decided when all is known."""
    for channel in gone:
        registry.leave_bridge(world, channel)
        channel.gone = True
        registry.unregister(world, channel)
        if channel.call.consults.get(channel.extension) is channel:
            del channel.call.consults[channel.extension]


def end_vanished(world: World, gone: list[Channel], at: float) -> None:
    """Ends calls whose customer vanished, and the legs of all that vanished."""
    calls: dict[Call, list[Channel]] = {}
    for channel in gone:
        calls.setdefault(channel.call, []).append(channel)
    for call, lost in calls.items():
        call.gap = call.times_unknown = True
        customer = any(is_customer(call, channel) for channel in lost)
        for channel in lost:
            _stop_unseen(world, call, channel)
            call.channels.pop(channel.uniqueid, None)
        if not call.ended and _is_over(call, customer):
            end_unknown(world, call, at)
        for channel in lost:
            legs.lose(world, channel, at)
        if not call.channels:
            forget(world, call, at)


def _is_over(call: Call, customer: bool) -> bool:
    if customer and (call.from_trunk or call.answered_at is not None or call.answer_unknown):
        return True
    return all(c.listening or c.kind is Kind.LOCAL for c in call.channels.values())


def end(world: World, call: Call, at: float) -> None:
    timing.close_books(call, at)
    call.ended_at = at
    for visit in call.visits:
        if visit.left_at is None:
            visit.left_at = at
            visit.abandoned = True
            visit.outcome = "abandoned"
    for leg in call.legs:
        if leg.told and leg.ended_at is None and leg.outcome is None and leg.answered_at is None and leg.source is None:
            legs.take_back(world, call, leg)
    world.tell(call, "ended")


def end_unknown(world: World, call: Call, at: float) -> None:
    """The call vanished while nobody watched: that it is over is known, when and how is not."""
    timing.close_books(call, at)
    call.end_unknown = True
    call.gap = True
    call.times_unknown = True
    for visit in call.visits:
        if visit.left_at is None:
            visit.outcome = "left"
    world.tell(call, "ended")


def forget(world: World, call: Call, at: float) -> None:
    """Nothing of an ended call stays, but for a moment what late events need."""
    if not call.ended:
        end(world, call, at)
    for linkedid in call.links:
        if world.links.get(linkedid) is call:
            del world.links[linkedid]
    for recording in call.recordings:
        if recording.uniqueid:
            _stop(world, call, recording, at)
    world.calls.pop(call.id, None)
    world.recent[call.id] = (at, call)
    if world.out and isinstance(world.out[-1], CallChanged) and world.out[-1].call_id == call.id:
        world.out[-1] = CallChanged(call.id, world.out[-1].what, last=True)
    else:
        world.out.append(CallChanged(call.id, "updated", last=True))
    while world.recent:
        ended_at, _ = next(iter(world.recent.values()))
        if len(world.recent) <= _MOST_RECENT and abs(at - ended_at) <= _LATE:
            return
        world.recent.popitem(last=False)


def stop_recordings(world: World, call: Call, channel: Channel, at: float) -> None:
    for recording in call.recordings:
        if recording.uniqueid == channel.uniqueid:
            _stop(world, call, recording, at)


def stop_one(world: World, call: Call, channel: Channel, at: float) -> None:
    """MixMonitorStop does not say which file: the first that still runs."""
    for recording in call.recordings:
        if recording.uniqueid == channel.uniqueid and recording.stopped_at is None:
            _stop(world, call, recording, at)
            return


def _stop_unseen(world: World, call: Call, channel: Channel) -> None:
    """The channel vanished unseen: the file is whole by now, when it ended is not known."""
    for recording in call.recordings:
        if recording.uniqueid == channel.uniqueid and recording.stopped_at is None:
            recording.uniqueid = ""
            world.out.append(RecordingStopped(call.id, recording_facts(recording)))


def _stop(world: World, call: Call, recording: Recording, at: float) -> None:
    if recording.stopped_at is not None:
        return
    recording.stopped_at = at
    if recording.pauses and recording.pauses[-1][1] is None:
        recording.pauses[-1] = (recording.pauses[-1][0], at)
    if call.answered_at is not None or call.answer_unknown:
        world.out.append(RecordingStopped(call.id, recording_facts(recording)))
