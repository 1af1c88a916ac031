"""Reads for the way back to the pool: who sleeps, what was announced."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import date, datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.allocation.kinds import NoticeState
from crm_core.customers.allocation.models import ReclaimNotice
from crm_core.customers.kinds import PurchaseState
from crm_core.customers.models import Customer, CustomerNote
from crm_core.db.types import AnyRow, AnySelect
from crm_core.jobs.models import OVER, Job
from crm_core.organization.models import User

WINDOW: Final = 20_000


def _sleepers() -> AnySelect:
    c = Customer
    last_note = select(func.max(CustomerNote.at)).where(CustomerNote.customer_id == c.id).scalar_subquery()
    return (
        select(
            c.id, c.name, c.account_number, c.owner_id, User.name.label("owner"), c.allocated_at, c.created_at,
            c.last_contact_at, last_note.label("last_note_at"),
            (c.purchase_state != PurchaseState.NONE).label("bought"),
        )
        .join(User, User.id == c.owner_id)
        .order_by(c.id)
    )  # fmt: skip


async def asleep(
    session: AsyncSession, after: int, before: datetime, limit: int, departments: Iterable[int] | None = None
) -> tuple[Sequence[AnyRow], int | None]:
    """The next customers by id whose owner has had them since before ``before``, and where the look ended.

    It ends after ``limit`` of them or after ``WINDOW`` customers: one look stays short when nearly nobody sleeps.
    """
    window = select(Customer.id).where(Customer.id > after).order_by(Customer.id).limit(WINDOW).subquery()
    last: int | None = await session.scalar(select(func.max(window.c.id)))
    if last is None:
        return [], None
    found = await _asleep(session, after, last, before, limit, departments)
    return found, found[-1].id if len(found) == limit else last


async def _asleep(
    session: AsyncSession, after: int, last: int, before: datetime, limit: int, departments: Iterable[int] | None
) -> Sequence[AnyRow]:
    rows = _sleepers().where(Customer.id > after, Customer.id <= last)
    rows = rows.where(func.coalesce(Customer.allocated_at, Customer.created_at) <= before)
    if departments is not None:
        rows = rows.where(Customer.department_id.in_(list(departments)))
    return (await session.execute(rows.limit(limit))).all()


async def announced(session: AsyncSession, customer_ids: Sequence[int]) -> dict[int, date]:
    """The day for which each of these customers' way back was announced; others are missing."""
    n = ReclaimNotice
    rows = select(n.customer_id, n.due_on).where(n.customer_id.in_(customer_ids), n.state == NoticeState.ANNOUNCED)
    return {row.customer_id: row.due_on for row in await session.execute(rows)}


async def announced_customers(session: AsyncSession, chunk: int) -> AsyncIterator[Sequence[AnyRow]]:
    """All customers whose way back is announced, some at a time."""
    after: int | None = 0
    while after is not None:
        rows = _sleepers().join(ReclaimNotice, ReclaimNotice.customer_id == Customer.id)
        rows = rows.where(ReclaimNotice.state == NoticeState.ANNOUNCED, Customer.id > after).limit(chunk)
        found = (await session.execute(rows)).all()
        if found:
            yield found
        after = found[-1].id if len(found) == chunk else None


async def locked(session: AsyncSession, customer_ids: Sequence[int]) -> Sequence[AnyRow]:
    """These customers, kept from being moved by others until the transaction ends."""
    rows = select(Customer.id, Customer.owner_id, Customer.department_id).where(Customer.id.in_(customer_ids))
    return (await session.execute(rows.order_by(Customer.id).with_for_update(key_share=True))).all()


async def announced_to(session: AsyncSession, owner_id: int) -> Sequence[AnyRow]:
    """What somebody was told he will lose: customer (id, name), rule, day; soonest first, at most 200."""
    n = ReclaimNotice
    rows = (
        select(n.customer_id, Customer.name, n.rule, n.due_on)
        .join(Customer, Customer.id == n.customer_id)
        .where(n.owner_id == owner_id, n.state == NoticeState.ANNOUNCED)
        .order_by(n.due_on, n.customer_id)
    )
    return (await session.execute(rows.limit(200))).all()


async def under_way(session: AsyncSession, kind: str) -> bool:
    """Whether a job of the kind waits or runs."""
    rows = select(Job.id).where(Job.kind == kind, Job.state.not_in(OVER)).limit(1)
    return (await session.execute(rows)).first() is not None
