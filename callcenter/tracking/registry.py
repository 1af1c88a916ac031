"""The tables in which channels are found again."""

from __future__ import annotations

from callcenter.tracking.model import Channel, World
from callcenter.tracking.naming import Kind


def register(world: World, channel: Channel) -> None:
    world.channels[channel.uniqueid] = channel
    if channel.kind is Kind.EXTENSION:
        world.extensions.setdefault(channel.extension, {})[channel.uniqueid] = channel
        world.members.saw(channel.extension)


def leave_bridge(world: World, channel: Channel) -> None:
    bridge = channel.bridge
    channel.bridge = None
    if bridge is not None:
        bridge.members.pop(channel.uniqueid, None)
        if not bridge.members:
            world.bridges.pop(bridge.id, None)


def unregister(world: World, channel: Channel) -> None:
    world.channels.pop(channel.uniqueid, None)
    for space in [space for space, parkee in world.parked.items() if parkee is channel]:
        del world.parked[space]
    if channel.kind is Kind.EXTENSION:
        _leave_desk(world, channel)
        mine = world.extensions.get(channel.extension)
        if mine is not None:
            mine.pop(channel.uniqueid, None)
            if not mine:
                del world.extensions[channel.extension]


def _leave_desk(world: World, channel: Channel) -> None:
    desk = world.members.desks.get(channel.extension)
    if desk is not None and channel.doing:
        desk[channel.doing] -= 1
        desk[0] += 1
    channel.doing = 0
