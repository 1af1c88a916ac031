"""The embedded database's connection: aiosqlite made safe against cancellation, and the pragmas we run with.

A task that is cancelled in the middle of a statement must not leave the worker thread with an answer nobody takes, and
closing twice must not wait for a thread that is gone: plain aiosqlite 0.22 hangs for ever in both cases.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from functools import partial
from typing import Any

import aiosqlite

PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=NORMAL",  # with WAL a crash of the process loses nothing; only loss of power can lose the tail
    "PRAGMA foreign_keys=ON",
    "PRAGMA busy_timeout=5000",
    "PRAGMA cache_size=-32768",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA mmap_size=268435456",
)


class Connection(aiosqlite.Connection):
    """An aiosqlite connection whose statements always finish before a cancellation goes on."""

    def __init__(self, connector: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(connector, iter_chunk_size=64)
        self._stopped: asyncio.Future[Any] | None = None
        self._thread.daemon = True  # a forgotten connection must not keep the process alive

    def stop(self) -> asyncio.Future[Any] | None:
        if self._stopped is None:
            self._stopped = super().stop()
        return self._stopped

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if not self._running or not self._connection:
            raise ValueError("Connection closed")
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._tx.put_nowait((done, partial(fn, *args, **kwargs)))
        try:
            return await asyncio.shield(done)
        except asyncio.CancelledError:
            while not done.done():
                await asyncio.wait([done])
            done.exception()  # looked at, so that it is not reported as forgotten: the cancellation goes first
            raise

    async def in_thread(self, work: Callable[..., Any], *given: Any) -> Any:
        """Runs ``work(connection, *given)`` where the statements run: many of them for one trip there."""
        return await self._execute(lambda: work(self._connection, *given))

    async def rollback(self) -> None:
        """Always ends in order: a cancellation that comes meanwhile waits for the next pause of the task."""
        try:
            await super().rollback()
        except asyncio.CancelledError:
            # The statement is done (see above). Raised here it would look to the pool like a broken connection.
            task = asyncio.current_task()
            if task is None:
                raise
            task.uncancel()
            task.cancel()


def creator(path: str) -> Callable[[], Any]:
    """What the engine calls to connect to the file at ``path``."""

    async def connect() -> Connection:
        connection = Connection(lambda: sqlite3.connect(path, check_same_thread=False, isolation_level=None))
        await connection
        for pragma in PRAGMAS:
            await connection.execute(pragma)
        return connection

    return connect
