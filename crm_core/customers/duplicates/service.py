"""Keeps the keys of the duplicate check in step with the customers."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import delete

from crm_core.customers.duplicates import keys, queries
from crm_core.customers.duplicates.models import MatchKey
from crm_core.customers.duplicates.rules import Facts
from crm_core.customers.models import Customer
from crm_core.db.bulk import insert_rows
from crm_core.db.uow import UnitOfWork
from crm_core.db.upsert import table_of, upsert

_keys = table_of(MatchKey)
_COLUMNS = ("key", "customer_id")


async def keys_changed(uow: UnitOfWork, customer: Customer) -> None:
    """After each change of a customer: his keys as they should be now. ``customer.phones`` has to be loaded."""
    phones = frozenset(phone.e164 or phone.reversed_digits[::-1] for phone in customer.phones)
    fields = {name: getattr(customer, name) for name in queries.FACTS}
    wanted = keys.keys_of(keys.facts_of(customer.id, fields, phones))
    await _replace(uow, customer.id, wanted)


async def renew(uow: UnitOfWork, customer_ids: Collection[int]) -> None:
    """The keys of these customers from what is stored; for many at once (imports, merges)."""
    await uow.session.flush()
    stored = await queries.stored_customers(uow.session, customer_ids)
    for block in queries.blocks(sorted(customer_ids)):
        await uow.session.execute(delete(_keys).where(_keys.c.customer_id.in_(block)))
    await add_keys(uow, (one.facts for one in stored.values()))


async def add_keys(uow: UnitOfWork, facts: Iterable[Facts]) -> None:
    """The keys of customers who have none yet."""
    rows = [(key, one.customer_id) for one in facts for key in keys.keys_of(one)]
    rows.sort()  # in the order of the index
    await insert_rows(uow.session, _keys, _COLUMNS, rows)


async def _replace(uow: UnitOfWork, customer_id: int, wanted: set[int]) -> None:
    stored = await queries.keys_stored(uow.session, customer_id)
    if gone := stored - wanted:
        mine = _keys.c.customer_id == customer_id
        await uow.session.execute(delete(_keys).where(mine, _keys.c.key.in_(sorted(gone))))
    rows = [{"key": key, "customer_id": customer_id} for key in sorted(wanted - stored)]
    await upsert(uow.session, _keys, rows, keys=_COLUMNS)
