"""Two calls that turn out to be one: everything that people or the PBX said of either lives on in the one."""

from __future__ import annotations

from sqlalchemy import delete, insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_core.calls import recorder_queries, rules
from crm_core.calls.models import Call, CallAlias, CallEvents, CallNote, CallParty, Leg, Recording
from crm_core.db.uow import UnitOfWork
from crm_core.db.upsert import Excluded, copy_new, table_of, upsert

_calls, _aliases, _parties = table_of(Call), table_of(CallAlias), table_of(CallParty)
_MOVED = tuple(table_of(model) for model in (Leg, Recording, CallNote, CallEvents, CallAlias))


async def merge_calls(uow: UnitOfWork, from_id: int, into_id: int) -> None:
    """Moves notes, progress, claims, recordings, legs and events of ``from_id`` to ``into_id`` and removes the former.

    The old id leads to the other call from now on. Harmless when repeated, and when either is not stored yet.
    """
    if from_id == into_id:
        return
    await uow.session.flush()
    entered = await recorder_queries.write_ups(uow.session, [from_id, into_id])
    connection = await uow.session.connection()
    if from_id in entered:
        if into_id not in entered:
            columns, copy = recorder_queries.copy_of(from_id, into_id)
            await connection.execute(insert(_calls).from_select(columns, copy))
        await _move(uow, connection, from_id, into_id)
        kept = rules.merged(entered.get(into_id, entered[from_id]), entered[from_id])
        await connection.execute(update(_calls).where(_calls.c.id == into_id).values(**kept.columns()))
        await connection.execute(delete(_calls).where(_calls.c.id == from_id))
    if from_id in entered or into_id in entered:
        row = {"id": from_id, "call_id": into_id}
        await upsert(uow.session, _aliases, [row], keys=["id"], change=_lives_on_as)
    # Objects that this transaction has read show the calls as they were before.
    uow.session.expire_all()


def _lives_on_as(new: Excluded) -> dict[str, object]:
    return {"call_id": new.call_id}


async def _move(uow: UnitOfWork, connection: AsyncConnection, from_id: int, into_id: int) -> None:
    for table in _MOVED:
        await connection.execute(update(table).where(table.c.call_id == from_id).values(call_id=into_id))
    columns, copy = recorder_queries.parties_of(from_id, into_id)
    await copy_new(uow.session, _parties, columns, copy, keys=["call_id", "extension"])
