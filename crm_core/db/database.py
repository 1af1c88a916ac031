"""Engines and sessions: one writer at a time on SQLite (BEGIN IMMEDIATE), many readers; a pool on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import tzinfo
from pathlib import Path
from typing import Any, TypeVar

import orjson
from sqlalchemy import Connection, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from crm_core.db.glance import Glances
from crm_core.db.sqlite import creator
from crm_core.db.uow import UnitOfWork
from crm_core.db.wakeup import Wakeup, wakeup_for
from crm_core.kernel.clock import HOME, Clock, SystemClock
from crm_core.kernel.errors import Unavailable
from crm_core.kernel.sealing import NO_KEYS, KeyRing

T = TypeVar("T")
_READERS = 6


def _dumps(value: Any) -> str:
    return orjson.dumps(value).decode()


def _loads(value: Any) -> Any:
    # A column declared JSON has numeric affinity on SQLite: a bare number comes back as one.
    return value if isinstance(value, int | float) else orjson.loads(value)


class Database:
    """The one way to the data. ``url`` is any SQLAlchemy async URL for SQLite (aiosqlite) or PostgreSQL (asyncpg).

    Without a ``keyring`` all works but the encrypted fields: touching one raises Unavailable. ``zone`` is where the
    business's days are counted.
    """

    def __init__(
        self, url: str, *, clock: Clock | None = None, keyring: KeyRing = NO_KEYS, zone: tzinfo = HOME
    ) -> None:
        self.url = make_url(url)
        self.clock: Clock = clock or SystemClock()
        self.keyring = keyring
        self.zone = zone
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.wakeup: Wakeup = wakeup_for(self.url)
        self._write_lock = asyncio.Lock()
        if self.is_sqlite:
            if self.url.database and self.url.database != ":memory:":
                Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
            self._writer = self._sqlite_engine("BEGIN IMMEDIATE", pool_size=1)
            self._reader = self._sqlite_engine("BEGIN", pool_size=_READERS)
            self._glances: Glances | None = Glances(self.url.database or ":memory:", _loads)
        else:
            self._glances = None
            self._writer = self._reader = create_async_engine(
                self.url,
                pool_size=10,
                max_overflow=10,
                pool_pre_ping=True,
                hide_parameters=True,  # an error's text goes to the log: no names and numbers in it
                json_serializer=_dumps,
                json_deserializer=orjson.loads,
            )

    def _sqlite_engine(self, begin: str, pool_size: int) -> AsyncEngine:
        engine = create_async_engine(
            self.url,
            async_creator=creator(self.url.database or ":memory:"),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=10,
            hide_parameters=True,
            json_serializer=_dumps,
            json_deserializer=_loads,
        )
        event.listen(engine.sync_engine, "begin", lambda connection: connection.exec_driver_sql(begin) and None)
        return engine

    @asynccontextmanager
    async def uow(self) -> AsyncIterator[UnitOfWork]:
        """One transaction: commits on clean exit, else rolls back. Raises Unavailable when the database is away."""
        async with self._turn():
            with _Translated():
                async with UnitOfWork(self._writer, self.clock, self.wakeup, self.keyring, self.zone) as uow:
                    yield uow

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        # SQLite has one writer: queueing here is fair and cheap, queueing in SQLite is neither.
        if not self.is_sqlite:
            yield
            return
        async with self._write_lock:
            yield

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A session that only reads."""
        with _Translated():
            info = {"keyring": self.keyring, "clock": self.clock, "zone": self.zone}
            async with AsyncSession(self._reader, expire_on_commit=False, autoflush=False, info=info) as session:
                yield session

    async def glance(self, read: Callable[[Connection], T]) -> T:
        """A short read of a few statements for those who cannot wait. ``read`` is plain code: it runs in a thread."""
        with _Translated():
            if self._glances is not None:
                return await self._glances(read)
            async with self._reader.connect() as connection:
                return await connection.run_sync(read)

    async def ping(self) -> None:
        """Raises Unavailable unless the database answers."""
        async with self.read() as session:
            await session.execute(text("SELECT 1"))

    async def run_sync(self, work: Callable[[Any], Any]) -> Any:
        """Runs schema work on a plain connection in its own transaction (migrations, create_all in tests)."""
        async with self._writer.begin() as connection:
            return await connection.run_sync(work)

    async def alter(self, work: Callable[[Any], Any]) -> Any:
        """Runs a change of the tables in one transaction.

        SQLite changes a table by making it anew, and dropping the old one would delete what points at its rows: so
        without foreign keys, which are all looked at before the end. Raises RuntimeError when one points nowhere.
        """
        if not self.is_sqlite:
            return await self.run_sync(work)
        async with self._writer.connect() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            await driver.execute("PRAGMA foreign_keys=OFF")  # to no effect inside a transaction
            try:
                async with connection.begin():
                    done = await connection.run_sync(work)
                    astray = (await connection.exec_driver_sql("PRAGMA foreign_key_check")).fetchall()
                    if astray:
                        raise RuntimeError(f"rows of {sorted({row[0] for row in astray})} point nowhere")
            finally:
                await driver.execute("PRAGMA foreign_keys=ON")
        return done

    async def close(self) -> None:
        await self.wakeup.close()
        if self._glances is not None:
            await asyncio.to_thread(self._glances.close)
        await self._writer.dispose()
        if self._reader is not self._writer:
            await self._reader.dispose()


class _Translated:
    """Turns "the database is locked, full or gone" into Unavailable with a sentence for people."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OperationalError | InterfaceError) or (
            isinstance(error, DBAPIError) and error.connection_invalidated
        ):
            raise Unavailable(
                "database_unavailable", f"The database does not answer ({error.orig}); nothing was stored. Try again."
            ) from error
        if isinstance(error, ConnectionError | TimeoutError | PoolTimeoutError):
            raise Unavailable(
                "database_unavailable", "The database cannot be reached; nothing was stored. Try again."
            ) from error
