"""The work of the whole search that keeps a processor busy, away from the service's own loop.

A large base goes to processes of their own, which give way to the telephony (``nice``) and end with the service; a
small one is done in a thread before a process would have begun.
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import numpy as np

from crm_core.customers.duplicates import base_queries, sweep
from crm_core.customers.duplicates.keys import KeyKind
from crm_core.customers.duplicates.rules import Alike
from crm_core.customers.duplicates.stretches import Base, Part
from crm_core.db.database import Database

Answer = TypeVar("Answer")
_LARGE: Final = 20_000  # customers from which processes pay
_PROCESSES: Final = 2
_AT_ONCE: Final = 2_000  # customers read together
_NICE: Final = 5


class Crew:
    """``async with`` it, then ``await crew(work, …)``; cancelling ends what has not begun."""

    def __init__(self, customers: int) -> None:
        self.hands = min(_PROCESSES, len(os.sched_getaffinity(0))) if customers >= _LARGE else 1
        self._pool: Executor
        if customers < _LARGE:
            self._pool = ThreadPoolExecutor(1)
        else:
            spawned = multiprocessing.get_context("spawn")  # a fork would copy the loop and its connections
            self._pool = ProcessPoolExecutor(self.hands, mp_context=spawned, initializer=_settle)

    async def __call__(self, work: Callable[..., Answer], *given: Any) -> Answer:
        """``work`` is a function of a module; what it is given and answers travels between processes."""
        return await asyncio.wrap_future(self._pool.submit(work, *given))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self._pool.shutdown, True, cancel_futures=True)
        base_of.cache_clear()


def _settle() -> None:
    os.nice(_NICE)
    gc.disable()  # millions of small values that live for one stretch and hold no cycles
    threading.Thread(target=_end_with_service, daemon=True).start()


def _end_with_service() -> None:
    """A service that was killed outright cannot tell its helpers to go."""
    service = multiprocessing.parent_process()
    if service is not None:
        service.join()
        os._exit(1)


def read_stretch(url: str, folder: Path, name: str, after: int, last: int) -> int:
    """Writes the files of the customers with these ids; says how many there were."""
    return asyncio.run(_read_stretch(url, folder, name, after, last))


async def _read_stretch(url: str, folder: Path, name: str, after: int, last: int) -> int:
    db, part, count = Database(url), Part(folder, name), 0
    try:
        async with db.read() as session:
            while (found := await base_queries.next_records(session, after, last, _AT_ONCE))[0]:
                part.add(*found)
                count, after = count + len(found[0]), found[0][-1]
    finally:
        part.close()
        await db.close()
    return count


@lru_cache(maxsize=1)
def base_of(folder: Path, names: tuple[str, ...]) -> Base:
    """The same base for all that one process does with it."""
    return Base(folder, names)


def choose(
    folder: Path, names: Sequence[str], kinds: Iterable[KeyKind], least: float, crowd: float
) -> tuple[dict[str, int], int]:
    """Writes the pairs that meet under these kinds of keys; (too large blocks by kind, how many pairs met)."""
    kinds = tuple(kinds)
    pairs, too_large, met = sweep.worth_comparing(base_of(folder, tuple(names)), kinds, least, crowd)
    np.save(folder / f"pairs-{kinds[0]}.npy", pairs)
    return too_large, met


def gather(folder: Path) -> int:
    """All pairs written, each once; how many there are."""
    pairs = np.unique(np.concatenate([np.load(file) for file in sorted(folder.glob("pairs-*.npy"))]))
    np.save(folder / "all.npy", pairs)
    return len(pairs)


def compare(
    folder: Path, names: Sequence[str], start: int, stop: int, least: float, crowd: float
) -> list[tuple[int, int, Alike]]:
    """Those of the gathered pairs from ``start`` to ``stop`` that score ``least``."""
    pairs = np.load(folder / "all.npy", mmap_mode="r")[start:stop]
    return sweep.compared(base_of(folder, tuple(names)), pairs, least, crowd)
