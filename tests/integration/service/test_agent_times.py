"""The agents' working day is written as a chain of states, on both databases."""

from __future__ import annotations

from datetime import datetime, timedelta

from callcenter.agent_times import AgentTimes
from callcenter.people import People
from callcenter.tracking.live import AgentLive, AgentState, Membership
from crm_core.calls.models import AgentStatus
from crm_core.calls.recorder_queries import open_spans
from crm_core.db.database import Database
from crm_core.kernel.clock import FixedClock
from crm_core.organization import service
from crm_core.organization.access import SYSTEM
from crm_core.organization.models import Role


class Desk:
    """A PBX with one phone whose state the test sets."""

    def __init__(self) -> None:
        self.state, self.reason, self.since = AgentState.IDLE, "", 0.0

    def agent(self, extension: str) -> AgentLive:
        paused = self.state is AgentState.PAUSED
        member = Membership("sales", "PJSIP/1001", 0, paused, self.reason or None, 0, 0, 0)
        return AgentLive(extension, self.state, self.since, (), (member,))


async def _people(db: Database) -> People:
    async with db.uow() as uow:
        await service.add_user(
            uow, name="wangwei", role=Role.AGENT, password="Correct-horse-7battery", extension="1001", by=SYSTEM
        )
    people = People(db)
    await people.refresh()
    return people


async def _open(db: Database, people: People) -> list[tuple[AgentStatus, str | None, datetime]]:
    async with db.read() as session:
        found = await open_spans(session, [person.user_id for person in people.by_extension.values()])
    return [(row.status, row.reason, row.started_at) for row in found]


async def test_each_change_of_state_closes_one_stretch_and_opens_the_next(db: Database, clock: FixedClock) -> None:
    people, desk = await _people(db), Desk()
    times = AgentTimes(db, people, {"main": desk})
    begun = clock.now()
    desk.since = begun.timestamp()
    times.touched("main", "1001")
    await times.look()
    assert await _open(db, people) == [(AgentStatus.AVAILABLE, None, begun)]
    clock.move(timedelta(minutes=3))
    desk.state, desk.reason, desk.since = AgentState.PAUSED, "lunch", clock.now().timestamp()
    times.touched("main", "1001")
    await times.look()
    times.touched("main", "1001")
    await times.look()
    assert await _open(db, people) == [(AgentStatus.PAUSED, "lunch", clock.now())]


async def test_wrap_up_is_its_own_state_and_a_clock_ahead_is_cut_to_now(db: Database, clock: FixedClock) -> None:
    people, desk = await _people(db), Desk()
    desk.state, desk.reason, desk.since = AgentState.PAUSED, "wrap_up", clock.now().timestamp() + 60
    times = AgentTimes(db, people, {"main": desk})
    times.touched("main", "1001")
    await times.look()
    assert await _open(db, people) == [(AgentStatus.WRAP_UP, None, clock.now())]
