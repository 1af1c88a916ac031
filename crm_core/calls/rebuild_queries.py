"""Reads for making calls anew from their stored events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.calls.facts import CallState, Certainty
from crm_core.calls.models import Call

_LONGEST = timedelta(hours=12)  # of a call; keeps the search inside the index by start


@dataclass(frozen=True, slots=True)
class Rebuildable:
    """What the stored call says that its events alone do not."""

    pbx: str
    ended: bool
    certainty: Certainty


async def rebuildable(session: AsyncSession, call_id: int) -> Rebuildable | None:
    row = (await session.execute(select(Call.pbx, Call.state, Call.certainty).where(Call.id == call_id))).one_or_none()
    return None if row is None else Rebuildable(row.pbx, row.state is CallState.ENDED, row.certainty)


async def just_over(session: AsyncSession, pbx: str, since: datetime, latest: int = 50, limit: int = 1000) -> set[int]:
    """Calls that ended after ``since``, and the latest ones whatever their time (the PBX's clock may be another).

    A phone that hangs up a moment after its call was over must not look like a new call.
    """
    own = select(Call.id).where(Call.pbx == pbx)
    ended = own.where(Call.ended_at >= since, Call.started_at >= since - _LONGEST).limit(limit)
    begun = own.order_by(Call.started_at.desc(), Call.id.desc()).limit(latest)
    return set(await session.scalars(ended)) | set(await session.scalars(begun))


async def begun_since(session: AsyncSession, since: datetime, *, after: int, limit: int) -> Sequence[int]:
    """Ids of calls, by id, in pages."""
    rows = select(Call.id).where(Call.started_at >= since, Call.id > after).order_by(Call.id).limit(limit)
    return (await session.scalars(rows)).all()
