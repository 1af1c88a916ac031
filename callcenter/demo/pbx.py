"""The demonstration's PBX in one piece: the manager port, the day at the desks, the recordings."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Collection, Sequence
from pathlib import Path

from callcenter.ami.config import PbxConfig
from callcenter.demo.director import Caller, Director
from callcenter.demo.live import QueueSpec
from callcenter.demo.replay import ManagerUser, ReplayPbx
from callcenter.demo.sounds import Sounds

EXTENSIONS = ("1001", "1002", "1003", "1004", "1005", "1006")
QUEUES = (QueueSpec("sales", "rrmemory", EXTENSIONS), QueueSpec("service", "ringall", EXTENSIONS))
_SETTLING_SECONDS = 1.5
_LISTENER, _ACTOR = "callcenter", "callcenter-actions"
_LISTENER_MAY = frozenset({"CoreStatus", "CoreSettings", "CoreShowChannels", "BridgeList", "BridgeInfo", "QueueStatus"})


class DemoPbx:
    """``await start()`` opens the port and says how to connect; ``await run()`` plays calls until cancelled."""

    def __init__(
        self, callers: Sequence[Caller], recordings_dir: Path, *, seed: int | None = None, speed: float = 1.0
    ) -> None:
        # Two users as on a real PBX; the secrets live as long as the process.
        self._secrets = {_LISTENER: secrets.token_urlsafe(16), _ACTOR: secrets.token_urlsafe(16)}
        users = {
            _LISTENER: ManagerUser(self._secrets[_LISTENER], may=_LISTENER_MAY),
            _ACTOR: ManagerUser(self._secrets[_ACTOR], events=False),
        }
        recordings_dir.mkdir(parents=True, exist_ok=True)
        self._recordings_dir = recordings_dir
        self._watched: set[str] = set()
        self.server = ReplayPbx(users, queues=QUEUES)
        self._director = Director(
            self.server, callers, extensions=EXTENSIONS, sounds=Sounds(recordings_dir), seed=seed, speed=speed
        )

    async def start(self, name: str = "main") -> PbxConfig:
        await self.server.start()
        return PbxConfig(
            name=name,
            host=self.server.host,
            port=self.server.port,
            username=_LISTENER,
            secret=self._secrets[_LISTENER],
            action_username=_ACTOR,
            action_secret=self._secrets[_ACTOR],
            trunks=("PJSIP/trunk",),
            recordings_dir=str(self._recordings_dir),
        )

    async def run(self) -> None:
        """Plays calls for ever, from the moment somebody listens; ends by cancellation and closes the port."""
        try:
            await self.server.until(lambda: self.server.listeners() > 0, timeout=None)
            # The listener reads the state first; a call that began meanwhile would be half seen.
            await asyncio.sleep(_SETTLING_SECONDS)
            await self._director.run()
        finally:
            await self.server.stop()

    def watched(self, extensions: Collection[str]) -> None:
        """Which desks are looked at now: one that was not before rings next, and none of them waits long."""
        for extension in set(extensions) - self._watched:
            self._director.attend(extension)
        for extension in self._watched - set(extensions):
            self._director.leave(extension)
        self._watched = set(extensions)
