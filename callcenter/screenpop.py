"""The screen-pop: shown the moment an extension rings, filled in when the customer is known, taken back with a reason.

A pop never waits for the database: what is not known yet follows in ``pop.update``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from callcenter.people import People
from callcenter.push.hub import Hub, agent_topic, instant
from crm_core.calls.facts import CallFacts, CallState, Direction, LegFacts, LegOutcome
from crm_core.kernel import ids
from crm_core.kernel.errors import CrmError
from crm_core.kernel.phone import mask

log = structlog.get_logger(__name__)

_MAX_SHOWN = 20  # pops at one extension; more than that is a loop in the dialplan
_MAX_UNSEEN = 20
_UNSEEN_SECONDS = 600.0
_MAX_LOOKUPS = 1000

_REASONS = {
    LegOutcome.ANSWERED_ELSEWHERE: "answered_elsewhere",
    LegOutcome.CANCELLED: "caller_gone",
    LegOutcome.NO_ANSWER: "no_answer",
    LegOutcome.DECLINED: "declined",
    LegOutcome.BUSY: "busy",
    LegOutcome.FAILED: "no_answer",
}


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a number may be for one agent: ``matches`` best first; ``about`` is what is known of the number itself."""

    matches: tuple[Mapping[str, Any], ...] = ()
    about: Mapping[str, Any] = field(default_factory=dict)


class WhoIsIt(Protocol):
    """Looks numbers up, and remembers what it found for a while."""

    def ready(self, number: str, agent_id: int | None) -> Identity | None:
        """What is known without asking the database."""
        ...

    async def find(self, number: str, agent_id: int | None) -> Identity:
        """Raises Unavailable."""
        ...


@dataclass(slots=True)
class Pop:
    """One call on one agent's screen."""

    call_id: int
    data: dict[str, Any]
    at: float
    seen: bool = False
    hidden: dict[str, Any] | None = None


class ScreenPop:
    """All pops of one process, by extension."""

    def __init__(self, hub: Hub, people: People, who: WhoIsIt, *, mask_numbers: bool = False) -> None:
        self._hub = hub
        self._people = people
        self._who = who
        self._mask = mask_numbers
        self._shown: dict[tuple[str, str], dict[int, Pop]] = {}
        self._phones: dict[tuple[str, int], set[str]] = {}  # where each call is shown
        self._unseen: dict[tuple[str, str], list[Pop]] = {}
        self._customers: dict[tuple[str, int], Mapping[str, Any]] = {}
        self._lookups: set[asyncio.Task[None]] = set()
        self.on_shown: Callable[[float], None] = lambda _: None
        self.shown = 0
        self.acknowledged_count = 0

    def prepare(self, facts: CallFacts, then: Callable[[], None]) -> None:
        """A call has begun or waits: find out who it is before any phone rings.

        ``then`` is called as soon as it is known, unless it was known already.
        """
        if not facts.customer_number or facts.direction is Direction.INTERNAL:
            return
        if self._who.ready(facts.customer_number, None) is None:
            self._later(self._prepared(facts.customer_number, then))

    def rang(self, facts: CallFacts, leg: LegFacts, at: float) -> None:
        """An extension rings for this call."""
        key = (facts.pbx, leg.extension)
        number = _number(facts)
        agent = self._people.at(*key)
        agent_id = agent.user_id if agent else None
        internal = facts.direction is Direction.INTERNAL
        known = Identity() if internal or number is None else self._who.ready(number, agent_id)
        data = self._data(facts, leg, number, known)
        pop = Pop(facts.id, data, at)
        pops = self._shown.setdefault(key, {})
        if len(pops) >= _MAX_SHOWN:
            self._take(key, next(iter(pops)))
        self._put(key, pop)
        self.shown += 1
        self.on_shown(at)
        if not self._hub.wanted(agent_topic(*key)):
            return  # nobody looks: who it is will be found out when somebody does
        self._hub.publish(agent_topic(*key), "pop.show", data, at)
        if known is None and number is not None:
            self._later(self._filled(key, pop, number))

    def closed(
        self, pbx: str, call_id: int, leg: LegFacts, by: str | None, at: float, *, unseen: str = "caller_gone"
    ) -> None:
        """The extension stopped ringing without taking the call; ``unseen``: why, when its end was not heard."""
        key = (pbx, leg.extension)
        pop = self._take(key, call_id)
        if pop is None:
            return
        reason = _REASONS.get(leg.outcome, "no_answer") if leg.outcome is not None else unseen
        self._hide(key, pop, reason, by if reason == "answered_elsewhere" else None, at)

    def ended(self, pbx: str, call_id: int, ringing: Collection[str] = ()) -> None:
        """The call is over: nothing to show any more; ``call.ended`` tells it.

        A phone that rings on for a moment (its channel dies after the customer's) still hears why its pop goes.
        """
        self._customers.pop((pbx, call_id), None)
        for extension in list(self._phones.get((pbx, call_id), ())):
            if extension not in ringing:
                self._take((pbx, extension), call_id)

    def drop_ended(self, facts: CallFacts) -> None:
        """Phones that have left the call show it no more, also when they join it again without a ring."""
        for extension in list(self._phones.get((facts.pbx, facts.id), ())):
            if not _concerns(facts, extension):
                self._take((facts.pbx, extension), facts.id)

    def merged(self, pbx: str, gone: int, facts: CallFacts, at: float) -> None:
        """A shown call turned out to be part of another: its pop goes on under the id that lives on."""
        for extension in list(self._phones.get((pbx, gone), ())):
            key = (pbx, extension)
            pop = self._take(key, gone)
            if pop is None or facts.id in self._shown.get(key, ()):
                continue
            pop.call_id = facts.id
            pop.data = {**pop.data, "call_id": ids.show(facts.id), "replaces": ids.show(gone)}
            self._put(key, pop)
            self._hub.publish(agent_topic(*key), "pop.show", pop.data, at)

    def _put(self, key: tuple[str, str], pop: Pop) -> None:
        self._shown.setdefault(key, {})[pop.call_id] = pop
        self._phones.setdefault((key[0], pop.call_id), set()).add(key[1])

    def _take(self, key: tuple[str, str], call_id: int) -> Pop | None:
        pops = self._shown.get(key)
        pop = pops.pop(call_id, None) if pops else None
        if pops is not None and not pops:
            del self._shown[key]
        phones = self._phones.get((key[0], call_id))
        if phones is not None:
            phones.discard(key[1])
            if not phones:
                del self._phones[key[0], call_id]
        return pop

    def acknowledged(self, pbx: str, extension: str, call_id: int) -> None:
        """The pop has reached a screen."""
        key = (pbx, extension)
        pop = self._shown.get(key, {}).get(call_id)
        if pop is not None and not pop.seen:
            pop.seen = True
            self.acknowledged_count += 1
        missed = self._unseen.get(key)
        if missed is not None:
            self._unseen[key] = [one for one in missed if one.call_id != call_id]

    def forget_unseen(self) -> None:
        """After a restart nobody knows who saw what before it: what rings is shown, what is over is not told again."""
        self._unseen.clear()

    def customer(self, facts: CallFacts) -> Mapping[str, Any] | None:
        """The one customer of a live call, when the look-up left no doubt."""
        if not facts.customer_number or facts.direction is Direction.INTERNAL:
            return None
        key = (facts.pbx, facts.id)
        known = self._who.ready(facts.customer_number, None)
        if known is None:
            return self._customers.get(key)  # a long call outlives what the look-up remembers
        if len(known.matches) != 1:
            return None
        customer = known.matches[0]["customer"]
        shown = {"id": customer["id"], "name": customer["name"]}
        if facts.state is not CallState.ENDED:
            self._customers[key] = shown
        return shown

    def snapshot(
        self, pbx: str, extension: str, now: float, facts: Callable[[int], CallFacts | None]
    ) -> dict[str, Any]:
        """``pops`` are on the screen now; ``unseen`` were shown and taken back while nobody looked."""
        key = (pbx, extension)
        unseen = [pop for pop in self._unseen.get(key, ()) if now - pop.at < _UNSEEN_SECONDS]
        shown = []
        for pop in self._shown.get(key, {}).values():
            call = facts(pop.call_id)
            if call is None or call.state is CallState.ENDED or not _concerns(call, extension):
                continue
            shown.append(pop)
            if pop.data["matches"] is None and (number := _number(call)) is not None:
                self._later(self._filled(key, pop, number))
        return {
            "pops": [{**pop.data, "at": instant(pop.at)} for pop in shown],
            "unseen": [{**pop.data, "at": instant(pop.at), "hidden": pop.hidden} for pop in unseen],
        }

    def _data(self, facts: CallFacts, leg: LegFacts, number: str | None, known: Identity | None) -> dict[str, Any]:
        shown = mask(number) if self._mask and number and facts.direction is not Direction.INTERNAL else number
        waited = (leg.rang_at if leg.rang_at is not None else facts.started_at) - facts.started_at
        return {
            "call_id": ids.show(facts.id),
            "number": shown,
            "hidden": number is None,
            "caller_name": self._caller_name(facts),
            "called_number": facts.called_number,
            "direction": facts.direction,
            "queue": leg.queue or facts.queue,
            "waited_seconds": round(max(0.0, waited), 3),
            "matches": None if known is None else list(known.matches),
            "transferred_from": leg.transferred_from,
            "transferred_from_name": self._name(facts.pbx, leg.transferred_from),
            **({} if known is None else known.about),
        }

    def _caller_name(self, facts: CallFacts) -> str | None:
        """What the PBX sent of a customer; a colleague by the name that we know."""
        if facts.direction is Direction.INTERNAL:
            return self._name(facts.pbx, facts.caller_number)
        return facts.caller_name if facts.direction is Direction.INBOUND else None

    def _name(self, pbx: str, extension: str | None) -> str | None:
        person = self._people.at(pbx, extension) if extension else None
        return person.display_name if person else None

    def _hide(self, key: tuple[str, str], pop: Pop, reason: str, by: str | None, at: float) -> None:
        data = {"call_id": ids.show(pop.call_id), "reason": reason, "by": by, "by_name": self._name(key[0], by)}
        pop.hidden = {"reason": reason, "by": by, "at": instant(at)}
        if not pop.seen:
            unseen = self._unseen.setdefault(key, [])
            unseen.append(pop)
            del unseen[:-_MAX_UNSEEN]
        self._hub.publish(agent_topic(*key), "pop.hide", data, at)

    async def _prepared(self, number: str, then: Callable[[], None]) -> None:
        try:
            await self._who.find(number, None)
        except CrmError as error:
            log.warning("look-up failed", reason=error.code)
        else:
            then()

    async def _filled(self, key: tuple[str, str], pop: Pop, number: str) -> None:
        agent = self._people.at(*key)
        try:
            known = await self._who.find(number, agent.user_id if agent else None)
        except CrmError as error:
            log.warning("look-up failed, the pop stays with the number alone", reason=error.code)
            return
        if self._shown.get(key, {}).get(pop.call_id) is not pop:
            return
        found = {"matches": list(known.matches), **known.about}
        pop.data = {**pop.data, **found}
        data = {"call_id": ids.show(pop.call_id), **found}
        self._hub.publish(agent_topic(*key), "pop.update", data, pop.at)

    def _later(self, work: Any) -> None:
        if len(self._lookups) >= _MAX_LOOKUPS:
            work.close()
            return
        task = asyncio.get_running_loop().create_task(work)
        self._lookups.add(task)
        task.add_done_callback(self._lookups.discard)


def _number(facts: CallFacts) -> str | None:
    """Always the customer's; between colleagues the caller's extension; None when it is hidden."""
    if facts.direction is Direction.INTERNAL:
        return facts.caller_number
    return facts.customer_number


def _concerns(facts: CallFacts, extension: str) -> bool:
    """Whether the call is still a matter of the extension: it rings there or talks there."""
    return any(leg.extension == extension and leg.ended_at is None for leg in facts.legs)
