"""The ring of a call: one sound and one notification, whatever tabs are open, and silence for who wants it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.e2e.browser.sample_site import SampleSite
from tests.e2e.browser.test_live import KNOWN, call, card, pop

pytestmark = pytest.mark.real
# Headless Chromium shows nothing and plays nothing: what the page asks of the browser is counted instead.
SPY = """
window.told = [];
window.tones = 0;
window.Notification = class {
  static permission = "granted";
  static requestPermission() { return Promise.resolve("granted"); }
  constructor(title, options) { this.title = title; window.told.push({ title, ...options }); }
  close() { window.told = window.told.filter((one) => one.title !== this.title); }
};
window.AudioContext = class {
  state = "running";
  currentTime = 0;
  destination = {};
  resume() {}
  createOscillator() {
    window.tones += 1;
    return { frequency: {}, connect: (next) => next, start() {}, stop() {} };
  }
  createGain() {
    return { gain: { setValueAtTime() {}, linearRampToValueAtTime() {} }, connect: (next) => next };
  }
};
"""
ALONE = "delete window.SharedWorker;"
OPENED = Callable[..., Any]


@pytest.fixture
async def profile(site: SampleSite, browser: Browser) -> AsyncIterator[OPENED]:
    """``await profile(shared=…)``: a browser profile with notifications allowed and the spies in every page."""
    made: list[BrowserContext] = []

    async def opened(*, shared: bool = True) -> BrowserContext:
        context = await browser.new_context()
        made.append(context)
        await context.grant_permissions(["notifications"])
        await context.add_init_script(SPY if shared else SPY + ALONE)
        return context

    yield opened
    for context in made:
        await context.close()


async def tab(context: BrowserContext, site: SampleSite, path: str) -> Page:
    page = await context.new_page()
    await page.goto(f"http://127.0.0.1:{site.port}{path}")
    await expect(page.locator("[data-link=connected]")).to_be_visible()
    return page


async def counted(pages: list[Page]) -> tuple[list[dict[str, Any]], int]:
    """All notifications that are open, and the number of tabs that have rung."""
    told = [one for page in pages for one in await page.evaluate("window.told")]
    return told, sum([bool(await page.evaluate("window.tones")) for page in pages])


@pytest.mark.parametrize("shared", [True, False], ids=["shared worker", "a socket each"])
async def test_several_tabs_ring_once_and_tell_once(profile: OPENED, site: SampleSite, shared: bool) -> None:
    context = await profile(shared=shared)
    pages = [await tab(context, site, path) for path in ("/desk", "/desk", "/customers")]
    assert [await page.evaluate("typeof SharedWorker") for page in pages] == ["function" if shared else "undefined"] * 3
    await site.gateway.push("pop.show", pop("c1", matches=[KNOWN]))
    await expect(card(pages[0], "c1")).to_be_visible()
    await expect(card(pages[1], "c1")).to_be_visible()
    await pages[2].wait_for_timeout(200)
    told, rung = await counted(pages)
    assert [(one["title"], one["tag"]) for one in told] == [("来电: 张桂兰", "call-c1")]
    assert rung == 1
    assert len(site.gateway.sockets) == (1 if shared else 3)
    await site.gateway.push("call.answered", call("c1", "talking"))
    await expect(card(pages[0], "c1")).to_have_attribute("data-state", "talking")
    await pages[2].wait_for_timeout(200)
    assert (await counted(pages))[0] == []


async def test_a_call_rings_in_the_page_that_is_looked_at(profile: OPENED, site: SampleSite) -> None:
    page = await tab(await profile(), site, "/customers")
    await site.gateway.push("pop.show", pop("c1"))
    await page.wait_for_function("window.tones > 0")
    assert [one["title"] for one in await page.evaluate("window.told")] == ["来电: 138 0013 8000"]


async def test_the_sound_ends_when_the_ring_ends(profile: OPENED, site: SampleSite) -> None:
    page = await tab(await profile(), site, "/desk")
    await page.clock.install()
    await site.gateway.push("pop.show", pop("c1", matches=[KNOWN]))
    await page.wait_for_function("window.tones === 4")
    await page.clock.fast_forward(2500)
    assert await page.evaluate("window.tones") == 8
    await site.gateway.push("pop.hide", {"call_id": "c1", "reason": "answered_elsewhere", "by": "1002"})
    await expect(card(page, "c1")).to_have_attribute("data-state", "lost")
    await page.clock.fast_forward(5000)
    assert await page.evaluate("window.tones") == 8


async def test_who_mutes_stays_muted_in_every_tab_and_after_a_reload(profile: OPENED, site: SampleSite) -> None:
    context = await profile()
    page, other = await tab(context, site, "/desk"), await tab(context, site, "/customers")
    await page.bring_to_front()
    await page.locator("header details.c-menu summary").last.click()
    await page.locator("[data-mute]").click()
    await expect(page.locator("[data-mute]")).to_have_attribute("aria-pressed", "true")
    await page.reload()
    await expect(page.locator("[data-link=connected]")).to_be_visible()
    await expect(page.locator("[data-mute]")).to_have_attribute("aria-pressed", "true")
    await expect(other.locator("[data-mute]")).to_have_attribute("aria-pressed", "true")
    await site.gateway.push("pop.show", pop("c1", matches=[KNOWN]))
    await expect(card(page, "c1")).to_be_visible()
    assert await counted([page, other]) == ([], 0)
