"""Reads of the outbox: what is due, what ran already, how old the oldest waiting event is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.db.outbox import OutboxReceipt, OutboxRow


async def due(session: AsyncSession, now: datetime, limit: int) -> Sequence[OutboxRow]:
    """Pending rows whose time has come, oldest first; on PostgreSQL locked for this relay, others skip them."""
    rows = select(OutboxRow).where(OutboxRow.pending, OutboxRow.available_at <= now)
    rows = rows.order_by(OutboxRow.available_at, OutboxRow.id).limit(limit).with_for_update(skip_locked=True)
    return (await session.scalars(rows)).all()


async def receipts(session: AsyncSession, ids: Sequence[int]) -> set[tuple[int, str]]:
    done = await session.execute(
        select(OutboxReceipt.outbox_id, OutboxReceipt.handler).where(OutboxReceipt.outbox_id.in_(ids))
    )
    return {(row.outbox_id, row.handler) for row in done}


async def outbox_age(session: AsyncSession, now: datetime) -> timedelta:
    """How long the oldest pending event has waited; zero when none waits."""
    oldest = await session.scalar(select(func.min(OutboxRow.occurred_at)).where(OutboxRow.pending))
    return now - oldest if oldest is not None else timedelta(0)
