"""The agents' working day as stretches of states in the database: what changed is written once a second."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import structlog

from callcenter.board import STATES, WRAP_UP
from callcenter.people import People
from callcenter.tracking.live import AgentLive
from crm_core.calls.agent_time import AgentChange, end_all_spans, store_agent_changes
from crm_core.calls.models import AgentStatus
from crm_core.db.database import Database
from crm_core.kernel.clock import from_epoch
from crm_core.kernel.errors import Unavailable

log = structlog.get_logger(__name__)
_EVERY_SECONDS = 1.0
_TOGETHER = 32  # more at once would hold the event loop for milliseconds

State = tuple[AgentStatus, str | None]


class Line(Protocol):
    """The live side of one PBX."""

    def agent(self, extension: str) -> AgentLive: ...


class AgentTimes:
    """One for all PBXs. What happens and ends within a second is in the call log, not in the working day."""

    def __init__(self, db: Database, people: People, lines: Mapping[str, Line]) -> None:
        self._db = db
        self._people = people
        self._lines = lines
        self._stored: dict[int, State] = {}
        self._touched: set[tuple[str, str]] = set()

    def touched(self, pbx: str, extension: str) -> None:
        """The state of this phone may have changed. Costs nothing: it is looked at later."""
        self._touched.add((pbx, extension))

    async def run(self) -> None:
        """Begins with the states of now: what was open when the service ended is closed first."""
        await self._begin()
        self._touched.update(self._people.by_extension)
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            await self.look()

    async def _begin(self) -> None:
        everybody = {person.user_id for person in self._people.by_extension.values()}
        try:
            async with self._db.uow() as uow:
                await end_all_spans(uow, everybody, self._db.clock.now())
        except Unavailable as error:
            # The next change closes what is open; the gap then counts as the state before it.
            log.warning("agents' times not closed", reason=error.detail)

    async def look(self) -> None:
        """Writes the states that differ from what was written last; tried again when the database is away."""
        touched, self._touched = list(self._touched), set()
        for start in range(0, len(touched), _TOGETHER):
            await self._look_at(touched[start : start + _TOGETHER])

    async def _look_at(self, touched: Sequence[tuple[str, str]]) -> None:
        changes = self._changes(touched)
        if not changes:
            return
        try:
            async with self._db.uow() as uow:
                await store_agent_changes(uow, changes)
        except Unavailable as error:
            log.warning("agents' times not written", reason=error.detail)
            self._touched.update(touched)
            return
        self._stored |= {change.user_id: (change.status, change.reason) for change in changes}

    def _changes(self, touched: Iterable[tuple[str, str]]) -> list[AgentChange]:
        now = self._db.clock.now()
        changes = []
        for pbx, extension in touched:
            line, person = self._lines.get(pbx), self._people.at(pbx, extension)
            if line is None or person is None:
                continue
            live = line.agent(extension)
            status, reason = state_of(live)
            if self._stored.get(person.user_id) != (status, reason):
                since = from_epoch(live.since) if live.since is not None else now
                # The PBX's clock may be ahead of ours; a stretch never begins in the future.
                changes.append(AgentChange(person.user_id, status, reason, min(since, now)))
        return changes


def state_of(live: AgentLive) -> State:
    """The state as the working day knows it; wrap-up is a pause with that reason."""
    reason = next((one.reason for one in live.memberships if one.paused and one.reason), None)
    status = AgentStatus(STATES[live.state])
    if status is not AgentStatus.PAUSED:
        return status, None
    return (AgentStatus.WRAP_UP, None) if reason == WRAP_UP else (status, reason)
