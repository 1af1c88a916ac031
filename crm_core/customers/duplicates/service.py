"""Keeps the keys of the duplicate check in step with the customers."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import delete

from crm_core.customers.duplicates import keys, queries
from crm_core.customers.duplicates.features import MADE_BY, packed
from crm_core.customers.duplicates.models import MatchKey, MatchRecord
from crm_core.customers.duplicates.rules import Facts
from crm_core.customers.models import Customer
from crm_core.db.bulk import insert_rows
from crm_core.db.pairs import Pair, add_pairs
from crm_core.db.uow import UnitOfWork
from crm_core.db.upsert import Excluded, table_of, upsert

_keys, _records = table_of(MatchKey), table_of(MatchRecord)
_COLUMNS, _RECORD = ("key", "customer_id"), ("customer_id", "made_by", "facts")


async def keys_changed(uow: UnitOfWork, customer: Customer) -> None:
    """After each change of a customer: his keys as they should be now. ``customer.phones`` has to be loaded."""
    phones = frozenset(phone.e164 or phone.reversed_digits[::-1] for phone in customer.phones)
    fields = {name: getattr(customer, name) for name in queries.FACTS}
    facts = keys.facts_of(customer.id, fields, phones)
    await _replace(uow, customer.id, keys.keys_of(facts))
    record = dict(zip(_RECORD, (customer.id, MADE_BY, packed(facts)), strict=True))
    await upsert(uow.session, _records, [record], keys=["customer_id"], change=_newer)


async def renew(uow: UnitOfWork, customer_ids: Collection[int]) -> None:
    """The keys of these customers from what is stored; for many at once (imports, merges)."""
    await uow.session.flush()
    stored = await queries.stored_customers(uow.session, customer_ids)
    for block in queries.blocks(sorted(customer_ids)):
        for table in (_keys, _records):
            await uow.session.execute(delete(table).where(table.c.customer_id.in_(block)))
    await add_keys(uow, (one.facts for one in stored.values()))


async def add_keys(uow: UnitOfWork, facts: Iterable[Facts]) -> None:
    """The keys of customers who have none yet."""
    new = list(facts)
    await add_known_keys(uow, [(key, one.customer_id) for one in new for key in keys.keys_of(one)])
    await add_records(uow, [(one.customer_id, packed(one)) for one in new])


async def add_known_keys(uow: UnitOfWork, pairs: Iterable[Pair]) -> None:
    """The same for keys that are worked out already: pairs of a key and its customer."""
    await add_pairs(uow.session, _keys, await asyncio.to_thread(sorted, pairs))  # in the order of the index


async def add_records(uow: UnitOfWork, records: Sequence[tuple[int, bytes]]) -> None:
    """For customers who have none: what ``features.packed`` made of each. Without it the next search makes it."""
    await insert_rows(uow.session, _records, _RECORD, [(customer_id, MADE_BY, facts) for customer_id, facts in records])


def _newer(new: Excluded) -> dict[str, Any]:
    return {"made_by": new["made_by"], "facts": new["facts"]}


async def _replace(uow: UnitOfWork, customer_id: int, wanted: set[int]) -> None:
    stored = await queries.keys_stored(uow.session, customer_id)
    if gone := stored - wanted:
        mine = _keys.c.customer_id == customer_id
        await uow.session.execute(delete(_keys).where(mine, _keys.c.key.in_(sorted(gone))))
    rows = [{"key": key, "customer_id": customer_id} for key in sorted(wanted - stored)]
    await upsert(uow.session, _keys, rows, keys=_COLUMNS)
