"""Reads everything that is live on a PBX: asked once after each connect, never on each event."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

from callcenter.ami.protocol import Answer, Fields
from callcenter.ami.state import BridgeState, PbxState, bridge_of, channel_of, queues_of
from crm_core.kernel.errors import Unavailable

# So many BridgeInfo questions are under way at once: a busy PBX has hundreds of bridges.
_AT_ONCE = 32


class Ask(Protocol):
    """How an action is sent and answered (AmiSession.ask)."""

    async def __call__(self, name: str, fields: Fields = (), *, as_list: bool = False) -> Answer: ...


class _Reader:
    """Asks and remembers what the manager user may not ask."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self.refused: dict[str, str] = {}

    async def fields(self, name: str) -> Mapping[str, str]:
        answer = await self._ask(name)
        if not answer.response.success:
            self.refused[name] = answer.response.message
            return {}
        return answer.response.fields

    async def rows(self, name: str, fields: Fields = ()) -> list[tuple[str, Mapping[str, str]]] | None:
        """The rows of a list as (event name, headers), or None when it was refused."""
        answer = await self._ask(name, fields, as_list=True)
        if not answer.response.success:
            self.refused[name] = answer.response.message
            return None
        return [(item.event, item.fields) for item in answer.items]


async def read_state(ask: Ask, pbx: str, read_at: float) -> PbxState:
    """The whole state. Raises Unavailable when the link breaks meanwhile; refused parts are None.

    Channels come before bridges: a channel that is born between the two questions is then told by its own events, which
    the link delivers after the state.
    """
    reader = _Reader(ask)
    status = await reader.fields("CoreStatus")
    settings = await reader.fields("CoreSettings")
    queues = await reader.rows("QueueStatus")
    channels = await reader.rows("CoreShowChannels")
    bridges = await reader.rows("BridgeList")
    boot = f"{status.get('CoreStartupDate', '')} {status.get('CoreStartupTime', '')}".strip()
    return PbxState(
        pbx=pbx,
        read_at=read_at,
        boot=boot or None,
        version=settings.get("AsteriskVersion"),
        ami_version=settings.get("AMIversion"),
        system_name=settings.get("SystemName") or None,
        settings=dict(settings),
        channels=None if channels is None else tuple(channel_of(row) for _, row in channels),
        bridges=None if bridges is None else await _bridges(ask, [row for _, row in bridges]),
        queues=None if queues is None else queues_of(queues),
        refused=reader.refused,
    )


async def _bridges(ask: Ask, rows: Sequence[Mapping[str, str]]) -> tuple[BridgeState, ...]:
    out: list[BridgeState] = []
    for start in range(0, len(rows), _AT_ONCE):
        part = rows[start : start + _AT_ONCE]
        out += await asyncio.gather(*(_bridge(ask, row) for row in part))
    return tuple(out)


async def _bridge(ask: Ask, row: Mapping[str, str]) -> BridgeState:
    try:
        answer = await ask("BridgeInfo", (("BridgeUniqueid", row.get("BridgeUniqueid", "")),), as_list=True)
    except Unavailable as trouble:
        # One bridge without an answer is not worth the link; a lost link fails the next question anyway.
        if trouble.code != "pbx_timeout":
            raise
        return bridge_of(row, None)
    return bridge_of(row, [item.fields for item in answer.items] if answer.response.success else None)
