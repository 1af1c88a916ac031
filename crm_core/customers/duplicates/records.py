"""A customer's row as a merge keeps it: what is sealed lies open inside a record that is sealed as a whole."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from crm_core.customers.duplicates import reference_queries as references
from crm_core.customers.duplicates.reference_queries import customers
from crm_core.customers.duplicates.snapshots import Row, Snapshot
from crm_core.customers.models import Customer, Phone
from crm_core.db.uow import UnitOfWork
from crm_core.db.upsert import table_of

ADDRESS: Final = ("province", "city", "district", "community", "street")
# Sealed columns are bound to their customer (``customers.sealed``): they are opened here and sealed anew there.
SEALED: Final = {
    "id_card_sealed": "customers.id_card",
    "medical_sealed": "customers.medical",
    "contraindications_sealed": "customers.contraindications",
}
_UNTOLD: Final = frozenset({"version", "updated_at"})  # rise with each change, also with the merge's own
_phones = table_of(Phone)


def context(merge_id: int) -> str:
    """What a merge's sealed record is bound to."""
    return f"customer_merges.sealed:{merge_id}"


async def read(uow: UnitOfWork, customer_id: int) -> Row:
    """All columns, the sealed ones opened."""
    row = await references.row_with_key(uow.session, customers, [customer_id])
    if row is None:
        raise LookupError(customer_id)
    for name, place in SEALED.items():
        if row[name] is not None:
            row[name] = uow.keyring.open(row[name], f"{place}:{customer_id}")
    return row


def closed(uow: UnitOfWork, customer_id: int, row: Row) -> Row:
    """The columns as they are stored."""
    found = dict(row)
    for name, place in SEALED.items():
        if found.get(name) is not None:
            found[name] = uow.keyring.seal(found[name], f"{place}:{customer_id}")
    return found


def write(uow: UnitOfWork, customer: Customer, changes: Row) -> None:
    """Sets columns as ``read`` gives them."""
    for name, value in closed(uow, customer.id, changes).items():
        setattr(customer, name, value)


def apart(row: Row, both: Collection[int]) -> Row:
    """Without one having recommended the other: nobody recommends himself. (``moving`` keeps it for the undoing.)"""
    return row | {"referred_by_id": None} if row["referred_by_id"] in both else row


def difference(before: Row, after: Row) -> dict[str, list[Any]]:
    """Column to (before, after), for what differs."""
    return {
        name: [value, after[name]] for name, value in before.items() if name not in _UNTOLD and value != after[name]
    }


async def phones(uow: UnitOfWork, customer_id: int) -> list[Row]:
    """The customer's numbers in their order."""
    rows = await references.rows_of(uow.session, _phones, _phones.c.customer_id == customer_id)
    return sorted(rows, key=lambda row: (row["position"], row["id"]))


def counts(snapshot: Snapshot) -> dict[str, int]:
    """How many rows of each table moved."""
    found: dict[str, int] = {}
    for moved in snapshot.moved:
        found[moved.table] = found.get(moved.table, 0) + len(moved.keys)
    return dict(sorted(found.items()))
