"""Works out anew what follows from customers: keys to find them by, keys of duplicates, household, completeness.

A base from before these were kept gets all of it at the first start, as a job; by hand the same makes right again
whatever was written past the service.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from sqlalchemy import bindparam, update
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers import completeness, pinyin, rebuilding_queries, rules
from crm_core.customers.duplicates import service as duplicates
from crm_core.customers.duplicates.jobs import FIND_DUPLICATES
from crm_core.customers.models import Customer
from crm_core.customers.search import service as search
from crm_core.db.database import Database
from crm_core.db.types import AnyRow
from crm_core.db.uow import UnitOfWork
from crm_core.db.upsert import table_of
from crm_core.jobs import service as jobs
from crm_core.jobs.models import JobState
from crm_core.jobs.runner import Handler, Work
from crm_core.organization.access import SYSTEM

REBUILD: Final = "customers.rebuild"
_CHUNK = 200  # customers of one transaction: others write in between
_DERIVED: Final = ("pinyin", "initials", "household_key", "completeness", "last_contact_at")
_customers = table_of(Customer)
_UPDATE = (
    update(_customers)
    .where(_customers.c.id == bindparam("of"))
    # Past the version: nobody who edits a customer at this moment loses anything by it.
    .values({name: bindparam(f"new_{name}") for name in _DERIVED})
)


class Contacts(Protocol):
    """When customers were last spoken with; a context that knows of calls or visits implements it."""

    async def last(self, session: AsyncSession, customer_ids: Sequence[int]) -> Mapping[int, Any]: ...


async def start_if_needed(db: Database) -> bool:
    """At the start of the service: a job for a base whose customers cannot be found yet, or whose last try failed."""
    async with db.read() as session:
        state = await rebuilding_queries.latest(session, REBUILD)
        unknown = await rebuilding_queries.is_unknown_to_search(session)
    if not (unknown or state in (JobState.FAILED, JobState.CANCELLED)) or state in (JobState.QUEUED, JobState.RUNNING):
        return False
    async with db.uow() as uow:
        await jobs.start(uow, REBUILD, {}, by=SYSTEM, total=await rebuilding_queries.count(uow.session))
    return True


async def rebuild(db: Database, contacts: Sequence[Contacts], progress: Callable[[int], None]) -> int:
    """All customers now, while others work; gives how many. ``progress`` is told after each batch."""
    async with db.read() as session:
        empty = await rebuilding_queries.is_unknown_to_search(session)
    if empty:
        await search.build(db)
    done = after = 0
    while True:
        async with db.uow() as uow:
            ids = await rebuilding_queries.ids_to_renew(uow.session, after, _CHUNK)
            await _renew(uow, ids, contacts, indexed=empty)
            if not ids:
                await jobs.start(uow, FIND_DUPLICATES, {}, by=SYSTEM)
                return done
        done, after = done + len(ids), ids[-1]
        progress(done)


def handlers(contacts: Sequence[Contacts]) -> Mapping[str, Handler]:
    """``contacts`` say when customers were last spoken with."""

    async def run(work: Work) -> Mapping[str, Any]:
        after: int | None = work.position.get("after", 0)
        while after is not None:
            async with work.step() as step:
                ids = await rebuilding_queries.ids_to_renew(step.uow.session, after, _CHUNK)
                await _renew(step.uow, ids, contacts)
                after = ids[-1] if ids else None
                step.done, step.position = step.done + len(ids), {"after": after}
                if after is None:
                    # Only now every customer has the keys that the search through the base goes by.
                    await jobs.start(step.uow, FIND_DUPLICATES, {}, by=SYSTEM)
        return {"customers": work.done}

    return {REBUILD: run}


async def _renew(uow: UnitOfWork, ids: Sequence[int], contacts: Sequence[Contacts], *, indexed: bool = False) -> None:
    if not ids:
        return
    spoken: dict[int, Any] = {}
    for source in contacts:
        for customer_id, at in (await source.last(uow.session, ids)).items():
            spoken[customer_id] = max(at, spoken.get(customer_id, at))
    details = await rebuilding_queries.details(uow.session, ids)
    met = await rebuilding_queries.with_contacts(uow.session, ids)
    changes = []
    for row in await rebuilding_queries.customers(uow.session, ids):
        new = _derived(row, details.get(row.id, {}), row.id in met)
        new["last_contact_at"] = row.last_contact_at or spoken.get(row.id)
        if any(new[name] != getattr(row, name) for name in _DERIVED):
            changes.append({"of": row.id, **{f"new_{name}": new[name] for name in _DERIVED}})
    if changes:
        await (await uow.session.connection()).execute(_UPDATE, changes)
    if not indexed:
        await search.index_ids(uow, ids)
    await duplicates.renew(uow, ids)


def _derived(row: AnyRow, details: Mapping[str, Any], contacts: bool) -> dict[str, Any]:
    values = {**row._mapping, **details}
    readings, initials = pinyin.keys(row.name)
    parts = completeness.known(values, phone=bool(row.reachable), contacts=contacts)
    return {
        "pinyin": readings,
        "initials": initials,
        "household_key": rules.household_key(values),
        "completeness": completeness.share(row.kind, parts),
    }
