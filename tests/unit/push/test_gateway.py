"""The gateway as a client meets it: real websockets, a backend without a database."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

import orjson
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from callcenter.push.gateway import PushGateway
from callcenter.push.hub import Hub, agent_topic
from callcenter.push.topics import WALLBOARD, department_topic
from callcenter.settings import PushSettings
from crm_core.kernel.errors import Rejected, Unauthenticated, Unavailable
from crm_core.organization.access import Actor
from crm_core.organization.models import Role

AGENT = Actor(user_id=1, name="agent1001", role=Role.AGENT, extension="1001")
DESKLESS = Actor(user_id=2, name="deskless", role=Role.AGENT)
SUPERVISOR = Actor(
    user_id=3, name="boss", role=Role.SUPERVISOR, department_id=7, department_ids=frozenset({7}), extension="1008"
)
CLERK = Actor(user_id=4, name="clerk", role=Role.DATA_CLERK)
OWN = agent_topic("main", "1001")


class Backend:
    """Every ticket is the name of an actor, and good once."""

    def __init__(self) -> None:
        self.actors = {actor.name: actor for actor in (AGENT, DESKLESS, SUPERVISOR, CLERK)}
        self.used: set[str] = set()
        self.acknowledgements: list[tuple[str, str]] = []
        self.versions: dict[int, int] = {1: 1, 2: 1, 3: 1, 4: 1}
        self.away = False
        self.release = asyncio.Event()

    def now(self) -> float:
        return 1_795_295_000.0

    async def redeem(self, ticket: str) -> Actor:
        if self.away:
            raise Unavailable("database_unavailable", "The database does not answer.")
        name, _, _ = ticket.partition("#")
        if name not in self.actors or ticket in self.used:
            raise Unauthenticated("bad_ticket", "The ticket is unknown or used.")
        self.used.add(ticket)
        return self.actors[name]

    async def rights_versions(self, user_ids: list[int]) -> Mapping[int, int]:
        return {user: version for user, version in self.versions.items() if user in user_ids}

    def snapshot(self, actor: Actor, topics: list[str]) -> dict[str, Any]:
        return {"calls": [], "pops": [], "agents": [], "queues": [], "topics": topics}

    def acknowledged(self, actor: Actor, call_id: str) -> None:
        self.acknowledgements.append((actor.name, call_id))

    async def command(self, actor: Actor, name: str, data: Mapping[str, Any]) -> Any:
        if name == "wait":
            await self.release.wait()
        if name == "break":
            raise ZeroDivisionError
        if name == "refuse":
            raise Rejected("bad_number", "No such number.", errors={"number": "wrong"})
        return {"name": name, **data}


class Door:
    """The gateway with its parts at hand."""

    def __init__(self, gateway: PushGateway, hub: Hub, backend: Backend) -> None:
        self.gateway, self.hub, self.backend = gateway, hub, backend
        self._tickets = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.gateway.port}/"

    def ticket(self, name: str) -> str:
        self._tickets += 1
        return f"{name}#{self._tickets}"

    @contextlib.asynccontextmanager
    async def client(self, **headers: str) -> AsyncIterator[ClientConnection]:
        async with connect(self.url, additional_headers=headers, compression=None) as client:
            yield client

    async def greet(self, client: ClientConnection, name: str, **resume: Any) -> dict[str, Any]:
        hello = {"type": "hello", "ticket": self.ticket(name)}
        if resume:
            hello["resume"] = resume
        await say(client, hello)
        return await hear(client)


async def say(client: ClientConnection, message: Any) -> None:
    await client.send(orjson.dumps(message).decode())


async def hear(client: ClientConnection) -> dict[str, Any]:
    message: dict[str, Any] = orjson.loads(await asyncio.wait_for(client.recv(), 10))
    return message


async def close_code(client: ClientConnection) -> int | None:
    with contextlib.suppress(ConnectionClosed):
        while True:
            await asyncio.wait_for(client.recv(), 20)
    return client.close_code


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    hub, backend = Hub(), Backend()
    settings = PushSettings("127.0.0.1", 0, None, ("https://crm.example.com",), 65_536, 60.0)
    gateway = PushGateway(hub, backend, settings)
    await gateway.start()
    yield Door(gateway, hub, backend)
    backend.release.set()
    await gateway.stop()


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


async def test_a_slow_command_keeps_nobody_waiting_and_too_many_are_refused(door: Door) -> None:
    async with door.client() as client:
        await door.greet(client, "agent1001")
        await hear(client)
        for number in range(8):
            await say(client, {"id": number, "type": "wait"})
        await say(client, {"id": 8, "type": "wait"})
        assert (await hear(client))["error"]["code"] == "too_many"
        door.hub.publish(OWN, "call.ended", {"id": "x"}, 1.0)
        assert (await hear(client))["type"] == "call.ended"


async def test_a_command_without_an_id_is_a_protocol_error(door: Door) -> None:
    async with door.client() as client:
        await door.greet(client, "agent1001")
        await say(client, {"type": "call.dial", "data": {}})
        assert await close_code(client) == 4004


async def test_a_flood_of_messages_is_cut_off(door: Door) -> None:
    async with door.client() as client:
        await door.greet(client, "agent1001")
        with contextlib.suppress(ConnectionClosed):
            for _ in range(400):
                await say(client, {"type": "ack", "seq": 0})
        assert await close_code(client) == 4004


async def test_a_client_that_does_not_read_is_closed_and_delays_nobody(door: Door) -> None:
    big = {"id": "y" * 20_000}
    async with door.client() as quick, connect(door.url, max_queue=1, compression=None) as slow:
        await door.greet(quick, "agent1001")
        await hear(quick)
        await door.greet(slow, "boss")
        await say(slow, {"id": 1, "type": "subscribe", "data": {"topic": "wallboard"}})
        await asyncio.sleep(0.1)
        slow.transport.pause_reading()
        for number in range(2000):
            door.hub.publish(WALLBOARD, "call.updated", big, 1.0)
            if number % 100 == 0:
                door.hub.publish(OWN, "call.updated", {"number": number}, 1.0)
                assert (await hear(quick))["data"]["number"] == number
        assert door.gateway.too_slow == 1
        slow.transport.resume_reading()
        assert await close_code(slow) == 4008


async def test_a_stop_says_going_away(door: Door) -> None:
    async with door.client() as client:
        await door.greet(client, "agent1001")
        await door.gateway.stop()
        assert await close_code(client) == 1001


async def test_sessions_that_nobody_resumes_are_forgotten(door: Door) -> None:
    async with door.client() as client:
        own = await door.greet(client, "agent1001")
    await asyncio.sleep(0.05)
    door.gateway._forget_old(asyncio.get_running_loop().time() + 61)
    assert not door.hub.wanted(OWN)
    async with door.client() as client:
        assert (await door.greet(client, "agent1001", session=own["session"], seq=0))["resumed"] is False


async def test_one_user_cannot_pile_up_sessions(door: Door) -> None:
    sessions = set()
    for _ in range(20):
        async with door.client() as client:
            sessions.add((await door.greet(client, "agent1001"))["session"])
    assert len(sessions) == 20
    assert len(door.gateway._sessions) <= 16
