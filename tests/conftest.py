"""Fixtures that everything shares: a clock that stands still, and a migrated database of each kind."""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from crm_core import migrations
from crm_core.db.database import Database
from crm_core.kernel.clock import FixedClock
from crm_core.kernel.sealing import KeyRing
from tests.complete import left_out
from tests.postgres import Cluster

_numbers = itertools.count()
KEYS = KeyRing({"k1": bytes(range(32))}, "k1", bytes(range(32, 64)))


@pytest.fixture
def clock() -> FixedClock:
    """Saturday 21 November 2026, 10:00 in Shanghai."""
    return FixedClock(datetime(2026, 11, 21, 2, 0, tzinfo=UTC))


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "template.db"
    asyncio.run(_migrated(f"sqlite+aiosqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    cluster = Cluster()
    try:
        asyncio.run(_admin(cluster, "CREATE DATABASE template_callcenter"))
        asyncio.run(_migrated(cluster.url("template_callcenter")))
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A fresh, migrated database: every test of the data layer runs on both kinds."""
    if request.param == "sqlite":
        path = tmp_path / "callcenter.db"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite+aiosqlite:///{path}"
        return
    cluster: Cluster = request.getfixturevalue("postgres")
    name = f"test_{next(_numbers)}"
    asyncio.run(_admin(cluster, f"CREATE DATABASE {name} TEMPLATE template_callcenter"))
    yield cluster.url(name)
    asyncio.run(_admin(cluster, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """For what is proved on the embedded database alone."""
    path = tmp_path / "callcenter.db"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite+aiosqlite:///{path}"


@pytest.fixture
async def db(database_url: str, clock: FixedClock) -> AsyncIterator[Database]:
    database = Database(database_url, clock=clock, keyring=KEYS)
    yield database
    await database.close()


def pytest_sessionfinish(session: pytest.Session) -> None:
    if left_out(session.config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in left_out(terminalreporter.config):
        terminalreporter.write_line(f"LEFT OUT, though everything was asked for: {line}", red=True)


async def _migrated(url: str) -> None:
    database = Database(url)
    await migrations.upgrade(database)
    await database.close()


async def _admin(cluster: Cluster, statement: str) -> None:
    connection = await asyncpg.connect(cluster.url("postgres").replace("+asyncpg", ""))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
