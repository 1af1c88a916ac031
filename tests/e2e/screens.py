"""What a person sees: tabs of a real Chromium, each with a record of everything that went wrong in it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import BrowserContext, ConsoleMessage, Locator, Page, Request, expect

# What a browser says by itself when a server is away: the fault of the test's scene, not of the page.
_AWAY = ("net::ERR_", "WebSocket connection to", "Failed to load resource")
# Nobody is at the screen of a headless browser: notifications are counted instead of shown.
_COUNT_NOTIFICATIONS = """
window.notified = [];
window.Notification = class {
  static permission = "granted";
  static requestPermission = async () => "granted";
  constructor(title, options) { window.notified.push({ title, ...options }); }
  close() {}
};
window.refused = [];
document.addEventListener("securitypolicyviolation", (event) => window.refused.push(event.violatedDirective));
"""
_SHOTS = os.environ.get("CALLCENTER_TEST_SHOTS")  # a folder, for whoever wants to look at the screens


@dataclass
class Screen:
    """One tab."""

    page: Page
    url: str
    away_expected: bool = False
    wrong: list[str] = field(default_factory=list)

    async def watch(self) -> None:
        await self.page.add_init_script(_COUNT_NOTIFICATIONS)
        self.page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        self.page.on("console", self._heard)
        self.page.on("request", self._asked)

    def _heard(self, message: ConsoleMessage) -> None:
        text = message.text
        if message.type in ("error", "warning") and not (self.away_expected and any(part in text for part in _AWAY)):
            self.wrong.append(f"{message.type} on {self.page.url}: {text} ({message.location.get('url')})")

    def _asked(self, request: Request) -> None:
        where = urlsplit(request.url)
        if where.scheme not in ("data", "blob") and where.hostname != urlsplit(self.url).hostname:
            self.wrong.append(f"asked another host: {request.url}")

    async def complaints(self) -> list[str]:
        """Everything that went wrong up to now, refusals of the content security policy included."""
        return self.wrong + [f"refused: {what}" for what in await self.page.evaluate("window.refused ?? []")]

    async def open(self, path: str) -> None:
        await self.page.goto(self.url + path)

    async def settled(self) -> None:
        """Waits until everything is drawn that the page fetches by itself."""
        await expect(self.page.locator("main progress:not([value]), .c-skeleton:visible")).to_have_count(
            0, timeout=20_000
        )

    async def live(self, path: str) -> None:
        """Opens a page and waits until it is told of calls."""
        await self.open(path)
        await self.connected()

    async def connected(self, within: float = 15) -> None:
        await expect(self.page.locator("[data-link=connected]")).to_be_visible(timeout=within * 1000)

    def card(self, text: str = "") -> Locator:
        """The cards of the desk's calls that show this text."""
        return self.page.locator(".c-call").filter(has_text=text)

    async def state(self, state: str, text: str = "", within: float = 10) -> None:
        """Waits until the card is in this state."""
        await expect(self.card(text)).to_have_attribute("data-state", state, timeout=within * 1000)

    async def notified(self) -> list[dict[str, Any]]:
        shown: list[dict[str, Any]] = await self.page.evaluate("window.notified")
        return shown

    async def shot(self, name: str, *, full: bool = False) -> None:
        """A picture, when somebody wants pictures."""
        if _SHOTS:
            await self.page.screenshot(path=Path(_SHOTS) / f"{name}.png", full_page=full, animations="disabled")


async def new_screen(context: BrowserContext, url: str) -> Screen:
    screen = Screen(await context.new_page(), url)
    await screen.watch()
    return screen
