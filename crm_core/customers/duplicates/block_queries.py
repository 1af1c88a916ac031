"""Reads of the whole-base search: blocks of customers who share a key, in the order of the keys."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import and_, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.duplicates.keys import LARGEST_BLOCK, KeyKind, bounds
from crm_core.customers.duplicates.models import DuplicatePair, MatchKey, PairState
from crm_core.customers.models import Customer
from crm_core.db.upsert import table_of

_keys, _customers = table_of(MatchKey), table_of(Customer)


async def without_keys(session: AsyncSession, after: int, limit: int) -> Sequence[int]:
    """The next customers, by id, who have no keys yet."""
    has = exists().where(_keys.c.customer_id == _customers.c.id)
    rows = select(_customers.c.id).where(_customers.c.id > after, ~has).order_by(_customers.c.id).limit(limit)
    return (await session.execute(rows)).scalars().all()


async def customers_after(session: AsyncSession, after: int, limit: int) -> Sequence[int]:
    """The next customers by id."""
    rows = select(_customers.c.id).where(_customers.c.id > after).order_by(_customers.c.id).limit(limit)
    return (await session.execute(rows)).scalars().all()


async def count_customers(session: AsyncSession) -> int:
    return (await session.execute(select(func.count()).select_from(_customers))).scalar_one()


async def blocks(session: AsyncSession, kind: KeyKind, after: int, limit: int) -> dict[int, list[int]]:
    """The next keys of a kind that several customers share, with those customers; too large blocks are left out.

    Read along the primary key, so that it costs what lies between, not what the table holds.
    """
    _, end = bounds(kind)
    shared = (
        select(_keys.c.key)
        .where(_keys.c.key > after, _keys.c.key < end)
        .group_by(_keys.c.key)
        .having(and_(func.count() > 1, func.count() <= LARGEST_BLOCK[kind]))
        .order_by(_keys.c.key)
        .limit(limit)
        .subquery()
    )
    rows = select(_keys.c.key, _keys.c.customer_id).join(shared, shared.c.key == _keys.c.key).order_by(_keys.c.key)
    found: dict[int, list[int]] = {}
    for key, customer_id in (await session.execute(rows)).all():
        found.setdefault(key, []).append(customer_id)
    return found


async def count_too_large(session: AsyncSession, kind: KeyKind) -> int:
    """How many keys of a kind are shared by more than its bound allows."""
    start, end = bounds(kind)
    large = (
        select(_keys.c.key)
        .where(_keys.c.key >= start, _keys.c.key < end)
        .group_by(_keys.c.key)
        .having(func.count() > LARGEST_BLOCK[kind])
        .subquery()
    )
    return (await session.execute(select(func.count()).select_from(large))).scalar_one()


async def count_open_pairs(session: AsyncSession) -> int:
    rows = select(func.count()).select_from(DuplicatePair).where(DuplicatePair.state == PairState.OPEN)
    return (await session.execute(rows)).scalar_one()
