"""The state that the fold keeps: channels, bridges, legs and calls as they are at this moment of the stream."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from enum import Enum, auto

from callcenter.tracking.changes import CallChanged, Change, What
from callcenter.tracking.members import Members
from callcenter.tracking.naming import Kind, extension_of, kind_of
from crm_core.calls.facts import Direction, EndedBy, HoldSpan, LegOutcome, Transfer
from crm_core.kernel.ids import derived_id

UP = "Up"


class Mode(Enum):
    """What counts for the customer at this moment: nothing, talk, or hold (with parking and consultation)."""

    NONE = auto()
    TALK = auto()
    HOLD = auto()


class Bridge:
    """Where channels meet. ``holding``: a parking lot or waiting room, in which nobody meets anybody."""

    __slots__ = ("basic", "holding", "id", "members", "name")

    def __init__(self, bridge: str, kind: str, technology: str, name: str = "") -> None:
        self.id = bridge
        self.holding = technology == "holding_bridge" or kind == "parking"
        self.basic = kind == "basic"
        self.name = name
        self.members: dict[str, Channel] = {}


class Channel:
    """One channel. ``call`` is None only between its first event and the next line of code."""

    __slots__ = (
        "adopted",
        "bridge",
        "call",
        "caller_name",
        "caller_number",
        "consult",
        "consulting",
        "created_at",
        "dialer",
        "doing",
        "exten",
        "extension",
        "gone",
        "kind",
        "leaving",
        "left",
        "leg",
        "linkedid",
        "listening",
        "name",
        "on_hold",
        "outgoing",
        "outsider",
        "state",
        "transferer",
        "twin",
        "uniqueid",
    )

    def __init__(self, uniqueid: str, linkedid: str, name: str, kind: Kind, at: float) -> None:
        self.uniqueid = uniqueid
        self.linkedid = linkedid
        self.name = name
        self.kind = kind
        self.extension = extension_of(name) if kind is Kind.EXTENSION else ""
        self.created_at = at
        self.call: Call = None  # type: ignore[assignment]  # set by whoever makes the channel
        self.state = ""
        self.exten = ""
        self.caller_number = ""
        self.caller_name = ""
        # Made by the PBX (dialled), not by the device at its end.
        self.outgoing = False
        self.bridge: Bridge | None = None
        self.left: Bridge | None = None
        self.twin: Channel | None = None
        self.dialer: Channel | None = None
        self.leg: Leg | None = None
        self.transferer = ""
        self.on_hold = False
        # A second channel by which an agent asks a colleague, and the agent's first one while that lasts.
        self.consult = False
        self.consulting = False
        self.listening = False
        # The customer of another call that was joined to this one: no agent.
        self.outsider = False
        # The rank of what its extension does by it (agents.py).
        self.doing = 0
        # Taken in from a state list, its own events not yet heard.
        self.adopted = False
        self.leaving = False
        self.gone = False


class Leg:
    """One ring of one extension (or its joining a call without a ring)."""

    __slots__ = (
        "answered_at",
        "channel",
        "dial_status",
        "ended_at",
        "extension",
        "hold",
        "id",
        "lost",
        "mode",
        "outcome",
        "own",
        "queue",
        "rang",
        "rang_at",
        "since",
        "source",
        "taken_by",
        "talk",
        "told",
        "transferred_from",
        "unseen",
    )

    def __init__(self, identifier: int, source: Channel, at: float) -> None:
        self.id = identifier
        self.source: Channel | None = source
        self.channel = source.name
        self.extension = source.extension
        self.rang_at = at
        self.rang = False
        self.told = False
        self.own = False
        self.answered_at: float | None = None
        self.ended_at: float | None = None
        self.outcome: LegOutcome | None = None
        self.dial_status = ""
        self.taken_by = ""
        self.queue: str | None = None
        self.transferred_from: str | None = None
        self.mode = Mode.NONE
        self.since = at
        self.talk = 0.0
        self.hold = 0.0
        # Its channel vanished unseen; or it was there before we looked: its times are not known.
        self.lost = False
        self.unseen = False

    def book(self, mode: Mode, at: float) -> None:
        """Counts the time since the last change and goes over to this mode."""
        elapsed = max(0.0, at - self.since)
        if self.mode is Mode.TALK:
            self.talk += elapsed
        elif self.mode is Mode.HOLD:
            self.hold += elapsed
        self.mode = mode
        self.since = at


class Visit:
    """One stay in one queue."""

    __slots__ = ("abandoned", "joined_at", "left_at", "outcome", "queue", "uniqueid", "unseen")

    def __init__(self, queue: str, uniqueid: str, at: float) -> None:
        self.queue = queue
        self.uniqueid = uniqueid
        self.joined_at = at
        self.left_at: float | None = None
        self.outcome: str | None = None
        self.abandoned = False
        # It was over when we looked again; when it ended was not heard.
        self.unseen = False


class Recording:
    """One file that MixMonitor writes for one channel."""

    __slots__ = ("id", "path", "pauses", "started_at", "stopped_at", "uniqueid")

    def __init__(self, identifier: int, path: str, uniqueid: str, at: float) -> None:
        self.id = identifier
        self.path = path
        self.uniqueid = uniqueid
        self.started_at = at
        self.stopped_at: float | None = None
        self.pauses: list[tuple[float, float | None]] = []


class Call:
    """One customer's contact, as far as it has gone."""

    __slots__ = (
        "agents",
        "announced",
        "answer_doubtful",
        "answer_unknown",
        "answered_at",
        "called_number",
        "caller_extension",
        "caller_name",
        "caller_number",
        "callers",
        "channels",
        "consults",
        "customer",
        "cut",
        "dialed_outside",
        "end_unknown",
        "ended_at",
        "ended_by",
        "far_cause",
        "far_status",
        "from_trunk",
        "gap",
        "hold",
        "holds",
        "id",
        "last_met_at",
        "legs",
        "links",
        "mode",
        "originated",
        "pivot",
        "recordings",
        "refused_queue",
        "sent_by",
        "since",
        "start_unknown",
        "started_at",
        "talk",
        "times_unknown",
        "transfer_before",
        "transferred",
        "tried",
        "trunk_seen",
        "uniqueid",
        "visits",
        "walked_out",
    )

    def __init__(self, identifier: int, first: Channel, at: float) -> None:
        self.id = identifier
        self.uniqueid = first.uniqueid
        self.started_at = at
        self.channels: dict[str, Channel] = {}
        self.links: set[str] = set()
        self.announced = False
        self.from_trunk = first.kind is Kind.TRUNK and not first.outgoing
        self.trunk_seen = first.kind is Kind.TRUNK
        # The PBX itself made an extension's channel for nobody: it was told to (Originate), the own phone rings first.
        self.originated = first.kind is Kind.EXTENSION and first.outgoing
        self.caller_extension = first.extension
        self.caller_number = ""
        self.caller_name = ""
        self.called_number = ""
        self.customer: str = first.uniqueid if self.from_trunk else ""
        self.pivot: str = first.uniqueid
        self._start_books(at)
        self._start_outcome()

    def _start_books(self, at: float) -> None:
        self.legs: list[Leg] = []
        # What extensions that rang nowhere (they began the call) spoke; no legs, but talk all the same.
        self.callers: list[Leg] = []
        self.visits: list[Visit] = []
        self.recordings: list[Recording] = []
        self.holds: list[HoldSpan] = []
        self.agents: dict[str, float] = {}
        # Extension -> the second channel by which it consults.
        self.consults: dict[str, Channel] = {}
        self.mode = Mode.NONE
        self.since = at
        self.talk = 0.0
        self.hold = 0.0
        self.answered_at: float | None = None
        self.ended_at: float | None = None
        self.last_met_at: float | None = None

    def _start_outcome(self) -> None:
        self.transferred: Transfer | None = None
        self.transfer_before: Transfer | None = None
        # Who sent the customer on, until the next person talks with the customer.
        self.sent_by = ""
        # The extension whose device hung up while with the customer; forgotten when the call goes on elsewhere.
        self.walked_out = ""
        self.ended_by: EndedBy | None = None
        self.dialed_outside = False
        self.far_status = ""
        self.far_cause = 0
        self.tried = False
        self.refused_queue = False
        self.cut = False
        self.gap = False
        self.times_unknown = False
        # A person did speak with the customer, but from when on was not seen; or nobody can say whether one did.
        self.answer_unknown = False
        self.answer_doubtful = False
        self.end_unknown = False
        self.start_unknown = False

    def was_only_parked(self) -> None:
        """The transfer that came before led into the parking lot: nobody was sent to anybody."""
        if self.sent_by and self.transferred is Transfer.BLIND:
            self.transferred = self.transfer_before
        self.sent_by = ""

    @property
    def ended(self) -> bool:
        return self.ended_at is not None or self.end_unknown


class World:
    """Everything of one PBX. ``out`` collects what the event at hand changed, ``touched`` is the call it belongs to."""

    def __init__(self, pbx: str, trunks: Sequence[str], members: Members) -> None:
        self.pbx = pbx
        self.trunks = tuple(trunks)
        self.channels: dict[str, Channel] = {}
        self.bridges: dict[str, Bridge] = {}
        self.links: dict[str, Call] = {}
        self.calls: dict[int, Call] = {}
        self.extensions: dict[str, dict[str, Channel]] = {}
        self.parked: dict[str, Channel] = {}
        # Calls that ended a moment ago, for events that come late; bounded by number and by time.
        self.recent: OrderedDict[int, tuple[float, Call]] = OrderedDict()
        self.members = members
        self.out: list[Change] = []
        self.touched: int | None = None
        # The PBX's clock at the last event, and ours when the link broke.
        self.last_at: float | None = None
        self.lost_at: float | None = None
        # What is found now was not heard: it comes from the state lists, and when it came to be is not known.
        self.unheard = False

    def tell(self, call: Call, what: What) -> None:
        """Reports a change; the first one of a call is that it started."""
        if not call.announced:
            call.announced = True
            self.out.append(CallChanged(call.id, "started"))
        if what != "started":
            self.out.append(CallChanged(call.id, what))

    def kind(self, channel: str) -> Kind:
        return kind_of(channel, self.trunks)

    def identifier(self, uniqueid: str, at: float) -> int:
        # The start belongs to it: after a restart a PBX may give the same uniqueid again.
        return derived_id(self.pbx, uniqueid, f"{at:.6f}")


def direction_of(world: World, call: Call) -> Direction:
    """Inbound from a trunk; outbound once a trunk is in it or was meant to be; else internal."""
    if call.from_trunk:
        return Direction.INBOUND
    if call.trunk_seen or call.dialed_outside:
        return Direction.OUTBOUND
    if call.originated and not _reached_inside(call) and not world.members.is_extension(call.called_number):
        return Direction.OUTBOUND
    return Direction.INTERNAL


def _reached_inside(call: Call) -> bool:
    return any(not leg.own for leg in call.legs)


def is_customer(call: Call, channel: Channel) -> bool:
    """Whether this channel is the outside party whom the call is about."""
    if call.from_trunk:
        return channel.uniqueid == call.customer
    return channel.kind is Kind.TRUNK and (not call.customer or channel.uniqueid == call.customer)
