"""A running application on a loopback port around a migrated database, with people of every role in two departments."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from callcenter.files import KeptFiles
from crm_core.db.database import Database
from crm_core.kernel.clock import FixedClock
from crm_core.organization import passwords, queries, service, signing_in
from crm_core.organization.access import SYSTEM, Actor
from crm_core.organization.models import CentreKind, Role
from tests.integration.api.fakes import FakeHealth, FakePush, FakeRecordings, FakeTelephony
from web.app import create_app
from web.context import WebContext, WebSettings

PASSWORD = "green-door-7-river"


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes
    json: Any = None


@dataclass
class Client:
    """Asks the application as one user (or as nobody)."""

    session: aiohttp.ClientSession
    base: str
    headers: dict[str, str] = field(default_factory=dict)

    async def __call__(self, method: str, path: str, json: Any = None, **more: Any) -> Answer:
        headers = {**self.headers, **more.pop("headers", {})}
        if json is not None:
            more["json"] = json
        url = self.base + (path if path.startswith("/") else f"/api/v1/{path}")
        async with self.session.request(method, url, headers=headers, allow_redirects=False, **more) as response:
            body = await response.read()
            parsed = await response.json(content_type=None) if "json" in response.content_type and body else None
            return Answer(response.status, response.headers, body, parsed)

    async def get(self, path: str, **more: Any) -> Any:
        """The JSON of a good answer."""
        answer = await self("GET", path, **more)
        assert answer.status == 200, (path, answer.status, answer.body)
        return answer.json


@dataclass
class House:
    """The application with its fakes, its people and their tokens."""

    db: Database
    clock: FixedClock
    base: str
    session: aiohttp.ClientSession
    context: WebContext
    telephony: FakeTelephony
    recordings: FakeRecordings
    health: FakeHealth
    departments: dict[str, int] = field(default_factory=dict)
    actors: dict[str, Actor] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    def nobody(self) -> Client:
        return Client(self.session, self.base)

    def as_user(self, name: str) -> Client:
        return Client(self.session, self.base, {"Authorization": f"Bearer {self.tokens[name]}"})

    async def add(self, name: str, role: Role, extension: str | None = None, department: str = "one") -> Actor:
        """A user with a token, quickly: the slow password hash is made once for all."""
        async with self.db.uow() as uow:
            user = await service.add_user(
                uow,
                name=name,
                role=role,
                password=PASSWORD,
                by=SYSTEM,
                extension=extension,
                department_id=self.departments[department],
            )
            _, self.tokens[name] = await signing_in.issue_token(uow, user.id, "test", by=SYSTEM)
        async with self.db.read() as session:
            self.actors[name] = await queries.actor_by_name(session, name)
        return self.actors[name]


@pytest.fixture(scope="session")
def one_hash() -> str:
    return passwords.hash_now(PASSWORD)


@pytest.fixture
def settings() -> WebSettings:
    return WebSettings(version="test")


@pytest.fixture
def quick_passwords(monkeypatch: pytest.MonkeyPatch, one_hash: str) -> None:
    async def known(password: str) -> str:
        return one_hash if password == PASSWORD else passwords.hash_now(password)

    monkeypatch.setattr(passwords, "hashed", known)


@pytest.fixture
async def house(
    db: Database, clock: FixedClock, settings: WebSettings, quick_passwords: None, tmp_path: Path
) -> AsyncIterator[House]:
    telephony, recordings, health = FakeTelephony(), FakeRecordings(), FakeHealth()
    files = KeptFiles(tmp_path / "files")
    context = WebContext(db, clock, settings, telephony, FakePush(), recordings, health, files)
    server = TestServer(create_app(context))
    await server.start_server(access_log=None)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        base = str(server.make_url("")).rstrip("/")
        made = House(db, clock, base, session, context, telephony, recordings, health)
        await _people(made)
        yield made
    await server.close()


async def _people(house: House) -> None:
    async with house.db.uow() as uow:
        for name in ("one", "two"):
            centre = await service.add_centre(uow, kind=CentreKind.SALES, name=name, by=SYSTEM)
            department = await service.add_department(uow, name=name, by=SYSTEM, sales_centre_id=centre.id)
            house.departments[name] = department.id
    for number, role in enumerate(Role):
        await house.add(role.value, role, f"10{number:02d}")
    await house.add("stranger", Role.AGENT, "1099", "two")


@pytest.fixture
async def boss(house: House) -> Client:
    return house.as_user("admin")
