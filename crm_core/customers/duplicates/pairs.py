"""Pairs of the duplicate list: stored by the search, decided by people, carried along by merges."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, update

from crm_core.audit import service as audit
from crm_core.customers.duplicates import pair_queries
from crm_core.customers.duplicates.models import DuplicatePair, PairState
from crm_core.customers.duplicates.rules import Alike
from crm_core.customers.duplicates.snapshots import Row
from crm_core.db.uow import UnitOfWork
from crm_core.db.upsert import Excluded, table_of, upsert
from crm_core.kernel.errors import Conflict
from crm_core.kernel.ids import new_id, show
from crm_core.organization.access import Actor

_pairs = table_of(DuplicatePair)


async def store(uow: UnitOfWork, found: Iterable[tuple[int, int, Alike]]) -> None:
    """Pairs that were found: a known one gets its new score and keeps what was decided."""
    now = uow.clock.now()
    rows = [
        {
            "id": new_id(),
            "first_id": min(one, other),
            "second_id": max(one, other),
            "score": alike.score,
            "reasons": [reason.value for reason in alike.reasons],
            "state": PairState.OPEN,
            "found_at": now,
        }
        for one, other, alike in found
    ]
    await upsert(uow.session, _pairs, rows, keys=["first_id", "second_id"], change=_newer)


def _newer(new: Excluded) -> dict[str, Any]:
    return {"score": new["score"], "reasons": new["reasons"], "found_at": new["found_at"]}


async def forget_older(uow: UnitOfWork, began: datetime) -> None:
    """Open pairs that a whole search did not find again are alike no more."""
    await uow.session.execute(delete(_pairs).where(_pairs.c.state == PairState.OPEN, _pairs.c.found_at < began))


async def decide(uow: UnitOfWork, pair_id: int, state: PairState, *, by: Actor) -> DuplicatePair:
    """They are not one (``not_duplicate``), or it is open again. Raises NotFound, Conflict ``pair_merged``."""
    pair = await pair_queries.pair_to_change(uow.session, by, pair_id)
    if pair.state is PairState.MERGED:
        raise Conflict("pair_merged", "These two were merged; undo the merge first.")
    open_again = state is PairState.OPEN
    pair.state = state
    pair.decided_at = None if open_again else uow.clock.now()
    pair.decided_by_id = None if open_again else by.user_id
    detail = {"with": show(pair.second_id), "state": state.value}
    audit.record(uow, by, "customer.duplicate", "customer", pair.first_id, detail)
    return pair


async def merged(uow: UnitOfWork, gone: int, into: int, by: Actor) -> list[Row]:
    """Marks the pair of the two and carries the other pairs of ``gone`` over; gives the rows as they were."""
    rows = await pair_queries.rows_with(uow.session, gone)
    known = {_other(row, into) for row in await pair_queries.rows_with(uow.session, into)}
    for row in rows:
        mine, other = _pairs.c.id == row["id"], _other(row, gone)
        if other == into:
            decided = {"state": PairState.MERGED, "decided_at": uow.clock.now(), "decided_by_id": by.user_id}
            await uow.session.execute(update(_pairs).where(mine).values(**decided))
        elif row["state"] is PairState.MERGED:
            continue  # history of an earlier merge
        elif other in known:
            await uow.session.execute(delete(_pairs).where(mine))
        else:
            ends = {"first_id": min(other, into), "second_id": max(other, into)}
            await uow.session.execute(update(_pairs).where(mine).values(**ends))
    return rows


async def put_back(uow: UnitOfWork, rows: Sequence[Row]) -> None:
    """Undoes ``merged``."""
    if rows:
        await uow.session.execute(delete(_pairs).where(_pairs.c.id.in_([row["id"] for row in rows])))
        await uow.session.execute(insert(_pairs), [dict(row) for row in rows])


def _other(row: Row, one: int) -> int:
    return int(row["second_id"] if row["first_id"] == one else row["first_id"])
