"""A small model of a PBX: fed with its own events, it knows what a state list would show at that moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from callcenter.ami.state import (
    BridgeState,
    ChannelState,
    PbxState,
    QueueCallerState,
    QueueState,
    bridge_of,
    channel_of,
)

_PREFIXES = ("", "Dest", "LocalOne", "LocalTwo", "Transferer", "Transferee", "OrigTransferer", "SecondTransferer")
_SHOWN = (
    "ChannelState",
    "CallerIDNum",
    "CallerIDName",
    "ConnectedLineNum",
    "ConnectedLineName",
    "Context",
    "Exten",
    "Linkedid",
)


@dataclass
class PbxModel:
    """Feed it every event that the PBX sends, heard or not."""

    channels: dict[str, dict[str, str]] = field(default_factory=dict)
    born: dict[str, float] = field(default_factory=dict)
    bridges: dict[str, dict[str, str]] = field(default_factory=dict)
    inside: dict[str, list[str]] = field(default_factory=dict)
    waiting: dict[str, tuple[str, float]] = field(default_factory=dict)

    def feed(self, event: Mapping[str, str]) -> None:
        name, uniqueid = event.get("Event", ""), event.get("Uniqueid", "")
        if name == "Newchannel":
            self.channels[uniqueid] = {"Channel": event["Channel"], "Uniqueid": uniqueid}
            self.born[uniqueid] = float(event["Timestamp"])
        for prefix in _PREFIXES:
            row = self.channels.get(event.get(f"{prefix}Uniqueid", ""))
            if row is not None:
                row.update({key: event[prefix + key] for key in _SHOWN if prefix + key in event})
        if name == "Newexten" and uniqueid in self.channels:
            row = self.channels[uniqueid]
            row["Application"], row["ApplicationData"] = event.get("Application", ""), event.get("AppData", "")
        if name == "Rename" and uniqueid in self.channels:
            self.channels[uniqueid]["Channel"] = event["Newname"]
        if name == "Hangup":
            self.channels.pop(uniqueid, None)
            for members in self.inside.values():
                if uniqueid in members:
                    members.remove(uniqueid)
        self._bridge(name, event, uniqueid)
        self._queue(name, event, uniqueid)

    def _bridge(self, name: str, event: Mapping[str, str], uniqueid: str) -> None:
        bridge = event.get("BridgeUniqueid", "")
        if name in ("BridgeCreate", "BridgeEnter"):
            self.bridges.setdefault(bridge, dict(event))
            members = self.inside.setdefault(bridge, [])
            if name == "BridgeEnter" and uniqueid not in members:
                members.append(uniqueid)
        elif name == "BridgeLeave" and uniqueid in self.inside.get(bridge, []):
            self.inside[bridge].remove(uniqueid)
        elif name == "BridgeDestroy":
            self.bridges.pop(bridge, None)
            self.inside.pop(bridge, None)

    def _queue(self, name: str, event: Mapping[str, str], uniqueid: str) -> None:
        if name == "QueueCallerJoin":
            self.waiting[uniqueid] = (event["Queue"], float(event["Timestamp"]))
        elif name in ("QueueCallerLeave", "QueueCallerAbandon", "Hangup"):
            self.waiting.pop(uniqueid, None)

    def state(self, at: float) -> PbxState:
        """What CoreShowChannels, BridgeList with BridgeInfo, and QueueStatus would answer."""
        return PbxState(
            pbx="main",
            read_at=at,
            channels=tuple(self._channel(row, at) for row in self.channels.values()),
            bridges=tuple(self._bridge_state(bridge, row) for bridge, row in self.bridges.items()),
            queues=self._queues(at),
        )

    def _channel(self, row: Mapping[str, str], at: float) -> ChannelState:
        uniqueid = row["Uniqueid"]
        bridge = next((b for b, members in self.inside.items() if uniqueid in members), "")
        seconds = max(0, int(at - self.born[uniqueid]))
        return channel_of({**row, "BridgeId": bridge, "Duration": str(seconds)})

    def _bridge_state(self, bridge: str, row: Mapping[str, str]) -> BridgeState:
        members: Sequence[Mapping[str, str]] = [
            self.channels[uniqueid] for uniqueid in self.inside.get(bridge, []) if uniqueid in self.channels
        ]
        return bridge_of({**row, "BridgeUniqueid": bridge}, members)

    def _queues(self, at: float) -> tuple[QueueState, ...]:
        names = dict.fromkeys(queue for queue, _ in self.waiting.values())
        return tuple(
            QueueState(
                name=name,
                waiting=tuple(
                    QueueCallerState("", uniqueid, place, int(at - joined))
                    for place, (uniqueid, (queue, joined)) in enumerate(self.waiting.items(), 1)
                    if queue == name
                ),
            )
            for name in names
        )
