"""Turns changes of live calls into live messages: to the agents of the call, to boards, queues and departments.

What people wait for (a ring, an answer, a transfer, the end) is told at once. Everything else that a screen shows is
compared with what was told last, a few times a second, so that a busy PBX does not make a message of every event.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import orjson

from callcenter.agent_times import AgentTimes
from callcenter.board import Board
from callcenter.live import PbxLine
from callcenter.people import People
from callcenter.push import wire
from callcenter.push.hub import Hub, agent_topic
from callcenter.push.topics import WALLBOARD, department_topic, queue_topic
from callcenter.screenpop import ScreenPop
from callcenter.tracking.changes import CallChanged, CallMerged, LegClosed, LegRang
from crm_core.calls.facts import CallFacts, Direction
from crm_core.kernel import ids
from crm_core.kernel.clock import Clock

_SETTLE_SECONDS = 0.05
# A ring never waits longer than this for a screen's lesser news.
_PART_SECONDS = 0.001
# When to find out who it is: the number that we dial may be known only when the far side rings or answers.
_FIND_OUT = frozenset({"started", "queued", "ringing", "answered"})

Key = TypeVar("Key")


class Announcer:
    """One for all PBXs. Builds a message only when somebody listens."""

    def __init__(
        self, hub: Hub, board: Board, people: People, pops: ScreenPop, times: AgentTimes, clock: Clock
    ) -> None:
        self._hub = hub
        self._board = board
        self._people = people
        self._pops = pops
        self._times = times
        self._clock = clock
        self._calls: dict[tuple[PbxLine, int], None] = {}
        self._agents: dict[tuple[PbxLine, str], None] = {}
        self._queues: dict[tuple[PbxLine, str], None] = {}
        self._told: dict[tuple[str, object], bytes] = {}
        # Calls that have begun for the world; before that the tracker may still find out that there is none.
        self._begun: set[tuple[str, int]] = set()
        # Whose screens show a call: who drops out of it hears of it once more.
        self._shown_to: dict[tuple[str, int], set[str]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def touched(self, line: PbxLine, call_id: int) -> None:
        """An event of this call: whatever it shows may have changed."""
        if not self._hub.idle:
            self._calls[line, call_id] = None
            if self._timer is None:
                self._settle_soon()

    def call_changed(self, line: PbxLine, change: CallChanged, at: float) -> None:
        key = (line.name, change.call_id)
        if change.what == "started":
            self._begun.add(key)
        if not self._hub.idle and (facts := line.facts(change.call_id)) is not None:
            if change.what in _FIND_OUT:
                self._pops.prepare(facts, lambda: self.touched(line, change.call_id))
            if change.what != "updated":
                self._tell_call(facts, f"call.{change.what}", at)
            self.touched(line, change.call_id)
        if change.what == "ended":
            self._begun.discard(key)
            self._told.pop(key, None)
            self._shown_to.pop(key, None)
            over = line.facts(change.call_id)
            self._pops.ended(*key, _ringing(over) if over is not None else ())

    def call_merged(self, line: PbxLine, change: CallMerged, at: float) -> None:
        facts = line.facts(change.into)
        self._begun.discard((line.name, change.call_id))
        self._told.pop((line.name, change.call_id), None)
        if facts is None:
            return
        department = self._board.call_department(facts)
        data = {"id": ids.show(change.call_id), "into": ids.show(change.into)}
        others = self._shown_to.pop((line.name, change.call_id), set())
        topics = self._topics(facts, others | _phones(facts), department)
        self._hub.publish_to(topics, "call.merged", data, at, department=department)
        self._pops.merged(line.name, change.call_id, facts, at)
        self.touched(line, change.into)
        if not self._hub.idle:
            # Whose phone was in the call that is gone is not known any more; mergers are rare.
            self._agents |= {(line, agent.extension): None for agent in line.live_agents()}

    def leg_changed(self, line: PbxLine, change: LegRang | LegClosed, at: float) -> None:
        if isinstance(change, LegClosed):
            self._pops.closed(line.name, change.call_id, change.leg, change.by, at, unseen=change.reason)
            if change.by is not None:
                self.agent_changed(line, change.by)
        elif (facts := line.facts(change.call_id)) is not None:
            self._pops.rang(facts, change.leg, at)
        self.touched(line, change.call_id)

    def agent_changed(self, line: PbxLine, extension: str) -> None:
        self._times.touched(line.name, extension)
        if not self._hub.idle:
            self._agents[line, extension] = None
            self._settle_soon()

    def queue_changed(self, line: PbxLine, queue: str) -> None:
        if not self._hub.idle:
            self._queues[line, queue] = None
            self._settle_soon()

    def settle(self) -> None:
        """Tells what has changed since it was told last; after this every screen shows what is so."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._settle_next():
            pass

    def _settle_part(self) -> None:
        """As ``settle``, with breaks in which others have their turn."""
        loop = asyncio.get_running_loop()
        until = time.perf_counter() + _PART_SECONDS
        while self._settle_next():
            if time.perf_counter() > until:
                self._timer = loop.call_later(_PART_SECONDS, self._settle_part)
                return
        self._timer = None

    def _settle_next(self) -> bool:
        """Tells one thing; calls first, because they say which agents and queues to look at. False: nothing is left."""
        at = self._clock.now().timestamp()
        if self._calls:
            line, call_id = _first(self._calls)
            if (facts := line.facts(call_id)) is not None:
                self._settle_call(line, facts, at)
        elif self._agents:
            self._settle_agent(*_first(self._agents), at)
        elif self._queues:
            self._settle_queue(*_first(self._queues), at)
        else:
            return False
        return True

    def _settle_soon(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_SETTLE_SECONDS, self._settle_part)

    def _settle_call(self, line: PbxLine, facts: CallFacts, at: float) -> None:
        if (line.name, facts.id) in self._begun and not wire.is_over(facts):
            self._tell_call(facts, "call.updated", at, only_news=True)
        self._pops.drop_ended(facts)
        for leg in facts.legs:
            self._agents[line, leg.extension] = None
        if facts.direction is not Direction.INBOUND and facts.caller_number:
            self._agents[line, facts.caller_number] = None
        for visit in facts.queues:
            self._queues[line, visit.queue] = None

    def _tell_call(self, facts: CallFacts, kind: str, at: float, *, only_news: bool = False) -> None:
        department = self._board.call_department(facts)
        key, phones = (facts.pbx, facts.id), _phones(facts)
        everybody = phones | self._shown_to.get(key, set())
        topics = [topic for topic in self._topics(facts, everybody, department) if self._hub.wanted(topic)]
        if not topics:
            return
        self._shown_to[key] = phones
        data = wire.call(facts, self._pops.customer(facts))
        if self._is_news(key, data) or not only_news:
            self._hub.publish_to(topics, kind, data, at, department=department)

    def _settle_agent(self, line: PbxLine, extension: str, at: float) -> None:
        live = line.agent(extension)
        if not self._board.shows(line, live):
            return
        for membership in live.memberships:
            self._queues[line, membership.queue] = None
        department = self._people.department(line.name, extension)
        topics = [WALLBOARD, agent_topic(line.name, extension)]
        if department is not None:
            topics.append(department_topic(department))
        topics = [topic for topic in topics if self._hub.wanted(topic)]
        if topics:
            data = self._board.agent(line, live)
            if self._is_news((line.name, ("agent", extension)), data):
                self._hub.publish_to(topics, "agent.state", data, at, department=department)

    def _settle_queue(self, line: PbxLine, queue: str, at: float) -> None:
        live = line.queue(queue)
        watchers = [topic for topic in (WALLBOARD, queue_topic(queue)) if self._hub.wanted(topic)]
        own = (agent_topic(line.name, extension) for extension in live.members)
        members = [topic for topic in own if self._hub.wanted(topic)]
        if not watchers and not members:
            return
        data = self._board.queue(line, live)
        if self._is_news((line.name, ("queue", queue)), data):
            self._hub.publish_to(watchers, "queue.state", data, at)
            self._hub.publish_to(members, "queue.state", self._board.queue_for_agents(line, live), at)

    def _is_news(self, key: tuple[str, object], data: Mapping[str, Any]) -> bool:
        told = orjson.dumps(data)
        if self._told.get(key) == told:
            return False
        self._told[key] = told
        return True

    def _topics(self, facts: CallFacts, phones: Iterable[str], department: int | None) -> Iterable[str]:
        yield from (agent_topic(facts.pbx, extension) for extension in phones)
        yield WALLBOARD
        yield from (queue_topic(name) for name in dict.fromkeys(visit.queue for visit in facts.queues))
        if department is not None:
            yield department_topic(department)


def _first(waiting: dict[Key, None]) -> Key:
    """Takes out what has waited longest."""
    key = next(iter(waiting))
    del waiting[key]
    return key


def _phones(facts: CallFacts) -> set[str]:
    """The extensions that are or were part of the call: who only rang has had its pop.hide."""
    phones = {leg.extension for leg in facts.legs if leg.ended_at is None or leg.answered_at is not None}
    if facts.direction is not Direction.INBOUND and facts.caller_number:
        phones.add(facts.caller_number)
    return phones | set(facts.agents)


def _ringing(facts: CallFacts) -> set[str]:
    """The extensions whose phones have not stopped ringing."""
    return {leg.extension for leg in facts.legs if leg.ended_at is None and leg.outcome is None}
