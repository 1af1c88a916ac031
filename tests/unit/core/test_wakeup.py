"""Waiting for news: an end that is asked for together with news is not lost."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import make_url

from crm_core.db.wakeup import wakeup_for


async def test_who_is_told_to_end_together_with_news_ends() -> None:
    wakeup = wakeup_for(make_url("sqlite+aiosqlite://"))

    async def for_ever() -> None:
        while True:
            await wakeup.wait(30.0)

    waiting = asyncio.create_task(for_ever())
    for _ in range(3):
        await asyncio.sleep(0)
    wakeup.committed()
    await asyncio.sleep(0)  # the news is on its way to the waiting task
    waiting.cancel()
    done, _ = await asyncio.wait([waiting], timeout=5)
    if not done:
        waiting.cancel()
        pytest.fail("the cancellation was lost")
    assert waiting.cancelled()
