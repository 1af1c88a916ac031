"""The browser's fold of live messages in Python: what web/static/js/reducer.js does, for the property of both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

State = dict[str, dict[str, Any]]


def fresh(data: Mapping[str, Any]) -> State:
    """The state that a snapshot stands for."""
    return {
        "calls": {call["id"]: _steady(call) for call in data["calls"]},
        "pops": {pop["call_id"]: pop for pop in data["pops"]},
        "agents": {(agent["pbx"], agent["extension"]): agent for agent in data["agents"]},
        "queues": {queue["queue"]: queue for queue in data["queues"]},
    }


def concerns(call: Mapping[str, Any], extension: str) -> bool:
    legs = [leg for leg in call["legs"] if leg["extension"] == extension]
    return not legs or any(leg["ended_at"] is None for leg in legs)


def apply(state: State, message: Mapping[str, Any]) -> State:
    """The state after one message."""
    kind, data = message["type"], message["data"]
    match kind:
        case "pop.show":
            return _with(state, "pops", data["call_id"], {**data, "at": message["at"]})
        case "pop.update":
            pop = state["pops"].get(data["call_id"])
            return state if pop is None else _with(state, "pops", data["call_id"], {**pop, **data})
        case "pop.hide":
            return _without(state, "pops", data["call_id"])
        case "agent.state":
            return _with(state, "agents", (data["pbx"], data["extension"]), data)
        case "call.merged":
            return _without(_without(state, "calls", data["id"]), "pops", data["id"])
        case "queue.state":
            return _with(state, "queues", data["queue"], data)
    if not kind.startswith("call.") or "id" not in data:
        return state
    own = message["topic"].removeprefix("agent:") if message["topic"].startswith("agent:") else None
    if kind == "call.ended" or (own is not None and not concerns(data, own)):
        return _without(_without(state, "calls", data["id"]), "pops", data["id"])
    return _with(state, "calls", data["id"], {**state["calls"].get(data["id"], {}), **_steady(data)})


def reduced(snapshot: Mapping[str, Any], messages: Iterable[Mapping[str, Any]]) -> State:
    state = fresh(snapshot)
    for message in messages:
        state = apply(state, message)
    return state


def _steady(call: Mapping[str, Any]) -> dict[str, Any]:
    """Without what grows as time goes by: a screen counts that by its own clock."""
    legs = [{**leg, "talk_seconds": None, "hold_seconds": None} for leg in call["legs"]]
    return {**call, "talk_seconds": None, "hold_seconds": None, "legs": legs}


def _with(state: State, part: str, key: Any, value: Any) -> State:
    return {**state, part: {**state[part], key: value}}


def _without(state: State, part: str, key: Any) -> State:
    return {**state, part: {k: v for k, v in state[part].items() if k != key}}
