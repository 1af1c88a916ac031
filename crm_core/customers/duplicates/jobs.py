"""The search through the whole base, in the background: everybody read once, compared within blocks of equal keys.

Nothing is stored before all is known, and storing a pair twice is storing it once: after a crash the search begins
anew with the base as it is then, and neither loses a pair nor has one twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final, TypeVar

from crm_core.customers.duplicates import base_queries, pairs, rules, service
from crm_core.customers.duplicates.keys import KeyKind
from crm_core.customers.duplicates.rules import Alike
from crm_core.jobs.runner import Handler, Work

if TYPE_CHECKING:
    from crm_core.customers.duplicates.crew import Crew

FIND_DUPLICATES: Final = "find_duplicates"
_KEYS_OF: Final = 5_000  # customers of one step of making keys
_STRETCH: Final = 50_000  # customers one process reads before it says so
_COMPARED: Final = 50_000  # pairs, the same
_STORED: Final = 2_000  # pairs of one step
_LAST_ID: Final = (1 << 63) - 1
# The kinds by how many pairs meet under them, for two processes.
_HALVES: Final = (
    (KeyKind.ID_CARD, KeyKind.PHONE, KeyKind.NAME_BIRTHDAY, KeyKind.SOUND_BIRTHDAY, KeyKind.NAME_ADDRESS),
    (KeyKind.INITIALS_BIRTHDAY, KeyKind.HOUSEHOLD, KeyKind.NAME_NUMBER),
)
# Parts of the whole, for the progress bar.
_KEYS_SHARE, _READ_SHARE, _CHOSEN_SHARE = 0.2, 0.7, 0.8
Found = list[tuple[int, int, Alike]]
Answer = TypeVar("Answer")


async def find_duplicates(work: Work) -> Mapping[str, Any]:
    """Params: ``least`` (score of a pair worth storing), ``renew`` (make all keys anew, not only missing ones).

    Answers with how many customers, comparisons and open pairs there are, and how many blocks were too large.
    """
    from crm_core.customers.duplicates.crew import Crew  # brings NumPy, which only this search needs

    await _make_keys(work)
    began = work.db.clock.now()  # of this try: what one that was cut off had stored is found again, or gone
    async with work.db.read() as session:
        edges = [0, *await base_queries.edges(session, _STRETCH), _LAST_ID]
        customers = await base_queries.count_customers(session)
    with TemporaryDirectory(prefix="callcenter-duplicates-") as folder:
        async with Crew(customers) as hands:
            result = await _search(work, hands, Path(folder), edges, customers)
    async with work.step() as step:
        await pairs.forget_older(step.uow, began)
        step.done = customers
    async with work.db.read() as session:
        return {"customers": customers, "pairs": await base_queries.count_open_pairs(session), **result}


async def _make_keys(work: Work) -> None:
    """Customers written past the service (demonstrations, restores) have none yet."""
    next_ones = base_queries.customers_after if work.params.get("renew") else base_queries.without_record
    while "keys" not in work.position:
        async with work.step() as step:
            if step.total is None:
                step.total = await base_queries.count_customers(step.uow.session)
            ids = await next_ones(step.uow.session, int(work.position.get("after", 0)), _KEYS_OF)
            await service.renew(step.uow, ids)
            place = {"after": ids[-1]} if ids else {"keys": "made"}
            step.done = min(step.done + len(ids), step.total) if ids else round(step.total * _KEYS_SHARE)
            step.position = place


async def _search(work: Work, hands: Crew, folder: Path, edges: Sequence[int], customers: int) -> Mapping[str, Any]:

    from crm_core.customers.duplicates import crew  # NumPy: not at the start of the service

    bar = float(work.params.get("least", rules.WORTH_A_LOOK)), rules.crowding(customers)
    url = work.db.url.render_as_string(hide_password=False)
    stretches = [(str(n), *edges[n : n + 2]) for n in range(len(edges) - 1)]
    names = [name for name, *_ in stretches]
    reading = [hands(crew.read_stretch, url, folder, *stretch) for stretch in stretches]
    async for place, _ in _each(reading):
        await _say(work, _KEYS_SHARE + (_READ_SHARE - _KEYS_SHARE) * place / len(reading))
    halves = await asyncio.gather(*(hands(crew.choose, folder, names, kinds, *bar) for kinds in _HALVES))
    await _say(work, _CHOSEN_SHARE)
    count = await hands(crew.gather, folder)
    starts = range(0, count, _COMPARED)
    comparing = [hands(crew.compare, folder, names, start, start + _COMPARED, *bar) for start in starts]
    async for place, found in _each(comparing):
        await _store(work, found, _CHOSEN_SHARE + (1 - _CHOSEN_SHARE) * place / len(comparing))
    too_large = {kind: number for half, _ in halves for kind, number in half.items()}
    return {"compared": sum(met for _, met in halves), "too_large": too_large}


async def _each(doing: Iterable[Coroutine[Any, Any, Answer]]) -> AsyncIterator[tuple[int, Answer]]:
    """(how many are done, one's answer) as they come; the rest is called off when somebody stops listening."""
    tasks = [asyncio.create_task(one) for one in doing]
    try:
        for place, task in enumerate(tasks, 1):
            yield place, await task
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _say(work: Work, share: float) -> None:
    async with work.step() as step:
        step.done = round((step.total or 0) * share)


async def _store(work: Work, found: Found, share: float) -> None:
    for start in range(0, len(found), _STORED):
        async with work.step() as step:
            await pairs.store(step.uow, found[start : start + _STORED])
    await _say(work, share)


HANDLERS: Final[Mapping[str, Handler]] = {FIND_DUPLICATES: find_duplicates}
