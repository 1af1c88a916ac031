"""Reads of missed calls that wait to be returned: one line a caller, however often he tried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.calls.models import WAITS, Call
from crm_core.calls.queries import call_rows, no_call, views, visible_to
from crm_core.calls.views import CallView
from crm_core.db.types import UtcDateTime
from crm_core.kernel.errors import Conflict
from crm_core.kernel.pages import Page, checked_limit, page_of, parse_time_cursor, time_cursor
from crm_core.organization.access import Action, Actor


@dataclass(frozen=True, slots=True)
class MissedCall:
    """The caller's latest missed call and how many of his wait altogether."""

    call: CallView
    attempts: int
    first_at: datetime


# Callers without a number cannot be called back; each of their calls stands alone and is not listed.
_CALLER = func.coalesce(Call.customer_e164, Call.customer_number)


async def to_return(
    session: AsyncSession, actor: Actor, *, since: datetime, limit: int = 50, cursor: str | None = None
) -> Page[MissedCall]:
    """Newest first, since ``since``: an old call is no longer expected back, and the list stays short."""
    checked_limit(limit)
    waiting = select(
        Call.id,
        func.count().over(partition_by=_CALLER).label("attempts"),
        func.min(Call.started_at).over(partition_by=_CALLER).label("first_at"),
        func.row_number().over(partition_by=_CALLER, order_by=(Call.started_at.desc(), Call.id.desc())).label("place"),
    ).where(WAITS, Call.started_at >= since, _CALLER.is_not(None))
    seen = visible_to(actor, Action.MISSED_CLAIM)
    latest = (waiting if seen is None else waiting.where(seen)).subquery()
    rows = call_rows(latest.c.attempts, latest.c.first_at).join(latest, latest.c.id == Call.id)
    rows = rows.where(latest.c.place == 1)
    if cursor is not None:
        at, last = parse_time_cursor(cursor)
        rows = rows.where(tuple_(Call.started_at, Call.id) < tuple_(literal(at, UtcDateTime), literal(last)))
    found = (await session.execute(rows.order_by(Call.started_at.desc(), Call.id.desc()).limit(limit + 1))).all()
    page = page_of(found, limit, lambda row: time_cursor(row.started_at, row.id))
    shown = await views(session, actor, page.items)
    return Page(
        [MissedCall(view, row.attempts, row.first_at) for view, row in zip(shown, page.items, strict=True)], page.next
    )


async def count_to_return(session: AsyncSession, actor: Actor, *, since: datetime) -> int:
    """How many callers wait."""
    rows = select(func.count(func.distinct(_CALLER))).where(WAITS, Call.started_at >= since)
    seen = visible_to(actor, Action.MISSED_CLAIM)
    return (await session.execute(rows if seen is None else rows.where(seen))).scalar_one()


async def to_return_with(session: AsyncSession, actor: Actor, call_id: int) -> Sequence[Call]:
    """The call and all other waiting ones of the same caller, locked in one order so that claims cannot deadlock.

    Raises NotFound, or Conflict when it does not wait (any more).
    """
    rows = select(Call.id, Call.customer_e164).where(Call.id == call_id)
    seen = visible_to(actor, Action.MISSED_CLAIM)
    call = (await session.execute(rows if seen is None else rows.where(seen))).one_or_none()
    if call is None:
        raise no_call()
    same = Call.id == call_id if call.customer_e164 is None else Call.customer_e164 == call.customer_e164
    locked = select(Call).where(same, WAITS).order_by(Call.id).with_for_update()
    calls = (await session.scalars(locked.execution_options(populate_existing=True))).all()
    if not any(one.id == call_id for one in calls):
        raise Conflict("already_returned", "This caller has been reached already, or the call was not missed.")
    return calls
