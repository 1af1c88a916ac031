"""Customers that should perhaps not be in the base: the reviewed list, its decisions, and the form that marks one."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from crm_core.customers import queries as customers
from crm_core.customers.allocation import queries, unfit, unfit_queries
from crm_core.customers.allocation.kinds import UnfitReason, UnfitState
from crm_core.kernel import ids
from crm_core.kernel.errors import CrmError
from crm_core.organization.access import Action, Actor
from web.auth import actor_of
from web.context import context_of
from web.pages.allocation_shape import PAGE, local_now, menu, picked
from web.pages.calls import address
from web.pages.frame import form_of, html, said, see_other
from web.pages.people import Names
from web.pages.words import word

routes = web.RouteTableDef()
_RIGHT = Action.CUSTOMER_ASSIGN
_PATH = "/allocation/unfit"


@routes.get(_PATH)
async def show(request: web.Request) -> web.StreamResponse:
    return await _list(request, actor_of(request, _RIGHT), None)


async def _list(request: web.Request, actor: Actor, problem: str | None, answer: str = "") -> web.Response:
    state, cursor = request.query.get("state", ""), request.query.get("cursor")
    chosen = UnfitState(state) if state in set(UnfitState) else UnfitState.PROPOSED
    async with context_of(request).db.read() as session:
        page = await unfit_queries.page(session, actor, state=chosen, limit=PAGE, cursor=cursor)
        house, names = await queries.policy(session), await Names.read(session)
    fields = {"state": chosen.value}
    return html(
        request,
        "allocation/unfit.html",
        status=422 if problem else 200,
        menu=menu(actor, _PATH),
        problem=problem,
        answer=answer,
        state=chosen.value,
        states=[(one.value, address(_PATH, {"state": one.value}), one is chosen) for one in UnfitState],
        rows=[
            {
                "id": ids.show(one.customer_id),
                "one": one,
                "owner": names.named(one.owner),
                "by": names.named(one.marked_by),
                "decider": names.named(one.decided_by),
            }
            for one in page.items
        ],
        tries=house.unfit_tries,
        can_search=actor.may(Action.CUSTOMER_ALLOCATE),
        first=address(_PATH, fields) if cursor else None,
        next=address(_PATH, fields | {"cursor": page.next}) if page.next else None,
    )


@routes.post(_PATH)
async def decide(request: web.Request) -> web.StreamResponse:
    actor, form = actor_of(request, _RIGHT), await form_of(request)
    chosen = picked([str(value) for value in (await request.post()).getall("ids", [])])
    try:
        async with context_of(request).db.uow() as uow:
            archive = form.get("decision") == "archive"
            await unfit.decide(uow, chosen, archive=archive, answer=form.get("answer", ""), by=actor)
    except CrmError as error:
        return await _list(request, actor, said(error), form.get("answer", ""))
    return see_other(address(_PATH, {"state": request.query.get("state", UnfitState.PROPOSED.value)}))


@routes.post(f"{_PATH}/search")
async def search(request: web.Request) -> web.StreamResponse:
    actor = actor_of(request, Action.CUSTOMER_ALLOCATE)
    try:
        async with context_of(request).db.uow() as uow:
            job = await unfit.start(uow, by=actor)
    except CrmError as error:
        return await _list(request, actor, said(error))
    return see_other(f"/jobs/{ids.show(job.id)}")


@routes.get("/customers/{id}/unfit")
async def mark_form(request: web.Request) -> web.StreamResponse:
    return await _mark(request, actor_of(request, Action.CUSTOMER_WRITE), {}, None)


async def _mark(request: web.Request, actor: Actor, form: dict[str, Any], problem: str | None) -> web.Response:
    customer_id = ids.parse(request.match_info["id"])
    async with context_of(request).db.read() as session:
        customer = await customers.customer(session, actor, customer_id, today=local_now(request).date())
        stored, names = await unfit_queries.of_customer(session, customer.id), await Names.read(session)
    return html(
        request,
        "allocation/mark_unfit.html",
        status=422 if problem else 200,
        customer={"id": ids.show(customer.id), "name": customer.name, "account_number": customer.account_number},
        stored=stored,
        by=names.user(stored.marked_by_id, "") if stored and stored.marked_by_id else None,
        decider=names.user(stored.decided_by_id, "") if stored and stored.decided_by_id else None,
        reasons=[(one.value, word("unfit_reason", one.value)) for one in UnfitReason],
        form=form,
        problem=problem,
    )


@routes.post("/customers/{id}/unfit")
async def mark(request: web.Request) -> web.StreamResponse:
    actor, form = actor_of(request, Action.CUSTOMER_WRITE), await form_of(request)
    reason = UnfitReason(form["reason"]) if form.get("reason") in set(UnfitReason) else UnfitReason.OTHER
    try:
        async with context_of(request).db.uow() as uow:
            customer_id = ids.parse(request.match_info["id"])
            await unfit.mark(uow, customer_id, reason=reason, note=form.get("note", ""), by=actor)
    except CrmError as error:
        return await _mark(request, actor, form, said(error))
    return see_other(f"/customers/{request.match_info['id']}/unfit")
