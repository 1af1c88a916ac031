"""Keeps the search index true: after each change of a customer, and anew for a whole base."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from sqlalchemy import delete

from crm_core.customers.models import Customer
from crm_core.customers.search import facts_queries, line_queries
from crm_core.customers.search.line_queries import Known
from crm_core.customers.search.models import SearchEntry, SearchToken
from crm_core.customers.search.tokens import tokens_of
from crm_core.db.bulk import insert_rows
from crm_core.db.database import Database
from crm_core.db.filling import add_sorted, fill_pairs, put_keyed
from crm_core.db.pairs import Pair, add_pairs, drop_pairs
from crm_core.db.trips import in_one_trip, spelling_of
from crm_core.db.uow import UnitOfWork
from crm_core.db.upsert import Excluded, table_of, upsert

if TYPE_CHECKING:
    from crm_core.db.filling import Numbers

_BATCH = 1000  # customers of one transaction of a walk through the base
_STRETCH = 1_000_000  # customers whose tokens are sorted together before they are written
_tokens, _entries = table_of(SearchToken), table_of(SearchEntry)


async def index(uow: UnitOfWork, customers: Sequence[Customer]) -> None:
    """Brings the index up to what these customers are now; to be called after each change, in its transaction."""
    await uow.session.flush()
    await index_ids(uow, [customer.id for customer in customers])


async def index_ids(uow: UnitOfWork, ids: Sequence[int]) -> None:
    """The same for customers known by id; those that are gone leave the index."""
    for start in range(0, len(ids), _BATCH):
        await _index(uow, sorted(set(ids[start : start + _BATCH])))


async def note(uow: UnitOfWork, found: Mapping[int, bytes]) -> None:
    """Customers who have just been stored, by id with their tokens (``tokens.packed``): found after ``enter`` only."""
    await insert_rows(uow.session, _entries, ("customer_id", "tokens"), sorted(found.items()))


def in_order(found: Mapping[int, bytes]) -> tuple[Numbers, Numbers]:
    """What was noted of customers as pairs of token and customer in the order of the index; for a thread."""
    import numpy as np

    tokens, ids = array("i"), sorted(found)
    for one in ids:
        tokens.frombytes(found[one])
    owners = np.repeat(np.array(ids, np.int64), [len(found[one]) // tokens.itemsize for one in ids])
    return _in_order(tokens, owners)


async def enter(uow: UnitOfWork, first: Numbers, second: Numbers) -> None:
    """Writes a stretch of the pairs: the more customers they are of, the fewer places of the index each touches."""
    await add_sorted(uow.session, _tokens, first, second)


async def forget(uow: UnitOfWork, ids: Sequence[int]) -> None:
    """Takes customers out of the index; to be called before they are deleted."""
    known = await facts_queries.entries(uow.session, ids)
    pairs = sorted((token, customer_id) for customer_id, held in known.items() for token in _unpacked(held))
    await drop_pairs(uow.session, _tokens, pairs)
    await uow.session.execute(delete(_entries).where(_entries.c.customer_id.in_(ids)))


async def rebuild(db: Database) -> int:
    """Looks at every customer; gives how many there are. Safe while the service runs; an empty index is quickest."""
    seen = last = 0
    while True:
        async with db.uow() as uow:
            ids = await facts_queries.ids_after(uow.session, last, _BATCH)
            await _index(uow, ids)
        if not ids:
            return seen
        seen, last = seen + len(ids), ids[-1]


async def build(db: Database) -> int:
    """Fills an empty index, a million customers at a time: sorted together, so that each page is written once."""
    seen, last = 0, 0
    while True:
        tokens, ids = array("i"), array("q")
        for _ in range(_STRETCH // _BATCH):
            async with db.uow() as uow:
                read = line_queries.after(last, _BATCH, spelling_of(uow.session))
                known = await in_one_trip(uow.session, read)
                await _enter(uow, known, tokens, ids)
            if not known:
                break
            seen, last = seen + len(known), known[-1].id
        if not ids:
            return seen
        await fill_pairs(db, _tokens, *await asyncio.to_thread(_in_order, tokens, ids))


async def _enter(uow: UnitOfWork, known: Sequence[Known], tokens: array[int], ids: array[int]) -> None:
    """Notes what each customer has; the pairs of ``tokens`` and ``ids`` are still to be written."""
    ring = uow.keyring if uow.keyring.ids else None
    rows = []
    for one in known:
        found = array("i", sorted(tokens_of(line_queries.facts(one, ring, to_index=True))))
        tokens += found
        ids.extend([one.id] * len(found))
        rows.append((one.id, found.tobytes()))
    await put_keyed(uow.session, _entries, rows)


def _in_order(tokens: array[int], ids: array[int] | Numbers) -> tuple[Numbers, Numbers]:
    import numpy as np  # not for the running service, which indexes a few at a time

    first, second = np.frombuffer(tokens, np.int32).astype(np.int64), np.frombuffer(ids, np.int64)
    # The ids ascend: a sort that keeps equal ones as they are is enough.
    order = np.argsort(first, kind="stable")
    return first[order], second[order]


async def _index(uow: UnitOfWork, ids: Sequence[int]) -> None:
    known = await facts_queries.entries(uow.session, ids)
    added: list[Pair] = []
    gone: list[Pair] = []
    rows = []
    for facts in await facts_queries.facts_of(uow.session, ids):
        wanted, held = tokens_of(facts), set(_unpacked(known.pop(facts.id, b"")))
        if wanted != held:
            added += [(token, facts.id) for token in wanted - held]
            gone += [(token, facts.id) for token in held - wanted]
            rows.append({"customer_id": facts.id, "tokens": _packed(wanted)})
    gone += [(token, customer_id) for customer_id, held_by in known.items() for token in _unpacked(held_by)]
    await drop_pairs(uow.session, _tokens, sorted(gone))
    await add_pairs(uow.session, _tokens, sorted(added))
    await upsert(uow.session, _entries, rows, keys=["customer_id"], change=_newer)


def _newer(new: Excluded) -> dict[str, object]:
    return {"tokens": new["tokens"]}


def _packed(tokens: Iterable[int]) -> bytes:
    return array("i", sorted(tokens)).tobytes()


def _unpacked(packed: bytes) -> array[int]:
    return array("i", packed)
