"""Very many rows at once, for demonstrations, benches, imports: no objects, few conversions, indexes afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Index, Table, TableClause, column, insert
from sqlalchemy import table as table_clause
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.db.database import Database

Row = Sequence[Any]


async def insert_rows(session: AsyncSession, table: Table, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Inserts rows given as values in the order of ``columns``; column defaults do not apply."""
    if not rows:
        return
    connection = await session.connection()
    if connection.dialect.name == "sqlite":
        await _insert_plainly(connection, table, columns, rows)
    else:
        await connection.execute(insert(_bare(table, columns)), [dict(zip(columns, row, strict=True)) for row in rows])


async def _insert_plainly(
    connection: AsyncConnection, table: Table, columns: Sequence[str], rows: Sequence[Row]
) -> None:
    """The driver's own executemany: SQLAlchemy's per-row work costs more than SQLite's."""
    dialect = connection.dialect
    statement = insert(_bare(table, columns)).compile(dialect=dialect, column_keys=list(columns))
    order = [columns.index(name) for name in statement.positiontup or columns]
    values: list[Sequence[Any]] = list(zip(*rows, strict=True))
    ready = []
    for place in order:
        convert = table.c[columns[place]].type.dialect_impl(dialect).bind_processor(dialect)
        ready.append(values[place] if convert is None else _converted(values[place], convert))
    await connection.exec_driver_sql(str(statement), list(zip(*ready, strict=True)))


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
