"""The fold: one AMI event in, what it changed out. One tracker per PBX; same events in, same calls out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from callcenter.ami import events as e
from callcenter.ami.events import AmiEvent
from callcenter.ami.state import PbxState
from callcenter.tracking import agents, bridges, channels, dialing, listening, queues, recordings, resync, transfers
from callcenter.tracking.changes import Change
from callcenter.tracking.facts import call_facts
from callcenter.tracking.live import AgentLive, QueueLive
from callcenter.tracking.members import Members
from callcenter.tracking.model import World
from crm_core.calls.facts import CallFacts

_HANDLERS: dict[type[Any], Callable[[World, Any], None]] = {
    e.Newchannel: channels.new_channel,
    e.Newstate: channels.new_state,
    e.NewCallerid: channels.new_caller_id,
    e.Rename: channels.rename,
    e.HangupRequest: channels.hangup_request,
    e.Hangup: channels.hang_up,
    e.DialBegin: dialing.dial_begin,
    e.DialState: dialing.dial_state,
    e.DialEnd: dialing.dial_end,
    e.OriginateResponse: dialing.originate_response,
    e.BridgeDestroy: bridges.bridge_destroy,
    e.BridgeEnter: bridges.bridge_enter,
    e.BridgeLeave: bridges.bridge_leave,
    e.ConfbridgeJoin: bridges.conference_joined,
    e.LocalBridge: bridges.local_bridge,
    e.Hold: bridges.hold,
    e.Unhold: bridges.unhold,
    e.BlindTransfer: transfers.blind_transfer,
    e.AttendedTransfer: transfers.attended_transfer,
    e.Pickup: transfers.pickup,
    e.ParkedCall: transfers.parked_call,
    e.ParkedCallGiveUp: transfers.parked_call_over,
    e.ParkedCallTimeOut: transfers.parked_call_over,
    e.UnParkedCall: transfers.unparked_call,
    e.ChanSpyStart: listening.spy_start,
    e.ChanSpyStop: listening.spy_stop,
    e.VarSet: queues.variable,
    e.QueueCallerJoin: queues.caller_join,
    e.QueueCallerLeave: queues.caller_leave,
    e.QueueCallerAbandon: queues.caller_abandon,
    e.AgentCalled: queues.agent_called,
    e.AgentConnect: queues.agent_said,
    e.AgentComplete: queues.agent_said,
    e.AgentRingNoAnswer: queues.agent_said,
    e.MixMonitorStart: recordings.started,
    e.MixMonitorStop: recordings.stopped,
    e.MixMonitorMute: recordings.muted,
    e.QueueMemberStatus: agents.member_status,
    e.QueueMemberRemoved: agents.member_removed,
    e.DeviceStateChange: agents.device_state,
}


class CallTracker:
    """Feed it with ``apply``; tell it when the link broke (``link_lost``) and what is live afterwards (``reconcile``).

    Not thread-safe and never waits. The changes that a method gives are valid until the next call of any method;
    ``facts`` of a call must be asked for before that when its change says ``last``.
    """

    def __init__(self, pbx: str, trunks: Sequence[str]) -> None:
        self.pbx = pbx
        self._world = World(pbx, trunks, Members())

    @property
    def touched(self) -> int | None:
        """The id of the call that the last applied event belongs to, for the journal."""
        return self._world.touched

    def apply(self, event: AmiEvent) -> Sequence[Change]:
        """What this event changed. Events that say nothing of calls, agents or queues change nothing."""
        handler = _HANDLERS.get(type(event))
        world = self._world
        world.touched = None
        if handler is None:
            return ()
        world.last_at = event.at
        out: list[Change] = []
        world.out = out
        handler(world, event)
        return out

    def link_lost(self, at: float) -> Sequence[Change]:
        """From now on events are missed: every live call has a gap."""
        return self._collect(lambda: resync.link_lost(self._world, at))

    def reconcile(self, state: PbxState, at: float) -> Sequence[Change]:
        """Compares with what is live after a (re)connect: closes what vanished, takes in what was never seen."""
        world = self._world
        world.unheard = True
        try:
            return self._collect(lambda: resync.reconcile(world, state, at))
        finally:
            world.unheard = False

    def _collect(self, work: Callable[[], None]) -> Sequence[Change]:
        world = self._world
        world.touched = None
        out: list[Change] = []
        world.out = out
        work()
        return out

    def facts(self, call_id: int, now: float | None = None) -> CallFacts | None:
        """A live call, or one that ended a moment ago. ``now`` (the PBX's clock) counts what still runs."""
        call = self._world.calls.get(call_id)
        if call is None:
            recent = self._world.recent.get(call_id)
            if recent is None:
                return None
            call = recent[1]
        return call_facts(self._world, call, now)

    def live(self, now: float | None = None) -> list[CallFacts]:
        """All calls that have not ended, oldest first."""
        world = self._world
        return [call_facts(world, call, now) for call in world.calls.values() if call.announced and not call.ended]

    def agent(self, extension: str) -> AgentLive:
        return agents.agent_live(self._world, extension)

    def agents(self) -> list[AgentLive]:
        """Every extension seen so far."""
        return [agents.agent_live(self._world, extension) for extension in sorted(self._world.members.extensions)]

    def queue(self, name: str) -> QueueLive:
        return agents.queue_live(self._world, name)

    def queues(self) -> list[QueueLive]:
        members = self._world.members
        return [agents.queue_live(self._world, name) for name in sorted(members.queues | members.waiting)]
