"""Reads for making calls anew from their stored events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.calls.facts import CallState, Certainty
from crm_core.calls.models import Call


@dataclass(frozen=True, slots=True)
class Rebuildable:
    """What the stored call says that its events alone do not."""

    pbx: str
    ended: bool
    certainty: Certainty


async def rebuildable(session: AsyncSession, call_id: int) -> Rebuildable | None:
    row = (await session.execute(select(Call.pbx, Call.state, Call.certainty).where(Call.id == call_id))).one_or_none()
    return None if row is None else Rebuildable(row.pbx, row.state is CallState.ENDED, row.certainty)


async def begun_since(session: AsyncSession, since: datetime, *, after: int, limit: int) -> Sequence[int]:
    """Ids of calls, by id, in pages."""
    rows = select(Call.id).where(Call.started_at >= since, Call.id > after).order_by(Call.id).limit(limit)
    return (await session.scalars(rows)).all()
