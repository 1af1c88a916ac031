"""Which columns of which tables lead to a row, found in the metadata, and the reads that moving them needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Table, UniqueConstraint, and_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.duplicates.snapshots import Key, Row
from crm_core.customers.models import Customer
from crm_core.db.base import Base
from crm_core.db.upsert import table_of

customers: Final = table_of(Customer)
# Worked out from the customer himself, and anew after a merge.
REBUILT: Final = frozenset({"match_keys", "match_records", "search_entries"})
# What speaks of the one record alone: a place in the pool ends when the record does, and comes back with it.
ENDED: Final = frozenset({"pool_entries"})
_BLOCK: Final = 300


@dataclass(frozen=True, slots=True)
class Reference:
    """``column`` of ``table`` leads to a row of another table; ``unique`` are the sets of columns with it, if any."""

    table: Table
    column: Column[Any]
    unique: tuple[tuple[str, ...], ...]
    alone: bool  # no other column of the table leads there


@lru_cache(maxsize=64)
def references_to(target: Table) -> tuple[Reference, ...]:
    """All of them, in the order of the schema. Complete only once every table is known (``crm_core.schema``)."""
    (key,) = target.primary_key.columns
    found = []
    for table in Base.metadata.sorted_tables:
        columns = [column for column in table.columns if any(one.column is key for one in column.foreign_keys)]
        for column in columns:
            sets = [names for names in _unique_sets(table) if column.name in names]
            found.append(Reference(table, column, tuple(sets), len(columns) == 1))
    return tuple(found)


def _unique_sets(table: Table) -> list[tuple[str, ...]]:
    found = [tuple(column.name for column in table.primary_key.columns)]
    found += [
        tuple(column.name for column in one.columns) for one in table.constraints if isinstance(one, UniqueConstraint)
    ]
    return [*found, *(tuple(column.name for column in one.columns) for one in table.indexes if one.unique)]


def key_columns(table: Table) -> list[Column[Any]]:
    return list(table.primary_key.columns)


def key_of(table: Table, row: Mapping[str, Any]) -> Key:
    return [row[column.name] for column in key_columns(table)]


def has_key(table: Table, key: Sequence[Any]) -> ColumnElement[bool]:
    return and_(*(column == value for column, value in zip(key_columns(table), key, strict=True)))


def has_one_of(table: Table, keys: Sequence[Key]) -> ColumnElement[bool]:
    columns = key_columns(table)
    if len(columns) == 1:
        return columns[0].in_([key[0] for key in keys])
    return tuple_(*columns).in_([tuple(key) for key in keys])


def key_blocks(keys: Sequence[Key]) -> list[Sequence[Key]]:
    return [keys[start : start + _BLOCK] for start in range(0, len(keys), _BLOCK)]


async def keys_leading_to(session: AsyncSession, reference: Reference, target: int) -> list[Key]:
    rows = select(*key_columns(reference.table)).where(reference.column == target)
    return [list(row) for row in await session.execute(rows)]


async def rows_leading_to(session: AsyncSession, reference: Reference, target: int) -> list[Row]:
    rows = select(reference.table).where(reference.column == target).order_by(*key_columns(reference.table))
    return [_plain(row) for row in (await session.execute(rows)).mappings()]


async def row_with_key(session: AsyncSession, table: Table, key: Sequence[Any]) -> Row | None:
    row = (await session.execute(select(table).where(has_key(table, key)))).mappings().one_or_none()
    return None if row is None else _plain(row)


async def rows_of(session: AsyncSession, table: Table, *where: ColumnElement[bool]) -> list[Row]:
    rows = select(table).where(*where).order_by(*key_columns(table))
    return [_plain(row) for row in (await session.execute(rows)).mappings()]


def _plain(row: Mapping[Any, Any]) -> Row:
    return {str(name): value for name, value in row.items()}  # SQLAlchemy's names are no mere texts
