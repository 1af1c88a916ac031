"""Somebody leaves: who gets his customers, looked at first, then done in one go."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from crm_core.customers.allocation import leaving, people_queries
from crm_core.customers.allocation.kinds import Method
from crm_core.customers.allocation.leaving import HandOver
from crm_core.kernel import ids
from crm_core.kernel.errors import CrmError, Rejected
from crm_core.organization import queries as organization
from crm_core.organization.access import Action, Actor
from web.auth import actor_of
from web.context import context_of
from web.pages.allocation_shape import local_now, menu, people_with_standing, picked, wish_of
from web.pages.frame import Errors, errors_of, form_of, html, said, see_other
from web.pages.people import Names
from web.pages.words import word

routes = web.RouteTableDef()
_RIGHT = Action.CUSTOMER_ASSIGN
_PATH = "/allocation/leaving"


@routes.get(_PATH)
async def blank(request: web.Request) -> web.StreamResponse:
    form = {"leaver": request.query.get("leaver", ""), "method": Method.ROUND_ROBIN.value}
    return await _show(request, actor_of(request, _RIGHT), form)


async def _show(request: web.Request, actor: Actor, form: dict[str, str], **more: Any) -> web.Response:
    async with context_of(request).db.read() as session:
        departments = {one.id: one.name for one in await organization.departments(session)}
        people = await people_with_standing(request, session, actor, departments)
        owners = await people_queries.with_customers(session, actor)
    posted = await request.post() if request.method == "POST" else None
    values: dict[str, Any] = {
        "menu": menu(actor, _PATH),
        "form": {"leaver": "", "reason": "", "method": ""} | form,
        "leavers": [(ids.show(user.id), f"{user.display_name or user.name} · {count}") for user, count in owners],
        "picked": {str(value) for value in posted.getall("person", [])} if posted is not None else set(),
        "people": people,
        "methods": [(one.value, word("allocation_method", one.value)) for one in Method],
        "errors": Errors(),
        "problem": None,
        "plan": None,
    }
    return html(request, "allocation/leaving.html", status=422 if more.get("problem") else 200, **(values | more))


@routes.post(_PATH)
async def hand_over(request: web.Request) -> web.StreamResponse:
    """The first button shows what would happen, the second one does it."""
    actor, form, context = actor_of(request, _RIGHT), await form_of(request), context_of(request)
    zone = context.settings.timezone
    try:
        wish = await _wish(request, form)
        if "preview" not in form:
            async with context.db.uow() as uow:
                job = await leaving.start(uow, wish, by=actor, zone=zone)
            return see_other(f"/jobs/{ids.show(job.id)}")
        async with context.db.read() as session:
            plan = await leaving.preview(session, wish, by=actor, now=local_now(request), zone=zone)
            names = await Names.read(session)
    except CrmError as error:
        return await _show(request, actor, form, errors=errors_of(error), problem=said(error))
    shown = {
        "total": plan.total,
        "given": [(names.user(user, "?"), count) for user, count in plan.given.items()],
        "reasons": list(plan.reasons.items()),
    }
    return await _show(request, actor, form, plan=shown)


async def _wish(request: web.Request, form: dict[str, str]) -> HandOver:
    asked, leaver = await wish_of(request), picked([form.get("leaver", "")])
    if not leaver:
        raise Rejected("allocation_invalid", "Say who leaves.", errors={"leaver": "missing"})
    return HandOver(leaver[0], asked.method, asked.people, asked.reason)
