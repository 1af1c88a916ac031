"""Short reads for those who cannot wait, on the embedded database: the whole of one in a single trip to a thread.

Through aiosqlite each statement takes several trips, and each trip waits for its turn on a busy machine; the statements
themselves take microseconds.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.pool import QueuePool

from crm_core.db.sqlite import PRAGMAS

T = TypeVar("T")
_THREADS = 2


class Glances:
    """A few threads, each with a connection when it needs one; a read sees one state of the database."""

    def __init__(self, path: str, loads: Callable[[Any], Any]) -> None:
        self._engine = create_engine(
            "sqlite://",
            creator=lambda: _connected(path),
            poolclass=QueuePool,
            pool_size=_THREADS,
            max_overflow=0,
            json_deserializer=loads,
        )
        event.listen(self._engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN") and None)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="glance")

    async def __call__(self, read: Callable[[Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._run, read)

    def _run(self, read: Callable[[Connection], T]) -> T:
        with self._engine.connect() as connection:
            return read(connection)

    def close(self) -> None:
        self._threads.shutdown()
        self._engine.dispose()


def _connected(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    for pragma in PRAGMAS:
        connection.execute(pragma)
    return connection
