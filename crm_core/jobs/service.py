"""Starting and cancelling jobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crm_core.audit import service as audit
from crm_core.db.uow import UnitOfWork
from crm_core.jobs import queries
from crm_core.jobs.models import OVER, Job, JobState
from crm_core.kernel.errors import Conflict, NotFound
from crm_core.kernel.ids import new_id
from crm_core.organization.access import Action, Actor


async def start(uow: UnitOfWork, kind: str, params: Mapping[str, Any], *, by: Actor, total: int | None = None) -> Job:
    """Puts a job into the queue; a runner takes it up after the commit. ``params`` are JSON values."""
    job = Job(
        id=new_id(),
        kind=kind,
        state=JobState.QUEUED,
        params=dict(params),
        position={},
        result={},
        total=total,
        done=0,
        created_by_id=by.user_id,
        created_at=uow.clock.now(),
    )
    uow.session.add(job)
    await uow.session.flush()
    audit.record(uow, by, "job.start", "job", job.id, {"kind": kind})
    return job


async def cancel(uow: UnitOfWork, job_id: int, *, by: Actor) -> Job:
    """Stops it at the end of the step under way. Raises NotFound, Conflict ``job_over``."""
    job = await queries.to_change(uow.session, job_id)
    if job is None or (job.created_by_id != by.user_id and not by.may(Action.SETTING_WRITE)):
        raise NotFound("job_not_found", "There is no such job.")
    if job.state in OVER:
        raise Conflict("job_over", "This job is over already.")
    job.cancel_asked = True
    if job.state is JobState.QUEUED:
        job.state, job.finished_at = JobState.CANCELLED, uow.clock.now()
    audit.record(uow, by, "job.cancel", "job", job.id)
    return job
