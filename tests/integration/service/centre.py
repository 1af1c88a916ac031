"""The whole service in this process, against a replayed PBX over a real socket: to cut, kill and starve it."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text

from callcenter.ami.config import LinkTiming, PbxConfig
from callcenter.ami.events import Shutdown
from callcenter.demo.recording import load
from callcenter.demo.replay import ManagerUser, ReplayPbx
from callcenter.live import PbxLine
from callcenter.service import Service
from callcenter.settings import JournalSettings, PbxSettings, PushSettings, Settings, WebSettings

TRACES = Path(__file__).parents[2] / "traces"
TIMING = LinkTiming(retry_first=0.01, retry_cap=0.05, stable_after=0.0, ping_interval=0.2, ping_deadline=0.5)

_LISTENER_MAY = frozenset({"CoreStatus", "CoreSettings", "CoreShowChannels", "BridgeList", "BridgeInfo", "QueueStatus"})
_ACTOR_MAY = frozenset({"Originate", "Hangup", "Atxfer", "BlindTransfer", "QueuePause", "MixMonitorMute"})


def packets(trace: str) -> list[bytes]:
    return [event.raw for event in load(TRACES / f"{trace}.ami").events]


class Centre:
    """One installation that outlives its service."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.folder = folder
        self.pbx = ReplayPbx(
            {
                "listener": ManagerUser("secret", may=_LISTENER_MAY),
                "actor": ManagerUser("secret", events=False, may=_ACTOR_MAY),
            }
        )
        self.sounds = folder / "monitor"
        self.sounds.mkdir()
        self._url = database_url
        self._service: Service | None = None
        self._running: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()

    @property
    def service(self) -> Service:
        assert self._service is not None
        return self._service

    @property
    def line(self) -> PbxLine:
        return self.service.lines["main"]

    def settings(self) -> Settings:
        config = PbxConfig(
            "main",
            "127.0.0.1",
            "listener",
            "secret",
            port=self.pbx.port,
            action_username="actor",
            action_secret="secret",
            trunks=("PJSIP/trunk",),
            recordings_dir=str(self.sounds),
            timing=TIMING,
        )
        return Settings(
            data_dir=self.folder,
            database_url=self._url,
            web=WebSettings("127.0.0.1", 0, None),
            push=PushSettings("127.0.0.1", 0, None, (), 262_144, 60.0),
            journal=JournalSettings(self.folder / "journal", 90),
            pbxes=(PbxSettings(config, "click-to-dial", "PJSIP", 30),),
            sms=({"provider": "console"},),
            timezone=ZoneInfo("Asia/Shanghai"),
            area_code="021",
            log_level="warning",
            log_format="json",
            mask_live_numbers=False,
            import_max_bytes=100 << 20,
        )

    async def start(self) -> None:
        self._stop = asyncio.Event()
        self._service = Service(self.settings())
        await self._service.open()
        self._running = asyncio.create_task(self._service.run(self._stop))
        await self.until(lambda: self.line.link.state.up)

    async def stop(self) -> None:
        """As SIGTERM does it."""
        if self._running is not None:
            self._stop.set()
            await self._running
            self._running = None
            await self.service.close()

    async def crash(self) -> None:
        """As kill -9 does it: whatever was only in memory is gone."""
        assert self._running is not None
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)
        self._running = None
        await self.service.gateway.stop()
        if self.service._runner is not None:
            await self.service._runner.cleanup()
        await self.service.watch.stop()
        os.close(self.line.journal._fd)
        await self.service.db.close()

    async def play(self, happened: Sequence[bytes]) -> None:
        """Sends the packets and waits until the service has read them all."""
        await self.pbx.until(lambda: self.pbx.listeners() > 0)
        kinds = self.line.link.stats.kinds
        marks = kinds.get(Shutdown, 0)
        for packet in [*happened, b"Event: Shutdown\r\nShutdown: Cleanly\r\nRestart: False"]:
            self.pbx.emit(packet)
        await self.until(lambda: kinds.get(Shutdown, 0) > marks)

    async def written(self) -> None:
        """Until everything that was read is in the database."""
        recorder = self.line.recorder
        await self.until(lambda: not (recorder.waiting_calls or recorder.waiting_bytes or recorder.busy))

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(45):  # writers wait for a locked database in turn, five seconds each
            while not condition():  # noqa: ASYNC110 - the parts under test do not tell when they are done
                await asyncio.sleep(0.01)

    async def rows(self, statement: str) -> list[Any]:
        async with self.service.db.read() as session:
            return list((await session.execute(text(statement))).all())

    async def calls(self) -> list[Any]:
        return await self.rows("SELECT caller_number, status, state, certainty FROM calls ORDER BY started_at, id")


@asynccontextmanager
async def centre(folder: Path, database_url: str) -> AsyncIterator[Centre]:
    made = Centre(folder, database_url)
    await made.pbx.start()
    try:
        yield made
    finally:
        with contextlib.suppress(Exception):
            await made.stop()
        await made.pbx.stop()
