"""Tables that are nothing but pairs of integers: very many of them in and out, whichever database it is."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncSession

_ROWS = 20_000  # of one statement: it holds the writer for a few hundredths of a second
_ADD = {
    "sqlite": "INSERT OR IGNORE INTO {table} ({first}, {second}) VALUES (?, ?)",
    "postgresql": "INSERT INTO {table} ({first}, {second}) SELECT * FROM unnest($1::int[], $2::bigint[])"
    " ON CONFLICT DO NOTHING",
}
_DROP = {
    "sqlite": "DELETE FROM {table} WHERE {first} = ? AND {second} = ?",
    "postgresql": "DELETE FROM {table} USING unnest($1::int[], $2::bigint[]) AS gone (a, b)"
    " WHERE {first} = gone.a AND {second} = gone.b",
}
Pair = tuple[int, int]


async def add_pairs(session: AsyncSession, table: Table, pairs: Sequence[Pair]) -> None:
    """Inserts pairs for the first two columns (an int and a bigint); those that are there already stay."""
    await _run(session, table, _ADD, pairs)


async def drop_pairs(session: AsyncSession, table: Table, pairs: Sequence[Pair]) -> None:
    """Deletes the pairs; those that are not there are passed over."""
    await _run(session, table, _DROP, pairs)


async def _run(session: AsyncSession, table: Table, spelled: dict[str, str], pairs: Sequence[Pair]) -> None:
    if not pairs:
        return
    connection = await session.connection()
    first, second = list(table.columns)[:2]
    names = {"table": table.name, "first": first.name, "second": second.name}
    statement = spelled[connection.dialect.name].format(**names)
    for start in range(0, len(pairs), _ROWS):
        part = pairs[start : start + _ROWS]
        if connection.dialect.name == "sqlite":
            await connection.exec_driver_sql(statement, list(part))
        else:
            firsts, seconds = zip(*part, strict=True)
            await connection.exec_driver_sql(statement, (list(firsts), list(seconds)))
