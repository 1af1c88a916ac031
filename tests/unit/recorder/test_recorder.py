"""Batches: coalesced by call, wholly or not at all, and one bad call keeps no other out."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from callcenter.journal import Journal
from callcenter.recorder import Batch, Recorder, dated, stamp
from crm_core.calls.facts import CallFacts, CallState, Direction
from crm_core.kernel.clock import SystemClock
from crm_core.kernel.errors import Unavailable


def call(identifier: int, **changes: Any) -> CallFacts:
    facts = CallFacts(
        id=identifier,
        pbx="main",
        uniqueid="1.1",
        direction=Direction.INBOUND,
        state=CallState.TALKING,
        status=None,
        caller_number="1",
        caller_name=None,
        called_number="2",
        customer_number="1",
        started_at=1.0,
    )
    return replace(facts, **changes)


class Shelf:
    """A store that can be away, or refuse certain calls."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.away = False
        self.bad: set[int] = set()

    async def __call__(self, batch: Batch) -> None:
        if self.away:
            raise Unavailable("database_unavailable", "away")
        if self.bad & {*batch.events, *(facts.id for facts in batch.facts)}:
            raise ValueError("this call cannot be stored")
        self.batches.append(batch)


class Desk:
    def __init__(self, folder: Path) -> None:
        self.shelf = Shelf()
        self.live: dict[int, CallFacts] = {}
        self.recorder = Recorder(
            "main",
            journal=Journal(folder),
            facts=self.live.get,
            store=self.shelf,
            clock=SystemClock(),
            catch_up=lambda: pytest.fail("nothing overflows here"),
        )


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_many_changes_of_a_call_are_one_row_with_the_latest_facts(desk: Desk) -> None:
    for state in (CallState.NEW, CallState.RINGING, CallState.TALKING):
        desk.live[7] = call(7, state=state)
        desk.recorder.changed(7)
    batch = desk.recorder.cut()
    assert [facts.state for facts in batch.facts] == [CallState.TALKING]
    assert desk.recorder.cut().empty


def test_the_last_facts_of_a_call_are_kept_when_the_tracker_forgets_it(desk: Desk) -> None:
    desk.recorder.changed(7)
    desk.recorder.ended(call(7, state=CallState.ENDED))
    assert [facts.state for facts in desk.recorder.cut().facts] == [CallState.ENDED]


def test_events_go_with_their_call_and_follow_it_into_another(desk: Desk) -> None:
    desk.live[8] = call(8)
    packets = [dated(b"Event: A", float(number)) for number in range(4)]
    for number, packet in enumerate(packets):
        desk.recorder.saw(7 + number % 2, packet)
    desk.recorder.merged(7, 8)
    batch = desk.recorder.cut()
    assert batch.events == {8: packets}, "in the order of their times"
    assert batch.merged == [(7, 8)]
    assert [facts.id for facts in batch.facts] == [8]


async def test_one_call_that_cannot_be_stored_keeps_no_other_out(desk: Desk) -> None:
    desk.shelf.bad = {7}
    for identifier in (6, 7, 8):
        desk.live[identifier] = call(identifier)
        desk.recorder.changed(identifier)
        desk.recorder.saw(identifier, b"event")
    await desk.recorder._write(desk.recorder.cut())
    assert sorted(facts.id for batch in desk.shelf.batches for facts in batch.facts) == [6, 8]
    assert desk.recorder.refused == 1


async def test_a_batch_waits_for_the_database_and_is_then_stored_once(desk: Desk) -> None:
    desk.shelf.away = True
    desk.live[7] = call(7)
    desk.recorder.changed(7)
    writing = asyncio.create_task(desk.recorder._write(desk.recorder.cut()))
    await asyncio.sleep(0.05)
    assert desk.recorder.failing is not None
    desk.shelf.away = False
    await asyncio.wait_for(writing, 5)
    assert desk.recorder.failing is None
    assert len(desk.shelf.batches) == 1


def test_a_stored_event_always_has_its_time() -> None:
    assert dated(b"Event: A\r\nTimestamp: 1.5\r\nX: y", 9.0) == b"Event: A\r\nTimestamp: 1.5\r\nX: y"
    assert stamp(dated(b"Event: A\r\nX: y", 9.25)) == 9.25
    assert stamp(b"Event: A") == 0.0
