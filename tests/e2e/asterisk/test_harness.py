"""What the other end-to-end tests stand on: phones ring, talk and are recorded on a real Asterisk."""

import asyncio
import csv
import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.e2e.asterisk.ami import Capture
from tests.e2e.asterisk.call import CallRefused
from tests.e2e.asterisk.phone import refuse_with
from tests.e2e.asterisk.scenes import Stage
from tests.e2e.asterisk.server import AsteriskServer
from tests.e2e.asterisk.sipp import SippAgent, SippTrunk

pytestmark = pytest.mark.real


def loudness(file: Path) -> tuple[float, float]:
    """(seconds, root mean square) of a recording."""
    sound, rate = soundfile.read(file)
    return len(sound) / rate, float(np.sqrt(np.mean(np.square(sound)))) if len(sound) else 0.0


def strongest(file: Path) -> list[int]:
    """The two strongest tones of a recording, in Hz, to the nearest ten."""
    sound, rate = soundfile.read(file)
    power = np.abs(np.fft.rfft(sound))
    found: list[int] = []
    for place in np.argsort(power)[::-1]:
        tone = round(float(place) * rate / len(sound) / 10) * 10
        if all(abs(tone - other) > 20 for other in found):
            found.append(tone)
        if len(found) == 2:
            return sorted(found)
    return found


def only_recording(pbx: AsteriskServer) -> Path:
    (file,) = pbx.recordings_dir.iterdir()
    return file


async def test_a_call_is_answered_talked_and_recorded_with_both_voices(stage: Stage) -> None:
    customer, agent = await stage.connected("1001", "13800138000", talk=2)
    assert customer.rtp is not None and customer.rtp.received > 50
    assert agent.rtp is not None and agent.rtp.received > 50
    assert agent.caller == "13800138000"
    await customer.hang_up()
    await agent.over()
    await stage.pbx.admin.quiet()

    seconds, level = loudness(only_recording(stage.pbx))
    assert 1 < seconds < 4
    assert level > 0.02
    voices = sorted([stage.world.frequency, stage.desk("1001").frequency])
    assert [abs(a - b) <= 10 for a, b in zip(strongest(only_recording(stage.pbx)), voices, strict=True)] == [True, True]
    (line,) = csv.reader(io.StringIO(stage.pbx.cdr()))
    assert (line[1], line[2], line[14]) == ("13800138000", "1001", "ANSWERED")


async def test_sipp_phones_talk_with_real_speech(pbx: AsteriskServer) -> None:
    async with (
        SippAgent(pbx, "1001", seconds={"ring": 0.3}) as agent,
        SippTrunk(pbx, "calls", number="1001", name="张三", seconds={"talk": 2}) as customer,
    ):
        await customer.done()
        await agent.done()
    await pbx.admin.quiet()
    seconds, level = loudness(only_recording(pbx))
    assert 1 < seconds < 4
    assert level > 0.005
    assert '"张三""' in pbx.cdr()


@pytest.mark.parametrize(
    ("script", "seconds", "keys", "customer"),
    [
        ("answers_hangs_up", {"ring": 0.2, "talk": 0.5}, {}, "calls_until_ended"),
        ("ignores", {}, {}, "cancels"),
        ("holds", {"ring": 0.2, "talk": 0.5, "hold": 0.5}, {}, "calls"),
    ],
)
async def test_each_sipp_script_ends_as_it_says(
    pbx: AsteriskServer, script: str, seconds: dict[str, float], keys: dict[str, str], customer: str
) -> None:
    async with (
        SippAgent(pbx, "1001", script, seconds=seconds, keys=keys) as agent,
        SippTrunk(pbx, customer, number="1001", seconds={"talk": 2.5, "ring": 0.5}) as trunk,
    ):
        await trunk.done()
        await agent.done()


async def test_a_sipp_agent_transfers_to_a_colleague(pbx: AsteriskServer) -> None:
    async with (
        SippAgent(pbx, "1001", "transfers", seconds={"ring": 0.2, "talk": 0.5}, keys={"target": "1002"}) as first,
        SippAgent(pbx, "1002", "answers_hangs_up", seconds={"ring": 0.2, "talk": 0.5}) as second,
        SippTrunk(pbx, "calls_until_ended", number="1001") as customer,
    ):
        await second.done()
        await customer.done()
        await first.done()
    await pbx.admin.event("BlindTransfer", Extension="1002")


async def test_an_attended_transfer_leaves_the_two_others_together(stage: Stage) -> None:
    customer, agent = await stage.connected("1001", "13800138001", talk=0.5)
    await agent.hold()
    consult = await stage.desk("1001").dial("1002")
    target = await stage.takes("1002", after=0.1)
    await consult.answered()
    await agent.refer_to_call(consult)
    await agent.over()
    await consult.over()
    assert target.rtp is not None
    before = target.rtp.received
    await asyncio.sleep(0.5)
    assert target.rtp.received > before
    await customer.hang_up()
    await target.over()


async def test_a_refusal_reaches_the_caller(stage: Stage) -> None:
    stage.behave("1004", refuse_with(486))
    customer = await stage.customer("1004", "13800138002")
    with pytest.raises(CallRefused, match="486"):
        await customer.answered()


async def test_click_to_dial_rings_the_own_phone_first(stage: Stage) -> None:
    await stage.pbx.originate("1001", "13900139000")
    agent = await stage.takes("1001", after=0.1)
    customer = await stage.takes("trunk", after=0.1)
    await asyncio.sleep(0.5)
    await agent.hang_up()
    await customer.over()


async def test_a_killed_pbx_comes_back_with_its_files_and_takes_calls(stage: Stage) -> None:
    await stage.connected("1001", "13800138003", talk=0.5)
    await stage.pbx.restart()
    await stage.pbx.close_phones()
    await stage.set()
    customer, _ = await stage.connected("1001", "13800138004", talk=0.5)
    await customer.hang_up()
    await stage.pbx.admin.quiet()
    assert len(list(stage.pbx.recordings_dir.iterdir())) == 2


async def test_a_capture_holds_the_stream_from_banner_to_the_last_hang_up(stage: Stage) -> None:
    capture = await Capture(stage.pbx.session()).start()
    customer, _ = await stage.connected("1001", "13800138005", talk=0.2)
    await customer.hang_up()
    await stage.pbx.admin.quiet()
    await asyncio.sleep(0.3)
    data = await capture.stop()
    assert data.startswith(b"Asterisk Call Manager/")
    assert data.endswith(b"\r\n\r\n")
    assert data.count(b"Event: Hangup\r\n") == 2
