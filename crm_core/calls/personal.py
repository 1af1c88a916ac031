"""One person's share of the call log: told to the person, or taken out of it so that figures and times stay right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.calls import personal_queries
from crm_core.calls.facts import Direction
from crm_core.calls.models import Call, CallEvents, CallNote, Recording
from crm_core.db.uow import UnitOfWork
from crm_core.db.upsert import table_of

NOBODY: Final = "*"  # stands where the number was
_AT_ONCE: Final = 500  # PostgreSQL takes 32,767 values a statement, SQLite likewise
_calls = table_of(Call)
_texts = tuple(table_of(model) for model in (CallNote, CallEvents, Recording))


class CallsOfPerson:
    """Handed to the jobs of data protection, which know no calls."""

    async def gather(self, session: AsyncSession, customer_id: int) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        return {
            "calls": await personal_queries.calls(session, customer_id),
            "call_notes": await personal_queries.notes(session, customer_id),
            "recordings": await personal_queries.recordings(session, customer_id),
        }

    async def erase(self, uow: UnitOfWork, customer_id: int, numbers: Sequence[str]) -> Mapping[str, int]:
        """Numbers, names, notes, events and the rows of recordings go; the sound files are the PBX's own.

        ``callcenter recordings audit`` then names those files as orphans, to be deleted there.
        """
        ids = await personal_queries.ids_of(uow.session, customer_id, numbers)
        wiped = {"calls": len(ids), "call_notes": 0, "call_events": 0, "recordings": 0}
        connection = await uow.session.connection()
        for start in range(0, len(ids), _AT_ONCE):
            part = ids[start : start + _AT_ONCE]
            for table in _texts:
                gone = await connection.execute(delete(table).where(table.c.call_id.in_(part)))
                wiped[table.name] += gone.rowcount
            mine = _calls.c.id.in_(part)
            nameless = {"customer_number": NOBODY, "customer_e164": None, "caller_name": None}
            await connection.execute(update(_calls).where(mine).values(**nameless))
            for side, direction in (("caller_number", Direction.INBOUND), ("called_number", Direction.OUTBOUND)):
                there = mine & (_calls.c.direction == direction)
                await connection.execute(update(_calls).where(there).values(**{side: NOBODY}))
        return wiped
