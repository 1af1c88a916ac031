"""The desk and the board on live messages, in a real browser with a scripted gateway."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.e2e.browser.conftest import Opened, Screen
from tests.e2e.browser.sample_site import Gateway
from tests.e2e.browser.samples import HOSTILE

pytestmark = pytest.mark.real


def ago(seconds: float = 0) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()


def call(call_id: str, state: str = "ringing", **more: Any) -> dict[str, Any]:
    answered = None if state == "ringing" else ago(1)
    leg = {"extension": "1001", "rang_at": ago(6), "answered_at": answered, "ended_at": None, "outcome": None}
    values = {
        "id": call_id,
        "pbx": "main",
        "direction": "inbound",
        "state": state,
        "caller_number": "13800138000",
        "called_number": "8001",
        "customer_number": "13800138000",
        "customer": None,
        "queue": "sales",
        "started_at": ago(12),
        "answered_at": answered,
        "talk_seconds": 0,
        "agents": ["1001"] if answered else [],
        "legs": [leg],
    }
    return values | more


def pop(call_id: str, **more: Any) -> dict[str, Any]:
    values = {
        "call_id": call_id,
        "number": "13800138000",
        "called_number": "8001",
        "queue": "sales",
        "waited_seconds": 12,
        "matches": None,
        "transferred_from": None,
    }
    return values | more


def match(customer_id: str, name: str, *reasons: str) -> dict[str, Any]:
    return {"customer": {"id": customer_id, "name": name}, "reason": reasons[0], "reasons": list(reasons), "score": 0.9}


def agent(extension: str, state: str, **more: Any) -> dict[str, Any]:
    values = {
        "pbx": "main",
        "extension": extension,
        "name": f"王{extension}",
        "state": state,
        "since": ago(20),
        "reason": None,
        "calls": [],
        "queues": ["sales"],
    }
    return values | more


KNOWN = match("cust000000001", "张桂兰", "owner_is_you", "exact")


async def ready(screen: Opened, path: str = "/desk") -> Screen:
    shown: Screen = await screen()
    await shown.open(path)
    await expect(shown.page.locator("[data-link=connected]")).to_be_visible()
    return shown


def card(page: Page, call_id: str) -> Any:
    return page.locator(f'.c-call[data-call-id="{call_id}"]')


async def test_a_ring_shows_the_customer_before_anybody_answers(screen: Opened) -> None:
    shown = await ready(screen)
    gateway = shown.site.gateway
    await gateway.push("pop.show", pop("c1"))
    await expect(card(shown.page, "c1")).to_contain_text("138 0013 8000")
    await gateway.push("pop.update", {"call_id": "c1", "matches": [KNOWN]})
    await expect(card(shown.page, "c1").get_by_role("heading", name="张桂兰")).to_be_visible()
    await expect(card(shown.page, "c1")).to_contain_text("糖尿病")
    assert {"type": "ack", "seq": 1} in gateway.heard
    assert not shown.wrong


async def test_a_call_is_taken_noted_and_saved_by_keys_alone(screen: Opened) -> None:
    shown = await ready(screen)
    gateway, page = shown.site.gateway, shown.page
    await gateway.push("pop.show", pop("c1", matches=[KNOWN]))
    await gateway.push("call.answered", call("c1", "talking"))
    await expect(card(page, "c1")).to_have_attribute("data-state", "talking")
    await expect(page.get_by_role("tab").first).to_be_visible()
    await page.keyboard.press("Alt+n")
    await page.keyboard.type("月底再联系")
    await page.keyboard.press("Alt+p")
    await page.keyboard.press("Alt+p")
    await page.keyboard.press("Alt+2")
    await expect(page.get_by_role("tab", selected=True)).to_contain_text("通话")
    await gateway.push("call.held", call("c1", "held"))
    await expect(card(page, "c1")).to_have_attribute("data-state", "held")
    await gateway.push("call.ended", call("c1", "ended", talk_seconds=63.0))
    await expect(card(page, "c1")).to_contain_text("1:03")
    await page.keyboard.press("Control+Enter")
    await expect(card(page, "c1")).to_have_count(0)
    path, form = next(one for one in shown.site.posted if one[0].endswith("/wrapup"))
    assert path == "/desk/calls/c1/wrapup"
    assert (form["note"], form["progress"]) == ("月底再联系", "50")
    assert not shown.wrong


async def test_two_calls_are_two_cards_and_the_talk_keeps_the_keyboard(screen: Opened) -> None:
    shown = await ready(screen)
    gateway, page = shown.site.gateway, shown.page
    await gateway.push("pop.show", pop("c1", matches=[KNOWN]))
    await gateway.push("call.answered", call("c1", "talking"))
    await gateway.push("pop.show", pop("c2", matches=[match("k2", "李建华", "exact"), match("k3", HOSTILE, "exact")]))
    await expect(card(page, "c2")).to_be_visible()
    await expect(card(page, "c1")).to_have_attribute("data-active", "true")
    await page.keyboard.press("Alt+ArrowDown")
    await expect(card(page, "c2")).to_contain_text(HOSTILE)
    await page.keyboard.press("Alt+1")
    await expect(card(page, "c2")).to_contain_text("张桂兰")  # the sample site draws one customer for all
    assert ("/desk/calls/c2/customer", {"customer": "k2"}) in shown.site.posted
    assert not shown.wrong


@pytest.mark.parametrize(
    ("reason", "by", "text"),
    [("answered_elsewhere", "1002", "1002 已接听"), ("caller_gone", None, "无人接听前主叫已挂断")],
)
async def test_a_lost_ring_says_why(screen: Opened, reason: str, by: str | None, text: str) -> None:
    shown = await ready(screen)
    await shown.site.gateway.push("pop.show", pop("c1", matches=[KNOWN]))
    await expect(card(shown.page, "c1")).to_be_visible()
    await shown.site.gateway.push("pop.hide", {"call_id": "c1", "reason": reason, "by": by})
    await expect(card(shown.page, "c1")).to_contain_text(text)


async def test_an_unknown_number_is_filled_in_and_a_hidden_one_is_said(screen: Opened) -> None:
    shown = await ready(screen)
    gateway, page = shown.site.gateway, shown.page
    await gateway.push("pop.show", pop("c1", number="02161234567", matches=[], region="上海"))
    await expect(card(page, "c1").locator("[name=number]")).to_have_value("02161234567")
    await card(page, "c1").locator("[data-find] input").fill("zgl")
    await expect(card(page, "c1").locator("[data-found] button").first).to_contain_text("张桂兰")
    await card(page, "c1").locator("[name=name]").fill("李秀英")
    await card(page, "c1").get_by_role("button", name="建立客户").click()
    await expect(card(page, "c1").get_by_role("heading", name="张桂兰")).to_be_visible()
    await gateway.push("pop.hide", {"call_id": "c1", "reason": "no_answer", "by": None})
    await gateway.push("pop.show", pop("c2", number=None, hidden=True, matches=[]))
    await expect(card(page, "c2")).to_contain_text("号码隐藏")
    assert not shown.wrong


async def test_a_call_that_turns_out_to_be_another_keeps_its_card_and_note(screen: Opened) -> None:
    shown = await ready(screen)
    gateway, page = shown.site.gateway, shown.page
    await gateway.push("pop.show", pop("c1", matches=[KNOWN]))
    await page.keyboard.press("Alt+n")
    await page.keyboard.type("x")
    await gateway.push("call.merged", {"id": "c1", "into": "c9"})
    await gateway.push("pop.show", pop("c9", replaces="c1", matches=[KNOWN]))
    await expect(page.locator(".c-call")).to_have_count(1)
    await expect(page.locator("[data-wrap] textarea:visible")).to_have_value("x")
    assert not shown.wrong


async def test_a_line_that_breaks_is_resumed_and_loses_nothing(screen: Opened) -> None:
    shown = await ready(screen)
    gateway = shown.site.gateway
    await gateway.push("pop.show", pop("c1", matches=[KNOWN]))
    await expect(card(shown.page, "c1")).to_be_visible()
    for socket in list(gateway.sockets):
        await socket.close(1001)
    await expect(shown.page.locator("[data-link=connected]")).to_be_visible()
    for _ in range(100):
        if gateway.sockets:
            break
        await shown.page.wait_for_timeout(50)
    hellos = [message for message in gateway.heard if message.get("type") == "hello"]
    assert hellos[-1]["resume"] == {"session": "s1", "seq": 1}
    await gateway.push("call.answered", call("c1", "talking"))
    await expect(card(shown.page, "c1")).to_have_attribute("data-state", "talking")


async def test_several_tabs_share_one_socket_and_one_ring(screen: Opened) -> None:
    shown = await ready(screen)
    second = await shown.page.context.new_page()
    await second.goto(shown.page.url)
    await expect(second.locator("[data-link=connected]")).to_be_visible()
    await shown.site.gateway.push("pop.show", pop("c1", matches=[KNOWN]))
    for page in (shown.page, second):
        await expect(card(page, "c1")).to_be_visible()
    assert len(shown.site.gateway.sockets) == 1
    await shown.page.wait_for_timeout(200)
    assert [m for m in shown.site.gateway.heard if m.get("type") == "ack"] == [{"type": "ack", "seq": 1}]


async def test_calls_that_are_not_yet_saved_survive_a_reload(screen: Opened) -> None:
    shown = await ready(screen)
    gateway, page = shown.site.gateway, shown.page
    await gateway.push("pop.show", pop("c1", matches=[KNOWN]))
    await gateway.push("call.answered", call("c1", "talking"))
    await expect(card(page, "c1")).to_have_attribute("data-state", "talking")
    await page.keyboard.press("Alt+n")
    await page.keyboard.type("草稿")
    await gateway.push("call.ended", call("c1", "ended"))
    await expect(card(page, "c1")).to_have_attribute("data-state", "ended")
    await page.reload()
    await expect(card(page, "c1")).to_have_attribute("data-state", "ended")
    await expect(page.locator("[data-wrap] textarea:visible")).to_have_value("草稿")


async def test_a_state_and_a_hang_up_are_asked_of_the_gateway(screen: Opened) -> None:
    shown = await ready(screen)
    gateway, page = shown.site.gateway, shown.page
    await gateway.push("agent.state", agent("1001", "idle"))
    await expect(page.locator("[data-my-state]").first).to_have_text("示闲")
    await page.get_by_role("button", name="示忙").click()
    await page.get_by_role("button", name="午餐").click()
    await gateway.push("pop.show", pop("c1", matches=[KNOWN]))
    await gateway.push("call.answered", call("c1", "talking"))
    await card(page, "c1").get_by_role("button", name="挂断").click()
    await page.wait_for_timeout(200)
    commands = [(m["type"], m["data"]) for m in gateway.heard if "id" in m]
    assert ("agent.state", {"status": "paused", "reason": "lunch"}) in commands
    assert ("call.hangup", {"call_id": "c1"}) in commands


async def _asked(page: Page, gateway: Gateway, wanted: dict[str, Any]) -> bool:
    """Whether the desk asks for this state within a few seconds."""
    for _ in range(100):
        if wanted in [m["data"] for m in gateway.heard if m.get("type") == "agent.state"]:
            return True
        await page.wait_for_timeout(50)
    return False


async def test_time_to_write_up_is_taken_and_given_back_by_itself(screen: Opened) -> None:
    shown: Screen = await screen(size="much")
    await shown.open("/desk")
    gateway, page = shown.site.gateway, shown.page
    await expect(page.locator("[data-link=connected]")).to_be_visible()
    await gateway.push("agent.state", agent("1001", "talking"))
    await gateway.push("pop.show", pop("c1", matches=[KNOWN]))
    await gateway.push("call.answered", call("c1", "talking"))
    await gateway.push("call.ended", call("c1", "ended", agents=["1001"]))
    assert await _asked(page, gateway, {"status": "wrap_up", "reason": None})
    await gateway.push("agent.state", agent("1001", "wrap_up", since=ago(5)))
    await expect(page.locator("[data-my-state]").first).to_have_text("话后")
    await gateway.push("agent.state", agent("1001", "wrap_up", since=ago(21)))
    assert await _asked(page, gateway, {"status": "available", "reason": None})


async def test_the_board_follows_agents_and_queues(screen: Opened) -> None:
    screen_of_board: Screen = await screen()
    gateway = screen_of_board.site.gateway
    gateway.snapshot = {
        "calls": [call("c1", "talking", customer={"id": "k", "name": HOSTILE})],
        "pops": [],
        "agents": [agent("1001", "talking", calls=["c1"]), agent("1002", "idle"), agent("1003", "offline")],
        "queues": [{"pbx": "main", "queue": "sales", "waiting": [], "members": 2, "available": 1}],
    }
    await screen_of_board.open("/board")
    page = screen_of_board.page
    await expect(page.locator(".c-ba")).to_have_count(3)
    await expect(page.locator('.c-ba[data-state="talking"]')).to_contain_text(HOSTILE)
    await expect(page.locator(".c-bq")).to_contain_text("无人等待")
    waiting = [{"call_id": "c2", "since": ago(48), "position": 1}]
    await gateway.push("queue.state", gateway.snapshot["queues"][0] | {"waiting": waiting}, topic="wallboard")
    await expect(page.locator(".c-bq")).to_have_attribute("data-late", "true")
    await gateway.push("agent.state", agent("1002", "paused", reason="lunch"), topic="wallboard")
    await expect(page.locator('.c-ba[data-state="paused"]')).to_contain_text("午餐")
    await page.locator('.c-ba[data-state="talking"]').hover()
    await page.get_by_role("button", name="监听").click()
    await page.wait_for_timeout(200)
    commands = [(m["type"], m["data"]) for m in gateway.heard if "id" in m]
    assert ("subscribe", {"topic": "wallboard"}) in commands
    assert ("call.listen", {"call_id": "c1", "mode": "listen"}) in commands
    assert not screen_of_board.wrong
