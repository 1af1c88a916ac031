"""Sealed values in the order of their rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.db.types import AnyRow


async def after(
    session: AsyncSession, table: Table, column: str, place: Sequence[Any] | None, limit: int
) -> Sequence[AnyRow]:
    """The next rows that have a value: their primary key, then the value."""
    keys = list(table.primary_key.columns)
    rows = select(*keys, table.c[column]).where(table.c[column].is_not(None)).order_by(*keys).limit(limit)
    if place is not None:
        further = []
        for n, key in enumerate(keys):
            same = [keys[before] == place[before] for before in range(n)]
            further.append(and_(*same, key > place[n]))
        rows = rows.where(or_(*further))
    return (await session.execute(rows)).all()
