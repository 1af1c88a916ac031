"""Reads of the audit log."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit.models import AuditLine


async def last(session: AsyncSession) -> AuditLine | None:
    return (await session.scalars(select(AuditLine).order_by(AuditLine.seq.desc()).limit(1))).first()


async def page(
    session: AsyncSession,
    *,
    before: int | None = None,
    limit: int = 50,
    action: str | None = None,
    actor: str | None = None,
    object_type: str | None = None,
    object_id: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Sequence[AuditLine]:
    """Newest first; ``before`` is the ``seq`` of the last line seen. ``action`` may end in ``*``: all that begin so."""
    rows = select(AuditLine).order_by(AuditLine.seq.desc()).limit(limit)
    if before is not None:
        rows = rows.where(AuditLine.seq < before)
    if action:
        kind = action.removesuffix("*")
        alike = AuditLine.action == action
        rows = rows.where(alike if kind == action else AuditLine.action.startswith(kind, autoescape=True))
    if since is not None:
        rows = rows.where(AuditLine.at >= since)
    if until is not None:
        rows = rows.where(AuditLine.at < until)
    if actor:
        rows = rows.where(AuditLine.actor_name == actor)
    if object_type:
        rows = rows.where(AuditLine.object_type == object_type)
    if object_id is not None:
        rows = rows.where(AuditLine.object_id == object_id)
    return (await session.scalars(rows)).all()


async def about(session: AsyncSession, object_type: str, object_ids: Sequence[int]) -> Sequence[AuditLine]:
    """Every line about these objects, oldest first."""
    rows = select(AuditLine).where(AuditLine.object_type == object_type, AuditLine.object_id.in_(object_ids))
    return (await session.scalars(rows.order_by(AuditLine.seq))).all()


async def in_order(session: AsyncSession, batch: int = 1000) -> AsyncIterator[AuditLine]:
    """All lines, oldest first, in flat memory."""
    after = 0
    while True:
        rows = (
            await session.scalars(select(AuditLine).where(AuditLine.seq > after).order_by(AuditLine.seq).limit(batch))
        ).all()
        for row in rows:
            yield row
        if len(rows) < batch:
            return
        after = rows[-1].seq
        session.expunge_all()
