"""The link to a PBX over a real socket: what arrives, in which order, and what a bad day does to it."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from pathlib import Path

import pytest

from callcenter.ami.backoff import Backoff
from callcenter.ami.events import AmiEvent, Newchannel
from callcenter.ami.state import LinkPhase
from callcenter.demo.live import QueueSpec
from callcenter.demo.recording import load
from callcenter.demo.replay import ManagerUser, ReplayPbx
from callcenter.demo.rewrite import Cast, Identities, plan
from crm_core.kernel.errors import Rejected, Unavailable
from tests.integration.ami.conftest import QUICK, Dial, Watch, config_for, new_channel, watching

TRAFFIC = Path(__file__).parents[3] / "callcenter" / "demo" / "data"


def channels(watch: Watch) -> list[Newchannel]:
    return [event for event in watch.events if isinstance(event, Newchannel)]


async def test_a_chinese_name_survives_any_cut_of_the_stream(pbx: ReplayPbx, connect: Dial) -> None:
    pbx.chunks = (1, 3)
    watch = await connect(pbx)
    pbx.emit(new_channel(1, name="张三丰"))
    await watch.until(lambda: bool(channels(watch)))
    assert channels(watch)[0].caller_name == "张三丰"


async def test_events_arrive_in_the_order_in_which_they_were_sent(pbx: ReplayPbx, connect: Dial) -> None:
    watch = await connect(pbx)
    for sequence in range(500):
        pbx.emit(new_channel(sequence))
    await watch.until(lambda: len(channels(watch)) == 500)
    assert [event.uniqueid for event in channels(watch)] == [f"1795295257.{n}" for n in range(500)]


async def test_the_secret_never_crosses_the_wire(pbx: ReplayPbx, connect: Dial) -> None:
    await connect(pbx)
    assert all(b"secret" not in raw for raw in pbx.raw_received)


async def test_a_refused_log_in_is_said_and_tried_again_slowly(pbx: ReplayPbx, connect: Dial) -> None:
    watch = await connect(pbx, wait=False, secret="wrong")
    await watch.until(lambda: LinkPhase.REFUSED in watch.phases)
    refused = next(state for state in watch.states if state.phase is LinkPhase.REFUSED)
    assert "Authentication failed" in (refused.reason or "")
    assert "listener" in (refused.reason or "")
    pbx.users["listener"] = ManagerUser("wrong")
    await watch.up()


async def test_a_wrong_password_waits_longer_than_a_broken_link() -> None:
    timing = config_for(ReplayPbx({}, port=1)).timing.__class__()
    assert timing.refused_first >= 10 * timing.retry_first
    assert timing.refused_cap > timing.retry_cap


async def test_a_peer_that_falls_silent_is_noticed_and_left(pbx: ReplayPbx, connect: Dial) -> None:
    watch = await connect(pbx)
    pbx.freeze()
    await watch.up(times=2)
    down = next(state for state in watch.states if state.phase is LinkPhase.DOWN)
    assert "has not answered" in (down.reason or "")
    assert watch.link.reconnects == 1


async def test_a_peer_that_answers_events_but_no_ping_is_left_too(pbx: ReplayPbx, connect: Dial) -> None:
    watch = await connect(pbx)
    pbx.mute_actions.add("ping")

    async def chatter() -> None:
        sequence = 0
        while True:
            pbx.emit(new_channel(sequence))
            sequence += 1
            await asyncio.sleep(0.02)

    talking = asyncio.create_task(chatter())
    await watch.until(lambda: LinkPhase.DOWN in watch.phases)
    talking.cancel()
    assert channels(watch)


async def test_default_intervals_notice_a_dead_peer_within_15_seconds() -> None:
    timing = type(QUICK)()
    assert timing.ping_interval + 2 * timing.ping_deadline <= 15


async def test_a_cut_link_comes_back_and_reads_the_state_again(pbx: ReplayPbx, connect: Dial) -> None:
    watch = await connect(pbx)
    pbx.happen_unheard(new_channel(7, number="13900139000"))
    pbx.cut()
    await watch.up(times=2)
    seen = watch.snapshots[-1].channels
    assert seen is not None
    assert [(c.uniqueid, c.caller_number) for c in seen] == [("1795295257.7", "13900139000")]
    assert watch.link.stats.state_reads == 2


async def test_a_pbx_that_is_away_is_waited_for(pbx: ReplayPbx, connect: Dial) -> None:
    pbx.refusing = True
    watch = await connect(pbx, wait=False)
    await watch.until(lambda: watch.phases.count(LinkPhase.DOWN) >= 3)
    pbx.refusing = False
    await watch.up()


async def test_a_port_without_a_pbx_is_said_in_words(pbx: ReplayPbx, connect: Dial) -> None:
    await pbx.stop()
    watch = await connect(pbx, wait=False)
    await watch.until(lambda: LinkPhase.DOWN in watch.phases)
    assert "cannot be reached" in (watch.states[-1].reason or "")


def test_back_off_doubles_up_to_its_cap_and_starts_anew_after_a_reset() -> None:
    back_off = Backoff(1.0, 8.0, chance=lambda: 1.0)
    assert [back_off.next() for _ in range(6)] == [1, 2, 4, 8, 8, 8]
    back_off.reset()
    assert back_off.next() == 1


def test_back_off_is_spread_between_half_and_all_of_its_step() -> None:
    assert Backoff(4.0, 8.0, chance=lambda: 0.0).next() == 2.0


async def test_an_unanswered_action_fails_with_the_link_and_is_never_sent_again(pbx: ReplayPbx, connect: Dial) -> None:
    watch = await connect(pbx)
    pbx.mute_actions.add("originate")
    asked = asyncio.create_task(watch.link.action("Originate", {"Channel": "PJSIP/1001", "Exten": "13800138000"}))
    await pbx.until(lambda: any(action["Action"] == "Originate" for action in pbx.received))
    pbx.cut()
    with pytest.raises(Unavailable):
        await asked
    pbx.mute_actions.clear()
    await watch.up(times=2)
    await watch.link.action("Ping")
    assert [action["Action"] for action in pbx.received].count("Originate") == 1


async def test_an_action_without_an_answer_in_time_fails(pbx: ReplayPbx, connect: Dial) -> None:
    watch = await connect(pbx)
    pbx.mute_actions.add("hangup")
    with pytest.raises(Unavailable) as trouble:
        await watch.link.action("Hangup", {"Channel": "PJSIP/1001-00000001"}, wait=0.05)
    assert trouble.value.code == "pbx_timeout"
    assert watch.link.stats.actions_failed == 1


async def test_an_action_without_a_link_fails_at_once(pbx: ReplayPbx, connect: Dial) -> None:
    await pbx.stop()
    watch = await connect(pbx, wait=False)
    with pytest.raises(Unavailable):
        await watch.link.action("Ping")


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("Originate", {"Channel": "PJSIP/1001\r\nAction: Command"}),
        ("Originate", {"Exten": "1\n2"}),
        ("Originate", {"Exten": "1\0"}),
        ("Originate", {"X\r\nY": "1"}),
        ("Originate", {"X: 1": "1"}),
        ("Ping\r\nAction: Command", {}),
    ],
)
async def test_line_breaks_in_anything_that_is_sent_are_refused(
    pbx: ReplayPbx, connect: Dial, name: str, fields: dict[str, str]
) -> None:
    watch = await connect(pbx)
    with pytest.raises(Rejected):
        await watch.link.action(name, fields)
    assert all(b"Command" not in raw for raw in pbx.raw_received)


async def test_a_consumer_that_raises_costs_neither_the_link_nor_the_next_event(pbx: ReplayPbx, connect: Dial) -> None:
    def fails(event: AmiEvent) -> None:
        raise RuntimeError("the consumer is broken")

    watch = await connect(pbx, on_event=fails)
    for sequence in range(20):
        pbx.emit(new_channel(sequence))
    await watch.until(lambda: len(channels(watch)) == 20)
    assert watch.link.state.up
    assert watch.link.reconnects == 0
    assert watch.link.stats.consumer_errors >= 20


async def test_the_state_comes_before_the_events_that_arrived_while_it_was_read(pbx: ReplayPbx, connect: Dial) -> None:
    pbx.happen_unheard(new_channel(1))
    pbx.mute_actions.add("bridgelist")
    watch = await connect(pbx, wait=False, timing=QUICK)
    await pbx.until(lambda: any(action["Action"] == "BridgeList" for action in pbx.received))
    pbx.emit(new_channel(2))
    pbx.mute_actions.clear()
    # The unanswered question fails the first reading; the second connection must tell the whole story again.
    pbx.cut()
    await watch.up()
    await watch.until(lambda: bool(watch.snapshots))
    seen = watch.snapshots[0].channels
    assert seen is not None
    assert {c.uniqueid for c in seen} == {"1795295257.1", "1795295257.2"}


async def test_events_between_log_in_and_snapshot_are_held_and_none_is_lost(connect: Dial, pbx: ReplayPbx) -> None:
    """Emits an event at each question of the reading; all come, in order, after the snapshot."""
    sent = 0
    original = pbx.handle

    def handle(client: object, fields: dict[str, str], raw: bytes) -> bool:
        nonlocal sent
        answered = original(client, fields, raw)  # type: ignore[arg-type]
        if fields.get("Action") in ("Login", "CoreStatus", "QueueStatus", "CoreShowChannels", "BridgeList"):
            sent += 1
            pbx.emit(new_channel(sent))
        return answered

    pbx.handle = handle  # type: ignore[method-assign, assignment]
    watch = await connect(pbx)
    await watch.until(lambda: len(channels(watch)) == 5)
    whats = [what for what, value in watch.said if what == "snapshot" or isinstance(value, Newchannel)]
    assert whats == ["snapshot"] + ["event"] * 5
    assert [event.uniqueid for event in channels(watch)] == [f"1795295257.{n}" for n in range(1, 6)]


async def test_the_state_tells_channels_bridges_and_queues_of_a_call_under_way(pbx: ReplayPbx, connect: Dial) -> None:
    recording = load(TRAFFIC / "queue_ringall.ami.xz")
    for event in plan(recording, Cast(), Identities(), 1795295302.0):
        if event.name == "HangupRequest":
            break
        pbx.happen_unheard(event.at(1795295302.0 + event.after))
    watch = await connect(pbx)
    state = watch.snapshots[0]
    assert state.complete and state.channels and state.bridges and state.queues
    assert {c.channel.split("-")[0] for c in state.channels} == {"PJSIP/trunk", "PJSIP/1001"}
    assert set(state.bridges[0].uniqueids) == {c.uniqueid for c in state.channels}
    assert {c.bridge_id for c in state.channels} == {state.bridges[0].bridge_id}
    assert [q.name for q in state.queues] == ["sales", "service"]
    assert state.queues[0].members[0].in_call
    assert state.boot and state.version == "22.10.1"


async def test_a_waiting_caller_is_in_the_queue_of_the_state(pbx: ReplayPbx, connect: Dial) -> None:
    recording = load(TRAFFIC / "queue_abandon.ami.xz")
    for event in plan(recording, Cast(queues={"noone": "sales"}), Identities(), 1795295317.0):
        if event.name == "HangupRequest":
            break
        pbx.happen_unheard(event.at(1795295317.0 + event.after))
    watch = await connect(pbx)
    queues = watch.snapshots[0].queues
    assert queues is not None
    assert [caller.caller_number for caller in queues[0].waiting] == ["13800138010"]


async def test_a_user_who_may_not_ask_leaves_the_state_open_and_the_link_up(pbx: ReplayPbx, connect: Dial) -> None:
    pbx.users["listener"] = ManagerUser("secret", may=frozenset({"BridgeList", "QueueStatus"}))
    watch = await connect(pbx)
    state = watch.snapshots[0]
    assert state.channels is None and not state.complete
    assert state.refused["CoreShowChannels"] == "Permission denied"


async def test_only_the_action_user_acts_and_it_hears_no_events(pbx: ReplayPbx, connect: Dial) -> None:
    pbx.users["actor"] = ManagerUser("act", events=False)
    watch = await connect(pbx, action_username="actor", action_secret="act")
    await pbx.until(lambda: pbx.logins == 2)
    await pbx.until(lambda: watch.link.action_state.up)
    pbx.originate = lambda _: None
    response = await watch.link.action("Originate", {"Channel": "PJSIP/1001"})
    assert response.success
    assert pbx.listeners() == 1
    log_ins = [action for action in pbx.received if action["Action"] == "Login"]
    assert {(a["Username"], a.get("Events")) for a in log_ins} == {("listener", None), ("actor", "off")}


async def test_a_refused_action_user_leaves_the_listening_untouched(pbx: ReplayPbx, connect: Dial) -> None:
    watch = await connect(pbx, action_username="actor", action_secret="wrong")
    await pbx.until(lambda: sum(a.get("Username") == "actor" for a in pbx.received) >= 2)
    assert watch.link.state.up
    assert watch.link.action_state.phase is not LinkPhase.UP
    with pytest.raises(Unavailable):
        await watch.link.action("Ping")


async def test_a_pbx_that_finishes_booting_later_is_read_again(pbx: ReplayPbx, connect: Dial) -> None:
    watch = await connect(pbx)
    pbx.emit(b"Event: FullyBooted\r\nPrivilege: system,all\r\nStatus: Fully Booted")
    await watch.until(lambda: len(watch.snapshots) == 2)
    assert watch.link.reconnects == 0


async def test_two_pbxs_do_not_mix(pbx: ReplayPbx, connect: Dial) -> None:
    other = ReplayPbx({"listener": ManagerUser("secret")}, queues=[QueueSpec("other", "ringall", ())])
    await other.start()
    try:
        first = await connect(pbx)
        async with watching(config_for(other, name="second")) as second:
            await second.up()
            pbx.emit(new_channel(1))
            other.emit(new_channel(2))
            await first.until(lambda: bool(channels(first)))
            await second.until(lambda: bool(channels(second)))
            assert [c.uniqueid for c in channels(first)] == ["1795295257.1"]
            assert [c.uniqueid for c in channels(second)] == ["1795295257.2"]
            assert second.snapshots[0].pbx == "second"
    finally:
        await other.stop()


async def test_counters_tell_events_bytes_and_the_newest_time(pbx: ReplayPbx, connect: Dial) -> None:
    watch = await connect(pbx)
    pbx.emit(new_channel(1))
    await watch.until(lambda: bool(channels(watch)))
    assert watch.link.stats.last_event_at == 1795295257.541785
    assert watch.link.stats.kinds[Newchannel] == 1
    assert watch.link.bytes_received > 0
    assert watch.link.lag_seconds is not None


async def test_garbage_between_events_costs_neither_the_link_nor_the_next_event(pbx: ReplayPbx, connect: Dial) -> None:
    watch = await connect(pbx)
    dice = random.Random(7)
    for sequence in range(30):
        for client in pbx.clients:
            client.send(dice.randbytes(dice.randrange(1, 3000)) + b"\r\n\r\n")
            client.send(b"Event: Newchannel\r\nCallerIDName: " + b"x" * 70_000 + b"\r\n\r\n")
        pbx.emit(new_channel(sequence))
    await watch.until(lambda: [e.uniqueid for e in channels(watch) if e.uniqueid][-1:] == ["1795295257.29"])
    assert [e.uniqueid for e in channels(watch) if e.uniqueid] == [f"1795295257.{n}" for n in range(30)]
    assert watch.link.state.up and watch.link.reconnects == 0


async def test_a_port_of_something_else_is_said_in_words(connect: Dial) -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-Something\r\n")
        await writer.drain()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    elsewhere = ReplayPbx({}, port=port)
    watch = await connect(elsewhere, wait=False, timing=replace(QUICK, connect_timeout=0.2))
    await watch.until(lambda: LinkPhase.DOWN in watch.phases)
    assert "no Asterisk manager" in (watch.states[-1].reason or "")
    server.close()


async def test_an_answer_that_comes_after_the_asker_gave_up_finds_nobody(pbx: ReplayPbx, connect: Dial) -> None:
    watch = await connect(pbx)
    with pytest.raises(Unavailable):
        await watch.link.action("CoreStatus", wait=0.0000001)
    assert (await watch.link.action("Ping")).fields["Ping"] == "Pong"


async def test_action_ids_are_never_used_twice(pbx: ReplayPbx, connect: Dial) -> None:
    watch = await connect(pbx)
    await asyncio.gather(*(watch.link.action("Ping") for _ in range(50)))
    pbx.cut()
    await watch.up(times=2)
    ids = [action["ActionID"] for action in pbx.received]
    assert len(set(ids)) == len(ids)


async def test_too_many_open_questions_are_refused_instead_of_piling_up(pbx: ReplayPbx, connect: Dial) -> None:
    watch = await connect(pbx, timing=replace(QUICK, ping_interval=60.0))
    pbx.mute_actions.add("hangup")
    open_ones = [asyncio.create_task(watch.link.action("Hangup")) for _ in range(300)]
    done, waiting = await asyncio.wait(open_ones, return_when=asyncio.FIRST_EXCEPTION)
    assert len(waiting) == 256
    assert {task.exception().code for task in done if task.exception()} == {"pbx_busy"}  # type: ignore[union-attr]
    pbx.cut()
    await asyncio.wait(open_ones)
