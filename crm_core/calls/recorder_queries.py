"""Reads of those that write: the recorder's batches, the journal, merges, agents' spans, a restart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.calls.facts import CallState
from crm_core.calls.models import LIVE, AgentSpan, Call, CallEvents, CallParty, JournalPosition, Leg
from crm_core.calls.rules import WriteUp
from crm_core.db.types import AnyRow, AnySelect
from crm_core.db.upsert import table_of


@dataclass(frozen=True, slots=True)
class StoredCall:
    """What was in the database before a batch."""

    ended: bool
    customer_id: int | None
    started_at: datetime


async def journal_position(session: AsyncSession, pbx: str) -> JournalPosition | None:
    return (await session.scalars(select(JournalPosition).where(JournalPosition.pbx == pbx))).one_or_none()


async def open_calls(session: AsyncSession, pbx: str, limit: int = 10_000) -> Sequence[AnyRow]:
    """Calls that are not over, as rows (id, uniqueid, started_at): what a restart has to account for."""
    rows = select(Call.id, Call.uniqueid, Call.started_at).where(Call.pbx == pbx, LIVE)
    return (await session.execute(rows.order_by(Call.id).limit(limit))).all()


async def stored(session: AsyncSession, ids: Sequence[int]) -> dict[int, StoredCall]:
    rows = await session.execute(select(Call.id, Call.state, Call.customer_id, Call.started_at).where(Call.id.in_(ids)))
    return {row.id: StoredCall(row.state is CallState.ENDED, row.customer_id, row.started_at) for row in rows}


async def events_before(session: AsyncSession, before: datetime, limit: int) -> Sequence[int]:
    rows = select(CallEvents.id).where(CallEvents.at < before).order_by(CallEvents.at).limit(limit)
    return (await session.scalars(rows)).all()


async def write_ups(session: AsyncSession, ids: Sequence[int]) -> dict[int, WriteUp]:
    """What agents entered on these calls, locked until the transaction ends."""
    rows = select(
        Call.id,
        Call.progress,
        Call.disposition,
        Call.next_at,
        Call.claimed_by_id,
        Call.claimed_at,
        Call.returned_at,
        Call.customer_id,
    ).where(Call.id.in_(ids))
    found = await session.execute(rows.order_by(Call.id).with_for_update())
    return {row.id: _write_up(row) for row in found}


def _write_up(row: AnyRow) -> WriteUp:
    values: tuple[Any, ...] = tuple(row)[1:]
    return WriteUp(*values)


def copy_of(call_id: int, new_id: int) -> tuple[list[str], AnySelect]:
    """Column names and a SELECT that gives the call's row under another id."""
    columns = [column for column in table_of(Call).c if column.name != "id"]
    copy = select(literal(new_id).label("id"), *columns).where(table_of(Call).c.id == call_id)
    return ["id", *(column.name for column in columns)], copy


def parties_of(call_id: int, into_id: int) -> tuple[list[str], AnySelect]:
    """Column names and a SELECT that gives the call's parties as those of another call, with its time."""
    columns = ("extension", "user_id", "as_agent", "spoke_at", "talk_seconds")
    parties, calls = table_of(CallParty).c, table_of(Call).c
    both = table_of(Call).join(table_of(CallParty), parties.call_id == call_id)
    copy = select(calls.id, calls.started_at, *(parties[name] for name in columns)).select_from(both)
    copy = copy.where(calls.id == into_id)
    return ["call_id", "started_at", *columns], copy


async def open_spans(session: AsyncSession, user_ids: Iterable[int]) -> Sequence[AnyRow]:
    """The span that each of these agents is in."""
    columns = (AgentSpan.id, AgentSpan.user_id, AgentSpan.status, AgentSpan.reason, AgentSpan.started_at)
    rows = select(*columns).where(AgentSpan.user_id.in_(sorted(user_ids)), AgentSpan.ended_at.is_(None))
    return (await session.execute(rows.with_for_update())).all()


async def leg_ids(session: AsyncSession, call_ids: Sequence[int]) -> list[int]:
    return list(await session.scalars(select(Leg.id).where(Leg.call_id.in_(call_ids))))
