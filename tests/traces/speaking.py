"""Events made by hand, for rules that no recording shows."""

from __future__ import annotations

from collections.abc import Sequence

from callcenter.ami import events as e
from callcenter.ami.events import AmiEvent
from callcenter.ami.state import BridgeState, ChannelState, PbxState
from callcenter.tracking.changes import Change
from callcenter.tracking.tracker import CallTracker
from crm_core.calls.facts import CallFacts
from tests.traces.folding import TRUNKS, Folded


class Pbx:
    """Says events one after another, a second apart unless told otherwise, and keeps what the tracker made of them."""

    def __init__(self, start: float = 1000.0) -> None:
        self.at = start
        self.folded = Folded(CallTracker("main", TRUNKS))

    @property
    def tracker(self) -> CallTracker:
        return self.folded.tracker

    def say(self, *events: AmiEvent) -> Sequence[Change]:
        before = len(self.folded.changes)
        self.folded.play(events)
        return self.folded.changes[before:]

    def wait(self, seconds: float) -> None:
        self.at += seconds

    def newchannel(self, uid: str, name: str, linkedid: str = "", *, state: str = "Ring", exten: str = "") -> None:
        number = "13800138000" if "trunk" in name else name.partition("/")[2][:4]
        self.say(e.Newchannel(self.at, b"", uid, linkedid or uid, name, state, number, "", exten, ""))

    def state(self, uid: str, state: str, linkedid: str = "") -> None:
        channel = self.tracker._world.channels[uid]
        self.say(e.Newstate(self.at, b"", uid, linkedid or channel.linkedid, state))

    def dial(self, source: str, target: str, exten: str = "") -> None:
        self.say(e.DialBegin(self.at, b"", source, source, exten, target, source, "", "", ""))

    def dial_end(self, source: str, target: str, status: str) -> None:
        self.say(e.DialEnd(self.at, b"", source, target, status))

    def enter(self, bridge: str, *uids: str, kind: str = "basic", technology: str = "simple_bridge") -> None:
        for uid in uids:
            linkedid = self.tracker._world.channels[uid].linkedid
            self.say(e.BridgeEnter(self.at, b"", bridge, uid, linkedid, kind, technology, "", ""))

    def leave(self, bridge: str, *uids: str) -> None:
        for uid in uids:
            self.say(e.BridgeLeave(self.at, b"", bridge, uid, ""))

    def ask_hangup(self, uid: str) -> None:
        self.say(e.HangupRequest(self.at, b"", uid, "16"))

    def hangup(self, *uids: str, cause: int = 16) -> None:
        for uid in uids:
            self.say(e.Hangup(self.at, b"", uid, "", "", cause))

    def variable(self, uid: str, name: str, value: str) -> None:
        self.say(e.VarSet(self.at, b"", uid, "", name, value))

    def inbound_talk(self, uid: str = "1000.1", agent: str = "1000.2", extension: str = "1001") -> None:
        """A customer calls, the extension rings one second and answers."""
        self.newchannel(uid, f"PJSIP/trunk-0000000{uid[-1]}", exten=extension)
        self.newchannel(agent, f"PJSIP/{extension}-0000000{agent[-1]}", uid, state="Down")
        self.dial(uid, agent)
        self.state(agent, "Ringing")
        self.wait(1)
        self.state(agent, "Up")
        self.state(uid, "Up")
        self.enter(f"b{uid}", agent, uid)

    def calls(self) -> list[CallFacts]:
        return self.folded.in_order()

    def call(self) -> CallFacts:
        (call,) = self.calls()
        return call


def channel_row(uid: str, name: str, state: int = 6, **more: object) -> ChannelState:
    linkedid = str(more.pop("linkedid", uid))
    return ChannelState(channel=name, uniqueid=uid, linkedid=linkedid, state=state, **more)  # type: ignore[arg-type]


def lists(*channels: ChannelState, bridges: tuple[BridgeState, ...] = ()) -> PbxState:
    return PbxState(pbx="main", read_at=0.0, channels=channels, bridges=bridges, queues=())
