"""What is live now on all PBXs, for boards and for the snapshot of a new connection: read from the trackers' memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from callcenter.people import People
from callcenter.push import wire
from callcenter.push.hub import instant
from callcenter.push.session import board_reach
from callcenter.push.topics import WALLBOARD
from callcenter.tracking.live import AgentLive, AgentState, QueueLive
from crm_core.calls.facts import CallFacts, Direction
from crm_core.kernel import ids
from crm_core.kernel.phone import mask
from crm_core.organization.access import Action, Actor

WRAP_UP = "wrap_up"
STATES = {
    AgentState.OFFLINE: "offline",
    AgentState.IDLE: "available",
    AgentState.PAUSED: "paused",
    AgentState.RINGING: "ringing",
    AgentState.DIALING: "ringing",
    AgentState.TALKING: "talking",
    AgentState.HOLDING: "hold",
}


class Line(Protocol):
    """The live side of one PBX."""

    @property
    def name(self) -> str: ...
    def live_calls(self) -> Iterable[CallFacts]: ...
    def live_agents(self) -> Iterable[AgentLive]: ...
    def live_queues(self) -> Iterable[QueueLive]: ...
    def agent(self, extension: str) -> AgentLive: ...
    def facts(self, call_id: int) -> CallFacts | None: ...


class Board:
    """Builds the JSON of agents, queues and calls, cut to what an actor may see."""

    def __init__(
        self, people: People, lines: Mapping[str, Line], customer: Callable[[CallFacts], Mapping[str, Any] | None]
    ) -> None:
        self._people = people
        self._lines = lines
        self._customer = customer

    def snapshot(self, actor: Actor, topics: Iterable[str]) -> dict[str, Any]:
        """What is live on these topics."""
        wanted = set(topics)
        whole = WALLBOARD in wanted
        many = whole or any(topic.startswith("department:") for topic in wanted)
        calls, agents, queues = [], [], []
        for line in self._lines.values():
            own = actor.extension if actor.pbx == line.name else None
            seen = (facts for facts in line.live_calls() if self._call_wanted(actor, facts, wanted, whole, own))
            calls += [wire.call(facts, self._customer(facts)) for facts in seen]
            for agent in self._agents(line) if many else self._only(line, own):
                department = self._people.department(line.name, agent.extension)
                if agent.extension == own or self._department_wanted(actor, department, wanted, whole):
                    agents.append(self.agent(line, agent))
            for queue in line.live_queues():
                if whole or f"queue:{queue.name}" in wanted:
                    queues.append(self.queue(line, queue))
                elif own is not None and own in queue.members:
                    queues.append(self.queue_for_agents(line, queue))
        return {"calls": calls, "agents": agents, "queues": queues}

    def whole(self, actor: Actor) -> dict[str, Any]:
        """Everything that the actor may watch. Raises Denied."""
        actor.require(Action.BOARD_WATCH)
        return self.snapshot(actor, (WALLBOARD,))

    def agent(self, line: Line, agent: AgentLive) -> dict[str, Any]:
        person = self._people.at(line.name, agent.extension)
        reason = next((one.reason for one in agent.memberships if one.paused and one.reason), None)
        state = STATES[agent.state]
        facts = line.facts(agent.calls[-1]) if agent.calls else None
        return {
            "pbx": line.name,
            "extension": agent.extension,
            "user": person.name if person else None,
            "name": person.display_name if person else None,
            "department": ids.show(person.department_id) if person and person.department_id else None,
            "state": "wrap_up" if state == "paused" and reason == WRAP_UP else state,
            "since": None if agent.since is None else instant(agent.since),
            "reason": reason,
            "call_id": ids.show(facts.id) if facts else None,
            "calls": [ids.show(call_id) for call_id in agent.calls],
            "number": facts.customer_number or facts.caller_number if facts else None,
            "customer": None,
            "queue": facts.queue if facts else None,
            "queues": [one.queue for one in agent.memberships],
        }

    def queue(self, line: Line, queue: QueueLive) -> dict[str, Any]:
        waiting = []
        for one in queue.waiting:
            facts = line.facts(one.call_id)
            number = facts.customer_number if facts else None
            entry = {"call_id": ids.show(one.call_id), "number": number, "since": instant(one.joined_at)}
            waiting.append({**entry, "position": one.position})
        ready = [name for name in queue.members if line.agent(name).state is AgentState.IDLE]
        return {
            "pbx": line.name,
            "queue": queue.name,
            "waiting": waiting,
            "members": len(queue.members),
            "available": len(ready),
        }

    def queue_for_agents(self, line: Line, queue: QueueLive) -> dict[str, Any]:
        """The same for those who serve it: who waits is nobody's customer yet, so numbers are masked."""
        whole = self.queue(line, queue)
        return {**whole, "waiting": [{**one, "number": mask(one["number"])} for one in whole["waiting"]]}

    def call_department(self, facts: CallFacts) -> int | None:
        """Whose call it is now: the last agent's, else that of the phone that rings last."""
        extensions = facts.agents or tuple(leg.extension for leg in facts.legs)
        return self._people.department(facts.pbx, extensions[-1]) if extensions else None

    def _agents(self, line: Line) -> Iterable[AgentLive]:
        """Those that the PBX told of, and those of our people whose phones it has not named yet."""
        told = {agent.extension: agent for agent in line.live_agents() if self.shows(line, agent)}
        yield from told.values()
        for extension in self._people.extensions(line.name):
            if extension not in told:
                yield line.agent(extension)

    @staticmethod
    def _only(line: Line, own: str | None) -> Iterable[AgentLive]:
        """When a thousand desks come back at once, none of them looks at all the others."""
        return () if own is None else (line.agent(own),)

    def shows(self, line: Line, agent: AgentLive) -> bool:
        """The phones of our people and the members of queues; not every door bell that the PBX knows."""
        return bool(agent.memberships) or self._people.at(line.name, agent.extension) is not None

    def _call_wanted(self, actor: Actor, facts: CallFacts, wanted: set[str], whole: bool, own: str | None) -> bool:
        if own is not None and _is_own(facts, own):
            return True
        department = self.call_department(facts)
        return f"queue:{facts.queue}" in wanted or self._department_wanted(actor, department, wanted, whole)

    def _department_wanted(self, actor: Actor, department: int | None, wanted: set[str], whole: bool) -> bool:
        if department is not None and f"department:{ids.show(department)}" in wanted:
            return True
        reach = board_reach(actor)
        return whole and (department is None or reach is None or department in reach)


def _is_own(facts: CallFacts, extension: str) -> bool:
    """Whether the call is on this phone now, or was begun from it and has no leg there."""
    legs = [leg for leg in facts.legs if leg.extension == extension]
    if legs:
        return any(leg.ended_at is None for leg in legs)
    return facts.direction is not Direction.INBOUND and facts.caller_number == extension
