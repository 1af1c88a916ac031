"""A call centre at work for a whole test file: PBX with phones, the product, a browser; people who have signed in."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, StorageState, async_playwright, expect

from tests.e2e.asterisk.root import AsteriskRoot
from tests.e2e.asterisk.scenes import Stage
from tests.e2e.asterisk.server import AsteriskServer, Timing
from tests.e2e.browser.chromium import LAUNCH
from tests.e2e.product import PASSWORD, Product, eventually
from tests.e2e.screens import Screen, new_screen
from tests.e2e.wire import Wire
from tests.postgres import free_port

# A browser on a busy machine must have time to look at a ringing phone.
PATIENT = Timing(ring=30, queue=40, member=25, outbound=30)
PEOPLE = {"agent1001": "王伟", "agent1002": "李娜", "agent1003": "赵敏", "agent1004": "陈静"}
_LOOK = {"width": 1366, "height": 768}


@dataclass
class Centre:
    """Everything that runs, and who is signed in."""

    stage: Stage
    product: Product
    browser: Browser
    wire: Wire
    _signed_in: dict[str, StorageState] = field(default_factory=dict)
    _contexts: list[BrowserContext] = field(default_factory=list)
    _screens: list[Screen] = field(default_factory=list)

    async def stranger(self, language: str = "zh", theme: str = "light", **look: Any) -> Screen:
        """A browser in which nobody has signed in."""
        return await self._screen(None, language, theme, look)

    async def screen(self, who: str, language: str = "zh", theme: str = "light", **look: Any) -> Screen:
        """A fresh browser in which this user has signed in, through the log-in page."""
        if who not in self._signed_in:
            first = await self.stranger()
            await log_in(first, who)
            self._signed_in[who] = await first.page.context.storage_state()
        await self._speaks(who, language)
        return await self._screen(self._signed_in[who], language, theme, look)

    async def desk(self, extension: str, **look: Any) -> Screen:
        """The desk of the agent at this extension, connected."""
        screen = await self.screen(f"agent{extension}", **look)
        await screen.live("/desk")
        return screen

    async def tab(self, beside: Screen) -> Screen:
        """Another tab of the same browser."""
        screen = await new_screen(beside.page.context, self.product.url)
        self._screens.append(screen)
        return screen

    async def customer(self, name: str, number: str, owner: str = "agent1001", **more: Any) -> str:
        return await self.product.customer(name, number, owner=owner, department="电话一部", **more)

    async def _screen(self, state: StorageState | None, language: str, theme: str, look: dict[str, Any]) -> Screen:
        options: dict[str, Any] = {"viewport": _LOOK, "storage_state": state, "locale": "zh-CN"} | look
        context = await self.browser.new_context(**options)
        self._contexts.append(context)
        wishes = {"language": language, "theme": theme}
        url = self.product.url
        await context.add_cookies([{"name": name, "value": value, "url": url} for name, value in wishes.items()])
        screen = await new_screen(context, url)
        self._screens.append(screen)
        return screen

    async def _speaks(self, who: str, language: str) -> None:
        """Who has signed in reads the own language, whatever the browser's cookie says."""
        users = (await self.product.ok("GET", f"/api/v1/users?q={who}"))["items"]
        user = next(user for user in users if user["name"] == who)
        if user["language"] != language:
            await self.product.ok("PATCH", f"/api/v1/users/{user['id']}", body={"language": language})

    async def tidy(self) -> list[str]:
        """Closes the browsers, ends all calls; answers what went wrong in the browsers."""
        wrong = [each for screen in self._screens for each in await screen.complaints()]
        for context in self._contexts:
            await context.close()
        self._contexts.clear()
        self._screens.clear()
        self.wire.mend()
        await self.stage.pbx.admin.command("channel request hangup all")
        await eventually(self._quiet)
        await self.stage.set()
        return wrong

    async def _quiet(self) -> bool:
        return not (await self.product.ok("GET", "/api/v1/board"))["calls"]


async def log_in(screen: Screen, who: str) -> None:
    """By keyboard, as people do."""
    await screen.open("/login")
    await screen.page.locator("[name=name]").fill(who)
    await screen.page.locator("[name=password]").fill(PASSWORD)
    await screen.page.keyboard.press("Enter")
    await expect(screen.page).not_to_have_url(f"{screen.url}/login")


async def _staff(product: Product) -> None:
    """One department with four agents and their supervisor."""
    department = await product.ok("POST", "/api/v1/departments", body={"name": "电话一部"})
    users = {user["name"]: user["id"] for user in (await product.ok("GET", "/api/v1/users"))["items"]}
    for name, shown in PEOPLE.items():
        change = {"display_name": shown, "department_id": department["id"]}
        await product.ok("PATCH", f"/api/v1/users/{users[name]}", body=change)
    chief = {"name": "chief", "role": "supervisor", "password": PASSWORD, "display_name": "周主管"}
    await product.ok("POST", "/api/v1/users", body=chief | {"department_id": department["id"], "extension": "1008"})


def _copied(template: Product, folder: Path, pbx: dict[str, Any], push_port: int) -> Product:
    shutil.copytree(template.folder, folder)
    product = Product(folder, [pbx], CALLCENTER_PUSH_URL=f"ws://127.0.0.1:{push_port}/")
    product.tokens = dict(template.tokens)
    return product


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def whole_centre(
    root: AsteriskRoot, installation: Product, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Centre]:
    async with AsyncExitStack() as stack:
        pbx = await stack.enter_async_context(AsteriskServer(root.path, tmp_path_factory.mktemp("pbx"), PATIENT))
        stage = Stage(pbx)
        await stage.set()
        push_port = free_port()
        product = _copied(installation, tmp_path_factory.mktemp("centre") / "product", pbx.pbx, push_port)
        await product.start()
        stack.push_async_callback(product.stop)
        wire = await stack.enter_async_context(Wire(push_port, product.push_port))
        await _staff(product)
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(**LAUNCH)
        stack.push_async_callback(browser.close)
        yield Centre(stage, product, browser, wire)


@pytest_asyncio.fixture(loop_scope="module")
async def centre(whole_centre: Centre) -> AsyncIterator[Centre]:
    """The centre as one test uses it: quiet before and after, and no browser complained of anything."""
    yield whole_centre
    wrong = await whole_centre.tidy()
    assert not wrong, "\n".join(wrong)
