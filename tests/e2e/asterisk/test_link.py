"""Our link on a real Asterisk: log-in, state, actions, advice, and what a crash and a frozen process look like."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from callcenter.ami import actions
from callcenter.ami.actions import SpyMode
from callcenter.ami.config import PbxConfig
from callcenter.ami.events import BridgeEnter, Hangup, Newchannel, OriginateResponse
from callcenter.ami.filters import Severity, eventfilter_lines, findings
from callcenter.ami.state import LinkPhase
from tests.e2e.asterisk.root import AsteriskRoot
from tests.e2e.asterisk.scenes import Stage
from tests.e2e.asterisk.server import AsteriskServer
from tests.integration.ami.conftest import QUICK, Watch, watching

pytestmark = pytest.mark.real


def config_of(stage: Stage, **changes: object) -> PbxConfig:
    told = stage.pbx.pbx
    config = PbxConfig(
        name=told["name"],
        host=told["host"],
        port=told["port"],
        username=told["username"],
        secret=told["secret"],
        action_username=told["action_username"],
        action_secret=told["action_secret"],
        trunks=tuple(told["trunks"]),
        recordings_dir=told["recordings_dir"],
        timing=replace(QUICK, ping_interval=0.2, ping_deadline=0.5, retry_cap=0.2),
    )
    return replace(config, **changes)  # type: ignore[arg-type]


@contextmanager
def frozen(stage: Stage) -> Iterator[None]:
    """Asterisk gets no processor: its sockets stay open and say nothing."""
    process = stage.pbx._process
    assert process is not None
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


async def acting(watch: Watch) -> None:
    async with asyncio.timeout(10):
        while not watch.link.action_state.up:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_the_state_read_in_mid_call_shows_the_call(stage: Stage) -> None:
    customer, _ = await stage.connected("1001", "13800138000")
    async with watching(config_of(stage)) as watch:
        await watch.up()
        state = watch.snapshots[0]
        assert state.complete and not state.refused
        assert state.channels and state.bridges and state.queues is not None
        assert {c.channel.split("-")[0] for c in state.channels} == {"PJSIP/1001", "PJSIP/trunk"}
        bridge = next(b for b in state.bridges if b.uniqueids)
        assert set(bridge.uniqueids) == {c.uniqueid for c in state.channels}
        assert {c.linkedid for c in state.channels} == {min(state.channels, key=lambda c: c.uniqueid).uniqueid}
        assert state.boot and state.version
        await customer.hang_up()


async def test_every_event_of_a_call_comes_with_the_time_of_the_pbx(stage: Stage) -> None:
    async with watching(config_of(stage)) as watch:
        await watch.up()
        customer, _ = await stage.connected("1001", "13800138000")
        await watch.until(lambda: sum(isinstance(e, BridgeEnter) for e in watch.events) == 2)
        assert watch.link.stats.events_without_timestamp == 0
        assert watch.link.lag_seconds is not None and watch.link.lag_seconds < 60
        await customer.hang_up()


async def test_the_projects_configuration_leaves_nothing_to_complain_of(stage: Stage) -> None:
    async with watching(config_of(stage)) as watch:
        await watch.up()
        await acting(watch)
        customer, _ = await stage.connected("1001", "13800138000")
        await watch.until(lambda: any(isinstance(e, BridgeEnter) for e in watch.events))
        found = findings(watch.link.config, await watch.link.observe())
        assert [f.code for f in found if f.severity is not Severity.INFO] == []
        await customer.hang_up()


async def test_click_to_dial_hangup_and_a_mute_do_what_they_say(stage: Stage) -> None:
    async with watching(config_of(stage)) as watch:
        await watch.up()
        await acting(watch)
        asked = actions.originate(
            endpoint="1001", to="13900139000", in_context="click-to-dial", caller_number="13900139000"
        )
        response = await watch.link.action(*asked)
        assert response.success, response.message
        agent = await stage.rings("1001")
        await agent.answer()
        await watch.until(lambda: any(isinstance(e, OriginateResponse) for e in watch.events))
        answer = next(e for e in watch.events if isinstance(e, OriginateResponse))
        assert answer.action_id == response.action_id
        ended = await watch.link.action(*actions.hangup(answer.channel))
        assert ended.success, ended.message
        await agent.over()


async def test_a_supervisor_listens_to_exactly_one_channel(stage: Stage) -> None:
    async with watching(config_of(stage)) as watch:
        await watch.up()
        await acting(watch)
        customer, _ = await stage.connected("1001", "13800138000")
        await watch.until(lambda: any(isinstance(e, BridgeEnter) for e in watch.events))
        channel = next(
            e.channel for e in watch.events if isinstance(e, Newchannel) and e.channel.startswith("PJSIP/1001-")
        )
        response = await watch.link.action(*actions.spy(endpoint="1008", on_channel=channel, mode=SpyMode.LISTEN))
        assert response.success, response.message
        supervisor = await stage.rings("1008")
        await supervisor.answer()
        await customer.hang_up()
        await supervisor.over()


async def test_what_the_listening_user_may_not_do_is_refused_by_the_pbx(stage: Stage) -> None:
    alone = config_of(stage, action_username=None, action_secret=None)
    async with watching(alone) as watch:
        await watch.up()
        response = await watch.link.action(
            *actions.originate(endpoint="1001", to="13900139000", in_context="click-to-dial")
        )
        assert not response.success


async def test_a_wrong_password_is_said(stage: Stage) -> None:
    async with watching(config_of(stage, secret="wrong")) as watch:
        await watch.until(lambda: LinkPhase.REFUSED in watch.phases)
        refused = next(state for state in watch.states if state.phase is LinkPhase.REFUSED)
        assert "Authentication failed" in (refused.reason or "")


async def test_a_crash_and_a_restart_are_seen_as_another_boot(stage: Stage) -> None:
    async with watching(config_of(stage)) as watch:
        await watch.up()
        before = watch.snapshots[-1].boot
        await asyncio.sleep(1.1)  # Asterisk tells its start in whole seconds
        await stage.pbx.restart()
        await watch.up(times=2)
        await watch.until(lambda: watch.snapshots[-1].boot != before)
        assert LinkPhase.DOWN in watch.phases


async def test_a_frozen_asterisk_is_noticed_and_taken_up_again(stage: Stage) -> None:
    async with watching(config_of(stage)) as watch:
        await watch.up()
        with frozen(stage):
            await watch.until(lambda: LinkPhase.DOWN in watch.phases)
        await watch.up(times=2)
        down = next(state for state in watch.states if state.phase is LinkPhase.DOWN)
        assert "has not answered" in (down.reason or "")


@pytest.mark.parametrize("advanced", [True, False])
async def test_the_advised_filters_let_through_all_that_a_call_needs(
    root: AsteriskRoot, tmp_path: Path, advanced: bool
) -> None:
    async with filtered_pbx(root, tmp_path, advanced) as stage, watching(config_of(stage)) as watch:
        await watch.up()
        customer, _ = await stage.connected("1001", "13800138000")
        await customer.hang_up()
        await watch.until(lambda: sum(isinstance(e, Hangup) for e in watch.events) == 2)
        kinds = {type(e).__name__ for e in watch.events}
        assert {"Newchannel", "Newstate", "DialBegin", "DialEnd", "BridgeEnter", "BridgeLeave", "VarSet"} <= kinds
        protocol = watch.link._listener.protocol
        assert protocol is not None and protocol.stats.skipped < len(watch.events)


@asynccontextmanager
async def filtered_pbx(root: AsteriskRoot, scratch: Path, advanced: bool) -> AsyncIterator[Stage]:
    """An Asterisk whose listening user has the filters that doctor advises."""
    pbx = AsteriskServer(root.path, scratch)
    pbx.install()
    users = scratch / "etc/site/manager_users.conf"
    lines = "\n".join(eventfilter_lines(advanced=advanced))
    users.write_text(users.read_text().replace("[act]", f"{lines}\n\n[act]", 1))
    await pbx.start()
    try:
        stage = Stage(pbx)
        await stage.set()
        yield stage
    finally:
        await pbx.stop()
