"""Whether the service is ready, and its figures."""

from __future__ import annotations

from collections.abc import Mapping

from callcenter.live import PbxLine
from callcenter.metrics import Metrics
from crm_core.db import queries
from crm_core.db.database import Database
from crm_core.kernel.errors import Unavailable
from web.ports import Readiness


class ServiceHealth:
    """Ready: the database answers and every PBX is connected."""

    def __init__(self, db: Database, lines: Mapping[str, PbxLine]) -> None:
        self._db = db
        self._lines = lines
        self.figures: Metrics | None = None
        self.outbox_age = 0.0

    async def readiness(self) -> Readiness:
        reasons: dict[str, str] = {}
        try:
            await self._db.ping()
        except Unavailable as error:
            reasons["database"] = error.detail
        for name, line in self._lines.items():
            state = line.link.state
            if not state.up:
                reasons[f"pbx {name}"] = state.reason or f"the link is {state.phase.value.replace('_', ' ')}"
            if line.journal.failed is not None:
                reasons[f"journal {name}"] = line.journal.failed
        return Readiness(reasons)

    async def look_at_outbox(self) -> None:
        """Measured now and then: the figures themselves are read without waiting. Raises Unavailable."""
        async with self._db.read() as session:
            self.outbox_age = (await queries.outbox_age(session, self._db.clock.now())).total_seconds()

    def metrics(self) -> bytes:
        return self.figures.text() if self.figures else b""
