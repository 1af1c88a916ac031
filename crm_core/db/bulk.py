"""Very many rows at once, for demonstrations, benches, imports: no objects, few conversions, indexes afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any

from sqlalchemy import Index, Table, TableClause, column, insert
from sqlalchemy import table as table_clause
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.db.database import Database

Row = Sequence[Any]
_MANY = 200  # rows whose conversion would be felt by whoever waits for the event loop


async def insert_rows(session: AsyncSession, table: Table, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Inserts rows given as values in the order of ``columns``; column defaults do not apply."""
    if not rows:
        return
    connection = await session.connection()
    dialect = connection.dialect
    if len(rows) < _MANY:
        ready = _ready(dialect, table, columns, rows)
    else:
        ready = await asyncio.to_thread(_ready, dialect, table, columns, rows)
    if dialect.name == "sqlite":
        await connection.exec_driver_sql(_insert(table, tuple(columns)), ready)
    else:
        await _copy(connection, table, columns, ready)


@lru_cache(maxsize=64)
def _insert(table: Table, columns: tuple[str, ...]) -> str:
    """For the embedded database; remembered, because putting it together takes as long as storing some rows."""
    dialect = sqlite.dialect(paramstyle="qmark")
    statement = insert(_bare(table, columns)).compile(dialect=dialect, column_keys=list(columns))
    if tuple(statement.positiontup or ()) != columns:
        raise RuntimeError("the columns of the statement stand in another order")
    return str(statement)


def _ready(dialect: Dialect, table: Table, columns: Sequence[str], rows: Sequence[Row]) -> list[Row]:
    """The rows as the driver takes them: SQLAlchemy's own per-row work costs more than the database's."""
    values: list[Sequence[Any]] = list(zip(*rows, strict=True))
    ready = []
    for name, given in zip(columns, values, strict=True):
        convert = table.c[name].type.dialect_impl(dialect).bind_processor(dialect)
        ready.append(given if convert is None else _converted(given, convert))
    return list(zip(*ready, strict=True))


async def _copy(connection: AsyncConnection, table: Table, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """PostgreSQL's own way for many rows; inside the transaction that the connection is in."""
    await connection.exec_driver_sql("SELECT 1")  # begins it, if nothing has been said yet
    raw = await connection.get_raw_connection()
    driver: Any = raw.driver_connection
    await driver.copy_records_to_table(table.name, records=rows, columns=list(columns))


def _bare(table: Table, columns: Sequence[str]) -> TableClause:
    """The table with these columns alone: others have what the database itself gives them."""
    return table_clause(table.name, *(column(name, table.c[name].type) for name in columns))


class _Converted(dict[Any, Any]):
    """Remembers conversions: columns worth converting hold few different values (states, days, flags)."""

    def __init__(self, convert: Callable[[Any], Any]) -> None:
        super().__init__()
        self._convert = convert

    def __missing__(self, value: Any) -> Any:
        self[value] = converted = self._convert(value)
        return converted


def _converted(values: Sequence[Any], convert: Callable[[Any], Any]) -> list[Any]:
    if isinstance(values[0], dict | list):  # JSON cannot be a key
        return [convert(value) for value in values]
    known = _Converted(convert)
    return [known[value] for value in values]


@asynccontextmanager
async def without_indexes(db: Database, *tables: Table) -> AsyncIterator[None]:
    """Drops the tables' non-unique indexes and makes them anew at the end: one sort beats a million insertions.

    For a database that nobody uses yet: readers meanwhile would scan.
    """
    indexes = [index for table in tables for index in table.indexes if not index.unique]
    await db.run_sync(lambda connection: _each(indexes, connection, Index.drop))
    try:
        yield
    finally:
        await db.run_sync(lambda connection: _each(indexes, connection, Index.create))


def _each(indexes: Sequence[Index], connection: Connection, work: Callable[..., None]) -> None:
    for index in indexes:
        work(index, connection)
