"""What calls say about work with customers: talks of a person, the last talk with a customer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.calls.facts import CallStatus, Direction
from crm_core.calls.models import Call, CallParty


async def talks(session: AsyncSession, user_id: int, since: datetime) -> tuple[int, float]:
    """How many calls somebody spoke in since then, and for how many seconds."""
    p = CallParty
    rows = select(func.count(), func.coalesce(func.sum(p.talk_seconds), 0.0)).where(
        p.user_id == user_id, p.started_at >= since, p.spoke_at.is_not(None)
    )
    count, seconds = (await session.execute(rows)).one()
    return int(count), float(seconds or 0.0)


class LastTalks:
    """When customers were last spoken with on the phone; what reclaim asks."""

    async def last(self, session: AsyncSession, customer_ids: Sequence[int]) -> Mapping[int, datetime]:
        rows = select(Call.customer_id, func.max(Call.answered_at)).where(
            Call.customer_id.in_(customer_ids), Call.answered_at.is_not(None)
        )
        found = await session.execute(rows.group_by(Call.customer_id))
        return {customer_id: at for customer_id, at in found if customer_id is not None and at is not None}


class CallsMade:
    """How often customers were called by us so that it rang; what the guard against too many contacts asks."""

    async def counts(self, session: AsyncSession, customer_ids: Sequence[int], since: datetime) -> Mapping[int, int]:
        rows = select(Call.customer_id, func.count()).where(
            Call.customer_id.in_(customer_ids),
            Call.started_at >= since,
            Call.direction == Direction.OUTBOUND,
            Call.status.in_((CallStatus.ANSWERED, CallStatus.MISSED, CallStatus.BUSY)),
        )
        found = await session.execute(rows.group_by(Call.customer_id))
        return {customer_id: count for customer_id, count in found if customer_id is not None}
