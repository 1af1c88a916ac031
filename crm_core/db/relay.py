"""The relay: carries outbox events to their handlers, each in its own savepoint with a receipt, so each runs once."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

from crm_core.db import queries
from crm_core.db.database import Database
from crm_core.db.outbox import OutboxReceipt, OutboxRow
from crm_core.db.uow import UnitOfWork
from crm_core.kernel.errors import Unavailable
from crm_core.kernel.events import DomainEvent, load_event

log = logging.getLogger(__name__)
_BATCH = 100
_IDLE_SECONDS = 5.0
_MAX_ATTEMPTS = 12
_MAX_BACKOFF = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Subscription:
    """A durable reaction: ``handler`` gets each ``event`` once, inside a unit of work. ``name`` is for ever."""

    name: str
    event: type[DomainEvent]
    handler: Callable[[UnitOfWork, DomainEvent], Awaitable[None]]


class Relay:
    """Runs for ever in its role's task group; several may run on PostgreSQL, one on SQLite."""

    def __init__(self, db: Database, subscriptions: Iterable[Subscription]) -> None:
        self._db = db
        self._by_type: dict[str, list[Subscription]] = {}
        for subscription in subscriptions:
            self._by_type.setdefault(subscription.event.type, []).append(subscription)

    async def run(self) -> None:
        while True:
            try:
                worked = await self.step()
            except Unavailable as error:
                log.warning("outbox relay waits for the database", extra={"reason": error.detail})
                worked = 0
            if not worked:
                await self._db.wakeup.wait(_IDLE_SECONDS)

    async def step(self) -> int:
        """Handles one batch; answers how many events it looked at."""
        async with self._db.uow() as uow:
            rows = await queries.due(uow.session, self._db.clock.now(), _BATCH)
            done = await queries.receipts(uow.session, [row.id for row in rows])
            for row in rows:
                await self._deliver(uow, row, done)
            return len(rows)

    async def _deliver(self, uow: UnitOfWork, row: OutboxRow, done: set[tuple[int, str]]) -> None:
        failure: str | None = None
        for subscription in self._by_type.get(row.type, ()):
            if (row.id, subscription.name) not in done:
                failure = await self._run(uow, row, subscription) or failure
        if failure is None:
            row.pending, row.error = False, None
            return
        row.attempts += 1
        row.error = failure
        row.available_at = self._db.clock.now() + min(_MAX_BACKOFF, timedelta(seconds=2**row.attempts))
        if row.attempts >= _MAX_ATTEMPTS:
            row.pending = False
            log.error("outbox event given up", extra={"event_type": row.type, "outbox_id": row.id, "reason": failure})

    async def _run(self, uow: UnitOfWork, row: OutboxRow, subscription: Subscription) -> str | None:
        try:
            async with uow.session.begin_nested():
                await subscription.handler(uow, load_event(row.type, row.payload))
                uow.session.add(
                    OutboxReceipt(outbox_id=row.id, handler=subscription.name, done_at=self._db.clock.now())
                )
        except Exception as error:
            log.exception("outbox handler failed", extra={"handler": subscription.name, "outbox_id": row.id})
            return f"{subscription.name}: {type(error).__name__}: {error}"
        return None
