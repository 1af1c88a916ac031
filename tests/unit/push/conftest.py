"""The gateway for its tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from callcenter.push.gateway import PushGateway
from callcenter.push.hub import Hub
from callcenter.settings import PushSettings
from tests.unit.push.door import Backend, Door


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    hub, backend = Hub(), Backend()
    settings = PushSettings("127.0.0.1", 0, None, ("https://crm.example.com",), 65_536, 60.0)
    gateway = PushGateway(hub, backend, settings)
    await gateway.start()
    yield Door(gateway, hub, backend)
    backend.release.set()
    await gateway.stop()
