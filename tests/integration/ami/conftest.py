"""A replayed PBX on a free port and links with short intervals to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from callcenter.ami.config import LinkTiming, PbxConfig
from callcenter.ami.events import AmiEvent
from callcenter.ami.link import AmiLink
from callcenter.ami.state import LinkPhase, LinkState, PbxState
from callcenter.demo.live import QueueSpec
from callcenter.demo.replay import ManagerUser, ReplayPbx
from crm_core.kernel.clock import SystemClock

QUICK = LinkTiming(
    connect_timeout=5.0,
    login_timeout=5.0,
    action_timeout=5.0,
    ping_interval=0.05,
    ping_deadline=0.2,
    retry_first=0.01,
    retry_cap=0.05,
    refused_first=0.01,
    refused_cap=0.05,
    stable_after=0.0,
)
USERS = {"listener": ManagerUser("secret")}
QUEUES = (QueueSpec("sales", "rrmemory", ("1001", "1002")), QueueSpec("service", "ringall", ("1001",)))


@dataclass
class Watch:
    """A running link and all that it said, in order."""

    link: AmiLink
    said: list[tuple[str, Any]] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def events(self) -> list[AmiEvent]:
        return [value for what, value in self.said if what == "event"]

    @property
    def states(self) -> list[LinkState]:
        return [value for what, value in self.said if what == "state"]

    @property
    def phases(self) -> list[LinkPhase]:
        return [state.phase for state in self.states]

    @property
    def snapshots(self) -> list[PbxState]:
        return [value for what, value in self.said if what == "snapshot"]

    def note(self, what: str, value: Any) -> None:
        self.said.append((what, value))
        self.changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    async def up(self, times: int = 1) -> None:
        await self.until(lambda: self.phases.count(LinkPhase.UP) >= times)


Dial = Callable[..., Awaitable[Watch]]


def config_for(pbx: ReplayPbx, **changes: Any) -> PbxConfig:
    config = PbxConfig("main", "127.0.0.1", "listener", "secret", port=pbx.port, trunks=("PJSIP/trunk",), timing=QUICK)
    return replace(config, **changes)


@asynccontextmanager
async def watching(config: PbxConfig, on_event: Callable[[AmiEvent], None] | None = None) -> AsyncIterator[Watch]:
    watch: Watch

    def event(value: AmiEvent) -> None:
        watch.note("event", value)
        if on_event is not None:
            on_event(value)

    link = AmiLink(
        config,
        on_event=event,
        on_state=lambda state: watch.note("state", state),
        on_snapshot=lambda state: watch.note("snapshot", state),
        clock=SystemClock(),
    )
    watch = Watch(link)
    running = asyncio.create_task(link.run())
    try:
        yield watch
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as entered:
        yield entered


@pytest.fixture
async def pbx(stack: AsyncExitStack) -> ReplayPbx:
    server = ReplayPbx(USERS, queues=QUEUES)
    await server.start()
    stack.push_async_callback(server.stop)
    return server


@pytest.fixture
def connect(stack: AsyncExitStack) -> Dial:
    """Starts a link to a PBX and waits until it is up (unless ``wait`` is False)."""

    async def start(
        pbx: ReplayPbx, *, wait: bool = True, on_event: Callable[[AmiEvent], None] | None = None, **changes: Any
    ) -> Watch:
        watch = await stack.enter_async_context(watching(config_for(pbx, **changes), on_event))
        if wait:
            await watch.up()
        return watch

    return start


def event_packet(name: str, **fields: object) -> bytes:
    """A raw event as the PBX would send it (without the blank line)."""
    head = {"Privilege": "call,all", "Timestamp": "1795295257.541785"}
    lines = [f"Event: {name}", *(f"{key}: {value}" for key, value in (head | fields).items())]
    return "\r\n".join(lines).encode()


def new_channel(sequence: int, *, name: str = "", number: str = "13800138000") -> bytes:
    uniqueid = f"1795295257.{sequence}"
    return event_packet(
        "Newchannel",
        Channel=f"PJSIP/trunk-{sequence:08x}",
        ChannelState="4",
        ChannelStateDesc="Ring",
        CallerIDNum=number,
        CallerIDName=name or "<unknown>",
        ConnectedLineNum="<unknown>",
        ConnectedLineName="<unknown>",
        Language="en",
        AccountCode="",
        Context="from-trunk",
        Exten="1001",
        Priority="1",
        Uniqueid=uniqueid,
        Linkedid=uniqueid,
    )
