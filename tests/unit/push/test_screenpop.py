"""The pop: at once with the number alone, filled in later, taken back with a reason."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from callcenter.push.hub import agent_topic
from callcenter.screenpop import Identity, ScreenPop
from callcenter.tracking.tracker import CallTracker
from crm_core.calls.facts import CallFacts, CallState, Direction, LegFacts, LegOutcome
from crm_core.kernel import ids
from crm_core.kernel.errors import Unavailable
from tests.traces.folding import Folded
from tests.unit.push.exchange import EXTENSIONS, TRACES, Exchange, KnownNumbers, Listener, Phonebook, events

LI = {"customer": {"id": "c1", "name": "李四"}, "reason": "exact", "reasons": ["exact"], "score": 0.5}


class SlowLookup(KnownNumbers):
    """Knows nothing until it is let go."""

    def __init__(self, identity: Identity) -> None:
        super().__init__()
        self.identity = identity
        self.go = asyncio.Event()
        self.asked: list[str] = []
        self.away = False

    def ready(self, number: str, agent_id: int | None) -> Identity | None:
        return self.identity if self.go.is_set() else None

    async def find(self, number: str, agent_id: int | None) -> Identity:
        self.asked.append(number)
        await self.go.wait()
        if self.away:
            raise Unavailable("database_unavailable", "away")
        return self.identity


def call(**changes: Any) -> CallFacts:
    values: dict[str, Any] = {
        "id": 7,
        "pbx": "main",
        "uniqueid": "1.1",
        "direction": Direction.INBOUND,
        "state": CallState.RINGING,
        "status": None,
        "caller_number": "13800138000",
        "caller_name": "张三",
        "called_number": "8001",
        "customer_number": "13800138000",
        "started_at": 100.0,
        "queue": "sales",
        "legs": (leg(),),
    }
    return CallFacts(**(values | changes))


def leg(**changes: Any) -> LegFacts:
    return LegFacts(**({"id": 1, "channel": "PJSIP/1001-1", "extension": "1001", "rang_at": 103.2} | changes))


class Desk:
    """One agent who looks, and the pops."""

    def __init__(self, lookup: Any, **how: Any) -> None:
        from callcenter.push.hub import Hub

        self.hub = Hub()
        self.pops = ScreenPop(self.hub, Phonebook(), lookup, **how)
        self.listener = Listener()
        self.hub.subscribe(self.listener, agent_topic("main", "1001"))

    def got(self, kind: str) -> list[dict[str, Any]]:
        return [message["data"] for message in self.listener.messages if message["type"] == kind]


async def test_a_pop_comes_at_once_with_the_number_alone_and_the_customer_follows() -> None:
    lookup = SlowLookup(Identity((LI,), {"region": "上海"}))
    desk = Desk(lookup)
    desk.pops.rang(call(), leg(), 103.2)
    (shown,) = desk.got("pop.show")
    assert shown["matches"] is None
    assert (shown["number"], shown["called_number"], shown["queue"]) == ("13800138000", "8001", "sales")
    assert (shown["waited_seconds"], shown["transferred_from"]) == (3.2, None)
    lookup.go.set()
    await asyncio.sleep(0.01)
    (update,) = desk.got("pop.update")
    assert (update["call_id"], update["matches"], update["region"]) == (ids.show(7), [LI], "上海")


async def test_a_prepared_caller_is_known_in_the_pop_itself() -> None:
    lookup = SlowLookup(Identity((LI,)))
    desk = Desk(lookup)
    known: list[bool] = []
    desk.pops.prepare(call(), lambda: known.append(True))
    lookup.go.set()
    await asyncio.sleep(0.01)
    assert known == [True]
    desk.pops.rang(call(), leg(), 103.2)
    assert desk.got("pop.show")[0]["matches"] == [LI]
    assert desk.got("pop.update") == []
    assert desk.pops.customer(call()) == {"id": "c1", "name": "李四"}


async def test_a_database_that_is_away_leaves_the_pop_with_the_number() -> None:
    lookup = SlowLookup(Identity())
    lookup.away = True
    desk = Desk(lookup)
    desk.pops.rang(call(), leg(), 103.2)
    lookup.go.set()
    await asyncio.sleep(0.01)
    assert len(desk.got("pop.show")) == 1
    assert desk.got("pop.update") == []


async def test_a_pop_that_is_gone_is_not_filled_in() -> None:
    lookup = SlowLookup(Identity((LI,)))
    desk = Desk(lookup)
    desk.pops.rang(call(), leg(), 103.2)
    desk.pops.closed("main", 7, leg(outcome=LegOutcome.NO_ANSWER), None, 110.0)
    lookup.go.set()
    await asyncio.sleep(0.01)
    assert desk.got("pop.update") == []


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (LegOutcome.ANSWERED_ELSEWHERE, "answered_elsewhere"),
        (LegOutcome.CANCELLED, "caller_gone"),
        (LegOutcome.NO_ANSWER, "no_answer"),
        (LegOutcome.DECLINED, "declined"),
        (LegOutcome.BUSY, "busy"),
    ],
)
async def test_a_pop_is_taken_back_with_its_reason(outcome: LegOutcome, reason: str) -> None:
    desk = Desk(KnownNumbers())
    desk.pops.rang(call(), leg(), 103.2)
    desk.pops.closed("main", 7, leg(outcome=outcome), "1002", 110.0)
    (hidden,) = desk.got("pop.hide")
    assert hidden["reason"] == reason
    assert hidden["by"] == ("1002" if reason == "answered_elsewhere" else None)


async def test_who_never_had_a_pop_gets_none_taken_back() -> None:
    desk = Desk(KnownNumbers())
    desk.pops.closed("main", 7, leg(outcome=LegOutcome.BUSY), None, 110.0)
    assert desk.listener.messages == []


async def test_a_hidden_caller_is_said_to_be_hidden_and_not_looked_up() -> None:
    lookup = SlowLookup(Identity())
    desk = Desk(lookup)
    desk.pops.rang(call(caller_number="anonymous", customer_number=None), leg(), 103.2)
    (shown,) = desk.got("pop.show")
    assert (shown["number"], shown["hidden"], shown["matches"]) == (None, True, [])
    assert lookup.asked == []


async def test_a_colleague_is_shown_by_extension_and_is_no_customer() -> None:
    lookup = SlowLookup(Identity())
    desk = Desk(lookup)
    desk.pops.rang(call(direction=Direction.INTERNAL, caller_number="1002", customer_number=None), leg(), 103.2)
    (shown,) = desk.got("pop.show")
    assert (shown["number"], shown["matches"]) == ("1002", [])
    assert lookup.asked == []


async def test_a_transferred_call_says_who_sent_it() -> None:
    desk = Desk(KnownNumbers())
    desk.pops.rang(call(), leg(transferred_from="1002"), 103.2)
    (shown,) = desk.got("pop.show")
    assert (shown["transferred_from"], shown["transferred_from_name"]) == ("1002", "坐席1002")


async def test_numbers_are_masked_when_the_house_wants_it() -> None:
    desk = Desk(KnownNumbers(), mask_numbers=True)
    desk.pops.rang(call(), leg(), 103.2)
    assert desk.got("pop.show")[0]["number"] == "138****8000"


async def test_while_nobody_looks_nobody_is_looked_up_and_who_looks_later_sees_it() -> None:
    lookup = SlowLookup(Identity((LI,)))
    desk = Desk(lookup)
    desk.hub.unsubscribe(desk.listener, agent_topic("main", "1001"))
    desk.pops.rang(call(), leg(), 103.2)
    assert lookup.asked == []
    desk.hub.subscribe(desk.listener, agent_topic("main", "1001"))
    snapshot = desk.pops.snapshot("main", "1001", 104.0, lambda _: call())
    assert [pop["number"] for pop in snapshot["pops"]] == ["13800138000"]
    lookup.go.set()
    await asyncio.sleep(0.01)
    assert desk.got("pop.update")[0]["matches"] == [LI]


async def test_a_missed_pop_is_repeated_until_it_was_seen() -> None:
    desk = Desk(KnownNumbers())
    desk.pops.rang(call(), leg(), 103.2)
    desk.pops.closed("main", 7, leg(outcome=LegOutcome.NO_ANSWER), None, 110.0)
    (missed,) = desk.pops.snapshot("main", "1001", 120.0, lambda _: None)["unseen"]
    assert missed["hidden"]["reason"] == "no_answer"
    desk.pops.acknowledged("main", "1001", 7)
    assert desk.pops.snapshot("main", "1001", 120.0, lambda _: None)["unseen"] == []


async def test_an_acknowledged_pop_that_is_taken_back_is_not_missed() -> None:
    desk = Desk(KnownNumbers())
    desk.pops.rang(call(), leg(), 103.2)
    desk.pops.acknowledged("main", "1001", 7)
    desk.pops.closed("main", 7, leg(outcome=LegOutcome.NO_ANSWER), None, 110.0)
    assert desk.pops.snapshot("main", "1001", 120.0, lambda _: None)["unseen"] == []
    assert desk.pops.acknowledged_count == 1


async def test_a_merged_call_keeps_its_pop_under_the_new_id() -> None:
    desk = Desk(KnownNumbers())
    desk.pops.rang(call(), leg(), 103.2)
    desk.pops.merged("main", 7, call(id=8), 105.0)
    again = desk.got("pop.show")[-1]
    assert (again["call_id"], again["replaces"]) == (ids.show(8), ids.show(7))
    desk.pops.ended("main", 8)
    assert desk.pops.snapshot("main", "1001", 120.0, lambda _: call(id=8))["pops"] == []


async def test_the_own_phone_of_a_click_to_dial_does_not_pop(tmp_path: Path) -> None:
    exchange = Exchange(tmp_path)
    listener = exchange.own("1001")
    for event in events("asterisk22/click_to_dial"):
        exchange.line.on_event(event)
    kinds = [message["type"] for message in listener.messages]
    assert "pop.show" not in kinds
    assert "call.ended" in kinds


@pytest.mark.parametrize("trace", sorted(str(path.relative_to(TRACES))[:-4] for path in TRACES.glob("asterisk*/*.ami")))
async def test_every_pop_that_the_fold_takes_back_is_taken_back_on_the_screen(trace: str, tmp_path: Path) -> None:
    exchange = Exchange(tmp_path)
    listeners = {one: exchange.own(one) for one in EXTENSIONS}
    folded = Folded(CallTracker("main", ("PJSIP/trunk",)))
    for event in events(trace):
        exchange.line.on_event(event)
        folded.play([event])
    for extension, listener in listeners.items():
        taken = [m["data"] for m in listener.messages if m["type"] == "pop.hide"]
        expected = [(reason, by) for _, one, reason, by in folded.hidden() if one == extension]
        assert [(data["reason"], data["by"]) for data in taken] == expected
