"""What a PBX answers when it is asked for everything at once, and what a link is doing; plain values, no I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class LinkPhase(StrEnum):
    """What one AMI session is doing."""

    CONNECTING = "connecting"
    READING_STATE = "reading_state"
    UP = "up"
    DOWN = "down"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class LinkState:
    """The phase of a session, since when (epoch seconds of this machine), and in words why it is not up."""

    phase: LinkPhase
    since: float
    reason: str | None = None

    @property
    def up(self) -> bool:
        return self.phase is LinkPhase.UP


@dataclass(frozen=True, slots=True)
class ChannelState:
    """One row of CoreShowChannels. ``state`` is Asterisk's number: 4 Ring, 5 Ringing, 6 Up."""

    channel: str
    uniqueid: str
    linkedid: str
    state: int
    caller_number: str | None = None
    caller_name: str | None = None
    connected_number: str | None = None
    connected_name: str | None = None
    context: str = ""
    exten: str = ""
    application: str = ""
    application_data: str = ""
    account_code: str = ""
    bridge_id: str | None = None
    duration_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class BridgeState:
    """One bridge with the uniqueids and names of the channels that BridgeInfo found in it.

    ``channels_known`` is False when the bridge vanished between BridgeList and BridgeInfo.
    """

    bridge_id: str
    type: str
    technology: str
    creator: str = ""
    name: str = ""
    number_of_channels: int = 0
    uniqueids: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    channels_known: bool = True


@dataclass(frozen=True, slots=True)
class QueueMemberState:
    """One member; ``status`` is the device state number (1 not in use, 2 in use, 5 unavailable, 6 ringing...)."""

    interface: str
    name: str
    state_interface: str = ""
    membership: str = ""
    penalty: int = 0
    calls_taken: int = 0
    last_call: int = 0
    in_call: bool = False
    status: int = 0
    paused: bool = False
    paused_reason: str = ""
    wrapup_seconds: int = 0


@dataclass(frozen=True, slots=True)
class QueueCallerState:
    """One waiting caller; ``wait_seconds`` are whole seconds, as app_queue counts them."""

    channel: str
    uniqueid: str
    position: int
    wait_seconds: int
    caller_number: str | None = None
    caller_name: str | None = None


@dataclass(frozen=True, slots=True)
class QueueState:
    name: str
    strategy: str = ""
    calls: int = 0
    completed: int = 0
    abandoned: int = 0
    hold_seconds: int = 0
    talk_seconds: int = 0
    service_level_seconds: int = 0
    service_level_percent: float = 0.0
    members: tuple[QueueMemberState, ...] = ()
    waiting: tuple[QueueCallerState, ...] = ()


@dataclass(frozen=True, slots=True)
class PbxState:
    """Everything that is live on one PBX, read once after a connect.

    ``boot`` (start date and time in the PBX's own zone) tells a restart from a mere reconnect; None when not told.
    ``channels`` and ``queues`` are None when the manager user may not ask for them: absence then means nothing.
    """

    pbx: str
    read_at: float
    boot: str | None = None
    version: str | None = None
    ami_version: str | None = None
    system_name: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    channels: tuple[ChannelState, ...] | None = None
    bridges: tuple[BridgeState, ...] | None = None
    queues: tuple[QueueState, ...] | None = None
    refused: Mapping[str, str] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether absence from the lists means that the thing does not exist."""
        return self.channels is not None and self.bridges is not None


def known(text: str | None) -> str | None:
    """A caller id as AMI shows it, or None for the ways in which AMI says that there is none."""
    return None if text in (None, "", "<unknown>") else text


def whole(text: str | None) -> int:
    """A decimal field; anything else counts as 0."""
    try:
        return int(text or 0)
    except ValueError:
        return 0


def _duration(text: str | None) -> int | None:
    """``HH:MM:SS`` (or plain seconds) as seconds."""
    if not text:
        return None
    try:
        seconds = 0
        for part in text.split(":"):
            seconds = seconds * 60 + int(part)
    except ValueError:
        return None
    return seconds


def channel_of(row: Mapping[str, str]) -> ChannelState:
    """A CoreShowChannel row."""
    return ChannelState(
        channel=row.get("Channel", ""),
        uniqueid=row.get("Uniqueid", ""),
        linkedid=row.get("Linkedid", "") or row.get("Uniqueid", ""),
        state=whole(row.get("ChannelState")),
        caller_number=known(row.get("CallerIDNum")),
        caller_name=known(row.get("CallerIDName")),
        connected_number=known(row.get("ConnectedLineNum")),
        connected_name=known(row.get("ConnectedLineName")),
        context=row.get("Context", ""),
        exten=row.get("Exten", ""),
        application=row.get("Application", ""),
        application_data=row.get("ApplicationData", ""),
        account_code=row.get("AccountCode", ""),
        bridge_id=row.get("BridgeId") or None,
        duration_seconds=_duration(row.get("Duration")),
    )


def bridge_of(row: Mapping[str, str], inside: Sequence[Mapping[str, str]] | None) -> BridgeState:
    """A BridgeListItem row with its BridgeInfoChannel rows (None: the bridge was gone when asked)."""
    return BridgeState(
        bridge_id=row.get("BridgeUniqueid", ""),
        type=row.get("BridgeType", ""),
        technology=row.get("BridgeTechnology", ""),
        creator=row.get("BridgeCreator", ""),
        name=row.get("BridgeName", ""),
        number_of_channels=whole(row.get("BridgeNumChannels")),
        uniqueids=tuple(c.get("Uniqueid", "") for c in inside or ()),
        channels=tuple(c.get("Channel", "") for c in inside or ()),
        channels_known=inside is not None,
    )


def _member_of(row: Mapping[str, str]) -> QueueMemberState:
    return QueueMemberState(
        interface=row.get("Location", "") or row.get("Interface", ""),
        name=row.get("Name", "") or row.get("MemberName", ""),
        state_interface=row.get("StateInterface", ""),
        membership=row.get("Membership", ""),
        penalty=whole(row.get("Penalty")),
        calls_taken=whole(row.get("CallsTaken")),
        last_call=whole(row.get("LastCall")),
        in_call=row.get("InCall") == "1",
        status=whole(row.get("Status")),
        paused=row.get("Paused") == "1",
        paused_reason=row.get("PausedReason", ""),
        wrapup_seconds=whole(row.get("Wrapuptime")),
    )


def _waiting_of(row: Mapping[str, str]) -> QueueCallerState:
    return QueueCallerState(
        channel=row.get("Channel", ""),
        uniqueid=row.get("Uniqueid", ""),
        position=whole(row.get("Position")),
        wait_seconds=whole(row.get("Wait")),
        caller_number=known(row.get("CallerIDNum")),
        caller_name=known(row.get("CallerIDName")),
    )


def queues_of(rows: Sequence[tuple[str, Mapping[str, str]]]) -> tuple[QueueState, ...]:
    """The answer to QueueStatus, (event name, fields) in order: each QueueParams with its members and callers."""
    members: dict[str, list[QueueMemberState]] = {}
    waiting: dict[str, list[QueueCallerState]] = {}
    params: dict[str, Mapping[str, str]] = {}
    for event, row in rows:
        queue = row.get("Queue", "")
        if event == "QueueParams":
            params[queue] = row
        elif event == "QueueMember":
            members.setdefault(queue, []).append(_member_of(row))
        elif event == "QueueEntry":
            waiting.setdefault(queue, []).append(_waiting_of(row))
    return tuple(
        _queue_of(name, row, tuple(members.get(name, ())), tuple(waiting.get(name, ()))) for name, row in params.items()
    )


def _queue_of(
    name: str,
    row: Mapping[str, str],
    members: tuple[QueueMemberState, ...],
    waiting: tuple[QueueCallerState, ...],
) -> QueueState:
    try:
        percent = float(row.get("ServicelevelPerf") or 0)
    except ValueError:
        percent = 0.0
    return QueueState(
        name=name,
        strategy=row.get("Strategy", ""),
        calls=whole(row.get("Calls")),
        completed=whole(row.get("Completed")),
        abandoned=whole(row.get("Abandoned")),
        hold_seconds=whole(row.get("Holdtime")),
        talk_seconds=whole(row.get("TalkTime")),
        service_level_seconds=whole(row.get("ServiceLevel")),
        service_level_percent=percent,
        members=members,
        waiting=waiting,
    )
