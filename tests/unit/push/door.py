"""A gateway on a free port with a backend that needs no database, and how a client talks to it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from callcenter.push.gateway import PushGateway
from callcenter.push.hub import Hub, agent_topic
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
