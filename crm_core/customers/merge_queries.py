"""Where a merged customer is now: reads that lead old ids to the survivor."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.merge_models import CustomerMerge


async def survivor_of(session: AsyncSession, customer_id: int) -> int | None:
    """The customer into whom this id was merged; None when it never was, or the merge was undone."""
    m = CustomerMerge
    rows = select(m.survivor_id).where(m.customer_id == customer_id, m.undone_at.is_(None))
    return (await session.execute(rows.order_by(m.id.desc()).limit(1))).scalar_one_or_none()
