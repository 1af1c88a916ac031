"""What the replayed PBX answers to each action: from what is live on it now."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from callcenter.demo.live import SNAPSHOT, LiveChannel, LivePbx, QueueSpec
from callcenter.demo.recording import CRLF

_Fields = Mapping[str, str]


class Pbx(Protocol):
    """The PBX that is asked."""

    live: LivePbx
    queues: tuple[QueueSpec, ...]
    banner: bytes
    started_at: float
    clock: Callable[[], float]
    originate: Callable[[Mapping[str, str]], str | None]
    hang_up: Callable[[str], bool]

    def emit(self, packet: bytes) -> None: ...


class Packet:
    """Builds the bytes of one answer, with the ActionID of the question."""

    def __init__(self, kind: str, value: str) -> None:
        self._first = f"{kind}: {value}"

    def add(self, question: _Fields, /, **fields: object) -> bytes:
        lines = [self._first]
        if "ActionID" in question:
            lines.append(f"ActionID: {question['ActionID']}")
        lines += [f"{key}: {value}" for key, value in fields.items()]
        return "\r\n".join(lines).encode() + CRLF + CRLF


class Answers:
    """One method an action; each yields the packets in order."""

    def __init__(self, pbx: Pbx) -> None:
        self._pbx = pbx
        self._paused: dict[tuple[str, str], str] = {}
        self._named: dict[str, Callable[[_Fields], Iterator[bytes]]] = {
            "Ping": self._ping,
            "Events": self._events,
            "CoreStatus": self._core_status,
            "CoreSettings": self._core_settings,
            "CoreShowChannels": self._channels,
            "BridgeList": self._bridges,
            "BridgeInfo": self._bridge,
            "QueueStatus": self._queues,
            "Originate": self._originate,
            "Hangup": self._hangup,
            "QueuePause": self._queue_pause,
            "MixMonitorMute": self._mute,
            "Atxfer": self._transfer,
            "BlindTransfer": self._transfer,
        }
        self._by_name = {name.lower(): (name, answer) for name, answer in self._named.items()}

    def to(self, action: str, question: _Fields, may: frozenset[str] | None) -> Iterator[bytes]:
        if action == "listcommands":
            names = {name: "(Priv: <none>)" for name in self._named if _allowed(name, may)}
            yield Packet("Response", "Success").add(question, **names)
            return
        name, answer = self._by_name.get(action, (action, None))
        if answer is None:
            yield _error(question, f"Invalid/unknown command: {name}.")
        elif not _allowed(name, may):
            yield _error(question, "Permission denied")
        else:
            yield from answer(question)

    def _ping(self, question: _Fields) -> Iterator[bytes]:
        yield Packet("Response", "Success").add(question, Ping="Pong", Timestamp=f"{self._pbx.clock():.6f}")

    def _events(self, question: _Fields) -> Iterator[bytes]:
        yield Packet("Response", "Success").add(question, Events="On")

    def _core_status(self, question: _Fields) -> Iterator[bytes]:
        boot = time.gmtime(self._pbx.started_at)
        day, hour = time.strftime("%Y-%m-%d", boot), time.strftime("%H:%M:%S", boot)
        yield Packet("Response", "Success").add(
            question,
            CoreStartupDate=day,
            CoreStartupTime=hour,
            CoreReloadDate=day,
            CoreReloadTime=hour,
            CoreCurrentCalls=len(self._pbx.live.channels),
        )

    def _core_settings(self, question: _Fields) -> Iterator[bytes]:
        version = self._pbx.banner.strip().rpartition(b"/")[2].decode()
        yield Packet("Response", "Success").add(
            question,
            AMIversion=version,
            AsteriskVersion="22.10.1",
            SystemName="replay",
            CoreMaxCalls="Not set",
            CoreCDRenabled="Yes",
            CoreHTTPenabled="No",
        )

    def _channels(self, question: _Fields) -> Iterator[bytes]:
        rows = [self._channel_row(channel) for channel in self._pbx.live.channels.values()]
        yield from _list(question, "CoreShowChannel", rows, "CoreShowChannelsComplete")

    def _channel_row(self, channel: LiveChannel) -> dict[str, object]:
        seconds = max(0, int(self._pbx.clock() - channel.since))
        return {
            "Channel": channel.name,
            **{key: channel.fields.get(key, "") for key in SNAPSHOT},
            "Application": channel.application,
            "ApplicationData": channel.application_data,
            "Duration": f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}",
            "BridgeId": channel.bridge,
        }

    def _bridges(self, question: _Fields) -> Iterator[bytes]:
        keys = ("BridgeUniqueid", "BridgeType", "BridgeTechnology", "BridgeCreator", "BridgeName")
        rows: list[dict[str, object]] = [
            {**{k: bridge.fields.get(k, "") for k in keys}, "BridgeNumChannels": len(bridge.inside)}
            for bridge in self._pbx.live.bridges.values()
        ]
        yield from _list(question, "BridgeListItem", rows, "BridgeListComplete")

    def _bridge(self, question: _Fields) -> Iterator[bytes]:
        bridge = self._pbx.live.bridges.get(question.get("BridgeUniqueid", ""))
        if bridge is None:
            yield _error(question, "Specified bridge does not exist")
            return
        rows: list[dict[str, object]] = []
        for uniqueid in bridge.inside:
            channel = self._pbx.live.channels.get(uniqueid)
            if channel is not None:
                rows.append({"Channel": channel.name, **{k: channel.fields.get(k, "") for k in SNAPSHOT}})
        yield from _list(question, "BridgeInfoChannel", rows, "BridgeInfoComplete")

    def _queues(self, question: _Fields) -> Iterator[bytes]:
        waiting = list(self._pbx.live.waiting.values())
        packets = [Packet("Response", "Success").add(question, EventList="start", Message="Queue status will follow")]
        for queue in self._pbx.queues:
            here = [caller for caller in waiting if caller.get("Queue") == queue.name]
            packets.append(
                Packet("Event", "QueueParams").add(
                    question, Queue=queue.name, Max=0, Strategy=queue.strategy, Calls=len(here), ServicelevelPerf="0.0"
                )
            )
            packets += [self._member(question, queue.name, extension) for extension in queue.members]
            packets += [self._waiting(question, queue.name, caller, place) for place, caller in enumerate(here, 1)]
        yield from packets
        rows = len(packets) - 1
        yield Packet("Event", "QueueStatusComplete").add(question, EventList="Complete", ListItems=rows)

    def _member(self, question: _Fields, queue: str, extension: str) -> bytes:
        device = f"PJSIP/{extension}"
        reason = self._paused.get((queue, device))
        return Packet("Event", "QueueMember").add(
            question,
            Queue=queue,
            Name=f"Agent {extension}",
            Location=device,
            StateInterface=device,
            Membership="static",
            Penalty=0,
            CallsTaken=0,
            LastCall=0,
            InCall=int(self._pbx.live.device_state(device) == 2),
            Status=self._pbx.live.device_state(device),
            Paused=int(reason is not None),
            PausedReason=reason or "",
            Wrapuptime=0,
        )

    def _waiting(self, question: _Fields, queue: str, caller: _Fields, place: int) -> bytes:
        since = float(caller.get("Timestamp") or self._pbx.clock())
        return Packet("Event", "QueueEntry").add(
            question,
            Queue=queue,
            Position=place,
            Channel=caller.get("Channel", ""),
            Uniqueid=caller.get("Uniqueid", ""),
            CallerIDNum=caller.get("CallerIDNum", ""),
            CallerIDName=caller.get("CallerIDName", ""),
            Wait=max(0, int(self._pbx.clock() - since)),
        )

    def _originate(self, question: _Fields) -> Iterator[bytes]:
        trouble = self._pbx.originate(question)
        if trouble is not None:
            yield _error(question, trouble)
        else:
            yield Packet("Response", "Success").add(question, Message="Originate successfully queued")

    def _hangup(self, question: _Fields) -> Iterator[bytes]:
        if self._pbx.hang_up(question.get("Channel", "")):
            yield Packet("Response", "Success").add(question, Message="Channel Hungup")
        else:
            yield _error(question, "No such channel")

    def _transfer(self, question: _Fields) -> Iterator[bytes]:
        """The calls are recordings: where they lead is decided already."""
        named = question.get("Channel", "")
        if any(channel.name == named for channel in self._pbx.live.channels.values()):
            yield _error(question, "This PBX replays recorded calls, they cannot be transferred by hand")
        else:
            yield _error(question, "No such channel")

    def _queue_pause(self, question: _Fields) -> Iterator[bytes]:
        device, only = question.get("Interface", ""), question.get("Queue")
        paused = question.get("Paused", "").lower() in ("true", "1", "yes")
        changed = 0
        for queue in self._pbx.queues:
            if (only is None or queue.name == only) and device.removeprefix("PJSIP/") in queue.members:
                changed += 1
                self._pause(queue.name, device, question.get("Reason", "") if paused else None)
        if changed:
            what = "paused" if paused else "unpaused"
            yield Packet("Response", "Success").add(question, Message=f"Interface {what} successfully")
        else:
            yield _error(question, "Interface not found")

    def _pause(self, queue: str, device: str, reason: str | None) -> None:
        if reason is None:
            self._paused.pop((queue, device), None)
        else:
            self._paused[queue, device] = reason
        self._pbx.emit(
            Packet("Event", "QueueMemberPause")
            .add(
                {},
                Privilege="agent,all",
                Timestamp=f"{self._pbx.clock():.6f}",
                Queue=queue,
                MemberName=f"Agent {device.removeprefix('PJSIP/')}",
                Interface=device,
                StateInterface=device,
                Membership="static",
                Penalty=0,
                CallsTaken=0,
                LastCall=0,
                InCall=int(self._pbx.live.device_state(device) == 2),
                Status=self._pbx.live.device_state(device),
                Paused=int(reason is not None),
                PausedReason=reason or "",
                Wrapuptime=0,
            )
            .rstrip()
        )

    def _mute(self, question: _Fields) -> Iterator[bytes]:
        for channel in self._pbx.live.channels.values():
            if channel.name == question.get("Channel"):
                yield Packet("Response", "Success").add(question)
                head = {"Privilege": "call,all", "Timestamp": f"{self._pbx.clock():.6f}", "Channel": channel.name}
                tail = {"Direction": question.get("Direction", "both"), "State": question.get("State", "0")}
                event = Packet("Event", "MixMonitorMute").add({}, **head, **channel.fields, **tail)
                self._pbx.emit(event.rstrip())
                return
        yield _error(question, "No such channel")


def _allowed(name: str, may: frozenset[str] | None) -> bool:
    return may is None or name in may or name in ("Ping", "Events")


def _error(question: _Fields, message: str) -> bytes:
    return Packet("Response", "Error").add(question, Message=message)


def _list(question: _Fields, event: str, rows: list[dict[str, object]], complete: str) -> Iterator[bytes]:
    yield Packet("Response", "Success").add(question, EventList="start", Message="List will follow")
    for row in rows:
        yield Packet("Event", event).add(question, **row)
    yield Packet("Event", complete).add(question, EventList="Complete", ListItems=len(rows))
