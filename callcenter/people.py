"""Whose phone an extension is, kept in memory: live messages must not wait for the database."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

import structlog

from crm_core.db.database import Database
from crm_core.kernel.errors import Unavailable
from crm_core.organization import queries
from crm_core.organization.queries import ExtensionUser

log = structlog.get_logger(__name__)
_REFRESH_SECONDS = 10.0


class People:
    """Users with a phone by (PBX, extension); read anew when told of a change, and now and then anyway."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._stale = asyncio.Event()
        self.by_extension: Mapping[tuple[str, str], ExtensionUser] = {}

    async def refresh(self) -> None:
        """Raises Unavailable."""
        self.by_extension = await self._db.glance(queries.extension_users)

    def changed(self) -> None:
        self._stale.set()

    async def run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(_REFRESH_SECONDS):
                    await self._stale.wait()
            except TimeoutError:
                pass
            self._stale.clear()
            try:
                await self.refresh()
            except Unavailable as error:
                log.warning("extensions not read again", reason=error.detail)

    def at(self, pbx: str, extension: str) -> ExtensionUser | None:
        return self.by_extension.get((pbx, extension))

    def department(self, pbx: str, extension: str) -> int | None:
        person = self.by_extension.get((pbx, extension))
        return person.department_id if person else None

    def extensions(self, pbx: str) -> Iterable[str]:
        return [extension for where, extension in self.by_extension if where == pbx]
