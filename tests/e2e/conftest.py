"""Fixtures of the whole: the product beside a real Asterisk, and a real browser that looks at it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright

from tests.e2e.asterisk.conftest import pbx, root, stage
from tests.e2e.asterisk.scenes import Stage
from tests.e2e.browser.chromium import LAUNCH
from tests.e2e.centre import centre, whole_centre
from tests.e2e.product import Product, running

__all__ = ["centre", "pbx", "root", "stage", "whole_centre"]


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Product:
    """Set up once with the command line, as an operator would; never started itself."""
    product = Product(tmp_path_factory.mktemp("installation"), [])
    asyncio.run(product.people())
    return product


@pytest.fixture
async def product(installation: Product, stage: Stage, tmp_path: Path) -> AsyncIterator[Product]:
    """The product, connected to the PBX of this test, with boss and agents 1001 to 1004."""
    async with running(installation, tmp_path / "product", [stage.pbx.pbx]) as product:
        yield product


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(**LAUNCH)
        yield chromium
        await chromium.close()
