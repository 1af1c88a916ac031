"""Long work: its progress while it runs, its results row by row."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from aiohttp import web

from crm_core.customers import queries as customers
from crm_core.jobs import queries, service
from crm_core.jobs.models import OVER
from crm_core.jobs.queries import JobView
from crm_core.kernel import ids
from crm_core.organization.access import Action
from web.auth import actor_of
from web.context import context_of
from web.i18n import gettext as _
from web.pages.calls import address
from web.pages.frame import html, partial, see_other
from web.pages.people import Names
from web.pages.words import WORDS, word

routes = web.RouteTableDef()
_PAGE = 100
_REASONS: Final = ("move_reason", "spared", "reclaim_rule")  # whose words a row's reason may be a code of


@routes.get("/jobs")
async def list_jobs(request: web.Request) -> web.StreamResponse:
    actor, cursor = actor_of(request, Action.CUSTOMER_IMPORT), request.query.get("cursor")
    async with context_of(request).db.read() as session:
        page = await queries.jobs(session, actor, limit=_PAGE, cursor=cursor)
        names = await Names.read(session)
    jobs = [{"id": ids.show(job.id), "job": job, "by": names.named(job.created_by)} for job in page.items]
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
        known = await customers.names(session, actor, [row.subject_id for row in page.items if row.subject_id])
        people = await Names.read(session)
    path, chosen = f"/jobs/{ids.show(job_id)}", {"verdict": verdict} if verdict else {}
    rows = [
        {
            "subject": ids.show(row.subject_id) if row.subject_id else None,
            "customer": known.get(row.subject_id or 0),
            "row": row,
            "why": _why(row.reason),
            "first": _first(row.data, people),
        }
        for row in page.items
    ]
    values: dict[str, Any] = {
        "job": job,
        "id": ids.show(job_id),
        "leads_to": _leads_to(job),
        "over": job.state in OVER,
        "verdicts": [
            (name, count, address(path, {"verdict": name}), name == verdict) for name, count in verdicts.items()
        ],
        "all": path if verdict else None,
        "may_list": actor.may(Action.CUSTOMER_IMPORT),
        "rows": rows,
        "first": address(path, chosen) if cursor else None,
        "next": address(path, chosen | {"cursor": page.next}) if page.next else None,
    }
    return html(request, "jobs/body.html" if partial(request) else "jobs/page.html", **values)


def _why(reason: str) -> str:
    """A code of a refusal in words; a sentence as it is."""
    kinds = (kind for kind in _REASONS if reason in WORDS[kind])
    return word(next(kinds, ""), reason) if reason else ""


def _first(data: Mapping[str, Any] | None, people: Names) -> dict[str, Any] | None:
    """Who was first, of a row that came too late."""
    if not data or "at" not in data or "by" not in data:
        return None
    at = datetime.fromisoformat(data["at"])
    return {"by": people.named(data["by"]), "to": people.named(data["to"]), "at": at}


def _leads_to(job: JobView) -> tuple[str, str] | None:
    """Where the result is looked at: text and address."""
    if batch := job.result.get("batch"):
        return _("Hand-over sheet"), f"/allocation/handover?batch={ids.show(int(batch))}"
    if run := job.result.get("run"):
        return _("Allocation"), f"/allocation/runs/{run}"
    return None


@routes.post("/jobs/{id}/cancel")
async def cancel_job(request: web.Request) -> web.StreamResponse:
    actor, job_id = actor_of(request, Action.CUSTOMER_READ), ids.parse(request.match_info["id"])
    async with context_of(request).db.uow() as uow:
        await service.cancel(uow, job_id, by=actor)
    return see_other(f"/jobs/{request.match_info['id']}")
