"""How the relay learns that outbox rows wait: an in-process event on SQLite, LISTEN/NOTIFY on PostgreSQL."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from sqlalchemy import URL, text
from sqlalchemy.ext.asyncio import AsyncSession

CHANNEL = "callcenter_outbox"


class Wakeup(Protocol):
    async def announce(self, session: AsyncSession) -> None:
        """Called inside the writing transaction, before its commit."""

    def committed(self) -> None:
        """Called after the commit."""

    async def wait(self, seconds: float) -> None:
        """Returns when something was committed, or after ``seconds``."""

    async def close(self) -> None: ...


class LocalWakeup:
    """For one process: SQLite has one relay, in the process that writes."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    async def announce(self, session: AsyncSession) -> None:
        return None

    def committed(self) -> None:
        self._event.set()

    async def wait(self, seconds: float) -> None:
        try:
            # Not wait_for: on Python 3.11 it loses a cancellation that comes together with the event.
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return
        self._event.clear()

    async def close(self) -> None:
        return None


class PostgresWakeup:
    """NOTIFY inside the transaction, so listeners hear it exactly when the rows become visible."""

    def __init__(self, url: URL) -> None:
        self._dsn = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._event = asyncio.Event()
        self._connection: Any = None

    async def announce(self, session: AsyncSession) -> None:
        await session.execute(text(f"NOTIFY {CHANNEL}"))

    def committed(self) -> None:
        self._event.set()

    async def wait(self, seconds: float) -> None:
        await self._listen()
        try:
            # Not wait_for: on Python 3.11 it loses a cancellation that comes together with the event.
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return
        self._event.clear()

    async def _listen(self) -> None:
        if self._connection is not None and not self._connection.is_closed():
            return
        import asyncpg  # not for who has the embedded database

        try:
            self._connection = await asyncpg.connect(self._dsn)
            await self._connection.add_listener(CHANNEL, lambda *_: self._event.set())
        except (OSError, asyncpg.PostgresError):
            # Without the listener the relay still looks every few seconds; the next wait tries again.
            self._connection = None

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()
            self._connection = None


def wakeup_for(url: URL) -> Wakeup:
    return PostgresWakeup(url) if url.get_backend_name() == "postgresql" else LocalWakeup()
