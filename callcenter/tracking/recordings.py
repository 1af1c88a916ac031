"""Recordings that pause, go on and stop."""

from __future__ import annotations

from callcenter.ami.events import MixMonitorMute, MixMonitorStart, MixMonitorStop
from callcenter.tracking import closing
from callcenter.tracking.model import World

_ON = frozenset({"1", "on", "true", "yes"})


def started(world: World, event: MixMonitorStart) -> None:
    channel = world.channels.get(event.uniqueid)
    if channel is not None:
        world.touched = channel.call.id


def stopped(world: World, event: MixMonitorStop) -> None:
    channel = world.channels.get(event.uniqueid)
    if channel is not None:
        world.touched = channel.call.id
        closing.stop_one(world, channel.call, channel, event.at)


def muted(world: World, event: MixMonitorMute) -> None:
    channel = world.channels.get(event.uniqueid)
    if channel is None:
        return
    world.touched = channel.call.id
    for recording in channel.call.recordings:
        if recording.uniqueid != event.uniqueid or recording.stopped_at is not None:
            continue
        paused = bool(recording.pauses) and recording.pauses[-1][1] is None
        if event.state.lower() in _ON and not paused:
            recording.pauses.append((event.at, None))
        elif event.state.lower() not in _ON and paused:
            recording.pauses[-1] = (recording.pauses[-1][0], event.at)
