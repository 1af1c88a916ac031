"""The gateway as a client meets it: hello, resume, subscriptions, rights, acknowledgements, commands."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from callcenter.push.session import INTAKE
from callcenter.push.topics import WALLBOARD, department_topic
from tests.unit.push.door import OWN, Door, close_code, hear, say


async def test_hello_is_answered_by_ready_and_snapshot(door: Door) -> None:
    async with door.client() as client:
        ready = await door.greet(client, "agent1001")
        snapshot = await hear(client)
    assert (ready["type"], ready["topics"], ready["resumed"]) == ("ready", ["agent:1001"], False)
    assert ready["user"]["name"] == "agent1001"
    assert (snapshot["type"], snapshot["seq"]) == ("snapshot", 0)
    assert {"calls", "pops", "agents", "queues"} <= set(snapshot["data"])


async def test_an_agent_without_a_phone_gets_no_agent_topic_and_a_clear_ready(door: Door) -> None:
    async with door.client() as client:
        ready = await door.greet(client, "deskless")
    assert ready["topics"] == []
    assert ready["user"]["extension"] is None


async def test_messages_are_numbered_without_gaps_and_carry_the_contracts_frame(door: Door) -> None:
    async with door.client() as client:
        await door.greet(client, "agent1001")
        await hear(client)
        for number in range(3):
            door.hub.publish(OWN, "call.answered", {"id": f"c{number}"}, 1_795_295_000.5)
        first, second, third = [await hear(client) for _ in range(3)]
    assert first == {
        "v": 1,
        "seq": 1,
        "type": "call.answered",
        "topic": "agent:1001",
        "at": "2026-11-21T21:03:20.500+00:00",
        "data": {"id": "c0"},
    }
    assert [second["seq"], third["seq"]] == [2, 3]


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ('{"type": "hello", "ticket": "nobody"}', 4001),
        ('{"type": "hello"}', 4001),
        ('{"type": "hello", "ticket": 7}', 4001),
        ('{"type": "subscribe", "topic": "wallboard"}', 4004),
        ("not json", 4004),
        ("[1, 2]", 4004),
        (b"\x00\x01", 4004),
    ],
)
async def test_a_bad_beginning_is_closed_with_its_code(door: Door, frame: str | bytes, code: int) -> None:
    async with door.client() as client:
        await client.send(frame)
        assert await close_code(client) == code


async def test_a_ticket_works_once(door: Door) -> None:
    async with door.client() as client, door.client() as thief:
        hello = {"type": "hello", "ticket": "agent1001#x"}
        await say(client, hello)
        assert (await hear(client))["type"] == "ready"
        await say(thief, hello)
        assert await close_code(thief) == 4001


async def test_who_says_nothing_is_sent_away(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callcenter.push.gateway._HELLO_SECONDS", 0.05)
    async with door.client() as client:
        assert await close_code(client) == 4001


async def test_while_the_database_is_away_the_client_is_told_to_come_back(door: Door) -> None:
    door.backend.away = True
    async with door.client() as client:
        await say(client, {"type": "hello", "ticket": "agent1001#1"})
        assert await close_code(client) == 1013


async def test_a_page_of_somebody_else_is_refused_and_ours_is_not(door: Door) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with door.client(Origin="https://evil.example.org"):
            pass
    assert refused.value.response.status_code == 403
    for origin in ("https://crm.example.com", "http://127.0.0.1:8080"):
        async with door.client(Origin=origin) as client:
            assert (await door.greet(client, "agent1001"))["type"] == "ready"


async def test_too_large_a_frame_ends_the_connection(door: Door) -> None:
    async with door.client() as client:
        await door.greet(client, "agent1001")
        await hear(client)
        await client.send("x" * 70_000)
        assert await close_code(client) == 1009


async def test_a_lost_connection_is_resumed_without_losing_or_repeating_a_message(door: Door) -> None:
    async with door.client() as client:
        ready = await door.greet(client, "agent1001")
        await hear(client)
        door.hub.publish(OWN, "call.answered", {"id": "seen"}, 1.0)
        assert (await hear(client))["seq"] == 1
    door.hub.publish(OWN, "call.held", {"id": "missed"}, 2.0)
    async with door.client() as client:
        again = await door.greet(client, "agent1001", session=ready["session"], seq=1)
        assert (again["resumed"], again["session"]) == (True, ready["session"])
        door.hub.publish(OWN, "call.ended", {"id": "new"}, 3.0)
        got = [await hear(client), await hear(client)]
    assert [(m["seq"], m["data"]["id"]) for m in got] == [(2, "missed"), (3, "new")]


@pytest.mark.parametrize("resume", [{"session": "unknown", "seq": 0}, {"seq": 1}, {"session": None, "seq": "x"}])
async def test_what_cannot_be_resumed_gets_a_snapshot(door: Door, resume: dict[str, Any]) -> None:
    async with door.client() as client:
        ready = await door.greet(client, "agent1001", **resume)
        assert ready["resumed"] is False
        assert (await hear(client))["type"] == "snapshot"


async def test_a_session_of_somebody_else_cannot_be_resumed(door: Door) -> None:
    async with door.client() as client:
        own = await door.greet(client, "agent1001")
    async with door.client() as thief:
        ready = await door.greet(thief, "clerk", session=own["session"], seq=0)
    assert ready["resumed"] is False
    assert ready["session"] != own["session"]


async def test_a_sequence_number_of_the_future_gets_a_snapshot(door: Door) -> None:
    async with door.client() as client:
        own = await door.greet(client, "agent1001")
    async with door.client() as client:
        assert (await door.greet(client, "agent1001", session=own["session"], seq=99))["resumed"] is False


async def test_a_session_that_is_continued_elsewhere_loses_its_first_connection(door: Door) -> None:
    async with door.client() as first, door.client() as second:
        own = await door.greet(first, "agent1001")
        again = await door.greet(second, "agent1001", session=own["session"], seq=0)
        assert again["resumed"] is True
        assert await close_code(first) == 1000
        door.hub.publish(OWN, "call.ended", {"id": "x"}, 1.0)
        assert (await hear(second))["seq"] == 1


async def test_supervisors_subscribe_and_get_what_is_live(door: Door) -> None:
    async with door.client() as client:
        await door.greet(client, "boss")
        await hear(client)
        await say(client, {"id": 5, "type": "subscribe", "data": {"topic": "wallboard"}})
        snapshot, answer = await hear(client), await hear(client)
        assert "wallboard" in snapshot["data"]["topics"]
        assert (answer["re"], answer["ok"]) == (5, True)
        door.hub.publish(WALLBOARD, "agent.state", {"extension": "1001"}, 1.0)
        assert (await hear(client))["topic"] == "wallboard"
        await say(client, {"id": 6, "type": "unsubscribe", "data": {"topic": "wallboard"}})
        assert (await hear(client))["data"]["topics"] == ["agent:1008"]
        door.hub.publish(WALLBOARD, "agent.state", {"extension": "1001"}, 1.0)
        await say(client, {"id": 7, "type": "ping"})
        assert (await hear(client)) == {"re": 7, "ok": True, "data": {}}


@pytest.mark.parametrize("who", ["agent1001", "clerk", "deskless"])
@pytest.mark.parametrize("topic", ["wallboard", "queue:sales", "agent:1002", department_topic(7)])
async def test_others_may_not_subscribe_and_are_told_so(door: Door, who: str, topic: str) -> None:
    async with door.client() as client:
        await door.greet(client, who)
        await hear(client)
        await say(client, {"id": 1, "type": "subscribe", "data": {"topic": topic}})
        answer = await hear(client)
        assert (answer["ok"], answer["error"]["code"]) == (False, "not_allowed")


async def test_a_forbidden_subscription_without_an_id_is_closed(door: Door) -> None:
    async with door.client() as client:
        await door.greet(client, "agent1001")
        await say(client, {"type": "subscribe", "topic": "wallboard"})
        assert await close_code(client) == 4002


async def test_a_supervisor_hears_only_of_the_own_department(door: Door) -> None:
    async with door.client() as client:
        await door.greet(client, "boss")
        await hear(client)
        await say(client, {"id": 1, "type": "subscribe", "data": {"topics": ["wallboard"]}})
        await hear(client)
        await hear(client)
        for department, name in ((8, "theirs"), (7, "ours"), (None, "everybody's")):
            door.hub.publish(WALLBOARD, "agent.state", {"name": name}, 1.0, department=department)
        got = [await hear(client), await hear(client)]
    assert [(m["seq"], m["data"]["name"]) for m in got] == [(1, "ours"), (2, "everybody's")]


async def test_a_supervisor_may_not_subscribe_to_another_department(door: Door) -> None:
    async with door.client() as client:
        await door.greet(client, "boss")
        await hear(client)
        await say(client, {"id": 1, "type": "subscribe", "data": {"topic": department_topic(8)}})
        assert (await hear(client))["error"]["code"] == "not_allowed"


async def test_changed_rights_end_the_session_for_good(door: Door) -> None:
    async with door.client() as client:
        own = await door.greet(client, "agent1001")
        door.gateway.rights_changed(1, 2)
        assert await close_code(client) == 4003
    async with door.client() as client:
        assert (await door.greet(client, "agent1001", session=own["session"], seq=0))["resumed"] is False


async def test_a_user_who_was_locked_out_is_noticed_without_being_told(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rights may be changed by another process."""
    monkeypatch.setattr("callcenter.push.gateway._SWEEP_SECONDS", 0.02)
    sweeping = asyncio.create_task(door.gateway.run())
    try:
        async with door.client() as client:
            await door.greet(client, "agent1001")
            del door.backend.versions[1]
            assert await close_code(client) == 4003
    finally:
        sweeping.cancel()


async def test_a_shown_pop_is_acknowledged_once(door: Door) -> None:
    async with door.client() as client:
        await door.greet(client, "agent1001")
        await hear(client)
        door.hub.publish(OWN, "pop.show", {"call_id": "c1"}, 1.0)
        seq = (await hear(client))["seq"]
        for _ in range(2):
            await say(client, {"type": "ack", "seq": seq})
        await say(client, {"type": "ack", "seq": 999})
        await say(client, {"id": 1, "type": "ping"})
        await hear(client)
    assert door.backend.acknowledgements == [("agent1001", "c1")]


async def test_commands_are_answered_by_their_id(door: Door) -> None:
    async with door.client() as client:
        await door.greet(client, "agent1001")
        await hear(client)
        await say(client, {"id": 7, "type": "call.dial", "data": {"number": "13900139000"}})
        assert await hear(client) == {"re": 7, "ok": True, "data": {"name": "call.dial", "number": "13900139000"}}
        await say(client, {"id": "x", "type": "refuse"})
        refused = await hear(client)
        assert refused["re"] == "x"
        assert refused["error"] == {"code": "bad_number", "message": "No such number.", "errors": {"number": "wrong"}}
        await say(client, {"id": 8, "type": "break"})
        assert (await hear(client))["error"]["code"] == "internal"


async def test_the_queue_of_registrations_is_heard_by_who_hands_in_within_reach(door: Door) -> None:
    async with door.client() as client:
        await door.greet(client, "boss")
        await hear(client)
        await say(client, {"id": 1, "type": "subscribe", "data": {"topic": INTAKE}})
        await hear(client)
        await hear(client)
        for department, what in ((8, "theirs"), (7, "ours")):
            door.hub.publish(INTAKE, "intake.changed", {"what": what}, 1.0, department=department)
        assert (await hear(client))["data"]["what"] == "ours"
