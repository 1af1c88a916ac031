"""Every screen in a real browser: fits, is readable by everybody, runs nothing of what users store."""

from __future__ import annotations

import pytest
from axe_playwright_python.async_playwright import Axe

from tests.e2e.browser import samples
from tests.e2e.browser.conftest import Opened, Screen

pytestmark = pytest.mark.real
# Each size in each language and each theme at least once; all twelve together would only be slower.
LOOKS = [
    ("none", "zh", "light"),
    ("none", "en", "dark"),
    ("some", "zh", "dark"),
    ("some", "en", "light"),
    ("much", "zh", "light"),
    ("much", "en", "dark"),
]
WIDTH = "document.documentElement.scrollWidth"


@pytest.mark.parametrize(("size", "language", "theme"), LOOKS)
async def test_screens_fit_and_complain_of_nothing(screen: Opened, size: str, language: str, theme: str) -> None:
    shown: Screen = await screen(language=language, theme=theme, size=size)
    for path in samples.pages(size):
        await shown.open(path)
        assert await shown.page.evaluate(WIDTH) <= 1366, f"{path} scrolls sideways"
        assert await shown.page.evaluate("window.alerted === undefined")
        assert not shown.wrong, (path, shown.wrong)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", ["none", "some"])
async def test_axe_finds_nothing_serious(screen: Opened, theme: str, size: str) -> None:
    shown: Screen = await screen(theme=theme, size=size)
    found = []
    for path in samples.pages(size):
        await shown.open(path)
        await shown.page.wait_for_load_state("load")
        results = await Axe().run(shown.page)
        for one in results.response["violations"]:
            if one["impact"] in ("serious", "critical"):
                where = [(node["target"], node.get("failureSummary", "")[:160]) for node in one["nodes"][:2]]
                found.append((path, one["id"], where))
    assert not found


@pytest.mark.parametrize("path", ["/login", "/missed", "/customers/one", "/customers"])
async def test_what_is_used_on_a_phone_fits_a_phone(screen: Opened, path: str) -> None:
    shown: Screen = await screen(width=390, height=844)
    await shown.open(path)
    assert await shown.page.evaluate(WIDTH) <= 390


async def test_the_keyboard_reaches_the_content_first_and_shows_where_it_is(screen: Opened) -> None:
    shown: Screen = await screen()
    await shown.open("/calls")
    await shown.page.keyboard.press("Tab")
    focused = "document.activeElement.className"
    assert await shown.page.evaluate(focused) == "c-skip"
    await shown.page.keyboard.press("/")
    assert await shown.page.evaluate("document.activeElement.id") == "q"
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    await shown.page.keyboard.press("Tab")
    assert await shown.page.evaluate(outline) != "none"


async def test_dangerous_acts_ask_first(screen: Opened) -> None:
    shown: Screen = await screen()
    await shown.open("/admin/users/one")
    await shown.page.get_by_role("button", name="停用").click()
    dialog = shown.page.get_by_role("dialog")
    await dialog.get_by_role("button", name="取消").click()
    assert not any(path.endswith("/disable") for path, _form in shown.site.posted)
    await shown.page.get_by_role("button", name="停用").click()
    async with shown.page.expect_request(lambda request: request.url.endswith("/disable")):
        await dialog.get_by_role("button", name="停用").click()


async def test_a_row_of_the_log_opens_with_its_sound_and_its_reason(screen: Opened) -> None:
    shown: Screen = await screen()
    await shown.open("/calls")
    await shown.page.locator("[data-expand]").first.click()
    inside = shown.page.locator(".c-expanded")
    await inside.locator("[data-drawn]").wait_for()
    assert await inside.locator("[data-wave] canvas, [data-wave] div").count() > 0
    await inside.get_by_text("为什么是这样").click()
    await inside.get_by_text("AgentConnect").wait_for()
    await shown.page.locator("[data-expand]").first.click()
    assert await inside.count() == 0
    assert not shown.wrong


async def test_the_chart_is_drawn_beside_its_table(screen: Opened) -> None:
    shown: Screen = await screen(theme="dark")
    await shown.open("/talktime")
    await shown.page.locator("[data-chart] canvas").wait_for()
    assert await shown.page.locator("#talktime-table tbody tr").count() == 6
    assert not shown.wrong
