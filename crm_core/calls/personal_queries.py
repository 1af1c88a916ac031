"""What the call log holds of one customer, in plain values for the person himself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.calls.models import Call, CallNote, Recording
from crm_core.organization.models import User

_MOST = 20_000


async def calls(session: AsyncSession, customer_id: int) -> list[dict[str, Any]]:
    """Oldest first."""
    c = Call
    rows = select(
        c.id, c.started_at, c.direction, c.status, c.customer_number, c.queue, c.talk_seconds, User.name
    ).outerjoin(User, User.id == c.owner_id)
    found = await session.execute(rows.where(c.customer_id == customer_id).order_by(c.started_at).limit(_MOST))
    return [
        {
            "call": str(row.id),
            "at": row.started_at.isoformat(),
            "direction": row.direction,
            "status": row.status,
            "number": row.customer_number,
            "queue": row.queue,
            "talk_seconds": row.talk_seconds,
            "agent": row.name,
        }
        for row in found
    ]


async def notes(session: AsyncSession, customer_id: int) -> list[dict[str, Any]]:
    rows = (
        select(CallNote.call_id, CallNote.at, User.name, CallNote.text)
        .join(Call, Call.id == CallNote.call_id)
        .outerjoin(User, User.id == CallNote.author_id)
        .where(Call.customer_id == customer_id)
        .order_by(CallNote.at)
        .limit(_MOST)
    )
    found = await session.execute(rows)
    return [{"call": str(call), "at": at.isoformat(), "by": by, "text": text} for call, at, by, text in found]


async def recordings(session: AsyncSession, customer_id: int) -> list[dict[str, Any]]:
    """Which recordings there are; the sound itself is handed out by who keeps it."""
    rows = (
        select(Recording.call_id, Recording.started_at, Recording.seconds, Recording.state, Recording.file)
        .join(Call, Call.id == Recording.call_id)
        .where(Call.customer_id == customer_id)
        .order_by(Recording.started_at)
        .limit(_MOST)
    )
    found = await session.execute(rows)
    return [
        {"call": str(call), "at": at.isoformat(), "seconds": seconds, "state": state, "file": file}
        for call, at, seconds, state, file in found
    ]


async def ids_of(session: AsyncSession, customer_id: int, numbers: Sequence[str]) -> Sequence[int]:
    """The customer's calls, and those of his numbers that nobody is known for."""
    nobodys = and_(Call.customer_id.is_(None), Call.customer_e164.in_(numbers))
    where = or_(Call.customer_id == customer_id, nobodys) if numbers else Call.customer_id == customer_id
    return (await session.scalars(select(Call.id).where(where))).all()
