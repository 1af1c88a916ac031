"""Why a call is what it is: its journalled events folded once more, each with what it meant.

A meaning is an English sentence with named places (``%(extension)s``), the key under which it is translated, and the
values for the places; whoever shows it translates the one and fills in the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from callcenter.ami import events as e
from callcenter.ami.events import AmiEvent
from callcenter.tracking.changes import CallChanged, CallMerged, Change, LegClosed, LegRang, RecordingStopped
from callcenter.tracking.naming import Kind, extension_of, kind_of
from callcenter.tracking.tracker import CallTracker
from crm_core.calls.facts import CallFacts, HoldSpan, LegFacts
from crm_core.kernel.texts import N_


@dataclass(frozen=True, slots=True)
class Meaning:
    """One row: ``at`` in epoch seconds of the PBX, the event's name, its channel ('' if none) and the sentence."""

    at: float
    event: str
    channel: str
    sentence: str
    values: Mapping[str, str]


_Said = tuple[str, dict[str, str]]

_ENDED = {
    "caller": N_("The side that began the call hung up."),
    "called": N_("The other side hung up."),
    "pbx": N_("The PBX ended the call (a time-out or the dialplan)."),
    None: N_("The call ended; by whom was not said."),
}
_TAKEN_BACK = {
    "answered_elsewhere": N_("%(extension)s stopped ringing: %(by)s took the call."),
    "caller_gone": N_("%(extension)s stopped ringing: the caller left."),
    "no_answer": N_("%(extension)s did not answer."),
    "declined": N_("%(extension)s declined the call."),
    "busy": N_("%(extension)s was busy."),
}
_HELD = {
    "hold": N_("Talk paused: somebody put the call on hold."),
    "parked": N_("The caller was parked."),
    "consultation": N_("%(by)s asked a colleague while the caller waited."),
}
_TRANSFERRED = {
    "blind": N_("The call was transferred without asking first."),
    "attended": N_("The call was transferred after asking first."),
}


def explain(events: Iterable[AmiEvent], pbx: str, trunks: Sequence[str]) -> list[Meaning]:
    """The events of one call, in order; those that meant nothing for it give no row."""
    tracker = CallTracker(pbx, trunks)
    names: dict[str, str] = {}
    rows: list[Meaning] = []
    for event in events:
        if isinstance(event, e.Newchannel):
            names[event.uniqueid] = event.channel
        said = [*_of_event(event, trunks)]
        for change in tracker.apply(event):
            said += _of_change(tracker, change)
        uniqueid = getattr(event, "uniqueid", "") or getattr(event, "dest_uniqueid", "")
        channel = names.get(uniqueid, "")
        rows += [Meaning(event.at, type(event).__name__, channel, text, values) for text, values in said]
    return rows


def _of_event(event: AmiEvent, trunks: Sequence[str]) -> list[_Said]:
    """What an event says by itself, whatever it changes."""
    match event:
        case e.Newchannel():
            return _born(event, trunks)
        case e.DialBegin() if kind_of(event.dest_channel, trunks) is Kind.TRUNK:
            return [(N_("The outside line %(channel)s is dialled."), {"channel": event.dest_channel})]
        case e.DialEnd() if event.status not in ("ANSWER", "CANCEL", ""):
            return [(N_("A dial ended: %(status)s."), {"status": event.status})]
        case e.QueueCallerLeave():
            return [(N_("The caller left the queue %(queue)s."), {"queue": event.queue})]
        case e.VarSet(variable="QUEUESTATUS") if event.value:
            return [(N_("The queue let the caller go: %(status)s."), {"status": event.value})]
        case e.Pickup():
            return [(N_("A colleague took the ringing call."), {})]
        case e.UnParkedCall():
            return [(N_("The parked caller was picked up at %(space)s."), {"space": event.space})]
        case e.ParkedCallTimeOut():
            return [(N_("Nobody picked up the parked caller in time."), {})]
        case e.ChanSpyStart():
            return [(N_("Somebody listens in."), {})]
        case e.ConfbridgeJoin():
            return [(N_("Somebody joined the conference %(conference)s."), {"conference": event.conference})]
    return []


def _born(event: e.Newchannel, trunks: Sequence[str]) -> list[_Said]:
    kind = kind_of(event.channel, trunks)
    if event.state in ("Down", "Rsrvd"):
        return []
    if kind is Kind.TRUNK:
        values = {"number": event.caller_number, "exten": event.exten}
        return [(N_("A call came in from %(number)s for %(exten)s."), values)]
    if kind is Kind.EXTENSION:
        values = {"extension": extension_of(event.channel), "exten": event.exten}
        return [(N_("%(extension)s dialled %(exten)s."), values)]
    return []


def _of_change(tracker: CallTracker, change: Change) -> list[_Said]:
    match change:
        case LegRang():
            return [_rang(change.leg)]
        case LegClosed():
            return [(_TAKEN_BACK[change.reason], {"extension": change.leg.extension, "by": change.by or "?"})]
        case RecordingStopped():
            return [(N_("The recording is complete."), {})]
        case CallMerged():
            return [(N_("What looked like two calls is one."), {})]
        case CallChanged():
            facts = tracker.facts(change.call_id)
            return _of_call(change.what, facts) if facts is not None else []
    return []


def _rang(leg: LegFacts) -> _Said:
    if leg.transferred_from:
        values = {"extension": leg.extension, "from": leg.transferred_from}
        return (N_("%(extension)s rings, on behalf of %(from)s."), values)
    if leg.queue:
        return (N_("%(extension)s rings for the queue %(queue)s."), {"extension": leg.extension, "queue": leg.queue})
    return (N_("%(extension)s rings."), {"extension": leg.extension})


def _of_call(what: str, facts: CallFacts) -> list[_Said]:
    if what == "queued" and facts.queue:
        return [(N_("The caller waits in the queue %(queue)s."), {"queue": facts.queue})]
    if what == "answered":
        seconds = "?" if facts.wait_seconds is None else f"{facts.wait_seconds:.1f}"
        return [(N_("Answered: the two sides are together after %(seconds)s s."), {"seconds": seconds})]
    if what == "held" and facts.holds:
        return [_held(facts.holds[-1])]
    if what == "resumed":
        return [(N_("The talk goes on."), {})]
    if what == "transferred" and facts.transferred is not None:
        return [(_TRANSFERRED[facts.transferred], {})]
    if what == "ended":
        status = facts.status or "unknown"
        return [(_ENDED[facts.ended_by], {}), (N_("The call counts as: %(status)s."), {"status": status})]
    return []


def _held(hold: HoldSpan) -> _Said:
    return (_HELD.get(hold.kind, _HELD["hold"]), {"by": hold.by or "?"})
