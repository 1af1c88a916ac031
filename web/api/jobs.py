"""Work that takes longer than a request: how far it is, what became of each row, stopping it."""

from __future__ import annotations

from datetime import tzinfo
from typing import Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

from crm_core.jobs import queries, service
from crm_core.jobs.queries import JobView, RowView
from crm_core.kernel import ids
from crm_core.organization.access import Action
from web.api.asked import Asked
from web.api.values import ById, Cursor, Id, Line, Paging, Time, time_text
from web.registry import Routes

routes = Routes("jobs")


class JobAnswer(TypedDict):
    """`total` is null while nobody knows how much there is; `result` depends on the kind."""

    id: Id
    kind: str
    state: str
    done: int
    total: int | None
    verdicts: dict[str, int]
    result: dict[str, Any]
    error_code: str | None
    error: str | None
    created_by: str | None
    created_at: Time
    started_at: Time | None
    finished_at: Time | None


class JobPage(TypedDict):
    items: list[JobAnswer]
    next: Cursor | None


class JobRowAnswer(TypedDict):
    number: int
    subject: Id | None
    verdict: str
    reason: str
    data: dict[str, Any] | None


class JobRowPage(TypedDict):
    items: list[JobRowAnswer]
    next: Cursor | None


class JobQuery(Paging):
    kind: Annotated[Line | None, Field(max_length=60)] = None


class RowQuery(Paging):
    verdict: Annotated[Line | None, Field(max_length=40)] = None


def job_answer(job: JobView, verdicts: dict[str, int], zone: tzinfo) -> JobAnswer:
    return {
        "id": ids.show(job.id),
        "kind": job.kind,
        "state": job.state,
        "done": job.done,
        "total": job.total,
        "verdicts": verdicts,
        "result": job.result,
        "error_code": job.error_code,
        "error": job.error,
        "created_by": job.created_by,
        "created_at": time_text(job.created_at, zone) or "",
        "started_at": time_text(job.started_at, zone),
        "finished_at": time_text(job.finished_at, zone),
    }


def row_answer(row: RowView) -> JobRowAnswer:
    subject = None if row.subject_id is None else ids.show(row.subject_id)
    return {"number": row.number, "subject": subject, "verdict": row.verdict, "reason": row.reason, "data": row.data}


@routes.route("GET", "/jobs", "Jobs, newest first", right=Action.CUSTOMER_READ)
async def list_jobs(asked: Asked, query: JobQuery) -> JobPage:
    """One's own; an administrator sees everybody's. `verdicts` is empty in the list."""
    async with asked.read() as session:
        page = await queries.jobs(session, asked.actor, kind=query.kind, limit=query.limit, cursor=query.cursor)
    zone = asked.context.settings.timezone
    return {"items": [job_answer(job, {}, zone) for job in page.items], "next": page.next}


@routes.route("GET", "/jobs/{id}", "One job", right=Action.CUSTOMER_READ, subject="job")
async def get_job(asked: Asked, path: ById) -> JobAnswer:
    return await _answer(asked, path.id)


@routes.route("GET", "/jobs/{id}/rows", "What became of each row", right=Action.CUSTOMER_READ, subject="job")
async def list_rows(asked: Asked, path: ById, query: RowQuery) -> JobRowPage:
    async with asked.read() as session:
        await queries.job(session, asked.actor, path.id)
        page = await queries.rows(session, path.id, verdict=query.verdict, limit=query.limit, cursor=query.cursor)
    return {"items": [row_answer(row) for row in page.items], "next": page.next}


@routes.route(
    "POST",
    "/jobs/{id}/cancel",
    "Stop a job",
    right=Action.CUSTOMER_READ,
    subject="job",
    errors={409: ["job_over"]},
)
async def cancel_job(asked: Asked, path: ById) -> JobAnswer:
    """It stops at the end of the step under way; what is finished stays."""
    async with asked.uow() as uow:
        await service.cancel(uow, path.id, by=asked.actor)
    return await _answer(asked, path.id)


async def _answer(asked: Asked, job_id: int) -> JobAnswer:
    async with asked.read() as session:
        job = await queries.job(session, asked.actor, job_id)
        verdicts = await queries.verdicts(session, job_id)
    return job_answer(job, verdicts, asked.context.settings.timezone)
