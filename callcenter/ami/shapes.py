"""Which AMI events are wanted, and how the headers of each become its typed value."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import cast

from callcenter.ami import events as e
from callcenter.ami.events import AmiEvent

Shape = Callable[[bytes, float], AmiEvent | None]
Fields = dict[str, str]

# Names of wanted variables, by their first letters: that is enough to skip the others quickly.
WANTED_VARIABLES = frozenset({b"MIXMONI", b"QUEUEST", b"TRANSFE", b"DIALSTA"})
_VARIABLES = frozenset({"MIXMONITOR_FILENAME", "QUEUESTATUS", "TRANSFERERNAME"})
# Says that nobody could even be rung: then no channel and no dial event exists.
_NO_CHANNEL = frozenset({"CHANUNAVAIL", "CONGESTION"})
# A PBX has one order of headers for each event; whoever sends many is no PBX.
_MAX_ORDERS = 16

# The commonest events of a busy PBX, known not to matter; any other unknown one is checked for being a list's row.
UNWANTED = frozenset(
    b"CEL TestEvent Newexten NewConnectedLine Cdr SoftHangupRequest RTCPSent RTCPReceived RTCPReceiverStat "
    b"DTMFBegin DTMFEnd MusicOnHoldStart MusicOnHoldStop ChannelTalkingStart ChannelTalkingStop NewAccountCode "
    b"BridgeCreate LocalOptimizationBegin LocalOptimizationEnd BridgeMerge ExtensionStatus PeerStatus ContactStatus "
    b"SuccessfulAuth ChallengeSent UserEvent HangupHandlerPush HangupHandlerPop HangupHandlerRun".split()
)


def fields_of(text: str) -> Fields:
    """The headers of a packet; of a repeated one the last holds."""
    try:
        # Much the quickest way, and right for every packet of a sane PBX.
        return dict([line.split(": ", 1) for line in text.split("\r\n")])
    except ValueError:
        pairs = (line.partition(":") for line in text.split("\r\n"))
        return {key: value.removeprefix(" ") for key, colon, value in pairs if colon}


def _time(text: str, now: float) -> float:
    try:
        at = float(text)
    except ValueError:
        return now
    # Also false for nan: one such time would poison every sum.
    return at if 0.0 < at < 1e11 else now


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        return 0


Values = tuple[str, ...]


class _Reader:
    """Finds the headers of one kind of event. The order in which they come is learned, not assumed.

    Taking a packet apart into all its headers costs four times as much as one search for the few that are needed, but
    that wants their order. A packet with another order, or without one of the headers, is read the slow way.
    """

    def __init__(self, names: Values) -> None:
        self._names = names
        self._search: Callable[[str], re.Match[str] | None] | None = None
        self._pick: Callable[[Values], Values] = tuple
        self._time_place = 1
        self._orders = 0
        self._shows_people = any("CallerID" in name for name in names)

    def read(self, packet: bytes, now: float) -> tuple[float, Values]:
        """The time and the values; absent ones are empty."""
        text = packet.decode("utf-8", "replace")
        if "\0" in text:
            # No header means anything by a NUL, and databases refuse it.
            text = text.replace("\0", "")
        if self._shows_people:
            text = text.replace(": <unknown>\r\n", ": \r\n")
        if self._search is not None:
            found = self._search(text)
            if found is not None:
                return _time(found.group(self._time_place), now), self._pick(found.groups())
        fields = fields_of(text)
        self._learn(fields)
        return _time(fields.get("Timestamp", ""), now), tuple([fields.get(name, "") for name in self._names])

    def _learn(self, fields: Fields) -> None:
        wanted = {"Timestamp", *self._names}
        if self._orders >= _MAX_ORDERS or not wanted <= fields.keys():
            return
        self._orders += 1
        order = [name for name in fields if name in wanted]
        between = r"(?:\r\n[^\r]*)*?"
        self._search = re.compile(between.join(rf"\r\n{re.escape(name)}: ([^\r]*)" for name in order)).search
        self._time_place = order.index("Timestamp") + 1
        self._pick = _picker([order.index(name) for name in self._names])


def _picker(places: Sequence[int]) -> Callable[[Values], Values]:
    """itemgetter gives a tuple only for two places or more."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda values: tuple([values[place] for place in places])


def _shape(kind: type[AmiEvent], *headers: str, numbers: tuple[str, ...] = ()) -> Shape:
    """Builds ``kind(at, raw, *headers, *numbers)``, past the named tuple's own slow constructor."""
    read = _Reader((*headers, *numbers)).read
    new = cast("Callable[[type[AmiEvent], tuple[object, ...]], AmiEvent]", tuple.__new__)
    cut = len(headers)

    def shape(packet: bytes, now: float) -> AmiEvent:
        at, values = read(packet, now)
        return new(kind, (at, packet, *values))

    def with_numbers(packet: bytes, now: float) -> AmiEvent:
        at, values = read(packet, now)
        return new(kind, (at, packet, *values[:cut], *map(_number, values[cut:])))

    return with_numbers if numbers else shape


_variable = _shape(e.VarSet, "Uniqueid", "Channel", "Variable", "Value")


def _var_set(packet: bytes, now: float) -> AmiEvent | None:
    event = cast("e.VarSet", _variable(packet, now))
    if event.variable in _VARIABLES or (event.variable == "DIALSTATUS" and event.value in _NO_CHANNEL):
        return event
    return None


_QUEUE_CALL = ("Uniqueid", "Queue", "DestUniqueid", "Interface", "MemberName")
_LOT = ("ParkingSpace", "Parkinglot")


_member = _shape(
    e.QueueMemberStatus,
    "Queue",
    "Interface",
    "MemberName",
    "StateInterface",
    "PausedReason",
    numbers=("Penalty", "CallsTaken", "LastCall", "InCall", "Status", "Paused", "Wrapuptime"),
)

WANTED: dict[bytes, Shape] = {
    b"FullyBooted": _shape(e.FullyBooted),
    b"Shutdown": _shape(e.Shutdown, "Restart"),
    b"Newchannel": _shape(
        e.Newchannel,
        "Uniqueid",
        "Linkedid",
        "Channel",
        "ChannelStateDesc",
        "CallerIDNum",
        "CallerIDName",
        "Exten",
        "Context",
    ),
    b"Newstate": _shape(e.Newstate, "Uniqueid", "Linkedid", "ChannelStateDesc"),
    b"NewCallerid": _shape(e.NewCallerid, "Uniqueid", "Linkedid", "CallerIDNum", "CallerIDName"),
    b"Rename": _shape(e.Rename, "Uniqueid", "Channel", "Newname"),
    b"Hangup": _shape(e.Hangup, "Uniqueid", "Linkedid", "Channel", numbers=("Cause",)),
    b"HangupRequest": _shape(e.HangupRequest, "Uniqueid", "Cause"),
    b"DialBegin": _shape(
        e.DialBegin,
        "Uniqueid",
        "Linkedid",
        "Exten",
        "DestUniqueid",
        "DestLinkedid",
        "DestChannel",
        "DestCallerIDNum",
        "DialString",
    ),
    b"DialState": _shape(e.DialState, "Uniqueid", "DestUniqueid", "DialStatus"),
    b"DialEnd": _shape(e.DialEnd, "Uniqueid", "DestUniqueid", "DialStatus"),
    b"BridgeDestroy": _shape(e.BridgeDestroy, "BridgeUniqueid"),
    b"BridgeEnter": _shape(
        e.BridgeEnter,
        "BridgeUniqueid",
        "Uniqueid",
        "Linkedid",
        "BridgeType",
        "BridgeTechnology",
        "BridgeCreator",
        "BridgeName",
    ),
    b"BridgeLeave": _shape(e.BridgeLeave, "BridgeUniqueid", "Uniqueid", "Linkedid"),
    b"LocalBridge": _shape(
        e.LocalBridge, "LocalOneUniqueid", "LocalOneLinkedid", "LocalTwoUniqueid", "LocalTwoLinkedid", "Exten"
    ),
    b"Hold": _shape(e.Hold, "Uniqueid", "Linkedid"),
    b"Unhold": _shape(e.Unhold, "Uniqueid", "Linkedid"),
    b"BlindTransfer": _shape(
        e.BlindTransfer, "Result", "TransfererUniqueid", "TransfererChannel", "TransfereeUniqueid", "Extension"
    ),
    b"AttendedTransfer": _shape(
        e.AttendedTransfer,
        "Result",
        "OrigTransfererUniqueid",
        "OrigTransfererChannel",
        "SecondTransfererUniqueid",
        "SecondTransfererChannel",
        "TransfereeUniqueid",
        "TransferTargetUniqueid",
        "DestType",
    ),
    b"Pickup": _shape(e.Pickup, "Uniqueid", "Linkedid", "TargetUniqueid", "TargetLinkedid"),
    b"ParkedCall": _shape(e.ParkedCall, "ParkeeUniqueid", "ParkerUniqueid", "ParkerDialString", *_LOT),
    b"ParkedCallSwap": _shape(e.ParkedCall, "ParkeeUniqueid", "ParkerUniqueid", "ParkerDialString", *_LOT),
    b"ParkedCallGiveUp": _shape(e.ParkedCallGiveUp, "ParkeeUniqueid", *_LOT),
    b"ParkedCallTimeOut": _shape(e.ParkedCallTimeOut, "ParkeeUniqueid", *_LOT),
    b"UnParkedCall": _shape(e.UnParkedCall, "ParkeeUniqueid", "RetrieverUniqueid", *_LOT),
    b"ChanSpyStart": _shape(e.ChanSpyStart, "SpyerUniqueid", "SpyeeUniqueid"),
    b"ChanSpyStop": _shape(e.ChanSpyStop, "SpyerUniqueid", "SpyeeUniqueid"),
    b"ConfbridgeJoin": _shape(e.ConfbridgeJoin, "Uniqueid", "Linkedid", "BridgeUniqueid", "Conference"),
    b"OriginateResponse": _shape(
        e.OriginateResponse, "ActionID", "Response", "Uniqueid", "Channel", "Exten", "CallerIDNum"
    ),
    b"MixMonitorStart": _shape(e.MixMonitorStart, "Uniqueid"),
    b"MixMonitorStop": _shape(e.MixMonitorStop, "Uniqueid"),
    b"MixMonitorMute": _shape(e.MixMonitorMute, "Uniqueid", "State"),
    b"VarSet": _var_set,
    b"QueueCallerJoin": _shape(e.QueueCallerJoin, "Uniqueid", "Linkedid", "Queue", numbers=("Position",)),
    b"QueueCallerLeave": _shape(e.QueueCallerLeave, "Uniqueid", "Queue"),
    b"QueueCallerAbandon": _shape(e.QueueCallerAbandon, "Uniqueid", "Queue"),
    b"AgentCalled": _shape(e.AgentCalled, *_QUEUE_CALL),
    b"AgentConnect": _shape(e.AgentConnect, *_QUEUE_CALL),
    b"AgentComplete": _shape(e.AgentComplete, *_QUEUE_CALL, "Reason"),
    b"AgentRingNoAnswer": _shape(e.AgentRingNoAnswer, *_QUEUE_CALL),
    b"QueueMemberStatus": _member,
    b"QueueMemberAdded": _member,
    b"QueueMemberPause": _member,
    b"QueueMemberPenalty": _member,
    b"QueueMemberRinginuse": _member,
    b"QueueMemberRemoved": _shape(e.QueueMemberRemoved, "Queue", "Interface", "MemberName"),
    b"DeviceStateChange": _shape(e.DeviceStateChange, "Device", "State"),
}


def _by_start() -> dict[bytes, bool]:
    """First letters of an event's line -> whether it is wanted; what stands for two different answers is left out."""
    starts: dict[bytes, set[bool]] = {}
    for names, wanted in ((WANTED, True), (UNWANTED, False)):
        for name in names:
            starts.setdefault((name + b"\r\nPrivilege")[:START], set()).add(wanted)
    return {start: answers.pop() for start, answers in starts.items() if len(answers) == 1}


# So many bytes after "Event: " tell nearly every event apart.
START = 8
SKIPPED_STARTS = frozenset(start for start, wanted in _by_start().items() if not wanted)
