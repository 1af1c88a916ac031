"""Keeps the search index true: after each change of a customer, and anew for a whole base."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence

from sqlalchemy import delete

from crm_core.customers.models import Customer
from crm_core.customers.search import facts_queries
from crm_core.customers.search.models import SearchEntry, SearchToken
from crm_core.customers.search.tokens import Facts, tokens_of
from crm_core.db.database import Database
from crm_core.db.pairs import Pair, add_pairs, drop_pairs
from crm_core.db.uow import UnitOfWork
from crm_core.db.upsert import Excluded, table_of, upsert

_BATCH = 1000  # customers of one transaction of a walk through the base
_STRETCH = 50_000  # customers whose tokens are sorted together before they are written
_tokens, _entries = table_of(SearchToken), table_of(SearchEntry)


async def index(uow: UnitOfWork, customers: Sequence[Customer]) -> None:
    """Brings the index up to what these customers are now; to be called after each change, in its transaction."""
    await uow.session.flush()
    await index_ids(uow, [customer.id for customer in customers])


async def index_ids(uow: UnitOfWork, ids: Sequence[int]) -> None:
    """The same for customers known by id; those that are gone leave the index."""
    for start in range(0, len(ids), _BATCH):
        await _index(uow, sorted(set(ids[start : start + _BATCH])))


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
    """Fills an empty index: sorted by the stretch, because pages of the table then are written once a stretch."""
    seen = last = 0
    while True:
        pairs: list[Pair] = []
        first = last
        for _ in range(_STRETCH // _BATCH):
            async with db.uow() as uow:
                ids = await facts_queries.ids_after(uow.session, last, _BATCH)
                facts = await facts_queries.facts_of(uow.session, ids)
                pairs += await _entered(uow, facts)
            last = ids[-1] if ids else last
            seen += len(ids)
        if first == last:
            return seen
        pairs.sort()
        async with db.uow() as uow:
            await add_pairs(uow.session, _tokens, pairs)


async def _entered(uow: UnitOfWork, facts: Iterable[Facts]) -> list[Pair]:
    """Notes what each customer has; the pairs are still to be written."""
    found = {one.id: tokens_of(one) for one in facts}
    rows = [{"customer_id": customer_id, "tokens": _packed(tokens)} for customer_id, tokens in found.items()]
    await upsert(uow.session, _entries, rows, keys=["customer_id"], change=_newer)
    return [(token, customer_id) for customer_id, tokens in found.items() for token in tokens]


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
