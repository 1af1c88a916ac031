"""The pages beside the desk in a real browser: log, sound, board, talk time, users, PBX."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.e2e.centre import Centre, log_in
from tests.e2e.past import HABITS, days_of_calls
from tests.e2e.product import PASSWORD, eventually
from tests.e2e.screens import Screen

pytestmark = [
    pytest.mark.real,
    pytest.mark.xdist_group("asterisk"),
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(120),
]
SPOKE, MISSED, WAITED = "13800138200", "13800138201", "13800138202"
WIDTH = "document.documentElement.scrollWidth"
TALK = 4.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lived(whole_centre: Centre) -> AsyncIterator[Centre]:
    """Days of the past, one recorded talk, one call that nobody took, one customer."""
    await days_of_calls(whole_centre.product)
    await whole_centre.customer("张桂兰", SPOKE, taboos="对青霉素过敏", address={"province": "上海", "city": "上海"})
    caller, _agent = await whole_centre.stage.connected("1001", SPOKE, talk=TALK)
    await caller.hang_up()
    unlucky = await whole_centre.stage.customer("1002", MISSED)
    await whole_centre.stage.rings("1002")
    await unlucky.cancel()

    async def recorded() -> bool:
        items = (await whole_centre.product.ok("GET", f"/api/v1/calls?number={SPOKE}"))["items"]
        return bool(items) and [one["state"] for one in items[0]["recordings"]] == ["ready"]

    await eventually(recorded, 20)
    whole_centre.stage.desk("1002").reset()
    yield whole_centre


@pytest_asyncio.fixture(loop_scope="module")
async def site(lived: Centre, centre: Centre) -> Centre:
    return centre


def rows(page: Page) -> Any:
    return page.locator("tr[data-call]")


async def test_the_call_log_is_cut_by_its_filters(site: Centre) -> None:
    chief = await site.screen("chief")
    await chief.open("/calls")
    everything = await rows(chief.page).count()
    assert everything > len(HABITS)
    await chief.page.get_by_label("号码").fill(MISSED)
    await chief.page.keyboard.press("Enter")
    await expect(rows(chief.page)).to_have_count(1)
    await expect(rows(chief.page)).to_contain_text("未接")
    await chief.open("/calls")
    await chief.page.get_by_label("状态").select_option(label="未接")
    await chief.page.locator("form.c-filter").get_by_role("button").click()
    await expect(rows(chief.page)).to_have_count(1)
    await chief.page.get_by_role("link", name="清除全部").click()
    await expect(rows(chief.page)).to_have_count(everything)
    await chief.page.get_by_label("坐席").select_option(label="赵敏")
    await chief.page.locator("form.c-filter").get_by_role("button").click()
    for row in await rows(chief.page).all():
        await expect(row).to_contain_text("赵敏")


async def test_a_row_opens_with_legs_and_reasons_and_its_recording_plays(site: Centre) -> None:
    chief = await site.screen("chief")
    page = chief.page
    await chief.open(f"/calls?number={SPOKE}")
    await expect(rows(page)).to_contain_text("张桂兰")
    await rows(page).locator("[data-expand]").first.click()
    inside = page.locator(".c-expanded")
    await expect(inside.locator("tbody tr").first).to_contain_text("1001")
    await inside.locator("[data-drawn]").wait_for()
    await inside.locator("summary").click()
    for sentence in (f"{SPOKE} 呼入", "1001 振铃", "接通", "挂断"):
        await expect(inside.locator(".c-explain")).to_contain_text(sentence)
    await inside.locator("summary").click()
    await chief.shot("calls-expanded-zh-light")

    # The player's <audio> is in no document; its prototype tells which one plays.
    await page.evaluate(
        """() => {
          const play = HTMLMediaElement.prototype.play;
          HTMLMediaElement.prototype.play = function () { window.playing = this; return play.call(this); };
        }"""
    )
    await inside.get_by_role("button", name="播放").click()
    await eventually(lambda: page.evaluate("(window.playing?.currentTime ?? 0) > 0.5"))
    assert await page.evaluate("window.playing.duration") == pytest.approx(TALK, abs=1.5)
    await expect(inside.locator("[data-at]")).not_to_have_text("0:00")
    await eventually(lambda: page.evaluate("window.playing.ended"), TALK + 15)


async def test_the_board_shows_who_rings_talks_and_waits_as_it_happens(site: Centre) -> None:
    chief = await site.screen("chief")
    await chief.live("/board")
    board = chief.page
    tile = board.locator(".c-ba").filter(has_text="王伟")
    await expect(tile).to_have_attribute("data-state", "available")
    caller = await site.stage.customer("1001", SPOKE)
    agent = await site.stage.rings("1001")
    await expect(tile).to_have_attribute("data-state", "ringing")
    await agent.answer()
    await caller.answered()
    await expect(tile).to_have_attribute("data-state", "talking")
    await expect(tile).to_contain_text("张桂兰")
    waiting = await site.stage.customer("8003", WAITED)
    queue = board.locator(".c-bq").filter(has_text="noone")
    await expect(queue.locator('[data-f="count"]')).to_have_text("1")
    await expect(queue.locator('[data-f="longest"]')).not_to_be_empty()
    await chief.shot("board-zh-light")
    await waiting.hang_up()
    await expect(queue.locator('[data-f="count"]')).to_have_text("0")
    await agent.hold()
    await expect(tile).to_have_attribute("data-state", "hold")
    await caller.hang_up()
    await expect(tile).to_have_attribute("data-state", "available")


async def test_talk_time_marks_who_is_out_of_the_normal(site: Centre) -> None:
    chief = await site.screen("chief")
    await chief.open("/talktime")
    table = chief.page.locator("#talktime-table tbody tr")
    for name, judged in (("王伟", "正常"), ("李娜", "偏短"), ("赵敏", "偏长")):
        await expect(table.filter(has_text=name)).to_contain_text(judged)
    long = table.filter(has_text="赵敏").locator('.c-day[data-mark="long"]').first
    await expect(long).to_contain_text("▲")
    await expect(chief.page.locator("[data-chart] canvas").first).to_be_visible()
    await chief.shot("talktime-zh-light")
    await long.click()
    await expect(rows(chief.page).first).to_contain_text("赵敏")


async def test_a_user_is_added_changed_and_disabled(site: Centre) -> None:
    boss = await site.screen("boss")
    page = boss.page
    await boss.open("/admin/users")
    await boss.shot("users-zh-light")
    await page.get_by_role("link", name="添加用户").click()
    await page.locator("[name=display_name]").fill("刘洋")
    await page.locator("[name=name]").fill("liuyang")
    await page.locator("input[name=extension]").fill("1007")
    await page.locator("[name=password]").fill("short")
    await page.get_by_role("button", name="保存").click()
    await expect(page).to_have_url(f"{boss.url}/admin/users/new")
    await page.locator("[name=password]").fill(PASSWORD)
    await page.get_by_role("button", name="保存").click()
    await expect(page.get_by_role("heading", name="刘洋")).to_be_visible()
    await boss.shot("user-zh-light")
    await page.locator("[name=display_name]").fill("刘洋洋")
    await page.get_by_role("button", name="保存").click()
    await expect(page.get_by_role("heading", name="刘洋洋")).to_be_visible()

    newcomer = await site.stranger()
    await log_in(newcomer, "liuyang")
    await expect(newcomer.page).to_have_url(f"{newcomer.url}/password")
    newcomer.away_expected = True  # a refused log-in and an ended session are answered 401

    await page.get_by_role("button", name="停用").click()
    await page.get_by_role("dialog").get_by_role("button", name="停用").click()
    await expect(page.get_by_role("button", name="启用")).to_be_visible()
    # The open page is left by itself as soon as the push connection is closed.
    await expect(newcomer.page).to_have_url(f"{newcomer.url}/login?next=%2Fpassword")
    await newcomer.open("/desk")
    await expect(newcomer.page).to_have_url(f"{newcomer.url}/login?next=%2Fdesk")
    await newcomer.page.locator("[name=name]").fill("liuyang")
    await newcomer.page.locator("[name=password]").fill(PASSWORD)
    await newcomer.page.keyboard.press("Enter")
    await expect(newcomer.page.get_by_role("alert")).to_be_visible()
    await boss.open("/admin/users?q=liuyang")
    await expect(page.locator("tbody tr")).to_contain_text("停用")


async def test_the_pbx_page_tells_the_link_and_what_the_doctor_finds(site: Centre) -> None:
    boss = await site.screen("boss")
    await boss.open("/admin/pbx")
    await expect(boss.page.locator("main")).to_contain_text("main")
    await expect(boss.page.locator("main")).to_contain_text("已连接")
    findings = boss.page.locator(".c-finding")
    await expect(findings.first).to_be_visible(timeout=20_000)
    assert await findings.count() > 3
    assert await boss.page.locator('.c-finding[data-tone="bad"]').count() == 0, (
        "the project's own configuration is right"
    )
    await boss.shot("pbx-zh-light", full=True)


async def test_language_and_look_are_switched_and_kept(site: Centre) -> None:
    chief = await site.screen("chief")
    await chief.open("/calls")
    await expect(chief.page.get_by_role("heading", name="通话记录")).to_be_visible()
    await chief.page.get_by_label("我的菜单").click()
    await chief.page.get_by_role("button", name="English").click()
    await expect(chief.page.get_by_role("heading", name="Call log")).to_be_visible()
    await expect(chief.page.locator("html")).to_have_attribute("lang", "en")
    await chief.page.get_by_label("Your menu").click()
    await chief.page.get_by_role("button", name="Dark").click()
    await expect(chief.page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    await chief.open("/talktime")
    await expect(chief.page.get_by_role("heading", name="Talk time")).to_be_visible()
    await chief.page.get_by_label("Your menu").click()
    await chief.page.get_by_role("button", name="中文").click()
    await expect(chief.page.locator("html")).to_have_attribute("lang", "zh-CN")


async def card_of(site: Centre) -> str:
    found = (await site.product.ok("GET", f"/api/v1/customers?q={SPOKE}"))["items"]
    return f"/customers/{found[0]['id']}"


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_no_page_scrolls_sideways_on_a_small_desktop(site: Centre, language: str, theme: str) -> None:
    boss, desk = await site.screen("boss", language, theme), await site.screen("agent1001", language, theme)
    card = await card_of(site)
    call = (await site.product.ok("GET", f"/api/v1/calls?number={SPOKE}&status=answered"))["items"][-1]["id"]
    seen_by_boss = [f"/calls/{call}", card, "/calls", "/missed", "/customers", "/board", "/talktime", "/admin/users"]
    for screen, path in [*((boss, path) for path in (*seen_by_boss, "/admin/pbx")), (desk, "/desk"), (desk, card)]:
        await screen.open(path)
        await screen.settled()
        assert await screen.page.evaluate(WIDTH) <= 1366, path
        name = {card: "customer", f"/calls/{call}": "call"}.get(path, path.strip("/").replace("/", "-"))
        await screen.shot(f"look-{name}-{language}-{theme}")


async def test_a_customers_card_fits_a_phone(site: Centre) -> None:
    agent: Screen = await site.screen("agent1001", viewport={"width": 390, "height": 844})
    await agent.open(await card_of(site))
    await expect(agent.page.get_by_role("heading", name="张桂兰")).to_be_visible()
    await expect(agent.page.get_by_role("button", name="拨打", exact=True).first).to_be_visible()
    assert await agent.page.evaluate(WIDTH) <= 390
    await agent.shot("customer-phone", full=True)
