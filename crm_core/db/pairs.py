"""Tables that are nothing but pairs of integers: very many of them in, out and looked up, whichever database it is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

from sqlalchemy import BigInteger, Table
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

_ROWS = 20_000  # of one statement: it holds the writer for a few hundredths of a second
TOGETHER = 500  # pairs of one row of VALUES on SQLite: binding them one pair at a time costs more than storing them
_VALUES = ", ".join(["(?, ?)"] * TOGETHER)
_ADD = {
    "sqlite": "INSERT OR IGNORE INTO {table} ({first}, {second}) VALUES {values}",
    "postgresql": "INSERT INTO {table} ({first}, {second}) SELECT * FROM unnest($1::{type}[], $2::bigint[])"
    " ON CONFLICT DO NOTHING",
}
_DROP = {
    "sqlite": "DELETE FROM {table} WHERE {first} = ? AND {second} = ?",
    "postgresql": "DELETE FROM {table} USING unnest($1::{type}[], $2::bigint[]) AS gone (a, b)"
    " WHERE {first} = gone.a AND {second} = gone.b",
}
# The bound on ``second`` stops the walk through a block that is too large to mean anything.
_FIND = {
    "sqlite": "SELECT asked.value, found.{second} FROM json_each(?) AS asked CROSS JOIN {table} AS found"
    " ON found.{first} = asked.value AND found.{second} <= coalesce((SELECT last.{second} FROM {table} AS last"
    " WHERE last.{first} = asked.value ORDER BY last.{second} LIMIT 1 OFFSET {most} - 1), 9223372036854775807)",
    "postgresql": "SELECT asked.value, found.{second} FROM unnest($1::{type}[]) AS asked (value) CROSS JOIN LATERAL"
    " (SELECT own.{second} FROM {table} AS own WHERE own.{first} = asked.value ORDER BY own.{second} LIMIT {most})"
    " AS found",
}
Pair = tuple[int, int]


async def add_pairs(session: AsyncSession, table: Table, pairs: Sequence[Pair]) -> None:
    """Inserts pairs for the first two columns (the second a bigint); those that are there already stay."""
    connection = await session.connection()
    if connection.dialect.name == "sqlite" and pairs:
        whole = len(pairs) // TOGETHER * TOGETHER
        rows = await asyncio.to_thread(_flat, pairs[:whole]) if whole else ()
        await add_rows(connection, table, rows, pairs[whole:])
        return
    await _run(connection, table, _ADD, pairs)


async def add_rows(
    connection: AsyncConnection, table: Table, whole: Sequence[Sequence[int]], rest: Sequence[Sequence[int]]
) -> None:
    """The same on the embedded database: rows of ``TOGETHER`` pairs each, and what is left over pair by pair."""
    for rows, values in ((whole, _VALUES), (rest, "(?, ?)")):
        if rows:
            ready = [tuple(row) for row in rows]
            await connection.exec_driver_sql(_spelled(_ADD, "sqlite", table, values=values), ready)


async def drop_pairs(session: AsyncSession, table: Table, pairs: Sequence[Pair]) -> None:
    """Deletes the pairs; those that are not there are passed over."""
    await _run(await session.connection(), table, _DROP, pairs)


async def pairs_of(session: AsyncSession, table: Table, firsts: Iterable[int], most: int) -> list[Pair]:
    """The pairs that begin with one of ``firsts``, of each only the ``most`` with the lowest second."""
    connection = await session.connection()
    wanted = sorted(set(firsts))
    found: list[Pair] = []
    statement = _spelled(_FIND, connection.dialect.name, table, most=str(most))
    for start in range(0, len(wanted), _ROWS):
        part = wanted[start : start + _ROWS]
        asked: Any = str(part) if connection.dialect.name == "sqlite" else part
        rows: Sequence[Any] = (await connection.exec_driver_sql(statement, (asked,))).all()
        found += [(row[0], row[1]) for row in rows]
    return found


def _flat(pairs: Sequence[Pair]) -> list[tuple[int, ...]]:
    """The values of ``TOGETHER`` pairs as one row."""
    return [tuple(chain.from_iterable(pairs[start : start + TOGETHER])) for start in range(0, len(pairs), TOGETHER)]


def _spelled(spelled: dict[str, str], dialect: str, table: Table, **more: str) -> str:
    first, second = list(table.columns)[:2]
    kind = "bigint" if isinstance(first.type, BigInteger) else "int"
    return spelled[dialect].format(table=table.name, first=first.name, second=second.name, type=kind, **more)


async def _run(connection: AsyncConnection, table: Table, spelled: dict[str, str], pairs: Sequence[Pair]) -> None:
    if not pairs:
        return
    statement = _spelled(spelled, connection.dialect.name, table)
    for start in range(0, len(pairs), _ROWS):
        part = pairs[start : start + _ROWS]
        if connection.dialect.name == "sqlite":
            await connection.exec_driver_sql(statement, list(part))
        else:
            firsts, seconds = zip(*part, strict=True)
            await connection.exec_driver_sql(statement, (list(firsts), list(seconds)))
