"""Reads of promised contacts: whom an agent said he would call, and by when."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, exists, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, aliased

from crm_core.calls.models import Call
from crm_core.calls.queries import call_rows, views
from crm_core.calls.views import CallView
from crm_core.customers.queries import visible_to
from crm_core.organization.access import Action, Actor

_Later = aliased(Call)  # made once: an alias copies every column of the table, twice for each look at the desk
LONGEST_OVERDUE = timedelta(days=60)  # a promise that nobody kept for so long is no longer one for today


@dataclass(frozen=True, slots=True)
class DueContact:
    """A call whose agent promised another contact; ``open_card`` says that its customer's card is within reach."""

    call: CallView
    due_at: datetime
    open_card: bool


def _spoken_since(column: InstrumentedAttribute[Any]) -> ColumnElement[bool]:
    """Whether somebody spoke with the same customer (or number) later: then that call says what comes next."""
    same = getattr(_Later, column.key) == column
    return exists().where(same, _Later.started_at > Call.started_at, _Later.answered_at.is_not(None))


async def due(
    session: AsyncSession, actor: Actor, *, now: datetime, until: datetime, limit: int = 50
) -> Sequence[DueContact]:
    """The actor's own promises that are overdue or fall due before ``until``, the oldest first."""
    reach = visible_to(actor) if actor.may(Action.CUSTOMER_READ) else literal(False)
    rows = (
        call_rows((literal(True) if reach is None else reach).label("open_card"))
        .where(Call.owner_id == actor.user_id, Call.next_at >= now - LONGEST_OVERDUE, Call.next_at < until)
        # Two looks into two indexes: one condition with OR would go through all calls.
        .where(~_spoken_since(Call.customer_id), ~_spoken_since(Call.customer_e164))
        .order_by(Call.next_at, Call.id)
        .limit(limit)
    )
    found = (await session.execute(rows)).all()
    shown = await views(session, actor, found)
    return [
        DueContact(view, row.next_at, bool(row.open_card) and view.customer is not None)
        for view, row in zip(shown, found, strict=True)
    ]


async def promised(session: AsyncSession, customer_ids: Collection[int]) -> dict[int, datetime]:
    """When these customers were promised a next contact that nobody has kept yet, whoever promised it."""
    rows = select(Call.customer_id, func.min(Call.next_at)).where(
        Call.customer_id.in_(customer_ids), Call.next_at.is_not(None), ~_spoken_since(Call.customer_id)
    )
    found = await session.execute(rows.group_by(Call.customer_id))
    return {customer_id: at for customer_id, at in found if customer_id is not None and at is not None}
