"""Two customers become one, in one transaction: everything attached moves, the old numbers lead to the survivor."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm.attributes import flag_modified

from crm_core.audit import service as audit
from crm_core.customers import queries, record, rules
from crm_core.customers.duplicates import fields, moving, pairs, records
from crm_core.customers.duplicates import service as duplicates
from crm_core.customers.duplicates.events import CustomersMerged
from crm_core.customers.duplicates.reference_queries import customers
from crm_core.customers.duplicates.snapshots import Snapshot, text_of
from crm_core.customers.events import CustomerChanged, PhonesChanged
from crm_core.customers.merge_models import CustomerMerge
from crm_core.customers.models import Customer, Phone
from crm_core.customers.pinyin import keys
from crm_core.customers.search import service as search
from crm_core.db.uow import UnitOfWork
from crm_core.db.upsert import table_of
from crm_core.kernel.errors import Conflict, Rejected
from crm_core.kernel.ids import new_id, show
from crm_core.organization.access import Action, Actor

_phones = table_of(Phone)
Apply = Callable[[UnitOfWork], Awaitable[object]]


async def merge(
    uow: UnitOfWork,
    customer_id: int,
    into_id: int,
    *,
    by: Actor,
    take: Collection[str] = (),
    apply: Apply | None = None,
) -> CustomerMerge:
    """``customer_id`` goes into ``into_id``, which keeps its own values but for what it lacks and what ``take`` names.

    ``apply`` sets further fields of the survivor in the same transaction; an undo takes them back too.
    Raises NotFound unless the right to merge reaches both, Rejected, Denied.
    """
    other, survivor = await _both(uow, customer_id, into_id, by)
    if "owner" in take and other.owner_id != survivor.owner_id:
        by.require(Action.CUSTOMER_ASSIGN)
    snapshot = Snapshot(row=await records.read(uow, customer_id))
    before = await records.read(uow, into_id)
    both = {customer_id, into_id}
    numbers = sorted({phone.e164 for phone in (*other.phones, *survivor.phones) if phone.e164})
    snapshot.pairs = await pairs.merged(uow, customer_id, into_id, by)
    await _move(uow, other, survivor, snapshot)
    changes = fields.combined(records.apart(before, both), records.apart(snapshot.row, both), take)
    records.write(uow, survivor, changes)
    await _flushed(uow, survivor)
    if apply is not None:
        await apply(uow)
    survivor.pinyin, survivor.initials = keys(survivor.name)
    survivor.household_key = rules.household_key({name: getattr(survivor, name) for name in records.ADDRESS})
    await record.measure(uow, survivor)
    await _flushed(uow, survivor)
    after = await records.read(uow, into_id)
    snapshot.survivor = records.difference(records.apart(before, both), after)
    made = _record(uow, snapshot, into_id, by)
    await duplicates.renew(uow, [into_id])
    await search.index_ids(uow, [into_id])
    _say(uow, made, snapshot, numbers, by)
    return made


async def _both(uow: UnitOfWork, customer_id: int, into_id: int, by: Actor) -> tuple[Customer, Customer]:
    """Locked in the order of their ids, so that two who merge the same pair the two ways never wait for each other."""
    by.require(Action.CUSTOMER_MERGE)
    if customer_id == into_id:
        raise Rejected("merge_same", "A customer cannot be merged with himself.", errors={"into": "the same customer"})
    found = {}
    for one in sorted((customer_id, into_id)):
        found[one] = await queries.customer_to_change(uow.session, by, one, Action.CUSTOMER_MERGE)
    other, survivor = found[customer_id], found[into_id]
    if (other.id, survivor.id) != (customer_id, into_id):
        raise Conflict("already_merged", "One of the two was merged already; read it again.")
    if other.kind != survivor.kind:
        raise Conflict("merge_other_kind", "A person and an organisation cannot be merged.")
    return other, survivor


async def _move(uow: UnitOfWork, other: Customer, survivor: Customer, snapshot: Snapshot) -> None:
    await _join_phones(uow, other, survivor, snapshot)
    await moving.move_all(uow.session, customers, other.id, survivor.id, snapshot)
    await search.forget(uow, [other.id])
    uow.session.expunge(other)
    await uow.session.execute(delete(customers).where(customers.c.id == other.id))
    await uow.session.refresh(survivor, ["phones", "referred_by_id"])


async def _join_phones(uow: UnitOfWork, other: Customer, survivor: Customer, snapshot: Snapshot) -> None:
    """The other's numbers come after the survivor's own; one that both have stays the survivor's."""
    mine = {row["reversed_digits"]: row for row in await records.phones(uow, survivor.id)}
    place = len(mine)
    for row in await records.phones(uow, other.id):
        if (twin := mine.get(row["reversed_digits"])) is not None:
            await moving.take_over(uow.session, _phones, row, twin, snapshot)
            continue
        await moving.set_noted(uow.session, _phones, row, {"position": place}, snapshot)
        snapshot.phones.append({**row, "position": place})
        place += 1


async def _flushed(uow: UnitOfWork, survivor: Customer) -> None:
    survivor.updated_at = uow.clock.now()
    flag_modified(survivor, "updated_at")  # the version rises: who has the old one open is told
    await uow.session.flush()


def _record(uow: UnitOfWork, snapshot: Snapshot, into_id: int, by: Actor) -> CustomerMerge:
    made = CustomerMerge(
        id=new_id(),
        customer_id=snapshot.row["id"],
        into_id=into_id,
        survivor_id=into_id,
        account_number=snapshot.row["account_number"],
        at=uow.clock.now(),
        by_user_id=by.user_id,
    )
    made.sealed = uow.keyring.seal(text_of(snapshot), records.context(made.id))
    uow.session.add(made)
    return made


def _say(uow: UnitOfWork, made: CustomerMerge, snapshot: Snapshot, numbers: list[str], by: Actor) -> None:
    detail: dict[str, Any] = {
        "into": show(made.into_id),
        "merge": show(made.id),
        "account_number": made.account_number,
        "fields": sorted(name for name in snapshot.survivor if name not in fields.DERIVED),
        "moved": records.counts(snapshot),
    }
    audit.record(uow, by, "customer.merge", "customer", made.customer_id, detail)
    audit.record(uow, by, "customer.merged_into", "customer", made.into_id, detail | {"from": show(made.customer_id)})
    uow.emit(
        CustomersMerged(merge_id=made.id, customer_id=made.customer_id, into_id=made.into_id, by_user_id=by.user_id)
    )
    names = sorted({*snapshot.survivor, "phones"})
    uow.emit(CustomerChanged(customer_id=made.into_id, by_user_id=by.user_id, fields=names))
    if numbers:
        uow.emit(PhonesChanged(customer_id=made.into_id))
