"""Enters imported customers into the search index, some ten thousand at a time.

A customer has some sixty tokens, each at another place of the index: chunk by chunk, nearly all of the index would be
written anew for a few hundred people. What is still to be entered is read from what the search has noted of them, so
that nothing is lost with the process and what was edited meanwhile is entered as it is now.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from crm_core.customers.imports import queries
from crm_core.customers.search import service as search
from crm_core.jobs.runner import Work

if TYPE_CHECKING:
    from crm_core.db.filling import Numbers

_LONG: Final = 20_000  # rows of the file
_READ: Final = 500  # rows of one read
_PART: Final = 100_000  # pairs of one transaction: it holds the writer for some hundredths of a second


class Stretch:
    """The rows that are done but not entered yet: behind ``indexed`` of the job's position, up to ``after``."""

    def __init__(self, work: Work, import_id: int) -> None:
        self._work = work
        self._id = import_id

    def is_long(self) -> bool:
        position = self._work.position
        return int(position["after"]) - int(position.get("indexed", 0)) >= _LONG

    async def write(self) -> None:
        """Enters them; the position says so with the last part."""
        for first, second in await self._parts():
            async with self._work.step() as step:
                await search.enter(step.uow, first, second)
        async with self._work.step() as step:
            step.position = {**step.position, "indexed": step.position["after"]}

    async def write_out(self) -> None:
        """The same for a job that ends before its time and may write no steps any more."""
        for first, second in await self._parts():
            async with self._work.db.uow() as uow:
                await search.enter(uow, first, second)

    async def _parts(self) -> list[tuple[Numbers, Numbers]]:
        """Pairs for one transaction each, all of them in the order of the index."""
        found = dict[int, bytes]()
        at, end = int(self._work.position.get("indexed", 0)), int(self._work.position.get("after", 0))
        while at < end:
            async with self._work.db.read() as session:
                found |= await queries.noted(session, self._id, at, min(at + _READ, end))
            at += _READ
        if not found:
            return []
        first, second = await asyncio.to_thread(search.in_order, found)
        return [(first[at : at + _PART], second[at : at + _PART]) for at in range(0, len(first), _PART)]
