"""Fills tables by the ten million: sorted pairs of whole numbers, and rows by their key."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.db.database import Database
from crm_core.db.pairs import TOGETHER, Pair, add_pairs, add_rows

# NumPy and the other database's driver are for who fills: the running service does without them.
if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Numbers = npt.NDArray[np.int64]
_PART = 1_000_000  # pairs of one transaction: others may write in between
_COPIED = 100_000
# PostgreSQL's binary COPY format: each row says how many fields it has, each field how many bytes.
_COPY_HEAD, _COPY_END = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
_COPY_ROW = [("n", ">i2"), ("a", ">i4"), ("first", ">i4"), ("b", ">i4"), ("second", ">i8")]
_KEYED = {
    "sqlite": "INSERT OR REPLACE INTO {table} ({key}, {value}) VALUES (?, ?)",
    "postgresql": "INSERT INTO {table} ({key}, {value}) SELECT * FROM unnest($1::bigint[], $2::bytea[])"
    " ON CONFLICT ({key}) DO UPDATE SET {value} = excluded.{value}",
}


async def fill_pairs(db: Database, table: Table, first: Numbers, second: Numbers) -> None:
    """Inserts pairs sorted by both; quickest into an empty table, and those that are there already stay."""
    for start in range(0, len(first), _PART):
        part = first[start : start + _PART], second[start : start + _PART]
        if db.is_sqlite or not await _copied(db, table, *part):
            async with db.uow() as uow:
                await add_pairs(uow.session, table, list(zip(*(numbers.tolist() for numbers in part), strict=True)))


async def add_sorted(session: AsyncSession, table: Table, first: Numbers, second: Numbers) -> None:
    """The same for some ten thousand, in the transaction that is open."""
    connection = await session.connection()
    if connection.dialect.name == "sqlite":
        whole, rest = await asyncio.to_thread(_as_rows, first, second)
        await add_rows(connection, table, whole, rest)
    else:
        await add_pairs(session, table, await asyncio.to_thread(_as_pairs, first, second))


def _as_pairs(first: Numbers, second: Numbers) -> list[Pair]:
    return list(zip(first.tolist(), second.tolist(), strict=True))


def _as_rows(first: Numbers, second: Numbers) -> tuple[list[list[int]], list[list[int]]]:
    """Rows of ``TOGETHER`` pairs, and what is left over as rows of one."""
    import numpy as np

    pairs = np.column_stack((first, second))
    whole = len(first) // TOGETHER * TOGETHER
    return pairs[:whole].reshape(-1, 2 * TOGETHER).tolist(), pairs[whole:].tolist()


async def _copied(db: Database, table: Table, first: Numbers, second: Numbers) -> bool:
    """False, and nothing done, when one of them is there already."""
    import asyncpg

    try:
        async with db.uow() as uow:
            connection = await (await uow.session.connection()).get_raw_connection()
            driver: Any = connection.driver_connection
            columns = [column.name for column in list(table.columns)[:2]]
            await driver.copy_to_table(table.name, source=_binary(first, second), columns=columns, format="binary")
    except asyncpg.UniqueViolationError:
        return False
    return True


async def _binary(first: Numbers, second: Numbers) -> AsyncIterator[bytes]:
    import numpy as np

    yield _COPY_HEAD
    for start in range(0, len(first), _COPIED):
        part = slice(start, start + _COPIED)
        rows = np.empty(len(first[part]), _COPY_ROW)
        rows["n"], rows["a"], rows["b"] = 2, 4, 8
        rows["first"], rows["second"] = first[part], second[part]
        yield rows.tobytes()
        await asyncio.sleep(0)
    yield _COPY_END


async def put_keyed(session: AsyncSession, table: Table, rows: Sequence[tuple[int, bytes]]) -> None:
    """Rows of a whole number and bytes, the table's first two columns; those with a key that is there replace it."""
    if not rows:
        return
    connection = await session.connection()
    key, value = (column.name for column in list(table.columns)[:2])
    statement = _KEYED[connection.dialect.name].format(table=table.name, key=key, value=value)
    if connection.dialect.name == "sqlite":
        await connection.exec_driver_sql(statement, list(rows))
    else:
        keys, values = zip(*rows, strict=True)
        await connection.exec_driver_sql(statement, (list(keys), list(values)))
