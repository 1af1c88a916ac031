"""What is done once a night, when nobody works: starts it, the runner of jobs does it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, tzinfo

import structlog

from crm_core.customers.allocation import reclaim
from crm_core.customers.classification.jobs import REDERIVE
from crm_core.db.database import Database
from crm_core.jobs import queries, service
from crm_core.kernel.errors import Unavailable
from crm_core.organization.access import SYSTEM

log = structlog.get_logger(__name__)
_FROM_HOUR = 2
_EVERY_SECONDS = 60.0


class Nightly:
    """The derived states of all customers and the way back to the pool, each business day after two in the morning."""

    def __init__(self, db: Database, zone: tzinfo) -> None:
        self._db = db
        self._zone = zone

    async def run(self) -> None:
        """For ever; a service that was off at night catches up when it comes back."""
        while True:
            try:
                await self.start_due()
            except Unavailable as error:
                log.warning("nightly work not started", reason=error.detail)
            await asyncio.sleep(_EVERY_SECONDS)

    async def start_due(self) -> bool:
        """Starts what was not started today yet; answers whether there was anything."""
        now = self._db.clock.now().astimezone(self._zone)
        if now.hour < _FROM_HOUR:
            return False
        work = {REDERIVE: {"today": self._day(now)}, reclaim.JOB: {"zone": str(self._zone)}}
        return any([await self._start(kind, params, now) for kind, params in work.items()])

    async def _start(self, kind: str, params: Mapping[str, str], now: datetime) -> bool:
        async with self._db.read() as session:
            latest = await queries.jobs(session, SYSTEM, kind=kind, limit=1)
        if latest.items and self._day(latest.items[0].created_at) == self._day(now):
            return False
        async with self._db.uow() as uow:
            await service.start(uow, kind, params, by=SYSTEM)
        return True

    def _day(self, at: datetime) -> str:
        return at.astimezone(self._zone).date().isoformat()
