"""A real Chromium on the sample site: every picture that the look is judged by comes from here."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright

from tests.e2e.browser.sample_site import SampleSite, sample_site

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def chromium() -> str:
    """The system's browser. Fails with a sentence when there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert found is not None, "Chromium is needed for the browser tests: apt-get install chromium fonts-noto-cjk"
    return found


@dataclass
class Screen:
    """One tab with what went wrong in it."""

    page: Page
    site: SampleSite
    wrong: list[str] = field(default_factory=list)

    def watch(self) -> None:
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("console", self._heard)

    def _heard(self, message: ConsoleMessage) -> None:
        # The sample site has no sound files; everything else that a browser complains of is a fault of ours.
        if message.type in ("error", "warning") and "/audio" not in str(message.location.get("url")):
            self.wrong.append(message.text)

    async def open(self, path: str) -> None:
        await self.page.goto(f"http://127.0.0.1:{self.site.port}{path}")


Opened = Callable[..., Any]


@pytest.fixture
async def site() -> AsyncIterator[SampleSite]:
    async with sample_site() as running:
        yield running


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as tool:
        started = await tool.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        yield started
        await started.close()


@pytest.fixture
async def screen(site: SampleSite, browser: Browser) -> AsyncIterator[Opened]:
    """``await screen(language=…, theme=…, size=…)``: a tab of a fresh browser profile."""
    contexts: list[BrowserContext] = []

    async def opened(
        language: str = "zh", theme: str = "light", size: str = "some", width: int = 1366, height: int = 768
    ) -> Screen:
        context = await browser.new_context(viewport={"width": width, "height": height})
        contexts.append(context)
        url = f"http://127.0.0.1:{site.port}"
        wishes = {"language": language, "theme": theme, "size": size}
        await context.add_cookies([{"name": name, "value": value, "url": url} for name, value in wishes.items()])
        site.size = size
        made = Screen(await context.new_page(), site)
        made.watch()
        return made

    yield opened
    for context in contexts:
        await context.close()
