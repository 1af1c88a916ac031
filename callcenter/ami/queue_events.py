"""What the PBX says of queues, their members and devices, as typed values; see events.py for the headers they share."""

from __future__ import annotations

from typing import NamedTuple


class QueueCallerJoin(NamedTuple):
    at: float
    raw: bytes
    uniqueid: str
    linkedid: str
    queue: str
    position: int


class QueueCallerLeave(NamedTuple):
    at: float
    raw: bytes
    uniqueid: str
    queue: str


class QueueCallerAbandon(NamedTuple):
    """Also sent when a caller times out of a queue."""

    at: float
    raw: bytes
    uniqueid: str
    queue: str


class AgentCalled(NamedTuple):
    at: float
    raw: bytes
    uniqueid: str
    queue: str
    dest_uniqueid: str
    interface: str
    member: str


class AgentConnect(NamedTuple):
    """Comes before the bridge: not yet the answer."""

    at: float
    raw: bytes
    uniqueid: str
    queue: str
    dest_uniqueid: str
    interface: str
    member: str


class AgentComplete(NamedTuple):
    at: float
    raw: bytes
    uniqueid: str
    queue: str
    dest_uniqueid: str
    interface: str
    member: str
    reason: str


class AgentRingNoAnswer(NamedTuple):
    at: float
    raw: bytes
    uniqueid: str
    queue: str
    dest_uniqueid: str
    interface: str
    member: str


class QueueMemberStatus(NamedTuple):
    """A member as it is now; also made of the Added, Pause and Penalty events, which carry the same headers.

    ``status`` is the device state: 1 not in use, 2 in use, 3 busy, 5 unavailable, 6 ringing, 7 both, 8 on hold.
    """

    at: float
    raw: bytes
    queue: str
    interface: str
    member: str
    state_interface: str
    reason: str
    penalty: int
    calls_taken: int
    last_call: int
    in_call: int
    status: int
    paused: int
    wrapup_seconds: int


class QueueMemberRemoved(NamedTuple):
    at: float
    raw: bytes
    queue: str
    interface: str
    member: str


class DeviceStateChange(NamedTuple):
    at: float
    raw: bytes
    device: str
    state: str
