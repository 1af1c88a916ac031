"""Reads of several statements in one go: on the embedded database a single trip to its thread, elsewhere one statement
after the other without a layer between.

A read is a generator: it yields statements with their values and is sent the rows. Through SQLAlchemy a statement of
ours costs a millisecond, most of it for putting it together; as text, whose form recurs, the database knows it already.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Generator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

import orjson
from sqlalchemy import ColumnElement
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import asyncpg as postgresql
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.kernel.errors import Unavailable

T = TypeVar("T")
Rows = Sequence[Sequence[Any]]
_PLACE = re.compile(r"\?")
_SQLITE = sqlite.dialect(paramstyle="qmark")
_POSTGRESQL: Dialect = postgresql.dialect(paramstyle="qmark")  # type: ignore[no-untyped-call]


class Piece(NamedTuple):
    """SQL, or a part of it, with a question mark for each value."""

    sql: str
    values: tuple[Any, ...] = ()


Steps = Generator[Piece, Rows, T]


class Spelling:
    """How values are written for the database at hand."""

    def __init__(self, *, is_sqlite: bool) -> None:
        self.is_sqlite = is_sqlite

    def among(self, numbers: Sequence[int]) -> Piece:
        """Follows a column: its value is one of these whole numbers. The text is the same for few and for many."""
        if self.is_sqlite:
            return Piece("IN (SELECT value FROM json_each(?))", (orjson.dumps(list(numbers)).decode(),))
        return Piece("= ANY(CAST(? AS BIGINT[]))", (list(numbers),))

    def among_tokens(self, numbers: Sequence[int]) -> Piece:
        """The same for a column of small whole numbers."""
        piece = self.among(numbers)
        return piece if self.is_sqlite else Piece("= ANY(CAST(? AS INTEGER[]))", piece.values)

    def moment(self, at: datetime) -> object:
        """An instant as the database compares it."""
        at = at.astimezone(UTC)
        return f"{at:%Y-%m-%d %H:%M:%S.%f}" if self.is_sqlite else at

    def condition(self, condition: ColumnElement[bool]) -> Piece:
        """A condition made of SQLAlchemy's parts."""
        compiled = condition.compile(
            dialect=_SQLITE if self.is_sqlite else _POSTGRESQL, compile_kwargs={"render_postcompile": True}
        )
        convert: Any = compiled._bind_processors
        given = compiled.params
        names = getattr(compiled, "positiontup", None) or []
        return Piece(str(compiled), tuple(convert[n](given[n]) if n in convert else given[n] for n in names))


def instant(value: Any) -> datetime | None:
    """What a column of instants holds, read without SQLAlchemy."""
    if isinstance(value, str):
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    return value.astimezone(UTC) if isinstance(value, datetime) else None


def spelling_of(session: AsyncSession) -> Spelling:
    return Spelling(is_sqlite=session.get_bind().dialect.name == "sqlite")


async def in_one_trip(session: AsyncSession, steps: Steps[T]) -> T:
    """Runs the read to its end. Raises Unavailable when the database does not answer."""
    connection = await session.connection()
    driver: Any = (await connection.get_raw_connection()).driver_connection
    is_sqlite = connection.dialect.name == "sqlite"
    try:
        if is_sqlite:
            done: T = await driver.in_thread(_through, steps)
            return done
        return await _one_by_one(driver, steps)
    except _broken(is_sqlite) as error:
        raise Unavailable(
            "database_unavailable", f"The database does not answer ({error}); nothing was stored. Try again."
        ) from error


def _broken(is_sqlite: bool) -> tuple[type[Exception], ...]:
    """The driver's errors of a database that does not answer."""
    if is_sqlite:
        return (sqlite3.OperationalError,)
    import asyncpg  # not for who has the embedded database

    return (asyncpg.InterfaceError, asyncpg.PostgresConnectionError)


def _through(connection: sqlite3.Connection, steps: Steps[T]) -> T:
    try:
        asked = next(steps)
        while True:
            asked = steps.send(connection.execute(asked.sql, asked.values).fetchall())
    except StopIteration as end:
        found: T = end.value
        return found


async def _one_by_one(driver: Any, steps: Steps[T]) -> T:
    try:
        asked = next(steps)
        while True:
            asked = steps.send(await driver.fetch(_numbered(asked.sql), *asked.values))
    except StopIteration as end:
        found: T = end.value
        return found


@lru_cache(maxsize=1024)
def _numbered(sql: str) -> str:
    """PostgreSQL's way of marking values: $1, $2 …"""
    count = iter(range(1, sql.count("?") + 1))
    return _PLACE.sub(lambda _: f"${next(count)}", sql)
