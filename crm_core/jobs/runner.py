"""Runs jobs: claimed under a lease, one transaction a step, taken up again where the last finished step left off."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import update

from crm_core.db.database import Database
from crm_core.db.uow import UnitOfWork
from crm_core.db.upsert import table_of, upsert
from crm_core.jobs import queries
from crm_core.jobs.models import Job, JobRow, JobState
from crm_core.kernel.errors import CrmError, Unavailable
from crm_core.organization import queries as organization
from crm_core.organization.access import SYSTEM, Actor

log = logging.getLogger(__name__)
_jobs, _rows = table_of(Job), table_of(JobRow)
_STALE = timedelta(seconds=60)
_BEAT_SECONDS = 15.0
_IDLE_SECONDS = 0.5
_AT_ONCE = 3
_MOST_STARTS = 5
_AWAY_SECONDS = 2.0


class Cancelled(Exception):
    """Somebody asked for the end; what is finished stays."""


class LostLease(Exception):
    """Another process has taken the job over: this one must not write any more."""


class Step:
    """What one transaction of a job does; written with it."""

    def __init__(self, uow: UnitOfWork, position: Mapping[str, Any], done: int, total: int | None) -> None:
        self.uow = uow
        self.position: Mapping[str, Any] = position
        self.done = done
        self.total = total
        self.rows: list[dict[str, Any]] = []

    def row(
        self,
        number: int,
        verdict: str,
        reason: str = "",
        *,
        subject_id: int | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        """The verdict on one row of the work; a second one for the same number replaces the first."""
        found = {"number": number, "subject_id": subject_id, "verdict": verdict, "reason": reason}
        self.rows.append({**found, "data": None if data is None else dict(data)})


class Work:
    """A job as its handler sees it. ``actor`` is who asked for it, with the rights of now."""

    def __init__(self, db: Database, job: Job, actor: Actor, lease: str) -> None:
        self.db = db
        self.id = job.id
        self.kind = job.kind
        self.params: Mapping[str, Any] = job.params
        self.position: Mapping[str, Any] = job.position
        self.done = job.done
        self.total = job.total
        self.actor = actor
        self._lease = lease

    @asynccontextmanager
    async def step(self) -> AsyncIterator[Step]:
        """One transaction: what it changes, its rows, its place in the work. Raises Cancelled, LostLease."""
        async with self.db.uow() as uow:
            await self._still_ours(uow)
            step = Step(uow, self.position, self.done, self.total)
            yield step
            rows = [{"job_id": self.id, **row} for row in step.rows]
            await upsert(uow.session, _rows, rows, keys=["job_id", "number"], change=_newer)
            progress = {"position": dict(step.position), "done": step.done, "total": step.total, "starts": 0}
            await uow.session.execute(update(_jobs).where(_jobs.c.id == self.id).values(**progress))
        self.position, self.done, self.total = step.position, step.done, step.total

    async def _still_ours(self, uow: UnitOfWork) -> None:
        mine = (_jobs.c.id == self.id) & (_jobs.c.lease == self._lease) & (_jobs.c.state == JobState.RUNNING)
        beat = update(_jobs).where(mine).values(heartbeat_at=uow.clock.now()).returning(_jobs.c.cancel_asked)
        found = (await uow.session.execute(beat)).one_or_none()
        if found is None:
            raise LostLease
        if found.cancel_asked:
            raise Cancelled

    async def beat(self) -> None:
        """Says that the work goes on, between steps that take long."""
        async with self.db.uow() as uow:
            mine = (_jobs.c.id == self.id) & (_jobs.c.lease == self._lease)
            await uow.session.execute(update(_jobs).where(mine).values(heartbeat_at=uow.clock.now()))

    async def end(self, state: JobState, result: Mapping[str, Any], error: CrmError | None = None) -> None:
        async with self.db.uow() as uow:
            mine = (_jobs.c.id == self.id) & (_jobs.c.lease == self._lease)
            values: dict[str, Any] = {"state": state, "result": dict(result), "finished_at": uow.clock.now()}
            if error is not None:
                values |= {"error_code": error.code, "error": error.detail}
            await uow.session.execute(update(_jobs).where(mine).values(**values))


def _newer(new: Any) -> dict[str, Any]:
    return {name: new[name] for name in ("subject_id", "verdict", "reason", "data")}


Handler = Callable[[Work], Awaitable[Mapping[str, Any]]]


class JobRunner:
    """Takes up what waits, a few jobs at once; for ever."""

    def __init__(self, db: Database, handlers: Mapping[str, Handler]) -> None:
        self._db = db
        self._handlers = handlers

    async def run(self) -> None:
        if self._db.is_sqlite:
            await self._take_back()
        async with asyncio.TaskGroup() as group:
            for number in range(_AT_ONCE):
                group.create_task(self._keep_running(), name=f"jobs {number}")

    async def _take_back(self) -> None:
        """The embedded database has one process: what runs at its start runs nowhere."""
        try:
            async with self._db.uow() as uow:
                left = update(_jobs).where(_jobs.c.state == JobState.RUNNING).values(state=JobState.QUEUED)
                await uow.session.execute(left)
        except Unavailable as error:
            log.warning("jobs not taken back", extra={"reason": error.detail})

    async def _keep_running(self) -> None:
        while True:
            try:
                worked = await run_one(self._db, self._handlers)
            except Unavailable as error:
                log.warning("jobs wait for the database", extra={"reason": error.detail})
                worked = False
            if not worked:
                await asyncio.sleep(_IDLE_SECONDS)


async def run_one(db: Database, handlers: Mapping[str, Handler]) -> bool:
    """Runs the oldest job that waits to its end; False when none does. Raises Unavailable before it has begun one."""
    work = await _claimed(db)
    if work is None:
        return False
    beating = asyncio.create_task(_keep_beating(work))
    try:
        await _run(work, handlers.get(work.kind))
    finally:
        beating.cancel()
    return True


async def _claimed(db: Database) -> Work | None:
    async with db.read() as session:
        if await queries.next_to_run(session, db.clock.now() - _STALE) is None:
            return None
    lease = secrets.token_hex(16)
    async with db.uow() as uow:
        now = uow.clock.now()
        job = await queries.next_to_run(uow.session, now - _STALE)
        if job is None:
            return None
        job.state, job.lease, job.heartbeat_at = JobState.RUNNING, lease, now
        job.started_at = job.started_at or now
        job.starts += 1
        if job.starts > _MOST_STARTS:
            job.state, job.finished_at = JobState.FAILED, now
            job.error_code, job.error = "job_gave_up", f"Given up after {_MOST_STARTS} starts without any progress."
            return None
        actor = SYSTEM if job.created_by_id is None else await organization.actor_by_id(uow.session, job.created_by_id)
        if actor is None:
            job.state, job.finished_at = JobState.FAILED, now
            job.error_code, job.error = "asker_gone", "Who asked for this may not sign in any more."
            return None
        return Work(db, job, actor, lease)


async def _keep_beating(work: Work) -> None:
    while True:
        await asyncio.sleep(_BEAT_SECONDS)
        try:
            await work.beat()
        except Unavailable:
            continue


async def _run(work: Work, handler: Handler | None) -> None:
    if handler is None:
        unknown = CrmError("job_unknown", f"This version knows no work of the kind {work.kind}.")
        await work.end(JobState.FAILED, {}, unknown)
        return
    while True:
        try:
            await work.end(JobState.DONE, await handler(work))
        except Cancelled:
            await work.end(JobState.CANCELLED, {})
        except LostLease:
            log.warning("job lost to another process", extra={"job": work.id})
        except Unavailable as error:
            log.warning("job waits for the database", extra={"job": work.id, "reason": error.detail})
            await asyncio.sleep(_AWAY_SECONDS)
            continue
        except CrmError as error:
            await work.end(JobState.FAILED, {}, error)
        except Exception:
            log.exception("job failed", extra={"job": work.id, "kind": work.kind})
            await work.end(JobState.FAILED, {}, CrmError("internal", "Something went wrong here; it is in the log."))
        return
