"""The entry page in a real Chromium: by keyboard alone, with what it tells while typing and what it keeps."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from crm_core.organization import signing_in
from tests.integration.api.conftest import House, house, one_hash, quick_passwords, settings

__all__ = ["house", "one_hash", "quick_passwords", "settings"]
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ID_CARD = "310115195308150044"
_SHOTS = os.environ.get("CALLCENTER_TEST_SHOTS")  # a folder, for whoever wants to look


class Desk:
    """A clerk's tab with what went wrong in it."""

    def __init__(self, page: Page, house: House) -> None:
        self.page, self.house = page, house
        self.wrong: list[str] = []
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("console", self._heard)

    def _heard(self, message: Any) -> None:
        # Nobody pushes here, and a browser complains of each refusal that the page then explains.
        if message.type == "error" and not any(part in message.text for part in ("WebSocket", "409", "422", "403")):
            self.wrong.append(message.text)

    async def open(self, path: str) -> None:
        await self.page.goto(self.house.base + path)

    async def type(self, *texts: str) -> None:
        """Each text into the next field."""
        for text in texts:
            await self.page.keyboard.type(text)
            await self.page.keyboard.press("Enter")

    def field(self, name: str) -> Any:
        return self.page.locator(f'[data-in="{name}"]')

    async def shot(self, name: str) -> None:
        if _SHOTS:
            await self.page.screenshot(path=Path(_SHOTS) / f"{name}.png", full_page=True, animations="disabled")


@pytest.fixture
async def desk(house: House, browser: Browser) -> AsyncIterator[Desk]:
    async with house.db.read() as session:
        user = await signing_in.queries.user_by_name(session, "data_clerk")
    assert user is not None
    signed = await signing_in._open_session(house.db, user.id, None, None, None)
    context = await browser.new_context(viewport={"width": 1366, "height": 768})
    await context.add_cookies([{"name": "callcenter_session", "value": signed.token, "url": house.base}])
    made = Desk(await context.new_page(), house)
    yield made
    await context.close()
    assert made.wrong == []


async def test_a_customer_is_entered_without_touching_the_mouse(desk: Desk, house: House) -> None:
    await desk.open("/intake/enter")
    await expect(desk.field("name")).to_be_focused()
    await desk.type("李秀英", "13800138000", "", ID_CARD)
    await expect(desk.field("sex")).to_have_value("female")
    await expect(desk.field("birthday")).to_have_value("1953-08-15")
    await expect(desk.page.locator('[data-say="phone"]')).to_contain_text("138")
    await desk.page.keyboard.press("Alt+D")
    await desk.type("上海市浦东新区张江镇科苑路88号")
    await expect(desk.field("district")).to_have_value("浦东新区")
    await expect(desk.field("street")).to_have_value("张江镇科苑路88号")
    await desk.shot("entry-filled")
    await desk.page.keyboard.press("Control+Enter")
    await expect(desk.page.locator("[data-saved] li")).to_have_count(1)
    await expect(desk.field("name")).to_be_focused()
    await expect(desk.field("name")).to_have_value("")
    (made,) = (await house.as_user("data_clerk").get("customers?q=李秀英"))["items"]
    assert (made["sex"], made["address"]["district"]) == ("female", "浦东新区")
    assert made["collected_by"] == "data_clerk"


async def test_what_was_typed_survives_a_crash_and_goes_when_it_is_stored(desk: Desk) -> None:
    await desk.open("/intake/enter")
    await desk.type("张桂兰", "13900139000")
    await desk.page.reload()
    await expect(desk.field("name")).to_have_value("张桂兰")
    await expect(desk.field("phone")).to_have_value("13900139000")
    await desk.page.keyboard.press("Control+Enter")
    await expect(desk.page.locator("[data-saved] li")).to_have_count(1)
    await desk.page.reload()
    await expect(desk.field("name")).to_have_value("")


async def test_collector_and_source_are_carried_from_sheet_to_sheet(desk: Desk) -> None:
    await desk.open("/intake/enter")
    await desk.field("collected_by").fill("王伟")
    await desk.field("source").select_option("科普会")
    await desk.page.keyboard.press("Alt+N")
    await desk.type("张三")
    await desk.page.keyboard.press("Control+Enter")
    await expect(desk.page.locator("[data-saved] li")).to_have_count(1)
    await desk.page.reload()
    await expect(desk.field("collected_by")).to_have_value("王伟")
    await expect(desk.field("source")).to_have_value("科普会")


async def test_a_wrong_field_is_named_and_gets_the_cursor(desk: Desk) -> None:
    await desk.open("/intake/enter")
    await desk.type("张三", "1380013")
    await desk.page.keyboard.press("Control+Enter")
    await expect(desk.field("phone")).to_be_focused()
    await expect(desk.field("phone")).to_have_attribute("aria-invalid", "true")
    await expect(desk.field("name")).to_have_value("张三")


async def test_a_known_customer_is_added_to_instead_of_entered_twice(desk: Desk, house: House) -> None:
    clerk = house.as_user("data_clerk")
    known = await clerk(
        "POST", "customers", {"name": "李秀英", "phones": [{"number": "13800138000"}], "remarks": "老顾客"}
    )
    await desk.open("/intake/enter")
    await desk.page.keyboard.press("Alt+K")
    await desk.type("13800138000")
    await expect(desk.page.locator("[data-known]")).to_be_visible()
    await expect(desk.field("remarks")).to_have_value("老顾客")
    await desk.field("phone2").fill("021-62345678")
    await desk.page.keyboard.press("Control+Enter")
    await expect(desk.page.locator("[data-saved] li")).to_have_count(1)
    after = await clerk.get(f"customers/{known.json['id']}")
    assert [phone["number"] for phone in after["phones"]] == ["13800138000", "021-62345678"]
    assert after["remarks"] == "老顾客"
    assert len((await clerk.get("customers"))["items"]) == 1


async def test_who_is_alike_is_shown_while_typing_and_opened_by_its_digit(desk: Desk, house: House) -> None:
    clerk = house.as_user("data_clerk")
    await clerk("POST", "customers", {"name": "李秀英", "phones": [{"number": "13800138000"}]})
    await desk.open("/intake/enter")
    await desk.type("李秀英", "13800138000")
    await expect(desk.page.locator("[data-found] li")).to_have_count(1)
    await desk.shot("entry-alike")
    await desk.page.keyboard.press("Alt+1")
    await expect(desk.page.locator("[data-known]")).to_be_visible()
    await desk.page.keyboard.press("Escape")
    await expect(desk.page.locator("[data-known]")).to_be_hidden()


async def test_somebody_alike_is_stored_only_when_it_is_said_twice(desk: Desk, house: House) -> None:
    clerk = house.as_user("data_clerk")
    await clerk("POST", "customers", {"name": "李秀英", "phones": [{"number": "13800138000"}]})
    await desk.open("/intake/enter")
    await desk.type("李秀英", "13800138000")
    await desk.page.keyboard.press("Control+Enter")
    await expect(desk.page.locator("[data-problem]")).not_to_be_empty()
    assert len((await clerk.get("customers"))["items"]) == 1
    await desk.page.keyboard.press("Control+Enter")
    await expect(desk.page.locator("[data-saved] li")).to_have_count(1)
    assert len((await clerk.get("customers"))["items"]) == 2


async def test_sheet_after_sheet_comes_from_the_queue(desk: Desk, house: House) -> None:
    agent = house.as_user("agent")
    entries = [{"name": "甲", "phone": "13800138001"}, {"name": "乙", "note": "号码看不清"}]
    stack = (await agent("POST", "registrations", {"entries": entries, "source": "旅游"})).json
    await desk.open("/intake/enter")
    await desk.page.keyboard.press("Alt+O")
    await expect(desk.field("name")).to_have_value("甲")
    await expect(desk.field("source")).to_have_value("旅游")
    await expect(desk.page.locator("[data-sheet]")).to_be_visible()
    await desk.page.keyboard.press("Control+Enter")
    await expect(desk.field("name")).to_have_value("乙")
    await desk.shot("entry-sheet")
    await desk.page.keyboard.press("Alt+P")
    await desk.page.keyboard.type("号码看不清")
    await desk.page.keyboard.press("Enter")
    await expect(desk.page.locator("[data-sheet]")).to_be_hidden()
    counts = (await agent.get(f"registrations/{stack['id']}"))["counts"]
    assert counts == {"waiting": 0, "parked": 1, "done": 1, "rejected": 0}
