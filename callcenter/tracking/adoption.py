"""Taking in channels that a state list shows: known ones that moved on, and ones nobody has seen before."""

from __future__ import annotations

from callcenter.ami.state import ChannelState, PbxState
from callcenter.tracking import channels, legs, linking, registry
from callcenter.tracking.listening import listens
from callcenter.tracking.model import UP, Call, Channel, World
from callcenter.tracking.naming import Kind, age_of
from crm_core.calls.facts import LegOutcome

_STATES = {0: "Down", 1: "Rsrvd", 2: "OffHook", 3: "Dialing", 4: "Ring", 5: "Ringing", 6: UP, 7: "Busy"}
# What a dialled channel is said to run.
_DIALED = ("AppDial", "AppDial2", "AppQueue")


def state_of(row: ChannelState, channel: Channel) -> str:
    return _STATES.get(row.state, channel.state)


def refresh(world: World, channel: Channel, row: ChannelState, now: float) -> bool:
    """Brings a known channel up to date; True when something had happened to it."""
    changed = row.linkedid != channel.linkedid
    linking.relink(world, channel, row.linkedid, now)
    listened = _listened(world, row)
    if listened is not None and not channel.listening:
        listens(world, channel, listened, now)
        changed = True
    return changed


def adopt(world: World, state: PbxState, now: float) -> list[Channel]:
    """Takes in the channels that were never seen; gives those that are new."""
    rows = [row for row in state.channels or () if row.uniqueid and row.uniqueid not in world.channels]
    rows.sort(key=lambda row: age_of(row.uniqueid))
    fresh: list[Channel] = []
    for row in rows:
        kind = world.kind(row.channel)
        if kind is Kind.MACHINE:
            continue
        channel = _channel(row, kind, now)
        fresh.append(channel)
        registry.register(world, channel)
        _place(world, channel, row, now)
    _twins(world)
    for channel in fresh:
        _leg(world, channel, now)
    return fresh


def _place(world: World, channel: Channel, row: ChannelState, now: float) -> None:
    call = world.links.get(channel.linkedid)
    listened = _listened(world, row)
    if listened is not None:
        linking.adopt(world, channel, listened)
        listens(world, channel, listened, now)
    elif call is not None and not call.ended:
        linking.adopt(world, channel, call)
    elif (
        channel.kind is not Kind.EXTENSION or channel.outgoing or not linking.consults(world, channel, now, sure=False)
    ):
        _begin(world, channel, row, now)


def _listened(world: World, row: ChannelState) -> Call | None:
    """The call of the channel that a ChanSpy names."""
    if row.application != "ChanSpy":
        return None
    wanted = row.application_data.split(",", 1)[0]
    for channel in world.channels.values():
        if wanted and channel.name.startswith(wanted) and not channel.listening and not channel.call.ended:
            return channel.call
    return None


def _channel(row: ChannelState, kind: Kind, now: float) -> Channel:
    age = row.duration_seconds or 0
    channel = Channel(row.uniqueid, row.linkedid or row.uniqueid, row.channel, kind, now - age)
    channel.adopted = True
    channel.state = _STATES.get(row.state, "")
    channel.outgoing = row.application in _DIALED or channel.state in ("Down", "Rsrvd", "Dialing", "Ringing")
    # s and h are places in the dialplan, no numbers.
    channel.exten = row.exten if row.exten not in ("s", "h") and not _moved_on(row, kind) else ""
    channel.caller_number = row.caller_number or ""
    channel.caller_name = row.caller_name or ""
    return channel


def _moved_on(row: ChannelState, kind: Kind) -> bool:
    """A customer who was let in stands where dialplan or transfers led: what was dialled first is not shown."""
    return kind is Kind.TRUNK and _STATES.get(row.state) == UP


def _begin(world: World, channel: Channel, row: ChannelState, now: float) -> Call:
    call = linking.begin(world, channel, channel.created_at)
    call.since = now
    call.gap = call.cut = True
    call.start_unknown = True
    call.times_unknown = True
    call.originated |= row.application == "AppDial2"
    call.answer_doubtful = channel.state == UP
    channels.first_words(call, channel)
    world.tell(call, "started")
    return call


def _twins(world: World) -> None:
    halves: dict[str, Channel] = {}
    for channel in world.channels.values():
        if channel.kind is not Kind.LOCAL or channel.twin is not None:
            continue
        base = channel.name.rpartition(";")[0]
        other = halves.setdefault(base, channel)
        if other is not channel:
            channel.twin, other.twin = other, channel


def _leg(world: World, channel: Channel, now: float) -> None:
    leg = legs.dialed(world, channel, channel.created_at)
    if leg is None:
        return
    if channel.state == UP:
        leg.outcome = LegOutcome.ANSWERED
        leg.rang = True
        leg.unseen = True
    elif channel.state == "Ringing":
        legs.rings(world, channel, now)
