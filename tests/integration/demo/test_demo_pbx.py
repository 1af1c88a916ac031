"""The demonstration's PBX as the real link sees it."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from callcenter.ami import actions
from callcenter.ami.events import AmiEvent, DialBegin, Hangup, Newchannel, OriginateResponse, QueueMemberStatus, VarSet
from callcenter.ami.link import AmiLink
from callcenter.demo.director import Caller
from callcenter.demo.pbx import EXTENSIONS, DemoPbx
from callcenter.tracking.changes import CallChanged
from callcenter.tracking.tracker import CallTracker
from crm_core.calls.facts import CallFacts, Certainty
from crm_core.kernel.clock import SystemClock

CALLERS = [Caller(f"139{number:08d}", None, EXTENSIONS[number % 6]) for number in range(60)]


def lengths(folder: Path) -> dict[str, int]:
    """Frames of each recording in the folder."""
    found = {}
    for path in folder.glob("*.wav"):
        with wave.open(str(path)) as sound:
            found[path.name] = sound.getnframes()
    return found


class Desk:
    """Listens to the demo PBX."""

    def __init__(self) -> None:
        self.events: list[AmiEvent] = []
        self.link: AmiLink
        self._changed = asyncio.Event()

    def heard(self, event: AmiEvent) -> None:
        self.events.append(event)
        self._changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    def rings(self, extension: str) -> list[DialBegin]:
        mark = f"PJSIP/{extension}-"
        return [e for e in self.events if isinstance(e, DialBegin) and e.dest_channel.startswith(mark)]


@asynccontextmanager
async def demo(folder: Path, speed: float) -> AsyncIterator[tuple[DemoPbx, Desk]]:
    pbx = DemoPbx(CALLERS, folder, seed=3, speed=speed)
    config = await pbx.start()
    desk = Desk()
    desk.link = AmiLink(config, on_event=desk.heard, on_state=lambda _: desk._changed.set(), clock=SystemClock())
    tasks = [asyncio.create_task(pbx.run()), asyncio.create_task(desk.link.run())]
    try:
        await desk.until(lambda: desk.link.state.up)
        await pbx.server.until(lambda: pbx.server.logins == 2)
        await desk.until(lambda: desk.link.action_state.up)
        yield pbx, desk
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_the_first_desk_rings_as_soon_as_somebody_listens(tmp_path: Path) -> None:
    async with demo(tmp_path, speed=1.0) as (_, desk):
        await desk.until(lambda: bool(desk.rings("1001")))


@pytest.mark.parametrize("extension", ["1003", "1006"])
async def test_an_opened_desk_rings_though_it_is_talking(tmp_path: Path, extension: str) -> None:
    async with demo(tmp_path, speed=1.0) as (pbx, desk):
        pbx.watched([extension])
        await desk.until(lambda: bool(desk.rings(extension)))
        before = len(desk.rings(extension))
        pbx.watched([])
        pbx.watched([extension])
        await desk.until(lambda: len(desk.rings(extension)) > before)


async def test_day_after_day_every_round_is_a_new_call_with_its_recording(tmp_path: Path) -> None:
    async with demo(tmp_path, speed=300.0) as (_, desk):
        await desk.until(lambda: sum(isinstance(e, Hangup) for e in desk.events) >= 60)
        begun = [e for e in desk.events if isinstance(e, Newchannel)]
        assert len({e.uniqueid for e in begun}) == len(begun)
        assert len({e.channel for e in begun}) == len(begun)
        ended = {e.uniqueid for e in desk.events if isinstance(e, Hangup)}
        files = {e.value.rsplit("/", 1)[-1] for e in desk.events if isinstance(e, VarSet) and e.uniqueid in ended}
        assert files & set(lengths(tmp_path))
        assert all(frames > 0 for frames in lengths(tmp_path).values())


async def test_click_to_dial_rings_the_asked_phone_and_then_the_number(tmp_path: Path) -> None:
    async with demo(tmp_path, speed=30.0) as (pbx, desk):
        asked = actions.originate(endpoint="1004", to="13912345678", in_context="from-agents")
        response = await desk.link.action(*asked)
        while not response.success:  # the phone is talking: wait for its end
            pbx.watched([])
            pbx.watched(["1004"])
            await asyncio.sleep(0.2)
            response = await desk.link.action(*asked)
        answers = [e for e in desk.events if isinstance(e, OriginateResponse)]
        await desk.until(lambda: any(isinstance(e, OriginateResponse) for e in desk.events) or bool(answers))
        answer = next(e for e in desk.events if isinstance(e, OriginateResponse))
        assert answer.action_id == response.action_id
        assert (answer.channel.split("-")[0], answer.exten) == ("PJSIP/1004", "13912345678")


async def test_hanging_up_from_the_desk_ends_the_call(tmp_path: Path) -> None:
    async with demo(tmp_path, speed=1.0) as (_, desk):
        await desk.until(lambda: bool(desk.rings("1001")))
        ring = desk.rings("1001")[0]
        response = await desk.link.action(*actions.hangup(ring.dest_channel))
        assert response.success
        await desk.until(lambda: any(isinstance(e, Hangup) and e.uniqueid == ring.dest_uniqueid for e in desk.events))
        gone = await desk.link.action(*actions.hangup(ring.dest_channel))
        assert not gone.success


async def test_a_pause_is_told_and_remembered(tmp_path: Path) -> None:
    async with demo(tmp_path, speed=1.0) as (_, desk):
        response = await desk.link.action(*actions.queue_pause("PJSIP/1002", paused=True, reason="午休"))
        assert response.success

        def paused() -> list[QueueMemberStatus]:
            return [e for e in desk.events if isinstance(e, QueueMemberStatus) and e.paused]

        await desk.until(lambda: len(paused()) == 2)
        assert {(e.queue, e.interface, e.reason) for e in paused()} == {
            ("sales", "PJSIP/1002", "午休"),
            ("service", "PJSIP/1002", "午休"),
        }


async def test_the_tracker_makes_whole_calls_of_it(tmp_path: Path) -> None:
    async with demo(tmp_path, speed=300.0) as (_, desk):
        await desk.until(lambda: sum(isinstance(e, Hangup) for e in desk.events) >= 90)
        tracker = CallTracker("main", ("PJSIP/trunk",))
        ended: dict[int, CallFacts] = {}
        for event in desk.events:
            for change in tracker.apply(event):
                if isinstance(change, CallChanged) and change.last:
                    facts = tracker.facts(change.call_id)
                    assert facts is not None
                    ended[facts.id] = facts
        assert len(ended) > 30
        assert {facts.certainty for facts in ended.values()} == {Certainty.COMPLETE}
        assert all(facts.status for facts in ended.values())
        assert len({facts.status for facts in ended.values()}) >= 3
        assert {queue.name for queue in tracker.queues()} <= {"sales", "service"}


async def test_the_listening_user_may_not_act(tmp_path: Path) -> None:
    async with demo(tmp_path, speed=1.0) as (_, desk):
        seen = await desk.link.observe()
        assert seen.listener_may is not None and "Originate" not in seen.listener_may
        assert seen.actor_may is not None and "Originate" in seen.actor_may
