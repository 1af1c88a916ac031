"""Reads of jobs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.jobs.models import Job, JobRow, JobState
from crm_core.kernel.errors import NotFound
from crm_core.kernel.pages import Page, checked_limit, page_of, parse_text_cursor, text_cursor
from crm_core.organization.access import Action, Actor
from crm_core.organization.models import User


@dataclass(frozen=True, slots=True)
class JobView:
    """``total`` is None while nobody knows how much there is."""

    id: int
    kind: str
    state: JobState
    done: int
    total: int | None
    result: dict[str, Any]
    error_code: str | None
    error: str | None
    created_by_id: int | None
    created_by: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    cancel_asked: bool


@dataclass(frozen=True, slots=True)
class RowView:
    number: int
    subject_id: int | None
    verdict: str
    reason: str
    data: dict[str, Any] | None


_COLUMNS = (
    Job.id,
    Job.kind,
    Job.state,
    Job.done,
    Job.total,
    Job.result,
    Job.error_code,
    Job.error,
    Job.created_by_id,
    User.name,
    Job.created_at,
    Job.started_at,
    Job.finished_at,
    Job.cancel_asked,
)


def _seen_by(actor: Actor) -> Any:
    """One's own; an administrator sees everybody's, the system's too."""
    return None if actor.may(Action.SETTING_WRITE) else Job.created_by_id == actor.user_id


async def job(session: AsyncSession, actor: Actor, job_id: int) -> JobView:
    """Raises NotFound, also for another's."""
    rows = select(*_COLUMNS).outerjoin(User, User.id == Job.created_by_id).where(Job.id == job_id)
    seen = _seen_by(actor)
    found = (await session.execute(rows if seen is None else rows.where(seen))).one_or_none()
    if found is None:
        raise NotFound("job_not_found", "There is no such job.")
    return JobView(*found)


async def jobs(
    session: AsyncSession, actor: Actor, *, kind: str | None = None, limit: int = 50, cursor: str | None = None
) -> Page[JobView]:
    """Newest first."""
    checked_limit(limit)
    rows = select(*_COLUMNS).outerjoin(User, User.id == Job.created_by_id).order_by(Job.id.desc()).limit(limit + 1)
    seen = _seen_by(actor)
    rows = rows if seen is None else rows.where(seen)
    if kind is not None:
        rows = rows.where(Job.kind == kind)
    if cursor is not None:
        rows = rows.where(Job.id < parse_text_cursor(cursor)[1])
    views = [JobView(*row) for row in await session.execute(rows)]
    return page_of(views, limit, lambda last: text_cursor("", last.id))


async def rows(
    session: AsyncSession, job_id: int, *, verdict: str | None = None, limit: int = 50, cursor: str | None = None
) -> Page[RowView]:
    """In their order; the caller has made sure that the job may be seen."""
    checked_limit(limit)
    found = (
        select(JobRow.number, JobRow.subject_id, JobRow.verdict, JobRow.reason, JobRow.data)
        .where(JobRow.job_id == job_id)
        .order_by(JobRow.number)
        .limit(limit + 1)
    )
    if verdict is not None:
        found = found.where(JobRow.verdict == verdict)
    if cursor is not None:
        found = found.where(JobRow.number > parse_text_cursor(cursor)[1])
    views = [RowView(*row) for row in await session.execute(found)]
    return page_of(views, limit, lambda last: text_cursor("", last.number))


async def verdicts(session: AsyncSession, job_id: int) -> dict[str, int]:
    """How many rows got which verdict."""
    counted = (
        select(JobRow.verdict, func.count())
        .where(JobRow.job_id == job_id)
        .group_by(JobRow.verdict)
        .order_by(JobRow.verdict)
    )
    return {row[0]: row[1] for row in (await session.execute(counted)).all()}


async def next_to_run(session: AsyncSession, stale_before: datetime) -> Job | None:
    """The oldest that waits, or that a dead process left running; locked where the database can."""
    waiting = or_(Job.state == JobState.QUEUED, (Job.state == JobState.RUNNING) & (Job.heartbeat_at < stale_before))
    found = select(Job).where(waiting).order_by(Job.id).limit(1).with_for_update(skip_locked=True)
    return (await session.scalars(found)).one_or_none()


async def to_change(session: AsyncSession, job_id: int) -> Job | None:
    return (await session.scalars(select(Job).where(Job.id == job_id).with_for_update())).one_or_none()
