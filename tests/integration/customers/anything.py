"""A valid row for any table, and the whole database as values: for rules that hold for tables not yet thought of."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    DateTime,
    Enum,
    Float,
    Integer,
    LargeBinary,
    Numeric,
    Table,
    insert,
    select,
)
from sqlalchemy.types import TypeDecorator

from crm_core.customers.models import Customer
from crm_core.db.database import Database
from crm_core.db.upsert import table_of
from crm_core.kernel.ids import new_id
from crm_core.schema import metadata

_numbers = itertools.count(1)
CUSTOMERS = table_of(Customer)
NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


async def add_row(db: Database, table: Table, **given: Any) -> dict[str, Any]:
    """Stores a row with these values; what must not be empty gets some value, parents are made."""
    row = dict(given)
    for column in table.columns:
        if column.name in row or not _needed(column):
            continue
        foreign = next(iter(column.foreign_keys), None)
        if foreign is not None:
            parent = await add_row(db, foreign.column.table)
            row[column.name] = parent[foreign.column.name]
        else:
            row[column.name] = _value(column)
    async with db.uow() as uow:
        await uow.session.execute(insert(table).values(row))
    return row


def _needed(column: Column[Any]) -> bool:
    return not column.nullable or column.primary_key


def _value(column: Column[Any]) -> Any:
    kind = column.type.impl if isinstance(column.type, TypeDecorator) else column.type
    if isinstance(kind, Enum):
        return next(iter(kind.enum_class)) if kind.enum_class else kind.enums[0]
    if isinstance(kind, Boolean):
        return False
    if isinstance(kind, JSON):
        return {}
    if isinstance(kind, LargeBinary):
        return b""
    if isinstance(kind, DateTime):
        return NOW
    if isinstance(kind, Date):
        return date(2026, 11, 20)
    if isinstance(kind, Integer):
        return new_id() if column.name == "id" else next(_numbers) if column.primary_key else 1
    if isinstance(kind, Float | Numeric):
        return 1
    return f"t{next(_numbers)}"[: getattr(kind, "length", None) or 40]


# What a merge and its undoing write about themselves.
_ABOUT = frozenset({"audit_log", "audit_lines", "outbox", "outbox_receipts", "customer_merges"})


async def everything(db: Database) -> dict[str, list[str]]:
    """All rows of all tables as text, but for what merges write about themselves and what rises with each change."""
    found = {}
    async with db.read() as session:
        for table in metadata.sorted_tables:
            if table.name in _ABOUT:
                continue
            columns = [
                c for c in table.columns if (table.name, c.name) not in _RISING and not c.name.endswith("_sealed")
            ]
            rows = (await session.execute(select(*columns))).all()
            found[table.name] = sorted(repr(tuple(row)) for row in rows)
    return found


_RISING = frozenset({("customers", "version"), ("customers", "updated_at")})
