"""Allocation: what waits, a new one with its preview, one with its result list, the pool."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.calls.work_queries import LastTalks
from crm_core.customers.allocation import queries, reclaim, runs
from crm_core.customers.allocation.choosing import Choice, Filter
from crm_core.customers.allocation.kinds import Method, RunState, Verdict
from crm_core.customers.allocation.views import ReclaimLine
from crm_core.kernel import ids
from crm_core.kernel.errors import CrmError
from crm_core.organization import queries as organization
from crm_core.organization.access import Action, Actor
from web.auth import actor_of
from web.context import context_of
from web.pages.allocation_shape import PAGE, local_now, menu, people_with_standing, wish_of
from web.pages.calls import address
from web.pages.frame import Errors, errors_of, form_of, html, said, see_other
from web.pages.people import Names
from web.pages.words import word

routes = web.RouteTableDef()
_RIGHT = Action.CUSTOMER_ASSIGN
_HOME = "/allocation"
_STRETCHES = 3
_FIELDS = ("ids", "type", "source", "province", "city", "most", "method", "reason")


@routes.get(_HOME)
async def overview(request: web.Request) -> web.StreamResponse:
    actor = actor_of(request, _RIGHT)
    state, cursor = request.query.get("state", ""), request.query.get("cursor")
    chosen = RunState(state) if state in set(RunState) else None
    async with context_of(request).db.read() as session:
        rules = await queries.policy(session)
        page = await queries.runs(session, actor, state=chosen, limit=PAGE, cursor=cursor)
        everything = queries.carries_out(actor, rules)
        reach = None if everything else actor.departments(_RIGHT)
        waiting = await queries.waiting(session, Choice(departments=None if reach is None else tuple(reach)))
        names = await Names.read(session)
    fields = {"state": state} if chosen else {}
    return html(
        request,
        "allocation/overview.html",
        menu=menu(actor, _HOME),
        runs=[{"id": ids.show(one.id), "run": one, "by": names.named(one.requested_by)} for one in page.items],
        states=[(one.value, address(_HOME, {"state": one.value}), one is chosen) for one in RunState],
        all=_HOME if chosen else None,
        waiting=waiting,
        waiting_more=waiting >= queries.MOST_COUNTED,
        no_department=rules.data_department_id is None,
        first=address(_HOME, fields) if cursor else None,
        next=address(_HOME, fields | {"cursor": page.next}) if page.next else None,
    )


async def _form(request: web.Request, actor: Actor, form: dict[str, str], **more: Any) -> dict[str, Any]:
    async with context_of(request).db.read() as session:
        departments = {one.id: one.name for one in await organization.departments(session)}
        people = await people_with_standing(request, session, actor, departments)
    picked = {str(value) for value in (await request.post()).getall("person", [])}
    return {
        "menu": menu(actor, _HOME),
        "form": dict.fromkeys(_FIELDS, "") | form,
        "picked": picked,
        "people": people,
        "methods": [(one.value, word("allocation_method", one.value)) for one in Method],
        "errors": Errors(),
        "problem": None,
        "plan": None,
    } | more


@routes.get("/allocation/new")
async def blank(request: web.Request) -> web.StreamResponse:
    actor = actor_of(request, _RIGHT)
    form = {"ids": request.query.get("ids", ""), "most": "100", "method": Method.ROUND_ROBIN.value}
    return html(request, "allocation/new.html", **await _form(request, actor, form))


@routes.post("/allocation/new")
async def ask(request: web.Request) -> web.StreamResponse:
    """The first button shows what would happen, the second one asks for it."""
    actor, form, context = actor_of(request, _RIGHT), await form_of(request), context_of(request)
    try:
        wish = await wish_of(request)
        if "preview" not in form:
            async with context.db.uow() as uow:
                run_id = await runs.request(uow, wish, by=actor)
            return see_other(f"/allocation/runs/{ids.show(run_id)}")
        async with context.db.read() as session:
            zone = context.settings.timezone
            plan = await runs.preview(session, wish, by=actor, now=context.clock.now(), zone=zone)
            names = await Names.read(session)
    except CrmError as error:
        shown = await _form(request, actor, form, errors=errors_of(error), problem=said(error))
        return html(request, "allocation/new.html", status=422, **shown)
    preview = {
        "total": plan.total,
        "given": [(names.user(user, "?"), count) for user, count in plan.given.items()],
        "reasons": list(plan.reasons.items()),
        "lines": [
            {"id": ids.show(one.customer_id), "line": one, "to": names.user(one.user_id, "?") if one.user_id else None}
            for one in plan.lines
        ],
    }
    return html(request, "allocation/new.html", **await _form(request, actor, form, plan=preview))


@routes.get("/allocation/runs/{id}")
async def one_run(request: web.Request) -> web.StreamResponse:
    return await _run_page(request, actor_of(request, _RIGHT), None)


async def _run_page(request: web.Request, actor: Actor, problem: str | None) -> web.Response:
    run_id, cursor = ids.parse(request.match_info["id"]), request.query.get("cursor")
    verdict = request.query.get("verdict", "")
    chosen = Verdict(verdict) if verdict in set(Verdict) else None
    async with context_of(request).db.read() as session:
        run = await queries.run(session, actor, run_id)
        page = await queries.results(session, run_id, verdict=chosen, limit=PAGE, cursor=cursor)
        everything = queries.carries_out(actor, await queries.policy(session))
        names = await Names.read(session)
    path, fields = f"/allocation/runs/{ids.show(run_id)}", {"verdict": verdict} if chosen else {}
    approves = actor.reaches(_RIGHT, owner_id=None, department_id=run.department_id)
    return html(
        request,
        "allocation/run.html",
        status=409 if problem else 200,
        menu=menu(actor, _HOME),
        run=run,
        path=path,
        problem=problem,
        job=ids.show(run.job_id) if run.job_id else None,
        people=[(names.user(one.user_id, "?"), one) for one in run.people],
        names={name: names.named(name) for name in (run.requested_by, run.approved_by, run.executed_by)},
        results=[{"id": ids.show(one.customer_id), "line": one, "to": names.named(one.user)} for one in page.items],
        can_decide=run.state is RunState.WAITING and approves,
        can_withdraw=run.state in (RunState.WAITING, RunState.APPROVED),
        can_execute=run.state is RunState.APPROVED and everything,
        verdicts=[(one.value, address(path, {"verdict": one.value}), one is chosen) for one in Verdict],
        first=address(path, fields) if cursor else None,
        next=address(path, fields | {"cursor": page.next}) if page.next else None,
    )


@routes.post("/allocation/runs/{id}/{act:approve|refuse|withdraw|execute}")
async def act(request: web.Request) -> web.StreamResponse:
    actor, form, wish = actor_of(request, _RIGHT), await form_of(request), request.match_info["act"]
    run_id, zone = ids.parse(request.match_info["id"]), context_of(request).settings.timezone
    try:
        async with context_of(request).db.uow() as uow:
            if wish == "execute":
                await runs.carry_out(uow, run_id, by=actor, zone=zone)
            elif wish == "withdraw":
                await runs.withdraw(uow, run_id, by=actor)
            else:
                await runs.decide(uow, run_id, approve=wish == "approve", by=actor, answer=form.get("answer", ""))
    except CrmError as error:
        return await _run_page(request, actor, said(error))
    return see_other(f"/allocation/runs/{ids.show(run_id)}")


@routes.get("/allocation/pool")
async def pool(request: web.Request) -> web.StreamResponse:
    """Who waits for an owner, and who would go back to the pool."""
    return await _pool(request, actor_of(request, _RIGHT), None)


async def _pool(request: web.Request, actor: Actor, problem: str | None) -> web.Response:
    cursor, context = request.query.get("cursor"), context_of(request)
    kind = request.query.get("type", "").strip()
    async with context.db.read() as session:
        page = await queries.queue(session, actor, Filter(type=kind or None), limit=PAGE, cursor=cursor)
        everything = queries.carries_out(actor, await queries.policy(session))
        departments = None if everything else actor.departments(_RIGHT)
        sleeping, following = await _sleeping(request, session, departments)
        rules, names = await queries.policy(session), await Names.read(session)
    fields = {"type": kind} if kind else {}
    return html(
        request,
        "allocation/pool.html",
        status=409 if problem else 200,
        menu=menu(actor, "/allocation/pool"),
        problem=problem,
        type=kind,
        waiting=[
            {
                "id": ids.show(row["id"]),
                "row": row,
                "place": queries.place_of(row),
                "from": names.named(row["back_from"]),
            }
            for row in page.items
        ],
        sleeping=[{"id": ids.show(one.customer_id), "line": one, "owner": names.named(one.owner)} for one in sleeping],
        more_sleeping=following is not None,
        has_rule=rules.not_contacted_days is not None or rules.not_bought_days is not None,
        can_start=everything,
        first=address("/allocation/pool", fields) if cursor else None,
        next=address("/allocation/pool", fields | {"cursor": page.next}) if page.next else None,
    )


async def _sleeping(
    request: web.Request, session: AsyncSession, departments: frozenset[int] | None
) -> tuple[list[ReclaimLine], int | None]:
    """The first that a rule takes back, and whether there may be more; a few stretches of the base, never all of it."""
    zone, now = context_of(request).settings.timezone, local_now(request)
    found, after = list[ReclaimLine](), 0
    for _stretch in range(_STRETCHES):
        more, following = await reclaim.lines(
            session, after, now=now, zone=zone, contacts=[LastTalks()], departments=departments
        )
        found += more
        if following is None or len(found) >= PAGE:
            return found[:PAGE], following
        after = following
    return found[:PAGE], after


@routes.post("/allocation/pool")
async def start_reclaim(request: web.Request) -> web.StreamResponse:
    actor = actor_of(request, Action.CUSTOMER_ALLOCATE)
    try:
        async with context_of(request).db.uow() as uow:
            job = await reclaim.start(uow, by=actor, zone=context_of(request).settings.timezone)
    except CrmError as error:
        return await _pool(request, actor, said(error))
    return see_other(f"/jobs/{ids.show(job.id)}")
