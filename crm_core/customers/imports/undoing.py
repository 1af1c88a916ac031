"""Takes an import back: what it made goes, what it changed is put back; what people have worked with since stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import delete
from sqlalchemy.orm.attributes import flag_modified

from crm_core.customers import record, sealed
from crm_core.customers.classification import service as classification
from crm_core.customers.classification.kinds import IMPORTED
from crm_core.customers.duplicates import service as duplicates
from crm_core.customers.imports import queries
from crm_core.customers.imports.events import CustomersImported
from crm_core.customers.imports.keeping import unseal
from crm_core.customers.imports.kinds import Undone, Verdict
from crm_core.customers.imports.models import ImportRow
from crm_core.customers.imports.updating import derive, note_transfer
from crm_core.customers.models import Customer
from crm_core.customers.search import service as search
from crm_core.db.uow import UnitOfWork
from crm_core.db.upsert import table_of
from crm_core.jobs.runner import Work
from crm_core.kernel.texts import N_
from crm_core.organization.access import Action

_CHUNK: Final = 300
_LAST: Final = (1 << 63) - 1
_DAYS: Final = frozenset({"collected_at"})
_customers = table_of(Customer)
CHANGED: Final = N_("Changed since the import; it stays.")
USED: Final = N_("In use since the import (%(where)s); it stays.")


async def run(work: Work) -> Mapping[str, Any]:
    """From the last row to the first, so that a customer changed twice gets back what was there at first."""
    work.actor.require(Action.CUSTOMER_IMPORT)
    import_id = int(work.params["import_id"])
    counts = {Undone.UNDONE.value: 0, Undone.KEPT.value: 0, **work.position.get("counts", {})}
    before = int(work.position.get("before", _LAST))
    while True:
        async with work.step() as step:
            rows = await queries.rows_to_undo(step.uow.session, import_id, before, _CHUNK)
            if rows:
                before = rows[-1].number
                await _undo(step.uow, import_id, rows, work)
                for row in rows:
                    counts[(row.undone or Undone.KEPT).value] += 1
            else:
                batch = await queries.import_to_change(step.uow.session, work.actor, import_id)
                batch.undone_at = step.uow.clock.now()
            step.position = {"before": before, "counts": counts}
            step.done += len(rows)
            step.total = step.done if not rows else step.total
        if not rows:
            return counts


async def _undo(uow: UnitOfWork, import_id: int, rows: Sequence[ImportRow], work: Work) -> None:
    ids = {row.customer_id for row in rows if row.customer_id is not None}
    customers = await queries.customers_to_change(uow.session, ids)
    made = {row.customer_id for row in rows if row.verdict is Verdict.CREATE and row.customer_id is not None}
    used = await queries.used_since(uow.session, made)
    gone, restored, ours = [], list[tuple[ImportRow, Customer]](), set[int]()
    for row in rows:
        customer = customers.get(row.customer_id or 0)
        if customer is None:
            row.undone = Undone.UNDONE
        elif customer.version != row.version and customer.id not in ours:
            _keep(row, CHANGED)
        elif row.verdict is Verdict.CREATE and customer.id in used:
            _keep(row, USED, where=used[customer.id])
        elif row.verdict is Verdict.CREATE:
            row.undone = Undone.UNDONE
            gone.append(customer.id)
        else:
            await _put_back(uow, import_id, row, customer, work)
            ours.add(customer.id)
            restored.append((row, customer))
    await _write(uow, import_id, gone, restored, work)


async def _write(
    uow: UnitOfWork, import_id: int, gone: list[int], restored: Sequence[tuple[ImportRow, Customer]], work: Work
) -> None:
    await record.measure_many(uow, {customer.id: customer for _, customer in restored}.values())
    await uow.session.flush()
    if restored:
        ids = sorted({customer.id for _, customer in restored})
        await duplicates.renew(uow, ids)
        await search.index_ids(uow, ids)
        for row, customer in restored:
            await _earlier_rows(uow, row, customer)
    if gone:
        await search.forget(uow, gone)
        await uow.session.flush()
        uow.session.expunge_all()
        await uow.session.execute(delete(_customers).where(_customers.c.id.in_(gone)))
    touched = sorted({*gone, *(customer.id for _, customer in restored)})
    if touched:
        uow.emit(CustomersImported(import_id, touched, work.actor.user_id))


async def _earlier_rows(uow: UnitOfWork, row: ImportRow, customer: Customer) -> None:
    """An earlier row of the same import that touched him too now finds him as that row had left him."""
    for earlier in await queries.earlier_updates(uow.session, row.import_id, customer.id, row.number):
        earlier.version = customer.version


def _keep(row: ImportRow, sentence: str, **values: str) -> None:
    row.undone = Undone.KEPT
    row.reasons = [*row.reasons, {"field": "", "sentence": sentence, "values": values}]


async def _put_back(uow: UnitOfWork, import_id: int, row: ImportRow, customer: Customer, work: Work) -> None:
    kept = unseal(uow.keyring, import_id, row.kept_sealed) if row.kept_sealed else {"fields": {}, "phones": []}
    fields = dict(kept["fields"])
    hidden: dict[str, str | None] = {name: fields.pop(name) for name in sealed.FIELDS if name in fields}
    for name in _DAYS & fields.keys():
        fields[name] = None if fields[name] is None else date.fromisoformat(fields[name])
    owner_id = customer.owner_id
    changes = await record.store(uow, customer, record.Entered(fields, hidden))
    if "owner_id" in changes:
        note_transfer(uow, import_id, customer, owner_id, work.actor)
    added = set(kept["phones"])
    customer.phones = [phone for phone in customer.phones if phone.id not in added]
    derive(customer, changes.keys())
    classification.record_changes(uow, customer.id, changes, IMPORTED, work.actor)
    customer.updated_at = uow.clock.now()
    flag_modified(customer, "updated_at")
    row.undone = Undone.UNDONE
