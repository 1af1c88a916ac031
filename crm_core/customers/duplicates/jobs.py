"""The search through the whole base, in the background: block by block, and on from the last block after a crash."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import combinations
from typing import Any, Final

from crm_core.customers.duplicates import block_queries, pairs, queries, rules, service
from crm_core.customers.duplicates.keys import KeyKind, bounds
from crm_core.customers.duplicates.queries import Stored
from crm_core.customers.duplicates.rules import Alike
from crm_core.jobs.runner import Handler, Work

FIND_DUPLICATES: Final = "find_duplicates"
_CUSTOMERS: Final = 2_000  # of one step of making keys
_BLOCKS: Final = 5_000  # keys of one step of comparing
_REMEMBERED: Final = 500_000  # pairs compared already; most meet under several keys
Pair = tuple[int, int]


async def find_duplicates(work: Work) -> Mapping[str, Any]:
    """Params: ``least`` (score of a pair worth storing), ``renew`` (make all keys anew, not only missing ones).

    Answers with how many customers, comparisons and open pairs there are, and how many blocks were too large.
    """
    await _make_keys(work)
    compared: set[Pair] = set()
    for kind in KeyKind:
        if kind >= work.position["kind"]:
            await _search_kind(work, kind, compared)
    async with work.step() as step:
        await pairs.forget_older(step.uow, datetime.fromisoformat(work.position["began"]))
    async with work.db.read() as session:
        return {
            "customers": await block_queries.count_customers(session),
            "compared": work.position.get("compared", 0),
            "pairs": await block_queries.count_open_pairs(session),
            "too_large": {k.name.lower(): await block_queries.count_too_large(session, k) for k in KeyKind},
        }


async def _make_keys(work: Work) -> None:
    """Customers written past the service (demonstrations, restores) have none yet."""
    next_ones = block_queries.customers_after if work.params.get("renew") else block_queries.without_keys
    while "kind" not in work.position:
        async with work.step() as step:
            if step.total is None:
                step.total = await block_queries.count_customers(step.uow.session)
            ids = await next_ones(step.uow.session, int(work.position.get("after", 0)), _CUSTOMERS)
            if work.params.get("renew"):
                await service.renew(step.uow, ids)
            else:
                stored = await queries.stored_customers(step.uow.session, ids)
                await service.add_keys(step.uow, (one.facts for one in stored.values()))
            place = {"after": ids[-1]} if ids else {"kind": int(min(KeyKind)), "key": 0}
            step.position = {"began": work.position.get("began", step.uow.clock.now().isoformat()), **place}


async def _search_kind(work: Work, kind: KeyKind, compared: set[Pair]) -> None:
    """Compares within each block of a kind what was not compared before."""
    least = float(work.params.get("least", rules.WORTH_A_LOOK))
    after = max(int(work.position["key"]), bounds(kind)[0] - 1)
    blocks: Mapping[int, Sequence[int]] = {0: ()}
    while blocks:
        async with work.db.read() as session:
            blocks = await block_queries.blocks(session, kind, after, _BLOCKS)
            wanted = {pair for block in blocks.values() for pair in combinations(sorted(block), 2)} - compared
            stored = await queries.stored_customers(session, {one for pair in wanted for one in pair})
        good = likely(wanted, stored, least)
        if len(compared) < _REMEMBERED:
            compared |= wanted
        after = max(blocks, default=after)
        async with work.step() as step:
            await pairs.store(step.uow, good)
            step.done = (step.total or 0) * int(kind) // len(KeyKind)
            place = {"kind": int(kind), "key": after} if blocks else {"kind": int(kind) + 1, "key": 0}
            step.position = {**work.position, **place, "compared": work.position.get("compared", 0) + len(wanted)}


def likely(wanted: Iterable[Pair], stored: Mapping[int, Stored], least: float) -> list[tuple[int, int, Alike]]:
    """Those of the pairs that score ``least``; one of a pair may be gone meanwhile."""
    found = []
    for one, other in sorted(wanted):
        if one in stored and other in stored:
            alike = rules.compare(stored[one].facts, stored[other].facts)
            if alike.score >= least:
                found.append((one, other, alike))
    return found


HANDLERS: Final[Mapping[str, Handler]] = {FIND_DUPLICATES: find_duplicates}
