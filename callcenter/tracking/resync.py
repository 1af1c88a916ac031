"""After a broken link: what vanished, what is new, and what therefore is not known.

Nothing is invented: a call that vanished ended at an unknown time, one that was never seen began before anybody looked.
The lists of channels, bridges and queues are the truth; the PBX's start time is not asked.
"""

from __future__ import annotations

from collections.abc import Collection

from callcenter.ami.state import PbxState
from callcenter.tracking import adoption, agents, closing, linking, registry, timing
from callcenter.tracking.changes import CallChanged
from callcenter.tracking.model import UP, Bridge, Call, Channel, Visit, World
from callcenter.tracking.naming import Kind, age_of
from crm_core.calls.facts import LegOutcome

# Uniqueids below this are no times (some PBXs are made to count otherwise).
_EPOCH = 1e9
_COARSE = 2.0


def link_lost(world: World, at: float) -> None:
    if world.lost_at is None:
        world.lost_at = at
    for call in world.calls.values():
        if not call.ended:
            call.cut = True
            # Whoever hung up before did not end it; who does so meanwhile is not heard.
            call.walked_out = ""
            if not call.gap:
                call.gap = True
                if call.announced:
                    world.out.append(CallChanged(call.id, "updated"))


def reconcile(world: World, state: PbxState, at: float) -> None:
    now = _clock(world, state, at)
    world.last_at, world.lost_at = now, None
    _members(world, state, now)
    if state.channels is None:
        # Not allowed to ask: whatever was going on may have gone on or not.
        for call in world.calls.values():
            call.times_unknown |= call.cut
        return
    changed: dict[Channel, None] = {}
    before = set(world.channels)
    gone = _compare(world, state, now, changed)
    _bridges(world, state, before, changed, now)
    changed.update(dict.fromkeys(adoption.adopt(world, state, now)))
    _bridges(world, state, before, changed, now)
    _joined_queues(world, state, now, changed)
    for channel in world.channels.values():
        _taken_unseen(channel)
    _doubt_times(world, changed)
    closing.end_vanished(world, gone, now)
    _tell(world, [*changed], gone, now)


def _compare(world: World, state: PbxState, now: float, changed: dict[Channel, None]) -> list[Channel]:
    """Brings the known channels up to date; gives those that are gone."""
    rows = {row.uniqueid: row for row in state.channels or () if row.uniqueid}
    gone = [channel for uniqueid, channel in world.channels.items() if uniqueid not in rows]
    known = sorted(rows.keys() & world.channels.keys(), key=age_of)
    _left_queues(world, state, now, changed)
    for uniqueid in known:
        channel = world.channels[uniqueid]
        state_now = adoption.state_of(rows[uniqueid], channel)
        if state_now != channel.state:
            channel.state = state_now
            changed[channel] = None
    # Before anything shows who is together now: that must not pass for an answer that was heard.
    _doubt_answers(world, rows.keys())
    for uniqueid in known:
        if adoption.refresh(world, world.channels[uniqueid], rows[uniqueid], now):
            changed[world.channels[uniqueid]] = None
    changed.update(dict.fromkeys(gone))
    closing.drop(world, gone)
    return gone


def _taken_unseen(channel: Channel) -> None:
    """A phone that was up, with nobody yet, when last seen: it may have talked since, and does if somebody is there."""
    leg = channel.leg
    if leg is None or leg.answered_at is not None or leg.outcome is not None or channel.state != UP:
        return
    leg.unseen = True
    company = timing.reach(channel.bridge) if channel.bridge is not None and not channel.bridge.holding else ()
    if leg.own or any(c is not channel and c.kind is not Kind.LOCAL and c.state == UP for c in company):
        leg.outcome = LegOutcome.ANSWERED
        leg.told = False


def _tell(world: World, changed: list[Channel], gone: list[Channel], now: float) -> None:
    touched = {channel.call for channel in changed}
    for call in list(world.calls.values()):
        timing.settle(world, call, now)
        if call in touched and not call.ended:
            world.tell(call, "updated")
    for channel in [*world.channels.values(), *gone]:
        if channel.kind is Kind.EXTENSION:
            agents.moved(world, channel, now)


def _clock(world: World, state: PbxState, at: float) -> float:
    """The PBX's time now: by its last event and how long the link was down, unless its channels say otherwise."""
    now = at
    if world.last_at is not None:
        now = world.last_at + (max(0.0, at - world.lost_at) if world.lost_at is not None else 0.0)
    # A uniqueid holds the second of birth, the list the whole seconds since: together less than two behind.
    births = ((age_of(row.uniqueid)[0], row.duration_seconds or 0) for row in state.channels or ())
    told = max((birth + age for birth, age in births if _EPOCH < birth < float("inf")), default=None)
    return now if told is None or told <= now <= told + _COARSE else told


def _bridges(world: World, state: PbxState, known: set[str], changed: dict[Channel, None], now: float) -> None:
    """Puts every channel where the lists say it is."""
    where: dict[str, str | None] = {row.uniqueid: row.bridge_id for row in state.channels or ()}
    for listed in state.bridges or ():
        if listed.bridge_id not in world.bridges and listed.uniqueids:
            world.bridges[listed.bridge_id] = Bridge(listed.bridge_id, listed.type, listed.technology, listed.name)
        for uniqueid in listed.uniqueids:
            where[uniqueid] = listed.bridge_id
    for uniqueid, bridge_id in where.items():
        channel = world.channels.get(uniqueid)
        if channel is None:
            continue
        here = channel.bridge.id if channel.bridge is not None else None
        if here == bridge_id:
            continue
        if uniqueid in known:
            changed[channel] = None
        registry.leave_bridge(world, channel)
        if bridge_id:
            bridge = world.bridges.setdefault(bridge_id, Bridge(bridge_id, "basic", "simple_bridge"))
            channel.bridge = bridge
            bridge.members[uniqueid] = channel
            if bridge.holding:
                channel.call.was_only_parked()
            for member in list(bridge.members.values()):
                if member.call is not channel.call and linking.belong_together(bridge, member.call, channel.call):
                    linking.unite(world, member.call, channel.call, now)


def _left_queues(world: World, state: PbxState, now: float, changed: dict[Channel, None]) -> None:
    """Callers who are no longer where they waited."""
    if state.queues is None:
        return
    waiting = {(queue.name, caller.uniqueid) for queue in state.queues for caller in queue.waiting}
    for call in list(world.calls.values()):
        for visit in call.visits:
            if visit.left_at is None and (visit.queue, visit.uniqueid) not in waiting:
                visit.outcome = visit.outcome or "left"
                visit.left_at = now
                visit.unseen = True
                changed.update(dict.fromkeys(call.channels.values()))


def _joined_queues(world: World, state: PbxState, now: float, changed: dict[Channel, None]) -> None:
    """Callers who wait where nobody saw them go."""
    for queue in state.queues or ():
        for caller in queue.waiting:
            channel = world.channels.get(caller.uniqueid)
            if channel is None:
                continue
            visits = channel.call.visits
            if not any(visit.left_at is None and visit.queue == queue.name for visit in visits):
                visits.append(Visit(queue.name, caller.uniqueid, now - caller.wait_seconds))
                changed[channel] = None


def _doubt_answers(world: World, alive: Collection[str]) -> None:
    """An unanswered call may have been answered, and left again, while nobody listened."""
    for call in world.calls.values():
        if call.cut and call.answered_at is None and not call.ended and not _surely_waits(call, alive):
            call.answer_doubtful = True
            call.times_unknown = True


def _surely_waits(call: Call, alive: Collection[str]) -> bool:
    """Its first channel is not even up, or stands in the queue as before."""
    first = call.channels.get(call.uniqueid)
    if first is None or first.uniqueid not in alive:
        return False
    return first.state != UP or any(v.left_at is None and v.uniqueid == first.uniqueid for v in call.visits)


def _doubt_times(world: World, changed: dict[Channel, None]) -> None:
    """Talk and hold of what changed, or was answered: a hold may have begun or ended, and no list shows holds."""
    for channel in changed:
        channel.call.gap = channel.call.times_unknown = True
    for call in world.calls.values():
        if call.cut and (call.answered_at is not None or call.answer_unknown):
            call.times_unknown = True


def _members(world: World, state: PbxState, now: float) -> None:
    if state.queues is None:
        return
    world.members.waiting = {}
    for queue in state.queues:
        agents.load_queue(world, queue, now)
        for caller in queue.waiting:
            world.members.join(queue.name, caller.uniqueid, now - caller.wait_seconds, caller.position)
