"""The unit of work: the only place that commits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import tzinfo
from types import TracebackType
from typing import Any, Self

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from crm_core.db.outbox import OutboxRow
from crm_core.db.wakeup import Wakeup
from crm_core.kernel.clock import HOME, Clock
from crm_core.kernel.events import DomainEvent
from crm_core.kernel.ids import new_id
from crm_core.kernel.sealing import NO_KEYS, KeyRing


class UnitOfWork:
    """One transaction with its session, its clock, its keys and the domain events that leave with it."""

    def __init__(
        self, engine: AsyncEngine, clock: Clock, wakeup: Wakeup, keyring: KeyRing = NO_KEYS, zone: tzinfo = HOME
    ) -> None:
        info = {"keyring": keyring, "clock": clock, "zone": zone}
        self.session = AsyncSession(engine, expire_on_commit=False, info=info)
        self.clock = clock
        self.keyring = keyring
        self._wakeup = wakeup
        self._events: list[dict[str, Any]] = []
        self._before_commit: dict[str, Callable[[], Awaitable[None]]] = {}
        self._after_commit: list[Callable[[], None]] = []

    def emit(self, event: DomainEvent) -> None:
        """Stores the event in the same transaction; handlers run after the commit, each exactly once."""
        now = self.clock.now()
        row = {"id": new_id(), "type": event.type, "payload": event.payload(), "occurred_at": now, "available_at": now}
        self._events.append(row)

    def before_commit(self, key: str, work: Callable[[], Awaitable[None]]) -> None:
        """Runs ``work`` last, inside the transaction, once a key (for locks that should be held only shortly)."""
        self._before_commit.setdefault(key, work)

    def after_commit(self, work: Callable[[], None]) -> None:
        """Runs a quick, harmless ``work`` after the commit (drop a cache entry, publish a live message)."""
        self._after_commit.append(work)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                await self._commit()
            else:
                await self.session.rollback()
        finally:
            await self.session.close()
        if error is None:
            if self._events:
                self._wakeup.committed()
            for work in self._after_commit:
                work()

    async def _commit(self) -> None:
        for work in self._before_commit.values():
            await work()
        if self._events:
            # One statement for all of them: a batch of calls emits hundreds.
            await self.session.execute(insert(OutboxRow), self._events)
            await self._wakeup.announce(self.session)
        await self.session.commit()
