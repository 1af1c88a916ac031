"""What the PBX says, as typed values: the border behind which no raw dictionary goes.

Every event has ``at`` (epoch seconds: the PBX's ``Timestamp``, else the time of arrival) and ``raw`` (the packet as it
came, without the blank line that ends it, for the journal). A header that was absent is an empty string; ``<unknown>``
is empty as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from callcenter.ami.queue_events import (
    AgentCalled,
    AgentComplete,
    AgentConnect,
    AgentRingNoAnswer,
    DeviceStateChange,
    QueueCallerAbandon,
    QueueCallerJoin,
    QueueCallerLeave,
    QueueMemberRemoved,
    QueueMemberStatus,
)
from callcenter.ami.transfer_events import (
    AttendedTransfer,
    BlindTransfer,
    ParkedCall,
    ParkedCallGiveUp,
    ParkedCallTimeOut,
    Pickup,
    UnParkedCall,
)

__all__ = [
    "AgentCalled",
    "AgentComplete",
    "AgentConnect",
    "AgentRingNoAnswer",
    "AmiEvent",
    "AmiMessage",
    "AttendedTransfer",
    "Banner",
    "BlindTransfer",
    "BridgeDestroy",
    "BridgeEnter",
    "BridgeLeave",
    "ChanSpyStart",
    "ChanSpyStop",
    "ConfbridgeJoin",
    "DeviceStateChange",
    "DialBegin",
    "DialEnd",
    "DialState",
    "FullyBooted",
    "Hangup",
    "HangupRequest",
    "Hold",
    "ListItem",
    "LocalBridge",
    "MixMonitorMute",
    "MixMonitorStart",
    "MixMonitorStop",
    "NewCallerid",
    "Newchannel",
    "Newstate",
    "OriginateResponse",
    "ParkedCall",
    "ParkedCallGiveUp",
    "ParkedCallTimeOut",
    "Pickup",
    "QueueCallerAbandon",
    "QueueCallerJoin",
    "QueueCallerLeave",
    "QueueMemberRemoved",
    "QueueMemberStatus",
    "Rename",
    "Response",
    "Shutdown",
    "UnParkedCall",
    "Unhold",
    "VarSet",
]


class Banner(NamedTuple):
    """The first line of a connection: ``Asterisk Call Manager/x.y.z``."""

    text: str


class Response(NamedTuple):
    """The answer to one action. ``output`` holds the lines of a command, old style and new."""

    action_id: str
    success: bool
    message: str
    fields: Mapping[str, str]
    output: tuple[str, ...] = ()


class ListItem(NamedTuple):
    """One row of the answer to an action that lists something; ``complete`` on the row that ends the list."""

    event: str
    action_id: str
    fields: Mapping[str, str]
    complete: bool = False


class FullyBooted(NamedTuple):
    """The session is logged in; by itself no sign of a restart."""

    at: float
    raw: bytes


class Shutdown(NamedTuple):
    """Asterisk stops or restarts."""

    at: float
    raw: bytes
    restart: str


class Newchannel(NamedTuple):
    at: float
    raw: bytes
    uniqueid: str
    linkedid: str
    channel: str
    state: str
    caller_number: str
    caller_name: str
    exten: str
    context: str


class Newstate(NamedTuple):
    at: float
    raw: bytes
    uniqueid: str
    linkedid: str
    state: str


class NewCallerid(NamedTuple):
    at: float
    raw: bytes
    uniqueid: str
    linkedid: str
    caller_number: str
    caller_name: str


class Rename(NamedTuple):
    """A channel got another name; during a masquerade its uniqueid already is the one that it keeps."""

    at: float
    raw: bytes
    uniqueid: str
    channel: str
    new_name: str


class Hangup(NamedTuple):
    at: float
    raw: bytes
    uniqueid: str
    linkedid: str
    channel: str
    cause: int


class HangupRequest(NamedTuple):
    """The device at the other end of this channel wants to hang up."""

    at: float
    raw: bytes
    uniqueid: str
    cause: str


class DialBegin(NamedTuple):
    """``uniqueid`` is empty when the PBX itself dials (Originate, an attended transfer's Local channel)."""

    at: float
    raw: bytes
    uniqueid: str
    linkedid: str
    exten: str
    dest_uniqueid: str
    dest_linkedid: str
    dest_channel: str
    dest_caller_number: str
    dial_string: str


class DialState(NamedTuple):
    at: float
    raw: bytes
    uniqueid: str
    dest_uniqueid: str
    status: str


class DialEnd(NamedTuple):
    at: float
    raw: bytes
    uniqueid: str
    dest_uniqueid: str
    status: str


class BridgeDestroy(NamedTuple):
    at: float
    raw: bytes
    bridge: str


class BridgeEnter(NamedTuple):
    at: float
    raw: bytes
    bridge: str
    uniqueid: str
    linkedid: str
    kind: str
    technology: str
    creator: str
    name: str


class BridgeLeave(NamedTuple):
    at: float
    raw: bytes
    bridge: str
    uniqueid: str
    linkedid: str


class LocalBridge(NamedTuple):
    """The two halves of a Local channel know each other now."""

    at: float
    raw: bytes
    one_uniqueid: str
    one_linkedid: str
    two_uniqueid: str
    two_linkedid: str
    exten: str


class Hold(NamedTuple):
    at: float
    raw: bytes
    uniqueid: str
    linkedid: str


class Unhold(NamedTuple):
    at: float
    raw: bytes
    uniqueid: str
    linkedid: str


class ChanSpyStart(NamedTuple):
    at: float
    raw: bytes
    spyer_uniqueid: str
    spyee_uniqueid: str


class ChanSpyStop(NamedTuple):
    at: float
    raw: bytes
    spyer_uniqueid: str
    spyee_uniqueid: str


class ConfbridgeJoin(NamedTuple):
    at: float
    raw: bytes
    uniqueid: str
    linkedid: str
    bridge: str
    conference: str


class OriginateResponse(NamedTuple):
    """How an Originate went; ``exten`` is the number that was to be dialled after the own phone."""

    at: float
    raw: bytes
    action_id: str
    response: str
    uniqueid: str
    channel: str
    exten: str
    caller_number: str


class MixMonitorStart(NamedTuple):
    at: float
    raw: bytes
    uniqueid: str


class MixMonitorStop(NamedTuple):
    at: float
    raw: bytes
    uniqueid: str


class MixMonitorMute(NamedTuple):
    """A recording is paused (``state`` on) or goes on (off)."""

    at: float
    raw: bytes
    uniqueid: str
    state: str


class VarSet(NamedTuple):
    """Only the few variables that say something of a call (see decoder.py)."""

    at: float
    raw: bytes
    uniqueid: str
    channel: str
    variable: str
    value: str


AmiEvent = (
    FullyBooted
    | Shutdown
    | Newchannel
    | Newstate
    | NewCallerid
    | Rename
    | Hangup
    | HangupRequest
    | DialBegin
    | DialState
    | DialEnd
    | BridgeDestroy
    | BridgeEnter
    | BridgeLeave
    | LocalBridge
    | Hold
    | Unhold
    | BlindTransfer
    | AttendedTransfer
    | Pickup
    | ParkedCall
    | ParkedCallGiveUp
    | ParkedCallTimeOut
    | UnParkedCall
    | ChanSpyStart
    | ChanSpyStop
    | ConfbridgeJoin
    | OriginateResponse
    | MixMonitorStart
    | MixMonitorStop
    | MixMonitorMute
    | VarSet
    | QueueCallerJoin
    | QueueCallerLeave
    | QueueCallerAbandon
    | AgentCalled
    | AgentConnect
    | AgentComplete
    | AgentRingNoAnswer
    | QueueMemberStatus
    | QueueMemberRemoved
    | DeviceStateChange
)

AmiMessage = AmiEvent | Response | ListItem | Banner
