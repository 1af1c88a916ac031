"""Reads of what is worked out from customers, a batch at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.detail_models import OrganizationContact, OrganizationDetails, PersonDetails
from crm_core.customers.models import Customer, Phone
from crm_core.customers.search.models import SearchEntry
from crm_core.db.types import AnyRow
from crm_core.db.upsert import table_of
from crm_core.jobs.models import Job, JobState

_customers, _phones = table_of(Customer), table_of(Phone)


async def ids_to_renew(session: AsyncSession, after: int, limit: int) -> list[int]:
    """The next customers by id, locked where the database can: what is read of them is true until the commit.

    Who was erased stays out of every index.
    """
    c = _customers.c
    erased = (c.name == "*") & (c.pinyin == "")
    rows = select(c.id).where(c.id > after, ~erased).order_by(c.id).limit(limit).with_for_update()
    return list((await session.execute(rows)).scalars())


async def customers(session: AsyncSession, ids: Sequence[int]) -> Sequence[AnyRow]:
    """All columns of these customers, and whether each has a number."""
    reachable = exists().where(_phones.c.customer_id == _customers.c.id).label("reachable")
    return (await session.execute(select(_customers, reachable).where(_customers.c.id.in_(ids)))).all()


async def details(session: AsyncSession, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """The details of those that have any, by name."""
    found: dict[int, dict[str, Any]] = {}
    for table in (table_of(PersonDetails), table_of(OrganizationDetails)):
        rows = await session.execute(select(table).where(table.c.customer_id.in_(ids)))
        found |= {row.customer_id: dict(row._mapping) for row in rows}
    return found


async def with_contacts(session: AsyncSession, ids: Sequence[int]) -> set[int]:
    """The organisations in which somebody is known."""
    contact = table_of(OrganizationContact).c.customer_id
    return set((await session.execute(select(contact).distinct().where(contact.in_(ids)))).scalars())


async def count(session: AsyncSession) -> int:
    return (await session.execute(select(func.count()).select_from(_customers))).scalar_one()


async def is_unknown_to_search(session: AsyncSession) -> bool:
    """Whether there are customers, and the index knows none of them."""
    some = select(_customers.c.id).limit(1)
    known = select(SearchEntry.customer_id).limit(1)
    return (await session.execute(some)).first() is not None and (await session.execute(known)).first() is None


async def latest(session: AsyncSession, kind: str) -> JobState | None:
    """How the newest job of a kind stands."""
    return (await session.execute(select(Job.state).where(Job.kind == kind).order_by(Job.id.desc()).limit(1))).scalar()
