"""Says in words what each PBX event did to a call (pure): the answer to "why is it so"."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from web.i18n import gettext as _

Event = Sequence[tuple[str, str]]
Fields = Mapping[str, str]
_SHOWN = 500  # a call with more events is read in the journal, not in a page


def _say(text: str, **values: str) -> str:
    return _(text) % values


def _channel(f: Fields) -> str:
    return f.get("Channel", "").split("/", 1)[-1].rsplit("-", 1)[0] or f.get("Channel", "")


def _hangup(f: Fields) -> str:
    cause = " ".join(part for part in (f.get("Cause", ""), f.get("Cause-txt", "")) if part)
    return _say("%(channel)s hung up (%(cause)s)", channel=_channel(f), cause=cause)


_SENTENCES: Final[Mapping[str, Callable[[Fields], str]]] = {
    "Newchannel": lambda f: _say(
        "%(channel)s appeared, number %(number)s, dialled %(exten)s",
        channel=_channel(f),
        number=f.get("CallerIDNum", ""),
        exten=f.get("Exten", ""),
    ),
    "Newstate": lambda f: _say(
        "%(channel)s is now: %(state)s", channel=_channel(f), state=f.get("ChannelStateDesc", "")
    ),
    "DialBegin": lambda f: _say("%(to)s was rung", to=f.get("DestChannel", "").split("/", 1)[-1].rsplit("-", 1)[0]),
    "DialEnd": lambda f: _say(
        "ringing of %(to)s ended: %(status)s",
        to=f.get("DestChannel", "").split("/", 1)[-1].rsplit("-", 1)[0],
        status=f.get("DialStatus", ""),
    ),
    "QueueCallerJoin": lambda f: _say(
        "joined the queue %(queue)s at position %(position)s",
        queue=f.get("Queue", ""),
        position=f.get("Position", ""),
    ),
    "QueueCallerLeave": lambda f: _say("left the queue %(queue)s", queue=f.get("Queue", "")),
    "QueueCallerAbandon": lambda f: _say(
        "hung up while waiting in %(queue)s after %(seconds)s s",
        queue=f.get("Queue", ""),
        seconds=f.get("HoldTime", ""),
    ),
    "AgentCalled": lambda f: _say("the queue rings %(agent)s", agent=f.get("MemberName", "")),
    "AgentConnect": lambda f: _say(
        "%(agent)s took the call after %(seconds)s s",
        agent=f.get("MemberName", ""),
        seconds=f.get("HoldTime", ""),
    ),
    "AgentRingNoAnswer": lambda f: _say("%(agent)s did not answer", agent=f.get("MemberName", "")),
    "AgentComplete": lambda f: _say(
        "the queue's part with %(agent)s ended: %(reason)s",
        agent=f.get("MemberName", ""),
        reason=f.get("Reason", ""),
    ),
    "BridgeEnter": lambda f: _say(
        "%(channel)s joined the talk (%(count)s in it)",
        channel=_channel(f),
        count=f.get("BridgeNumChannels", ""),
    ),
    "BridgeLeave": lambda f: _say(
        "%(channel)s left the talk (%(count)s left in it)",
        channel=_channel(f),
        count=f.get("BridgeNumChannels", ""),
    ),
    "Hold": lambda f: _say("%(channel)s put the other side on hold", channel=_channel(f)),
    "Unhold": lambda f: _say("%(channel)s took the other side back", channel=_channel(f)),
    "BlindTransfer": lambda f: _say("transferred blind to %(exten)s", exten=f.get("Extension", "")),
    "AttendedTransfer": lambda _f: _say("transferred after a consultation"),
    "ParkedCall": lambda f: _say("parked at %(space)s", space=f.get("ParkingSpace", "")),
    "UnParkedCall": lambda f: _say("picked up from %(space)s", space=f.get("ParkingSpace", "")),
    "MixMonitorStart": lambda _f: _say("recording began"),
    "MixMonitorStop": lambda _f: _say("recording stopped"),
    "Hangup": _hangup,
}


def explanation(events: Sequence[Event]) -> list[dict[str, Any]]:
    """Each event with its time and what it did; events without a sentence are listed by their fields."""
    return [_line(dict(event)) for event in events[:_SHOWN]]


def _line(fields: dict[str, str]) -> dict[str, Any]:
    name = fields.get("Event", "")
    at = fields.get("Timestamp")
    sentence = _SENTENCES.get(name)
    text = sentence(fields) if sentence is not None else _plain(fields)
    return {"at": _instant(at), "event": name, "text": text}


def _plain(fields: Fields) -> str:
    wanted = ("Variable", "Value", "Application", "Device", "State", "Status", "Extension")
    return ", ".join(f"{key} {fields[key]}" for key in wanted if fields.get(key))


def _instant(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
