"""Writes the documents that follow from the code: the API's description, the list of scenarios, the screenshots.

``write_docs.py [openapi] [scenarios] [screens]`` writes these (all when none is named); ``--check`` changes nothing and
fails when one of the first two is not up to date.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from playwright.async_api import Page

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
DOCS = ROOT / "docs"
_LANGUAGES = ("zh", "en")
_AGENT, _SUPERVISOR = "wangwei", "sunli"
_SCREENS = (("desk", "/desk", _AGENT), ("call-log", "/calls", _SUPERVISOR), ("board", "/board", _SUPERVISOR))
_WIDTH, _HEIGHT = 1366, 768
_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
_START_SECONDS = 60.0
_POP_MILLISECONDS = 40_000
_SETTLE_MILLISECONDS = 2_500


def openapi() -> str:
    """The API's description as it is served, readable."""
    from web.api import ROUTES
    from web.openapi import document

    return orjson.dumps(document(ROUTES, "1"), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode() + "\n"


def scenarios() -> str:
    """The table of all recorded calls with their truth and what the tracker makes of them."""
    from scripts.scenarios import table

    return table()


WRITTEN: dict[str, tuple[Path, Callable[[], str]]] = {
    "openapi": (DOCS / "openapi.json", openapi),
    "scenarios": (DOCS / "scenarios.md", scenarios),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[[], *WRITTEN, "screens"], metavar="PART")
    parser.add_argument("--check", action="store_true", help="change nothing, fail when something is not up to date")
    given = parser.parse_args()
    if given.check:
        return _check()
    parts = given.parts or [*WRITTEN, "screens"]
    for name, (path, made) in WRITTEN.items():
        if name in parts:
            path.write_text(made(), encoding="utf-8")
            print(f"written: {path.relative_to(ROOT)}")
    if "screens" in parts:
        asyncio.run(_screens())
    return 0


def _check() -> int:
    stale = [path for path, made in WRITTEN.values() if not path.exists() or path.read_text(encoding="utf-8") != made()]
    for path in stale:
        print(f"{path.relative_to(ROOT)} is not up to date; run: ./run docs")
    return 1 if stale else 0


async def _screens() -> None:
    from playwright.async_api import async_playwright

    browser_path = next((found for name in _CHROMIUM if (found := shutil.which(name))), None)
    if browser_path is None:
        raise SystemExit("write_docs: Chromium is not installed; run: apt-get install chromium")
    (DOCS / "screens").mkdir(exist_ok=True)
    async with _demo() as (address, password), async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox", "--disable-gpu"])
        for language in _LANGUAGES:
            for name, path, user in _SCREENS:
                page = await browser.new_page(viewport={"width": _WIDTH, "height": _HEIGHT})
                await _log_in(page, address, user, password)
                await _show(page, address.rstrip("/") + path, language)
                if name == "desk":
                    # The picture that counts: a call rings, the customer is there.
                    await page.wait_for_selector("[data-calls] [data-call-id]", timeout=_POP_MILLISECONDS)
                await page.wait_for_timeout(_SETTLE_MILLISECONDS)
                target = DOCS / "screens" / f"{name}-{language}.png"
                await page.screenshot(path=str(target))
                print(f"written: {target.relative_to(ROOT)}")
                await page.close()
        await browser.close()


async def _log_in(page: Page, address: str, user: str, password: str) -> None:
    await page.goto(f"{address}login")
    await page.fill("input[name=name]", user)
    await page.fill("input[name=password]", password)
    await page.press("input[name=password]", "Enter")
    await page.wait_for_url(lambda url: not url.endswith("/login"))


async def _show(page: Page, address: str, language: str) -> None:
    await page.goto(address)
    switch = page.locator(f'button[name="language"][value="{language}"]').first
    if await switch.count():
        async with page.expect_navigation():
            await switch.evaluate("button => button.form.requestSubmit(button)")
        await page.goto(address)


@asynccontextmanager
async def _demo() -> AsyncIterator[tuple[str, str]]:
    """A running demonstration: its address and everybody's password."""
    with tempfile.TemporaryDirectory(prefix="callcenter-docs-") as folder:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "callcenter", "demo", "--port", str(_free_port()),
            env={**os.environ, "CALLCENTER_DATA_DIR": folder, "CALLCENTER_PUSH_PORT": "0", "PYTHONPATH": str(ROOT)},
            stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL, cwd=folder,
        )  # fmt: skip
        try:
            yield await asyncio.wait_for(_welcome(process), _START_SECONDS)
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            await process.communicate()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


async def _welcome(process: asyncio.subprocess.Process) -> tuple[str, str]:
    text = ""
    while process.stderr is not None and (line := (await process.stderr.readline()).decode()):
        text += line
        address, password = re.search(r"(http://\S+)", text), re.search(r"password of everybody:\s+(\S+)", text)
        if address and password:
            return address[1], password[1]
    raise SystemExit(f"write_docs: the demonstration did not start:\n{text}")


if __name__ == "__main__":
    sys.exit(main())
