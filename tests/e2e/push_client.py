"""A program that listens to the push gateway as an agent's browser does."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from tests.e2e.product import Product, eventually


class Listener:
    """One connection of one user; keeps every message."""

    def __init__(self, product: Product, who: str) -> None:
        self.product = product
        self.who = who
        self.ready: dict[str, Any] = {}
        self.messages: list[dict[str, Any]] = []
        self.close_code: int | None = None
        self._socket: ClientConnection | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def last_seq(self) -> int:
        return max((message["seq"] for message in self.messages if "seq" in message), default=0)

    async def open(self, resume: bool = False) -> Listener:
        """Connects with a fresh ticket; ``resume`` takes up the session of the connection before."""
        ticket = await self.product.ok("POST", "/api/v1/push-ticket", self.who, {})
        self._socket = await connect(ticket["url"], max_size=None)
        hello: dict[str, Any] = {"type": "hello", "ticket": ticket["ticket"]}
        if resume:
            hello["resume"] = {"session": self.ready["session"], "seq": self.last_seq}
        await self._socket.send(json.dumps(hello))
        self.ready = json.loads(await asyncio.wait_for(self._socket.recv(), 10))
        assert self.ready["type"] == "ready", self.ready
        self._task = asyncio.create_task(self._read(self._socket))
        return self

    async def _read(self, socket: ClientConnection) -> None:
        async for raw in socket:
            message = json.loads(raw)
            self.messages.append(message)
            if message["type"] == "pop.show":
                await socket.send(json.dumps({"type": "ack", "seq": message["seq"]}))
        self.close_code = socket.close_code

    def cut(self) -> None:
        """The network goes away: no close frame."""
        assert self._socket is not None
        self._socket.transport.abort()

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
        if self._socket is not None:
            await self._socket.close()

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [message["data"] for message in self.messages if message["type"] == kind]

    async def heard(self, kind: str, number: int = 1, within: float = 10) -> dict[str, Any]:
        """The data of the ``number``-th message of this kind."""

        async def look() -> dict[str, Any] | None:
            found = self.of(kind)
            return found[number - 1] if len(found) >= number else None

        return await eventually(look, within)
