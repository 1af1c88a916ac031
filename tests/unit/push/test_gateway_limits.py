"""What no client can do to the gateway or to another client: flood it, stall it, pile up sessions."""

from __future__ import annotations

import asyncio
import contextlib

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from callcenter.push.topics import WALLBOARD
from tests.unit.push.door import OWN, Door, close_code, hear, say


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
