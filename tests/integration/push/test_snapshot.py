"""Snapshot + messages = fresh snapshot, wherever in a call somebody connects."""

from __future__ import annotations

from pathlib import Path

import pytest

from callcenter.push.topics import WALLBOARD
from tests.unit.push.exchange import EXTENSIONS, SUPERVISOR, TRACES, Exchange, agent, events
from tests.unit.push.reducer import fresh, reduced

# The two Asterisks tell much the same; the dearer tests, quadratic in the length, take one of them.
NAMES = sorted(str(path.relative_to(TRACES).with_suffix("")) for path in TRACES.glob("asterisk*/*.ami"))

SOME = [name for name in NAMES if name.startswith("asterisk22")]


@pytest.mark.parametrize("trace", SOME)
async def test_a_board_that_connects_at_any_event_ends_up_with_the_fresh_snapshot(trace: str, tmp_path: Path) -> None:
    exchange = Exchange(tmp_path)
    began = []
    for event in events(trace):
        began.append((exchange.snapshot(SUPERVISOR, WALLBOARD), exchange.listen(WALLBOARD)))
        exchange.line.on_event(event)
        now = fresh(exchange.snapshot(SUPERVISOR, WALLBOARD))
        # Every step for the first listener; the later ones are compared at the end, or this takes for ever.
        snapshot, listener = began[0]
        assert reduced(snapshot, listener.messages) == now
    end = fresh(exchange.snapshot(SUPERVISOR, WALLBOARD))
    for snapshot, listener in began:
        assert reduced(snapshot, listener.messages) == end


@pytest.mark.parametrize("trace", SOME)
async def test_an_agent_who_connects_at_any_event_ends_up_with_the_fresh_snapshot(trace: str, tmp_path: Path) -> None:
    exchange = Exchange(tmp_path)
    began = []
    for event in events(trace):
        began += [(one, exchange.snapshot(agent(one)), exchange.own(one)) for one in EXTENSIONS]
        exchange.line.on_event(event)
    for extension in EXTENSIONS:
        end = fresh(exchange.snapshot(agent(extension)))
        for who, snapshot, listener in began:
            if who == extension:
                assert reduced(snapshot, listener.messages) == end


@pytest.mark.parametrize("trace", NAMES)
async def test_at_every_event_an_agents_messages_say_what_a_fresh_snapshot_says(trace: str, tmp_path: Path) -> None:
    exchange = Exchange(tmp_path)
    began = {one: (exchange.snapshot(agent(one)), exchange.own(one)) for one in EXTENSIONS}
    for event in events(trace):
        exchange.line.on_event(event)
        for extension, (snapshot, listener) in began.items():
            now = fresh(exchange.snapshot(agent(extension)))
            assert reduced(snapshot, listener.messages) == now, event
