"""The one place where customers change hands in number: rows, history, pool, notices, events, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, insert, update

from crm_core.audit import service as audit
from crm_core.customers.allocation.events import CustomersReceived
from crm_core.customers.allocation.kinds import NoticeState
from crm_core.customers.allocation.models import PoolEntry, ReclaimNotice
from crm_core.customers.classification.service import record_change
from crm_core.customers.events import CustomerTransferred
from crm_core.customers.kinds import OwnerChangeKind, RecordState
from crm_core.customers.models import Customer, OwnerChange
from crm_core.db.types import AnyRow
from crm_core.db.uow import UnitOfWork
from crm_core.kernel.ids import new_id
from crm_core.organization.access import Actor


@dataclass(frozen=True, slots=True)
class Act:
    """What the customers of one batch have in common."""

    kind: OwnerChangeKind
    reason: str
    batch_id: int


async def move(
    uow: UnitOfWork, rows: Sequence[AnyRow], to: Mapping[int, tuple[int | None, int | None]], act: Act, *, by: Actor
) -> None:
    """Gives each of ``rows`` (locked by the caller) to ``to[id]``: the new owner and his department.

    The customers' versions rise, so that whoever has one of them open in a form hears of it.
    """
    if not rows:
        return
    now = uow.clock.now()
    groups: dict[tuple[int | None, int | None], list[AnyRow]] = {}
    for row in rows:
        groups.setdefault(to[row.id], []).append(row)
    for (owner, department), group in groups.items():
        values: dict[str, Any] = {"owner_id": owner, "updated_at": now, "version": Customer.version + 1}
        values["allocated_at"] = None
        if owner is not None:
            values |= {"department_id": department, "allocated_at": now, "record_state": RecordState.ALLOCATED}
        statement = update(Customer).where(Customer.id.in_([row.id for row in group])).values(**values)
        await uow.session.execute(statement, execution_options={"synchronize_session": False})
    for row in rows:
        if to[row.id][0] is not None:
            record_change(uow, row.id, "record_state", row.record_state, RecordState.ALLOCATED, act.kind, by)
    await uow.session.execute(insert(OwnerChange), [_change(uow, row, to[row.id][0], act, by) for row in rows])
    await _settle(uow, [row.id for row in rows])
    _tell(uow, rows, to, act, by)


def _change(uow: UnitOfWork, row: AnyRow, to_user_id: int | None, act: Act, by: Actor) -> dict[str, Any]:
    return {
        "id": new_id(),
        "customer_id": row.id,
        "at": uow.clock.now(),
        "from_user_id": row.owner_id,
        "to_user_id": to_user_id,
        "by_user_id": by.user_id,
        "reason": act.reason,
        "kind": act.kind,
        "batch_id": act.batch_id,
    }


async def _settle(uow: UnitOfWork, ids: Sequence[int]) -> None:
    """Who has a new owner is in the pool no more, and what the old owner was announced is void."""
    await uow.session.execute(delete(PoolEntry).where(PoolEntry.customer_id.in_(ids)))
    void = update(ReclaimNotice).where(ReclaimNotice.customer_id.in_(ids), ReclaimNotice.state == NoticeState.ANNOUNCED)
    ended = {"state": NoticeState.KEPT, "closed_at": uow.clock.now(), "outcome": "owner_changed"}
    await uow.session.execute(void.values(**ended), execution_options={"synchronize_session": False})


def _tell(
    uow: UnitOfWork, rows: Sequence[AnyRow], to: Mapping[int, tuple[int | None, int | None]], act: Act, by: Actor
) -> None:
    counts: dict[int, int] = {}
    for row in rows:
        owner = to[row.id][0]
        uow.emit(
            CustomerTransferred(customer_id=row.id, from_user_id=row.owner_id, to_user_id=owner, by_user_id=by.user_id)
        )
        if owner is not None:
            counts[owner] = counts.get(owner, 0) + 1
    for owner, count in counts.items():
        if owner != by.user_id:
            uow.emit(CustomersReceived(user_id=owner, count=count, batch_id=act.batch_id, kind=act.kind))
    detail = {
        "batch": act.batch_id,
        "to": {str(k): n for k, n in counts.items()},
        "customers": [row.id for row in rows],
        "reason": act.reason,
    }
    single = rows[0].id if len(rows) == 1 else None
    audit.record(uow, by, f"customer.{act.kind}", "customer", single, detail)
