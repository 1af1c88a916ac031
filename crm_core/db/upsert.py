"""INSERT … ON CONFLICT, which both databases know but SQLAlchemy spells per dialect."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from crm_core.db.types import AnySelect

Excluded = ReadOnlyColumnCollection[str, Any]
_INSERT: dict[str, Callable[..., Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def table_of(model: type[Any]) -> Table:
    """The table of a mapped class, for statements that need no objects."""
    return cast("Table", model.__table__)


Change = Callable[[Excluded], Mapping[str, Any]]
# Each statement is worked out in one go on the event loop: so many rows hold it for a fraction of a millisecond.
_ROWS = 24


async def upsert(
    session: AsyncSession,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    keys: Sequence[str],
    change: Change | None = None,
) -> None:
    """Inserts the rows; where ``keys`` exist already, ``change`` says what becomes of the old row.

    Without ``change`` the old row stays as it is. ``change`` gets the columns of the row that was refused; it is a
    function of a module, because the statement made with it is kept.
    """
    if not rows:
        return
    statement = _statement(session.get_bind().dialect.name, table, tuple(keys), change)
    connection = await session.connection()
    for start in range(0, len(rows), _ROWS):
        await connection.execute(statement, rows[start : start + _ROWS])


@lru_cache(maxsize=64)
def _statement(dialect: str, table: Table, keys: tuple[str, ...], change: Change | None) -> Any:
    statement = _INSERT[dialect](table)
    if change is None:
        return statement.on_conflict_do_nothing(index_elements=list(keys))
    return statement.on_conflict_do_update(index_elements=list(keys), set_=dict(change(statement.excluded)))


async def copy_new(
    session: AsyncSession, table: Table, columns: Sequence[str], source: AnySelect, *, keys: Sequence[str]
) -> None:
    """Inserts what ``source`` selects, but for rows whose ``keys`` are there already."""
    statement = _INSERT[session.get_bind().dialect.name](table).from_select(list(columns), source)
    connection = await session.connection()
    await connection.execute(statement.on_conflict_do_nothing(index_elements=list(keys)))


async def insert_new(session: AsyncSession, table: Table, rows: Sequence[Mapping[str, Any]], *, key: str) -> list[Any]:
    """Inserts those rows whose ``key`` is not there yet and says which ones they were."""
    if not rows:
        return []
    connection = await session.connection()
    return list((await connection.execute(_new(connection.dialect.name, table, key), list(rows))).scalars())


@lru_cache(maxsize=64)
def _new(dialect: str, table: Table, key: str) -> Any:
    return _INSERT[dialect](table).on_conflict_do_nothing(index_elements=[key]).returning(table.c[key])
