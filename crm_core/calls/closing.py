"""Calls whose end nobody saw: the PBX does not know them any more, and the events that began them are not all there."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import update

from crm_core.calls.facts import CallState, Certainty
from crm_core.calls.models import Call
from crm_core.db.uow import UnitOfWork
from crm_core.db.upsert import table_of

_calls = table_of(Call)


async def close_unknown(uow: UnitOfWork, call_ids: Collection[int]) -> None:
    """Marks open calls as over; when and how they ended stays unknown."""
    if call_ids:
        connection = await uow.session.connection()
        await connection.execute(
            update(_calls)
            .where(_calls.c.id.in_(sorted(call_ids)), _calls.c.state != CallState.ENDED)
            .values(state=CallState.ENDED, certainty=Certainty.GAP)
        )
