"""The composition root: everything is made here, once, and lives in one task group; a dead part stops the service."""

from __future__ import annotations

import asyncio
import errno
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import timedelta
from importlib.metadata import version
from typing import Any

import structlog
from aiohttp import web

from callcenter import audit_tip, keys
from callcenter.actions_service import TelephoneService
from callcenter.agent_times import AgentTimes
from callcenter.announcer import Announcer
from callcenter.backend import PushBackend
from callcenter.board import Board
from callcenter.call_store import CallStore, line_of
from callcenter.customer_lookup import CustomerLookup
from callcenter.doctor import Doctor
from callcenter.files import KeptFiles
from callcenter.health import ServiceHealth
from callcenter.jobs import handlers
from callcenter.live import PbxLine
from callcenter.metrics import Metrics, Parts
from callcenter.nightly import Nightly
from callcenter.notices import Notices
from callcenter.pauses import Pauses
from callcenter.people import People
from callcenter.push.gateway import PushGateway
from callcenter.push.hub import Hub
from callcenter.push_commands import Commands
from callcenter.reactions import subscriptions
from callcenter.recording_watch import RecordingWatch
from callcenter.recordings import RecordingFiles
from callcenter.screenpop import ScreenPop
from callcenter.settings import PushSettings, Settings
from crm_core import migrations
from crm_core.customers import rebuilding
from crm_core.customers.imports import service as imports
from crm_core.customers.protection import service as protection
from crm_core.customers.protection.reads import CardReads
from crm_core.db.database import Database
from crm_core.db.relay import Relay
from crm_core.jobs.runner import JobRunner
from crm_core.kernel.clock import Clock, SystemClock
from crm_core.kernel.errors import CrmError, Unavailable
from web.app import create_app
from web.context import WebContext
from web.context import WebSettings as PageSettings

log = structlog.get_logger(__name__)
_STOP_SECONDS = 3.0
_LOOK_EVERY = 15.0
_CLEAN_EVERY = 3600.0
_BROKEN_OFF = timedelta(days=1)  # without another piece: nobody sends this upload any more


class CannotStart(Exception):
    """A sentence for the operator: what is wrong and what to do."""


class PushAddress:
    """Where browsers find the gateway."""

    def __init__(self, settings: PushSettings, port: Callable[[], int]) -> None:
        self._settings = settings
        self._port = port

    def url(self, *, host: str, secure: bool) -> str:
        if self._settings.url is not None:
            return self._settings.url
        shown = f"[{host}]" if ":" in host and not host.startswith("[") else host
        return f"{'wss' if secure else 'ws'}://{shown}:{self._port()}/"


class Service:
    """All parts of one process. ``open``, then ``run`` until it is told to stop, then ``close``."""

    def __init__(self, settings: Settings, *, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock: Clock = clock or SystemClock()
        self.db = Database(settings.database_url, clock=self.clock, zone=settings.timezone)
        self.hub = Hub()
        self.people = People(self.db)
        self.files = RecordingFiles({pbx.name: pbx.config.recordings_dir for pbx in settings.pbxes})
        self.kept_files = KeptFiles(settings.data_dir / "files")
        self.reads = CardReads()
        self.watch = RecordingWatch(self.db, self.files)
        self.lookup = CustomerLookup(self.db, area_code=settings.area_code, timezone=settings.timezone)
        self.pops = ScreenPop(self.hub, self.people, self.lookup, mask_numbers=settings.mask_live_numbers)
        self.lines: dict[str, PbxLine] = {}
        self.board = Board(self.people, self.lines, self.pops.customer)
        self.telephony = TelephoneService(self.db, self.lines, self.board, self._examine, area_code=settings.area_code)
        commands = Commands(self.db, self.telephony, self.people)
        self.times = AgentTimes(self.db, self.people, self.lines)
        self._announcer = Announcer(self.hub, self.board, self.people, self.pops, self.times, self.clock)
        backend = PushBackend(self.db, self.board, self.pops, self._announcer, commands, self.lines)
        self.gateway = PushGateway(self.hub, backend, settings.push)
        self.health = ServiceHealth(self.db, self.lines)
        self.health.figures = Metrics(
            Parts(self.lines, self.hub, self.gateway, self.pops, lambda: self.health.outbox_age, self.clock)
        )
        self._runner: web.AppRunner | None = None
        self.http_port = settings.web.port

    async def _examine(self) -> Any:
        links = {name: line.link for name, line in self.lines.items()}
        return await Doctor(self.settings, self.db, self.clock, links)()

    async def open(self) -> None:
        """Tables, open calls, ports; after that both ports accept. Raises CannotStart."""
        try:
            await self._check_tables()
            await self._take_keys()
            if await rebuilding.start_if_needed(self.db):
                log.warning("customers are made findable", see="/jobs")
            await self.people.refresh()
            store = CallStore(self.db, self.people, self.watch, area_code=self.settings.area_code)
            for pbx in self.settings.pbxes:
                self.lines[pbx.name] = await line_of(
                    pbx, self.settings.journal, self.db, store, self._announcer, self.clock
                )
                await self.watch.take_up(pbx.name)
            self.pops.forget_unseen()
        except Unavailable as error:
            raise CannotStart(f"{error.detail} Check CALLCENTER_DATABASE_URL.") from None
        await self._listen()

    async def _check_tables(self) -> None:
        self.settings.data_dir.mkdir(parents=True, exist_ok=True)
        revision, head = await migrations.current(self.db), migrations.head()
        if revision == head:
            return
        if revision is None and self.db.is_sqlite:
            await migrations.upgrade(self.db)
            return
        was = "is empty" if revision is None else f"has the tables of version {revision}"
        raise CannotStart(f"The database {was}, this version needs {head}. Run: callcenter db upgrade")

    async def _take_keys(self) -> None:
        try:
            await keys.attach(self.db, self.settings.data_dir)
        except Unavailable as error:
            raise CannotStart(error.detail) from None

    async def _listen(self) -> None:
        push, page = self.settings.push, self.settings.web
        try:
            await self.gateway.start()
        except OSError as error:
            raise CannotStart(_port_sentence(error, push.host, push.port, "CALLCENTER_PUSH_PORT")) from None
        settings = PageSettings(
            timezone=self.settings.timezone,
            public_url=page.public_url,
            trusted_proxies=page.trusted_proxies,
            area_code=self.settings.area_code,
            version=version("callcenter"),
            max_upload_bytes=self.settings.import_max_bytes,
        )
        address = PushAddress(push, lambda: self.gateway.port)
        context = WebContext(
            self.db,
            self.clock,
            settings,
            self.telephony,
            address,
            self.files,
            self.health,
            self.kept_files,
            self.reads,
        )
        self._runner = web.AppRunner(create_app(context), access_log=None, shutdown_timeout=_STOP_SECONDS)
        await self._runner.setup()
        try:
            site = web.TCPSite(self._runner, page.host, page.port)
            await site.start()
        except OSError as error:
            raise CannotStart(_port_sentence(error, page.host, page.port, "CALLCENTER_HTTP_PORT")) from None
        self.http_port = int(self._runner.addresses[0][1])

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop`` is set; raises the error of a part that died."""
        notices = Notices(self.hub, self.people, self.clock)
        relay = Relay(self.db, subscriptions(self.gateway, self.people, self.lookup, notices))
        pauses = Pauses(busy=lambda: any(True for line in self.lines.values() for _ in line.live_calls()))
        pauses.begin()
        parts: list[tuple[str, Coroutine[Any, Any, None]]] = [
            ("people", self.people.run()),
            ("push", self.gateway.run()),
            ("relay", relay.run()),
            ("agents' times", self.times.run()),
            ("outbox", self._watch_outbox()),
            ("cleaning", self._clean()),
            ("pauses", pauses.run()),
            ("nightly", Nightly(self.db, self.settings.timezone).run()),
            ("jobs", JobRunner(self.db, handlers(self.kept_files, self.settings.timezone)).run()),
            ("opened cards", self.reads.run(self.db)),
            ("keys", keys.watch(self.db, self.settings.data_dir)),
            *((f"pbx {name}", line.run()) for name, line in self.lines.items()),
        ]
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(work, name=name) for name, work in parts]
                await stop.wait()
                for task in tasks:
                    task.cancel()
        finally:
            pauses.end()

    async def close(self) -> None:
        """Says goodbye to the clients, writes what is left, closes everything."""
        await self.gateway.stop()
        if self._runner is not None:
            await self._runner.cleanup()
        await self.watch.stop()
        await asyncio.gather(*(line.recorder.finish() for line in self.lines.values()))
        for line in self.lines.values():
            line.journal.close()
        with suppress(CrmError):
            await self.reads.flush(self.db)
        await self.db.close()

    async def _watch_outbox(self) -> None:
        while True:
            try:
                await self.health.look_at_outbox()
            except Unavailable:
                log.debug("outbox not looked at")
            await asyncio.sleep(_LOOK_EVERY)

    async def _clean(self) -> None:
        """Lets go of what is older than it has to be kept."""
        while True:
            before = self.clock.now() - timedelta(days=self.settings.journal.keep_days)
            try:
                await CallStore.forget_events(self.db, before)
                await self._forget_files()
                await audit_tip.note(self.db, self.settings.data_dir)
            except CrmError as error:
                log.warning("cleaning not finished", reason=error.detail)
            await asyncio.sleep(_CLEAN_EVERY)

    async def _forget_files(self) -> None:
        """Exports that nobody fetched in time, lists that nobody imported, uploads that broke off."""
        async with self.db.uow() as uow:
            stale = [*await protection.expire(uow), *await imports.expire(uow)]
        for file_id in stale:
            await self.kept_files.delete(file_id)
        await self.kept_files.forget_parts(self.clock.now() - _BROKEN_OFF)


def _port_sentence(error: OSError, host: str, port: int, variable: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is in use by another program. Stop it, or set {variable}."
    return f"Port {port} on {host} cannot be opened ({error.strerror or error}). Check CALLCENTER_HOST and {variable}."


async def serve(settings: Settings, *, on_ready: Callable[[Service], None] | None = None) -> None:
    """Runs until SIGTERM or SIGINT. Raises CannotStart."""
    service, stop = Service(settings), asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    try:
        await service.open()
        host = settings.web.host
        shown = f"[{host}]" if ":" in host else host
        sys.stdout.write(f"ready http=http://{shown}:{service.http_port} push=ws://{shown}:{service.gateway.port}/\n")
        sys.stdout.flush()
        if on_ready is not None:
            on_ready(service)
        await service.run(stop)
    finally:
        await service.close()
