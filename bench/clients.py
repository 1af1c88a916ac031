"""The agents' screens: so many websocket clients in one process, each noting when which customer appeared."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

_AT_ONCE = 20  # connections that are opened side by side


@dataclass(frozen=True, slots=True)
class Seen:
    """When a number's customer was on the screen, and the names that stood there."""

    at: float
    names: tuple[str, ...]


class Screens:
    """What all clients have seen since ``forget``; ``extensions`` are those connected."""

    def __init__(self) -> None:
        self.seen: dict[str, Seen] = {}
        self.extensions: list[str] = []
        self._numbers: dict[str, str] = {}  # of pops that came without their customer

    def forget(self) -> None:
        self.seen.clear()
        self._numbers.clear()

    def floor_frame(self, frame: bytes | str) -> int | None:
        """Notes a number; the floor wants no acknowledgement."""
        now = time.monotonic()
        self.seen.setdefault(json.loads(frame)["data"]["number"], Seen(now, ()))
        return None

    def service_frame(self, frame: bytes | str) -> int | None:
        """Notes a pop once it bears its customer; gives the sequence number to acknowledge."""
        now = time.monotonic()
        message = json.loads(frame)
        if message["type"] not in ("pop.show", "pop.update"):
            return None
        data = message["data"]
        number = data.get("number") or self._numbers.get(data["call_id"], "")
        if data.get("matches"):
            names = tuple(match["customer"]["name"] for match in data["matches"])
            self.seen.setdefault(number, Seen(now, names))
        else:
            self._numbers[data["call_id"]] = number
        return int(message["seq"])


class _Room:
    """The connections of one contestant; left without goodbyes, because a thousand of them take longer than the run."""

    def __init__(self, screens: Screens) -> None:
        self.screens = screens
        self._connections: list[ClientConnection] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._leaving = False

    async def enter(self, url: str, hello: dict[str, str]) -> ClientConnection:
        connection = await connect(url, compression=None, ping_interval=None, max_size=1 << 20, proxy=None)
        self._connections.append(connection)
        await connection.send(json.dumps(hello))
        return connection

    def listen(self, connection: ClientConnection, take: Callable[[bytes | str], int | None]) -> None:
        self._tasks.append(asyncio.create_task(self._listen(connection, take)))

    async def _listen(self, connection: ClientConnection, take: Callable[[bytes | str], int | None]) -> None:
        try:
            async for frame in connection:
                seq = take(frame)
                if seq is not None:
                    await connection.send(json.dumps({"type": "ack", "seq": seq}))
        except ConnectionClosed as closed:
            if not self._leaving:
                print(f"a client was thrown out: {closed}")

    async def leave(self) -> None:
        self._leaving = True
        for connection in self._connections:
            connection.transport.abort()
        await asyncio.gather(*self._tasks)


@asynccontextmanager
async def connect_to_floor(port: int, extensions: Sequence[str]) -> AsyncIterator[Screens]:
    room = _Room(Screens())
    for extension in extensions:
        connection = await room.enter(f"ws://127.0.0.1:{port}/", {"type": "hello", "extension": extension})
        room.screens.extensions.append(extension)
        room.listen(connection, room.screens.floor_frame)
    try:
        yield room.screens
    finally:
        await room.leave()


@asynccontextmanager
async def connect_to_service(http: str, tokens: Sequence[str]) -> AsyncIterator[Screens]:
    """Each agent asks for a ticket over HTTP and enters the gateway with it, as a browser does."""
    room, gate = _Room(Screens()), asyncio.Semaphore(_AT_ONCE)

    async def enter(web: aiohttp.ClientSession, token: str) -> None:
        async with gate:
            headers = {"Authorization": f"Bearer {token}"}
            async with web.post(f"{http}/api/v1/push-ticket", headers=headers) as answer:
                answer.raise_for_status()
                given = await answer.json()
            connection = await room.enter(given["url"], {"type": "hello", "ticket": given["ticket"]})
            ready = json.loads(await connection.recv())
            room.screens.extensions.append(ready["user"]["extension"])
            room.listen(connection, room.screens.service_frame)

    async with aiohttp.ClientSession() as web, asyncio.TaskGroup() as group:
        for token in tokens:
            group.create_task(enter(web, token))
    try:
        yield room.screens
    finally:
        await room.leave()
