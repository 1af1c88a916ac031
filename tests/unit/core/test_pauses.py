"""The pauses of Python itself: set while the service runs, put back afterwards."""

from __future__ import annotations

import asyncio
import gc
import sys

import pytest

from callcenter.pauses import Pauses


async def test_everything_is_put_back_as_it_was() -> None:
    before = gc.get_threshold(), sys.getswitchinterval(), gc.get_freeze_count()
    pauses = Pauses(busy=lambda: False)
    pauses.begin()
    try:
        assert gc.get_freeze_count() > before[2]
        assert gc.get_threshold()[2] > 1_000_000, "the whole is never collected by itself"
        assert sys.getswitchinterval() < before[1]
    finally:
        pauses.end()
    assert (gc.get_threshold(), sys.getswitchinterval(), gc.get_freeze_count()) == (before[0], before[1], 0)


@pytest.mark.parametrize("busy", [True, False])
async def test_the_whole_is_collected_only_while_nobody_is_on_the_phone(
    busy: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callcenter.pauses._EVERY_SECONDS", 0.01)
    monkeypatch.setattr("callcenter.pauses._WHOLE_EVERY_SECONDS", 0.0)
    collected = asyncio.Event()
    pauses = Pauses(busy=lambda: busy)
    monkeypatch.setattr(pauses, "_collect", collected.set)
    running = asyncio.create_task(pauses.run())
    try:
        if busy:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(collected.wait(), 0.2)
        else:
            await asyncio.wait_for(collected.wait(), 10)
    finally:
        running.cancel()
        gc.unfreeze()
