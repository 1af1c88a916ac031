"""Everything that happened with one customer, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from crm_core.calls.models import Call, CallNote
from crm_core.calls.queries import call_rows, views
from crm_core.calls.views import CallView, NoteView
from crm_core.customers import queries as customer_queries
from crm_core.customers.models import CustomerNote
from crm_core.db.types import AnySelect, UtcDateTime
from crm_core.kernel.pages import Page, checked_limit, page_of, parse_time_cursor, time_cursor
from crm_core.organization.access import Actor
from crm_core.organization.models import User


@dataclass(frozen=True, slots=True)
class TimelineItem:
    """A call with what was written about it, or a note on the customer."""

    at: datetime
    id: int
    kind: str  # "call" or "note"
    call: CallView | None = None
    notes: tuple[NoteView, ...] = ()


async def timeline(
    session: AsyncSession,
    actor: Actor,
    customer_id: int,
    *,
    today: date,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[TimelineItem]:
    """Who may see the customer may see what happened with him. Raises NotFound. A constant number of statements."""
    checked_limit(limit)
    # A merged customer's id leads to the survivor, and so does his story.
    customer_id = (await customer_queries.customer(session, actor, customer_id, today=today)).id
    before = parse_time_cursor(cursor) if cursor is not None else None
    calls = _page(call_rows().where(Call.customer_id == customer_id), Call.started_at, Call.id, before, limit)
    written = select(CustomerNote.id, CustomerNote.at, User.name, CustomerNote.text)
    written = written.outerjoin(User, User.id == CustomerNote.author_id).where(CustomerNote.customer_id == customer_id)
    notes = _page(written, CustomerNote.at, CustomerNote.id, before, limit)
    shown = await views(session, actor, (await session.execute(calls)).all())
    of_calls = await notes_of(session, [call.id for call in shown])
    items = [TimelineItem(call.started_at, call.id, "call", call, tuple(of_calls.get(call.id, ()))) for call in shown]
    rows = await session.execute(notes)
    items.extend(TimelineItem(row.at, row.id, "note", None, (NoteView(*row),)) for row in rows)
    items.sort(key=lambda item: (item.at, item.id), reverse=True)
    return page_of(items[: limit + 1], limit, lambda item: time_cursor(item.at, item.id))


def _page(
    rows: AnySelect,
    at: InstrumentedAttribute[datetime],
    identifier: InstrumentedAttribute[int],
    before: tuple[datetime, int] | None,
    limit: int,
) -> AnySelect:
    if before is not None:
        rows = rows.where(tuple_(at, identifier) < tuple_(literal(before[0], UtcDateTime), literal(before[1])))
    return rows.order_by(at.desc(), identifier.desc()).limit(limit + 1)


async def notes_of(session: AsyncSession, call_ids: Sequence[int]) -> dict[int, list[NoteView]]:
    """What was written about each of these calls, oldest first."""
    rows = await session.execute(
        select(CallNote.id, CallNote.at, User.name, CallNote.text, CallNote.call_id)
        .outerjoin(User, User.id == CallNote.author_id)
        .where(CallNote.call_id.in_(call_ids))
        .order_by(CallNote.at, CallNote.id)
    )
    found: dict[int, list[NoteView]] = {}
    for row in rows:
        found.setdefault(row.call_id, []).append(NoteView(*row[:4]))
    return found
