"""Real calls on a real Asterisk: what the product says of them is what the phones did."""

from __future__ import annotations

import asyncio
import io
import math
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.e2e.asterisk.phone import ring_for_ever
from tests.e2e.asterisk.scenes import Stage
from tests.e2e.product import Product, eventually
from tests.e2e.push_client import Listener

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("asterisk")]


def about(seconds: float, slack: float = 0.6) -> Any:
    return pytest.approx(seconds, abs=slack)


async def listener(product: Product, extension: str) -> Listener:
    return await Listener(product, f"agent{extension}").open()


async def test_the_pop_shows_the_customer_before_anyone_answers(stage: Stage, product: Product) -> None:
    customer_id = await product.customer("张桂兰", "13800138000")
    desk = await listener(product, "1001")
    caller = await stage.customer("1001", "13800138000")
    await stage.rings("1001")
    shown = await desk.heard("pop.show")
    matches = shown["matches"] or (await desk.heard("pop.update"))["matches"]
    assert not desk.of("call.answered"), "nobody has answered yet"
    assert shown["number"] == "13800138000"
    assert [match["customer"]["id"] for match in matches] == [customer_id]
    await caller.cancel()
    assert (await desk.heard("pop.hide"))["reason"] == "caller_gone"
    call = await product.ended_call("13800138000")
    assert (call["status"], call["direction"], call["customer"]["name"]) == ("missed", "inbound", "张桂兰")
    assert [leg["outcome"] for leg in call["legs"]] == ["cancelled"]
    await desk.close()


async def test_an_answered_call_has_its_legs_times_and_an_audible_recording(stage: Stage, product: Product) -> None:
    caller, agent = await stage.connected("1001", "13800138001", talk=3)
    await caller.hang_up()
    await agent.over()
    call = await product.ended_call("13800138001")
    assert (call["status"], call["agents"], call["ended_by"]) == ("answered", ["1001"], "caller")
    assert call["talk_seconds"] == about(3)
    assert call["certainty"] == "complete"
    recording = await ready_recording(product, call["id"])
    assert recording["seconds"] == about(call["talk_seconds"], 1)
    status, audio = await product.api("GET", f"/api/v1/recordings/{recording['id']}/audio")
    assert status == 200
    sound, rate = soundfile.read(io.BytesIO(audio))
    assert len(sound) / rate == about(call["talk_seconds"], 1)
    assert math.sqrt(float(np.mean(np.square(sound)))) > 0.01, "it is silent"


async def ready_recording(product: Product, call_id: str) -> dict[str, Any]:
    async def look() -> dict[str, Any] | None:
        call = await product.ok("GET", f"/api/v1/calls/{call_id}")
        ready = [recording for recording in call["recordings"] if recording["state"] == "ready"]
        return ready[0] if ready else None

    return await eventually(look, 15)


async def test_time_on_hold_is_hold_and_not_talk(stage: Stage, product: Product) -> None:
    desk = await listener(product, "1001")
    caller, agent = await stage.connected("1001", "13800138002", talk=1)
    await agent.hold()
    await desk.heard("call.held")
    await asyncio.sleep(2)
    await agent.resume()
    await desk.heard("call.resumed")
    await asyncio.sleep(1)
    await caller.hang_up()
    call = await product.ended_call("13800138002")
    assert call["hold_seconds"] == about(2)
    assert call["talk_seconds"] == about(2)
    await desk.close()


async def test_a_blind_transfer_pops_at_the_colleague_with_who_sent_it(stage: Stage, product: Product) -> None:
    colleague = await listener(product, "1002")
    caller, agent = await stage.connected("1001", "13800138003", talk=1)
    await agent.refer("1002")
    shown = await colleague.heard("pop.show")
    assert (shown["number"], shown["transferred_from"]) == ("13800138003", "1001")
    second = await stage.takes("1002", after=0.2)
    await asyncio.sleep(1)
    await caller.hang_up()
    await second.over()
    call = await product.ended_call("13800138003")
    assert (call["transferred"], call["agents"], call["status"]) == ("blind", ["1001", "1002"], "answered")
    await colleague.close()


async def test_an_attended_transfer_is_one_call(stage: Stage, product: Product) -> None:
    colleague = await listener(product, "1002")
    caller, agent = await stage.connected("1001", "13800138004", talk=1)
    await agent.hold()
    consult = await stage.desk("1001").dial("1002")
    shown = await colleague.heard("pop.show")
    assert (shown["number"], shown["transferred_from"]) == ("13800138004", "1001")
    second = await stage.takes("1002", after=0.2)
    await consult.answered()
    await asyncio.sleep(1)
    await agent.refer_to_call(consult)
    await agent.over()
    await asyncio.sleep(1)
    await caller.hang_up()
    await second.over()
    call = await product.ended_call("13800138004")
    assert (call["transferred"], call["agents"]) == ("attended", ["1001", "1002"])
    assert shown["call_id"] == call["id"]
    assert len(await product.calls()) == 1
    await colleague.close()


async def test_a_queue_call_rings_all_and_is_taken_back_from_the_others(stage: Stage, product: Product) -> None:
    first, second = await listener(product, "1001"), await listener(product, "1002")
    caller = await stage.customer("8002", "13800138005")
    await stage.rings("1002")
    agent = await stage.takes("1001", after=0.3)
    hidden = await second.heard("pop.hide")
    assert (hidden["reason"], hidden["by"]) == ("answered_elsewhere", "1001")
    assert (await first.heard("pop.show"))["queue"] == "service"
    assert first.of("pop.hide") == []
    await asyncio.sleep(1)
    await caller.hang_up()
    await agent.over()
    call = await product.ended_call("13800138005")
    assert (call["queue"], call["agents"], call["status"]) == ("service", ["1001"], "answered")
    outcomes = {leg["extension"]: leg["outcome"] for leg in call["legs"]}
    assert outcomes == {"1001": "answered", "1002": "answered_elsewhere"}
    await first.close()
    await second.close()


async def test_a_caller_who_leaves_the_queue_is_abandoned_and_claimed_by_one(stage: Stage, product: Product) -> None:
    stage.behave("1003", ring_for_ever())
    caller = await stage.customer("8003", "13800138006")
    await stage.rings("1003")
    await asyncio.sleep(1)
    await caller.hang_up()
    call = await product.ended_call("13800138006")
    assert (call["status"], call["queue"], call["ended_by"]) == ("abandoned", "noone", "caller")
    missed = await product.ok("GET", "/api/v1/missed-calls")
    assert [item["call"]["id"] for item in missed["items"]] == [call["id"]]
    claim = f"/api/v1/calls/{call['id']}/claim"
    claims = await asyncio.gather(*(product.api("POST", claim, who, {}) for who in ("boss", "second")))
    assert sorted(status for status, _ in claims) == [200, 409], "one wins, the other hears who"


async def test_click_to_dial_rings_the_own_phone_and_then_the_customer(stage: Stage, product: Product) -> None:
    key = {"number": "13900139000"}
    made = await product.ok("POST", "/api/v1/calls", "agent1001", key)
    assert made
    agent = await stage.takes("1001", after=0.2)
    customer = await stage.takes("trunk", after=0.5)
    await asyncio.sleep(1)
    await agent.hang_up()
    await customer.over()

    async def logged() -> dict[str, Any] | None:
        return next((call for call in await product.calls() if call["ended_at"]), None)

    call = await eventually(logged)
    assert (call["direction"], call["caller_number"], call["called_number"], call["status"]) == (
        "outbound",
        "1001",
        "13900139000",
        "answered",
    )


async def test_a_pbx_killed_in_mid_call_closes_the_call_with_a_gap(stage: Stage, product: Product) -> None:
    await stage.connected("1001", "13800138007", talk=1)
    await stage.pbx.restart()
    await stage.pbx.close_phones()
    await stage.set()

    async def closed() -> dict[str, Any] | None:
        calls = await product.calls()
        assert len(calls) <= 1
        return calls[0] if calls and calls[0]["state"] == "ended" else None

    call = await eventually(closed, 30)
    assert (call["certainty"], call["ended_by"], call["agents"]) == ("gap", None, ["1001"])
    caller, _ = await stage.connected("1001", "13800138008", talk=1)
    await caller.hang_up()
    assert (await product.ended_call("13800138008"))["certainty"] == "complete"


async def test_a_service_killed_in_mid_call_goes_on_with_the_same_call(stage: Stage, product: Product) -> None:
    caller, agent = await stage.connected("1001", "13800138009", talk=1.5)
    before = await eventually(product.calls)
    await product.kill()
    await product.start()
    await asyncio.sleep(1)
    await caller.hang_up()
    await agent.over()
    call = await product.ended_call("13800138009")
    assert call["id"] == before[0]["id"]
    assert (call["status"], call["agents"]) == ("answered", ["1001"])
    assert len(await product.calls()) == 1


async def test_a_call_that_ended_while_the_service_was_dead_does_not_stay_open(stage: Stage, product: Product) -> None:
    caller, agent = await stage.connected("1001", "13800138010", talk=1.5)
    await eventually(product.calls)
    await product.kill()
    await caller.hang_up()
    await agent.over()
    await product.start()
    call = await product.ended_call("13800138010")
    assert (call["certainty"], call["agents"]) == ("gap", ["1001"])
    assert call["talk_seconds"] is None, "how long they talked was not seen"


async def test_a_desk_cut_off_while_it_rings_gets_what_it_missed(stage: Stage, product: Product) -> None:
    desk = await listener(product, "1001")
    caller = await stage.customer("1001", "13800138011")
    await desk.heard("pop.show")
    desk.cut()
    agent = await stage.takes("1001", after=0.2)
    await asyncio.sleep(0.5)
    await desk.open(resume=True)
    assert desk.ready["resumed"] is True
    await desk.heard("call.answered")
    sequence = [message["seq"] for message in desk.messages if "seq" in message and message["type"] != "snapshot"]
    assert sequence == list(range(sequence[0], sequence[0] + len(sequence))), "nothing lost, nothing twice"
    assert len(desk.of("pop.show")) == 1
    await caller.hang_up()
    await agent.over()
    await desk.close()
