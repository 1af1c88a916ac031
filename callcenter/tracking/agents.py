"""The live state of extensions and queues."""

from __future__ import annotations

from callcenter.ami.events import DeviceStateChange, QueueMemberRemoved, QueueMemberStatus
from callcenter.ami.state import QueueState
from callcenter.tracking.changes import AgentChanged, QueueChanged
from callcenter.tracking.live import AgentLive, AgentState, Membership, QueueLive, Waiting
from callcenter.tracking.members import OUT_OF_REACH
from callcenter.tracking.model import UP, Channel, World
from callcenter.tracking.naming import Kind, extension_of

# Of several things at once the last of these counts.
RANKS = (AgentState.IDLE, AgentState.DIALING, AgentState.RINGING, AgentState.HOLDING, AgentState.TALKING)
_DIALING, _RINGING, _HOLDING, _TALKING = 1, 2, 3, 4


def moved(world: World, channel: Channel, at: float | None) -> None:
    """One channel of an extension does something else now."""
    desk = world.members.desks.setdefault(channel.extension, [0] * len(RANKS))
    rank = 0 if channel.gone else _rank(channel)
    if rank != channel.doing:
        desk[channel.doing] -= 1
        desk[rank] += 1
        channel.doing = rank
    look(world, channel.extension, at)


def look(world: World, extension: str, at: float | None) -> None:
    """Sees what an extension does now and reports it when that is something new."""
    state = _state(world, extension)
    channels = len(world.extensions.get(extension, ()))
    before = world.members.states.get(extension)
    if before is not None and before[0] is state and before[2] == channels:
        return
    since = before[1] if before is not None and before[0] is state else at
    world.members.states[extension] = (state, since, channels)
    world.out.append(AgentChanged(extension))


def _state(world: World, extension: str) -> AgentState:
    desk = world.members.desks.get(extension)
    if desk is not None:
        for rank in (_TALKING, _HOLDING, _RINGING, _DIALING):
            if desk[rank] > 0:
                return RANKS[rank]
    if extension in world.members.offline:
        return AgentState.OFFLINE
    memberships = world.members.memberships(extension)
    if memberships and all(membership.paused for membership in memberships):
        return AgentState.PAUSED
    return AgentState.IDLE


def _rank(channel: Channel) -> int:
    if channel.state == UP:
        if channel.bridge is None and not channel.listening:
            return _DIALING
        return _HOLDING if channel.on_hold or channel.consulting else _TALKING
    return _RINGING if channel.outgoing else _DIALING


def extension_of_member(interface: str, state_interface: str) -> str:
    """A member may be reached through a Local channel; the device behind it is the extension."""
    if state_interface and not state_interface.startswith(("Local/", "hint:", "Custom:")):
        return extension_of(state_interface)
    return extension_of(interface)


def member_status(world: World, event: QueueMemberStatus) -> None:
    extension = extension_of_member(event.interface, event.state_interface)
    now = Membership(
        queue=event.queue,
        member=event.member,
        penalty=event.penalty,
        paused=bool(event.paused),
        reason=event.reason or None,
        calls_taken=event.calls_taken,
        last_call=event.last_call,
        wrapup_seconds=event.wrapup_seconds,
    )
    put_member(world, extension, now, event.status in OUT_OF_REACH, event.at)


def put_member(world: World, extension: str, now: Membership, offline: bool, at: float | None) -> None:
    members = world.members.queues.setdefault(now.queue, {})
    before = members.get(extension)
    members[extension] = now
    if before is None:
        world.members.saw(extension)
        world.out.append(QueueChanged(now.queue))
    _reachable(world, extension, not offline)
    if before != now:
        world.out.append(AgentChanged(extension))
    look(world, extension, at)


def load_queue(world: World, queue: QueueState, at: float) -> None:
    """The members as a state list shows them."""
    present = set()
    for row in queue.members:
        extension = extension_of_member(row.interface, row.state_interface)
        present.add(extension)
        now = Membership(
            queue=queue.name,
            member=row.name,
            penalty=row.penalty,
            paused=row.paused,
            reason=row.paused_reason or None,
            calls_taken=row.calls_taken,
            last_call=row.last_call,
            wrapup_seconds=row.wrapup_seconds,
        )
        put_member(world, extension, now, row.status in OUT_OF_REACH, at)
    members = world.members.queues.setdefault(queue.name, {})
    for extension in [extension for extension in members if extension not in present]:
        del members[extension]
    world.out.append(QueueChanged(queue.name))


def _reachable(world: World, extension: str, reachable: bool) -> None:
    if reachable:
        world.members.offline.discard(extension)
    else:
        world.members.offline.add(extension)


def member_removed(world: World, event: QueueMemberRemoved) -> None:
    extension = extension_of_member(event.interface, "")
    members = world.members.queues.get(event.queue)
    if members is not None and members.pop(extension, None) is not None:
        world.out.append(QueueChanged(event.queue))
        world.out.append(AgentChanged(extension))
        look(world, extension, event.at)


def device_state(world: World, event: DeviceStateChange) -> None:
    if world.kind(event.device) is not Kind.EXTENSION or ":" in event.device.partition("/")[0]:
        return
    extension = extension_of(event.device)
    world.members.saw(extension)
    _reachable(world, extension, event.state not in ("UNAVAILABLE", "INVALID"))
    look(world, extension, event.at)


def agent_live(world: World, extension: str) -> AgentLive:
    state, since, _ = world.members.states.get(extension, (AgentState.OFFLINE, None, 0))
    # A channel that does nothing yet is in no state that was told, and so no call of the extension either.
    busy = (channel for channel in world.extensions.get(extension, {}).values() if channel.doing)
    calls = tuple(dict.fromkeys(channel.call.id for channel in busy))
    return AgentLive(extension, state, since, calls, tuple(world.members.memberships(extension)))


def queue_live(world: World, queue: str) -> QueueLive:
    waiting = []
    for position, (uniqueid, at) in enumerate(world.members.waiting.get(queue, {}).items(), 1):
        channel = world.channels.get(uniqueid)
        if channel is not None:
            waiting.append(Waiting(channel.call.id, at, position))
    return QueueLive(queue, tuple(waiting), tuple(sorted(world.members.queues.get(queue, {}))))
