"""Fixtures: a real Asterisk for each test (it boots in under a second)."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.e2e.asterisk.root import AsteriskRoot, asterisk_root
from tests.e2e.asterisk.scenes import Stage
from tests.e2e.asterisk.server import AsteriskServer


@pytest.fixture(scope="session")
def root() -> AsteriskRoot:
    return asterisk_root()


@pytest_asyncio.fixture
async def pbx(root: AsteriskRoot, tmp_path: Path) -> AsyncIterator[AsteriskServer]:
    """A running PBX with the project's configuration and no phone switched on."""
    async with AsteriskServer(root.path, tmp_path) as server:
        yield server


@pytest_asyncio.fixture
async def stage(pbx: AsteriskServer) -> Stage:
    """The same, with every phone at its place."""
    stage = Stage(pbx)
    await stage.set()
    return stage
