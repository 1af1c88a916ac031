"""Long work: its progress while it runs, its results row by row."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from crm_core.jobs import queries, service
from crm_core.jobs.models import OVER
from crm_core.kernel import ids
from crm_core.organization.access import Action
from web.auth import actor_of
from web.context import context_of
from web.pages.calls import address
from web.pages.frame import html, partial, see_other

routes = web.RouteTableDef()
_PAGE = 100


@routes.get("/jobs")
async def list_jobs(request: web.Request) -> web.StreamResponse:
    actor, cursor = actor_of(request, Action.CUSTOMER_READ), request.query.get("cursor")
    async with context_of(request).db.read() as session:
        page = await queries.jobs(session, actor, limit=_PAGE, cursor=cursor)
    jobs = [{"id": ids.show(job.id), "job": job} for job in page.items]
    following = address("/jobs", {"cursor": page.next}) if page.next else None
    return html(request, "jobs/list.html", jobs=jobs, first="/jobs" if cursor else None, next=following)


@routes.get("/jobs/{id}")
async def show_job(request: web.Request) -> web.StreamResponse:
    actor, job_id = actor_of(request, Action.CUSTOMER_READ), ids.parse(request.match_info["id"])
    verdict, cursor = request.query.get("verdict") or None, request.query.get("cursor")
    async with context_of(request).db.read() as session:
        job = await queries.job(session, actor, job_id)
        verdicts = await queries.verdicts(session, job_id)
        page = await queries.rows(session, job_id, verdict=verdict, limit=_PAGE, cursor=cursor)
    path, chosen = f"/jobs/{ids.show(job_id)}", {"verdict": verdict} if verdict else {}
    rows = [{"subject": ids.show(row.subject_id) if row.subject_id else None, "row": row} for row in page.items]
    values: dict[str, Any] = {
        "job": job,
        "id": ids.show(job_id),
        "over": job.state in OVER,
        "verdicts": [
            (name, count, address(path, {"verdict": name}), name == verdict) for name, count in verdicts.items()
        ],
        "all": path if verdict else None,
        "rows": rows,
        "first": address(path, chosen) if cursor else None,
        "next": address(path, chosen | {"cursor": page.next}) if page.next else None,
    }
    return html(request, "jobs/body.html" if partial(request) else "jobs/page.html", **values)


@routes.post("/jobs/{id}/cancel")
async def cancel_job(request: web.Request) -> web.StreamResponse:
    actor, job_id = actor_of(request, Action.CUSTOMER_READ), ids.parse(request.match_info["id"])
    async with context_of(request).db.uow() as uow:
        await service.cancel(uow, job_id, by=actor)
    return see_other(f"/jobs/{request.match_info['id']}")
