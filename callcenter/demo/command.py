"""``callcenter demo``: a fresh company with customers, a PBX made of recorded traffic, and the real service on top."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from callcenter import keys
from callcenter.ami.config import PbxConfig
from callcenter.demo.pbx import EXTENSIONS, DemoPbx
from callcenter.demo.seed import Demo, seed
from callcenter.push.hub import agent_topic
from callcenter.service import CannotStart, Service, serve
from callcenter.settings import PbxSettings, Settings
from crm_core import migrations
from crm_core.db.database import Database

_PBX = "main"
_LOOK_EVERY = 0.5
# Only ever a folder of this name is emptied.
_FOLDER = "demo"


async def demo(settings: Settings, *, port: int = 8080, customers: int = 400) -> int:
    """Runs until told to stop; gives the exit code. Earlier demonstrations are forgotten, real data is untouched."""
    folder = settings.data_dir / _FOLDER
    await asyncio.to_thread(_empty, folder)
    own = _settings(settings, folder, port)
    password = secrets.token_urlsafe(9)
    made = await _fill(own, folder, password, customers)
    pbx = DemoPbx(made.callers, folder / "recordings")
    own = replace(own, pbxes=(_line(await pbx.start(_PBX)),))
    async with _playing(pbx) as watch:
        try:
            await serve(own, on_ready=lambda service: _opened(service, watch, made, password))
        except CannotStart as error:
            _say(str(error))
            return 1
    return 0


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def _settings(settings: Settings, folder: Path, port: int) -> Settings:
    """Own data, own journal, own port; everything else as the operator set it."""
    page = replace(settings.web, port=port, public_url=f"http://{settings.web.host}:{port}")
    return replace(
        settings,
        data_dir=folder,
        database_url=f"sqlite+aiosqlite:///{folder / 'callcenter.db'}",
        web=page,
        journal=replace(settings.journal, folder=folder / "journal"),
        sms=({"provider": "console"},),
    )


async def _fill(settings: Settings, folder: Path, password: str, customers: int) -> Demo:
    def told(done: int, total: int) -> None:
        if total > 10_000:
            _say(f"{done:>9,} of {total:,} customers", end="\r" if done < total else "\n")

    db = Database(settings.database_url)
    try:
        await migrations.upgrade(db)
        await keys.attach(db, settings.data_dir)
        return await seed(
            db,
            password=password,
            customers=customers,
            recordings_dir=folder / "recordings",
            timezone=settings.timezone.key,
            area_code=settings.area_code,
            pbx=_PBX,
            progress=told,
        )
    finally:
        await db.close()


def _line(config: PbxConfig) -> PbxSettings:
    return PbxSettings(config, dial_context="click-to-dial", technology="PJSIP", ring_seconds=30)


class _Watch:
    """Tells the PBX which desks are open in a browser."""

    def __init__(self, pbx: DemoPbx) -> None:
        self._pbx = pbx
        self.service: Service | None = None

    async def run(self) -> None:
        while True:
            if self.service is not None:
                hub = self.service.hub
                self._pbx.watched([e for e in EXTENSIONS if hub.wanted(agent_topic(_PBX, e))])
            await asyncio.sleep(_LOOK_EVERY)


@asynccontextmanager
async def _playing(pbx: DemoPbx) -> AsyncIterator[_Watch]:
    watch = _Watch(pbx)
    tasks = [asyncio.create_task(pbx.run(), name="demo pbx"), asyncio.create_task(watch.run(), name="demo watch")]
    try:
        yield watch
    finally:
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks)


def _opened(service: Service, watch: _Watch, made: Demo, password: str) -> None:
    watch.service = service
    host = service.settings.web.host
    _say("\n".join(_welcome(f"http://{host}:{service.http_port}/", made, password)))


def _welcome(address: str, made: Demo, password: str) -> Sequence[str]:
    lines = ["", f"  客声 · Callcenter demonstration:  {address}", f"  password of everybody:  {password}", ""]
    for account in made.accounts:
        phone = account.extension or ""
        lines.append(f"  {account.name:<12} {account.role.value:<11} {phone:<5} {account.display_name}")
    lines += ["", f"  {made.customers:,} customers, {made.calls:,} past calls. Ctrl+C ends it.", ""]
    return lines


def _say(text: str, end: str = "\n") -> None:
    sys.stderr.write(text + end)
    sys.stderr.flush()
