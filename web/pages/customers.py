"""Customers: quick search, the card with its timeline, adding and changing."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.calls import queries as call_queries
from crm_core.calls import timeline_queries
from crm_core.calls.queries import CallFilter
from crm_core.calls.views import CallView
from crm_core.customers import queries, service
from crm_core.customers.rules import PhoneInput
from crm_core.kernel import ids
from crm_core.kernel.errors import CrmError
from crm_core.organization.access import Action, Actor
from web.auth import actor_of
from web.context import context_of
from web.pages import customer_shape
from web.pages.call_shape import shape
from web.pages.calls import address
from web.pages.frame import Errors, errors_of, form_of, html, partial, said, see_other
from web.pages.people import Names

routes = web.RouteTableDef()
_PAGE = 50


@routes.get("/customers")
async def list_customers(request: web.Request) -> web.StreamResponse:
    actor, context = actor_of(request, Action.CUSTOMER_READ), context_of(request)
    q, cursor = request.query.get("q", "").strip(), request.query.get("cursor")
    today = context.clock.now().astimezone(context.settings.timezone).date()
    async with context.db.read() as session:
        page = await queries.customers(session, actor, q, today=today, limit=_PAGE, cursor=cursor)
        names = await Names.read(session)
    if q and len(page.items) == 1 and not cursor:
        return see_other(f"/customers/{ids.show(page.items[0].id)}")
    fields = {"q": q} if q else {}
    return html(
        request,
        "customers/list.html",
        customers=[customer_shape.row(customer, names) for customer in page.items],
        q=q,
        can_write=actor.may(Action.CUSTOMER_WRITE),
        first=address("/customers", fields) if cursor else None,
        next=address("/customers", fields | {"cursor": page.next}) if page.next else None,
    )


async def everything(request: web.Request, session: AsyncSession, actor: Actor, customer_id: int) -> dict[str, Any]:
    """What the card and the desk show of one customer. Raises NotFound when it is out of reach."""
    context = context_of(request)
    zone = context.settings.timezone
    today = context.clock.now().astimezone(zone).date()
    customer = await queries.customer(session, actor, customer_id, today=today)
    where = CallFilter(customer_id=customer_id)
    calls: list[CallView] = []
    if actor.may(Action.CALL_READ):
        calls = list((await call_queries.calls(session, actor, where, limit=customer_shape.RECENT)).items)
    story = (await timeline_queries.timeline(session, actor, customer_id, today=today)).items
    names = await Names.read(session)
    reach = {"owner_id": customer.owner_id, "department_id": customer.department_id}
    masked = any(phone.masked for phone in customer.phones)
    return {
        "customer": customer_shape.card(customer, calls, names, today, zone),
        "can_reveal": masked and actor.reaches(Action.CUSTOMER_REVEAL, **reach),
        "timeline": customer_shape.timeline(story, names),
        "recent_calls": [shape(call, names, actor) for call in calls],
        "calls_total": len(calls),
        "family": [customer_shape.relative(one) for one in await queries.family(session, customer_id)],
        "can_note": actor.may(Action.CUSTOMER_WRITE),
        "can_write": actor.may(Action.CUSTOMER_WRITE),
    }


@routes.get("/customers/new")
async def blank_customer(request: web.Request) -> web.StreamResponse:
    actor_of(request, Action.CUSTOMER_WRITE)
    number = request.query.get("number")
    return html(request, "customers/edit.html", customer=_blank({}, number), errors=Errors(), problem=None)


def _blank(form: dict[str, str], number: str | None = None) -> dict[str, Any]:
    values: dict[str, Any] = {name: form.get(name, "") for name in customer_shape.FORM_FIELDS}
    phones = [{"number": number}] if number else []
    return values | {
        "id": None,
        "version": None,
        "sex": form.get("sex"),
        "phones": phones,
        "do_not_call": "do_not_call" in form,
    }


@routes.get("/customers/{id}")
async def customer_card(request: web.Request) -> web.StreamResponse:
    actor = actor_of(request, Action.CUSTOMER_READ)
    async with context_of(request).db.read() as session:
        values = await everything(request, session, actor, ids.parse(request.match_info["id"]))
    return html(request, "customers/card.html", **values)


@routes.get("/customers/{id}/edit")
async def edit_customer(request: web.Request) -> web.StreamResponse:
    actor = actor_of(request, Action.CUSTOMER_WRITE)
    async with context_of(request).db.read() as session:
        values = await everything(request, session, actor, ids.parse(request.match_info["id"]))
    return html(request, "customers/edit.html", customer=values["customer"], errors=Errors(), problem=None)


def fields_of(form: dict[str, str]) -> dict[str, Any]:
    """The customer's fields that the form holds; an empty one takes the value away."""
    values: dict[str, Any] = {name: form[name] for name in (*customer_shape.FORM_FIELDS, "sex") if name in form}
    return values


async def _phones(request: web.Request) -> list[PhoneInput]:
    given = (str(value).strip() for value in (await request.post()).getall("phone", []))
    return [PhoneInput(number, primary=n == 0) for n, number in enumerate(number for number in given if number)]


@routes.post("/customers/new")
async def add_customer(request: web.Request) -> web.StreamResponse:
    actor, form = actor_of(request, Action.CUSTOMER_WRITE), await form_of(request)
    phones = await _phones(request)
    try:
        async with context_of(request).db.uow() as uow:
            values = fields_of(form) | {"do_not_call": "do_not_call" in form}
            customer = await service.create(uow, values, phones, by=actor)
    except CrmError as error:
        shown = _blank(form) | {"phones": [{"number": phone.number} for phone in phones]}
        values = {"customer": shown, "errors": errors_of(error), "problem": said(error)}
        return html(request, "customers/edit.html", status=422, **values)
    return see_other(f"/customers/{ids.show(customer.id)}")


@routes.post("/customers/{id}/edit")
async def change_customer(request: web.Request) -> web.StreamResponse:
    actor, form = actor_of(request, Action.CUSTOMER_WRITE), await form_of(request)
    customer_id, phones = request.match_info["id"], await _phones(request)
    version = int(form["version"]) if form.get("version", "").isdigit() else None
    try:
        async with context_of(request).db.uow() as uow:
            values = fields_of(form) | {"do_not_call": "do_not_call" in form}
            await service.update(uow, ids.parse(customer_id), values, by=actor, phones=phones, version=version)
    except CrmError as error:
        shown = _blank(form) | {"id": customer_id, "version": form.get("version")}
        shown["phones"] = [{"number": phone.number} for phone in phones]
        values = {"customer": shown, "errors": errors_of(error), "problem": said(error)}
        return html(request, "customers/edit.html", status=422, **values)
    return see_other(f"/customers/{customer_id}")


@routes.post("/customers/{id}/notes")
async def add_note(request: web.Request) -> web.StreamResponse:
    actor, form = actor_of(request, Action.CUSTOMER_WRITE), await form_of(request)
    context, customer_id = context_of(request), ids.parse(request.match_info["id"])
    async with context.db.uow() as uow:
        await service.add_note(uow, customer_id, form.get("text", ""), by=actor)
    if not partial(request):
        return see_other(f"/customers/{request.match_info['id']}")
    async with context.db.read() as session:
        values = await everything(request, session, actor, customer_id)
    return html(request, "customers/timeline.html", **values)


@routes.post("/customers/{id}/reveal")
async def reveal(request: web.Request) -> web.StreamResponse:
    """The whole numbers, until the page is loaded again; who asked and why is on record."""
    actor, form = actor_of(request, Action.CUSTOMER_REVEAL), await form_of(request)
    context, customer_id = context_of(request), ids.parse(request.match_info["id"])
    async with context.db.uow() as uow:
        numbers = await service.reveal_phones(uow, customer_id, reason=form.get("reason", ""), by=actor)
    async with context.db.read() as session:
        values = await everything(request, session, actor, customer_id)
    for phone, number in zip(values["customer"]["phones"], numbers, strict=False):
        phone |= {"number": number, "masked": False}
    values["can_reveal"] = False
    return html(request, "customers/phones.html" if partial(request) else "customers/card.html", **values)


@routes.post("/customers/{id}/family")
async def add_relative(request: web.Request) -> web.StreamResponse:
    actor, form = actor_of(request, Action.CUSTOMER_WRITE), await form_of(request)
    context, customer_id = context_of(request), ids.parse(request.match_info["id"])
    year = form.get("birth_year", "")
    async with context.db.uow() as uow:
        await service.add_family_member(
            uow,
            customer_id,
            name=form.get("name", ""),
            relation=form.get("relation", ""),
            birth_year=int(year) if year.isdecimal() else None,
            by=actor,
        )
    if not partial(request):
        return see_other(f"/customers/{request.match_info['id']}")
    async with context.db.read() as session:
        values = await everything(request, session, actor, customer_id)
    return html(request, "customers/family.html", **values)
