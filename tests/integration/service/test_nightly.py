"""The nightly pass: once a business day, after two in the morning, in the business's own time."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

from callcenter.nightly import Nightly
from crm_core.customers.classification.jobs import HANDLERS, REDERIVE
from crm_core.db.database import Database
from crm_core.jobs import queries, runner
from crm_core.kernel.clock import FixedClock
from crm_core.organization.access import SYSTEM

_SHANGHAI = ZoneInfo("Asia/Shanghai")


async def test_the_pass_starts_once_a_business_day(db: Database, clock: FixedClock) -> None:
    nightly = Nightly(db, _SHANGHAI)
    assert [await nightly.start_due(), await nightly.start_due()] == [True, False]
    assert await runner.run_one(db, HANDLERS)
    assert not await nightly.start_due()
    clock.move(timedelta(hours=15))  # one in the morning in Shanghai
    assert not await nightly.start_due()
    clock.move(timedelta(hours=1))
    assert await nightly.start_due()
    async with db.read() as session:
        started = (await queries.jobs(session, SYSTEM, kind=REDERIVE)).items
    assert [one.state for one in started] == ["queued", "done"]
    assert [one.created_by for one in started] == [None, None]
