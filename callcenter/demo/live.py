"""What exists on the replayed PBX right now, for those who ask after a reconnect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

# The headers of a channel snapshot, in Asterisk's order; an event repeats them under a prefix for each channel in it.
SNAPSHOT = (
    "ChannelState",
    "ChannelStateDesc",
    "CallerIDNum",
    "CallerIDName",
    "ConnectedLineNum",
    "ConnectedLineName",
    "Language",
    "AccountCode",
    "Context",
    "Exten",
    "Priority",
    "Uniqueid",
    "Linkedid",
)
_UP, _RINGING = "6", "5"


@dataclass(frozen=True, slots=True)
class QueueSpec:
    """A queue of queues.conf with its static members' extensions."""

    name: str
    strategy: str
    members: tuple[str, ...]


@dataclass(slots=True)
class LiveChannel:
    name: str
    since: float
    fields: dict[str, str] = field(default_factory=dict)
    bridge: str = ""
    application: str = ""
    application_data: str = ""


@dataclass(slots=True)
class LiveBridge:
    fields: dict[str, str]
    inside: list[str] = field(default_factory=list)


class LivePbx:
    """Channels by uniqueid, bridges by id, queue callers by uniqueid; fed with every event, heard or not."""

    def __init__(self) -> None:
        self.channels: dict[str, LiveChannel] = {}
        self.bridges: dict[str, LiveBridge] = {}
        self.waiting: dict[str, Mapping[str, str]] = {}

    def feed(self, fields: Mapping[str, str], now: float) -> None:
        kind = fields.get("Event", "")
        uniqueid = fields.get("Uniqueid", "")
        if kind == "Newchannel":
            self.channels[uniqueid] = LiveChannel(fields.get("Channel", ""), now)
        self._refresh(fields)
        if kind == "Newexten" and uniqueid in self.channels:
            self.channels[uniqueid].application = fields.get("Application", "")
            self.channels[uniqueid].application_data = fields.get("AppData", "")
        elif kind == "Rename" and uniqueid in self.channels:
            self.channels[uniqueid].name = fields.get("Newname", "")
        elif kind == "QueueCallerJoin":
            self.waiting[uniqueid] = dict(fields)
        elif kind == "QueueCallerLeave":
            self.waiting.pop(uniqueid, None)
        elif kind == "Hangup":
            self._gone(uniqueid)
        elif kind.startswith("Bridge"):
            self._bridged(kind, fields, uniqueid)

    def device_state(self, device: str) -> int:
        """Asterisk's device state number of an endpoint: 1 idle, 2 in use, 6 ringing."""
        states = {c.fields.get("ChannelState") for c in self.channels.values() if c.name.startswith(device + "-")}
        return 2 if _UP in states else 6 if _RINGING in states else 1

    def _refresh(self, fields: Mapping[str, str]) -> None:
        for key in fields:
            if not key.endswith("Uniqueid") or key == "BridgeUniqueid":
                continue
            prefix = key.removesuffix("Uniqueid")
            channel = self.channels.get(fields[key])
            if channel is None:
                continue
            channel.name = fields.get(prefix + "Channel") or channel.name
            channel.fields.update({k: fields[prefix + k] for k in SNAPSHOT if prefix + k in fields})

    def _bridged(self, kind: str, fields: Mapping[str, str], uniqueid: str) -> None:
        bridge_id = fields.get("BridgeUniqueid", "")
        if kind == "BridgeDestroy":
            self.bridges.pop(bridge_id, None)
        elif kind in ("BridgeCreate", "BridgeEnter"):
            bridge = self.bridges.setdefault(bridge_id, LiveBridge(dict(fields)))
            if kind == "BridgeEnter":
                bridge.inside.append(uniqueid)
                if uniqueid in self.channels:
                    self.channels[uniqueid].bridge = bridge_id
        elif kind == "BridgeLeave":
            self._leave(bridge_id, uniqueid)

    def _leave(self, bridge_id: str, uniqueid: str) -> None:
        bridge = self.bridges.get(bridge_id)
        if bridge is not None and uniqueid in bridge.inside:
            bridge.inside.remove(uniqueid)
        channel = self.channels.get(uniqueid)
        if channel is not None and channel.bridge == bridge_id:
            channel.bridge = ""

    def _gone(self, uniqueid: str) -> None:
        self.channels.pop(uniqueid, None)
        self.waiting.pop(uniqueid, None)
        for bridge in self.bridges.values():
            if uniqueid in bridge.inside:
                bridge.inside.remove(uniqueid)
