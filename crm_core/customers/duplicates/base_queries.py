"""The records of the base, read in the order of the ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import bindparam, column, func, or_, select, table
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.duplicates.features import MADE_BY
from crm_core.customers.duplicates.models import DuplicatePair, PairState

# Without the types of the models: a million rows need no conversion.
_customers = table("customers", column("id"))
_records = table("match_records", column("customer_id"), column("made_by"), column("facts"))
_NEXT: Final = (
    select(_records.c.customer_id, _records.c.facts)
    .where(_records.c.customer_id > bindparam("after"), _records.c.customer_id <= bindparam("last"))
    .order_by(_records.c.customer_id)
    .limit(bindparam("most"))
)


async def next_records(
    session: AsyncSession, after: int, last: int, most: int
) -> tuple[Sequence[int], Sequence[bytes]]:
    """(ids, records) of the next customers up to the id ``last``, ``most`` at most."""
    rows: Any = (await (await session.connection()).execute(_NEXT, {"after": after, "last": last, "most": most})).all()
    return tuple(zip(*rows, strict=True)) if rows else ((), ())  # type: ignore[return-value]


async def edges(session: AsyncSession, every: int) -> Sequence[int]:
    """The id of each ``every``-th customer in the order of the ids: where stretches of the base end."""
    place = func.row_number().over(order_by=_records.c.customer_id)
    counted = select(_records.c.customer_id, place.label("place")).subquery()
    rows = select(counted.c.customer_id).where(counted.c.place % every == 0).order_by(counted.c.customer_id)
    return (await session.execute(rows)).scalars().all()


async def without_record(session: AsyncSession, after: int, limit: int) -> Sequence[int]:
    """The next customers, by id, who have no keys and no record yet, or some of older rules."""
    made = _records.c.customer_id == _customers.c.id
    rows = select(_customers.c.id).outerjoin(_records, made).where(_customers.c.id > after)
    missing = or_(_records.c.made_by.is_(None), _records.c.made_by != MADE_BY)
    return (await session.execute(rows.where(missing).order_by(_customers.c.id).limit(limit))).scalars().all()


async def customers_after(session: AsyncSession, after: int, limit: int) -> Sequence[int]:
    """The next customers by id."""
    rows = select(_customers.c.id).where(_customers.c.id > after).order_by(_customers.c.id).limit(limit)
    return (await session.execute(rows)).scalars().all()


async def count_customers(session: AsyncSession) -> int:
    return int((await session.execute(select(func.count()).select_from(_customers))).scalar_one())


async def count_open_pairs(session: AsyncSession) -> int:
    rows = select(func.count()).select_from(DuplicatePair).where(DuplicatePair.state == PairState.OPEN)
    return int((await session.execute(rows)).scalar_one())
