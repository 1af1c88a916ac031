"""What the push gateway asks of the rest: tickets, rights, snapshots, acknowledgements, commands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from callcenter.announcer import Announcer
from callcenter.board import Board
from callcenter.live import PbxLine
from callcenter.push_commands import Commands
from callcenter.screenpop import ScreenPop
from crm_core.db.database import Database
from crm_core.kernel import ids
from crm_core.organization import queries, signing_in
from crm_core.organization.access import Actor


class PushBackend:
    """The gateway's view of the service."""

    def __init__(
        self,
        db: Database,
        board: Board,
        pops: ScreenPop,
        announcer: Announcer,
        commands: Commands,
        lines: Mapping[str, PbxLine],
    ) -> None:
        self._db = db
        self._board = board
        self._pops = pops
        self._announcer = announcer
        self._commands = commands
        self._lines = lines

    def now(self) -> float:
        return self._db.clock.now().timestamp()

    async def redeem(self, ticket: str) -> Actor:
        async with self._db.uow() as uow:
            return await signing_in.redeem_ticket(uow, ticket)

    async def rights_versions(self, user_ids: list[int]) -> Mapping[int, int]:
        return await self._db.glance(lambda connection: queries.rights_versions(connection, user_ids))

    def snapshot(self, actor: Actor, topics: list[str]) -> dict[str, Any]:
        # What others are about to be told is in the snapshot already: tell it now, or it would come twice or never.
        self._announcer.settle()
        data = self._board.snapshot(actor, topics)
        data.update(pops=[], unseen=[])
        line = self._lines.get(actor.pbx)
        if actor.extension and line is not None:
            data.update(self._pops.snapshot(actor.pbx, actor.extension, self.now(), line.facts))
        return data

    def acknowledged(self, actor: Actor, call_id: str) -> None:
        if actor.extension:
            self._pops.acknowledged(actor.pbx, actor.extension, ids.parse(call_id))

    async def command(self, actor: Actor, name: str, data: Mapping[str, Any]) -> Any:
        return await self._commands.run(actor, name, data)
