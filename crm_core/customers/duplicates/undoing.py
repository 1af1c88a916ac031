"""Takes a merge apart again, also after later edits: what a person changed since is kept and named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, update
from sqlalchemy.orm.attributes import flag_modified

from crm_core.audit import service as audit
from crm_core.customers import merge_queries, queries, record
from crm_core.customers.duplicates import fields, moving, pair_queries, pairs, records
from crm_core.customers.duplicates import reference_queries as references
from crm_core.customers.duplicates import service as duplicates
from crm_core.customers.duplicates.events import MergeUndone
from crm_core.customers.duplicates.reference_queries import customers
from crm_core.customers.duplicates.snapshots import Row, Snapshot, snapshot_of
from crm_core.customers.events import CustomerChanged, PhonesChanged
from crm_core.customers.merge_models import CustomerMerge
from crm_core.customers.models import Customer, Phone
from crm_core.customers.search import service as search
from crm_core.db.uow import UnitOfWork
from crm_core.db.upsert import table_of
from crm_core.kernel.errors import Conflict
from crm_core.kernel.ids import show
from crm_core.organization.access import Action, Actor

_phones = table_of(Phone)
_TOLD = {"customer_phones": "phones"}
_PEOPLES = frozenset({"account_numbers"})  # moved rows that are bookkeeping: never named as kept


@dataclass(frozen=True, slots=True)
class Undone:
    """``kept`` names what a person changed since the merge and what therefore stayed as it is."""

    merge_id: int
    customer_id: int
    from_id: int
    kept: tuple[str, ...]


async def undo(uow: UnitOfWork, merge_id: int, *, by: Actor) -> Undone:
    """The merged customer is there again with all that was his. Raises NotFound, Conflict ``merge_undone`` or
    ``merge_undo_order`` (the survivor was merged further: that merge has to be undone first)."""
    by.require(Action.CUSTOMER_MERGE)
    made = await pair_queries.merge_to_undo(uow.session, merge_id)
    if made is None:
        raise pair_queries.no_merge()
    survivor = await queries.customer_to_change(uow.session, by, made.survivor_id, Action.CUSTOMER_MERGE)
    if made.undone_at is not None or made.sealed is None:
        raise Conflict("merge_undone", "This merge was undone already.")
    if made.survivor_id != made.into_id:
        raise Conflict("merge_undo_order", "The survivor was merged further since; undo that later merge first.")
    snapshot = snapshot_of(uow.keyring.open(made.sealed, records.context(made.id)))
    reach = {name: snapshot.row[name] for name in ("owner_id", "department_id")}
    if not by.reaches(Action.CUSTOMER_MERGE, **reach):
        raise pair_queries.no_merge()
    kept = await _take_apart(uow, made, survivor, snapshot)
    made.undone_at, made.undone_by_id, made.sealed = uow.clock.now(), by.user_id, None
    both = [made.customer_id, survivor.id]
    await duplicates.renew(uow, both)
    await search.index_ids(uow, both)
    _say(uow, made, snapshot, kept, by)
    return Undone(made.id, made.customer_id, survivor.id, tuple(kept))


async def _take_apart(uow: UnitOfWork, made: CustomerMerge, survivor: Customer, snapshot: Snapshot) -> list[str]:
    now = await records.read(uow, survivor.id)
    back, stays = fields.restored(snapshot.survivor, now)
    records.write(uow, survivor, back)
    survivor.updated_at = uow.clock.now()
    flag_modified(survivor, "updated_at")
    await uow.session.flush()  # before the other is there again: an ID card is one customer's alone
    kept = {*stays, *await _insert_again(uow, made, snapshot)}
    edited = await _edited_phones(uow, snapshot)
    kept |= {_TOLD.get(name, name) for name in await moving.put_back(uow.session, snapshot) - _PEOPLES}
    for customer_id in (survivor.id, made.customer_id):
        await _number_phones(uow, customer_id)
    await pairs.put_back(uow, snapshot.pairs)
    await uow.session.refresh(survivor, ["phones"])
    await record.measure(uow, survivor)  # later edits that stay count, too
    return sorted(kept | edited)


async def _insert_again(uow: UnitOfWork, made: CustomerMerge, snapshot: Snapshot) -> list[str]:
    """The merged customer's row; columns that lead to what is no more are empty and named."""
    row, lost = dict(snapshot.row), []
    row["version"] += 1
    row["updated_at"] = uow.clock.now()
    for column in customers.columns:
        for foreign in column.foreign_keys:
            if row[column.name] is not None and not await _is_there(uow, foreign.column, row[column.name]):
                row[column.name] = await _where_now(uow, foreign.column, row[column.name])
                lost.append(column.name)
    if row["id_card_index"] is not None and await _is_there(uow, customers.c.id_card_index, row["id_card_index"]):
        row["id_card_index"] = row["id_card_sealed"] = None
        lost.append("id_card")
    await uow.session.execute(insert(customers).values(records.closed(uow, made.customer_id, row)))
    return lost


async def _is_there(uow: UnitOfWork, column: Any, value: Any) -> bool:
    return bool(await references.rows_of(uow.session, column.table, column == value))


async def _where_now(uow: UnitOfWork, column: Any, value: Any) -> int | None:
    return await merge_queries.survivor_of(uow.session, value) if column.table is customers else None


async def _edited_phones(uow: UnitOfWork, snapshot: Snapshot) -> set[str]:
    """Moved numbers that a person changed since keep the change."""
    for old in snapshot.phones:
        row = await references.row_with_key(uow.session, _phones, [old["id"]])
        if row is None or any(row[name] != old[name] for name in ("number", "kind", "state", "position")):
            return {"phones"}
    return set()


async def _number_phones(uow: UnitOfWork, customer_id: int) -> None:
    """One primary number and no gaps, whatever was done to the order meanwhile."""
    rows: list[Row] = await records.phones(uow, customer_id)
    for place, row in enumerate(rows):
        if row["position"] != place:
            await uow.session.execute(update(_phones).where(_phones.c.id == row["id"]).values(position=place))


def _say(uow: UnitOfWork, made: CustomerMerge, snapshot: Snapshot, kept: list[str], by: Actor) -> None:
    detail = {"merge": show(made.id), "from": show(made.into_id), "kept": kept}
    audit.record(uow, by, "customer.merge_undo", "customer", made.customer_id, detail)
    uow.emit(MergeUndone(merge_id=made.id, customer_id=made.customer_id, from_id=made.into_id, by_user_id=by.user_id))
    uow.emit(CustomerChanged(customer_id=made.customer_id, by_user_id=by.user_id, fields=["phones"]))
    names = sorted({*snapshot.survivor, "phones"})
    uow.emit(CustomerChanged(customer_id=made.into_id, by_user_id=by.user_id, fields=names))
    gone = [row["e164"] for row in snapshot.phones if row["e164"]]
    if gone:
        uow.emit(PhonesChanged(customer_id=made.into_id))
