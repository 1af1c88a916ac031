"""Customers: the card with its timeline, adding and changing."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.calls import queries as call_queries
from crm_core.calls import timeline_queries
from crm_core.calls.queries import CallFilter
from crm_core.calls.views import CallView
from crm_core.customers import parts_queries, queries, service
from crm_core.customers.custom import queries as custom_queries
from crm_core.customers.protection import reveals
from crm_core.customers.protection.kinds import Secret
from crm_core.db.uow import UnitOfWork
from crm_core.kernel import ids
from crm_core.organization.access import Action, Actor
from web.auth import actor_of
from web.context import context_of
from web.pages import customer_parts, customer_shape
from web.pages.call_shape import shape
from web.pages.frame import Errors, form_of, html, partial, see_other
from web.pages.people import Names
from web.pages.preferred import preferred

routes = web.RouteTableDef()


async def everything(request: web.Request, session: AsyncSession, actor: Actor, customer_id: int) -> dict[str, Any]:
    """What the card and the desk show of one customer. Raises NotFound when it is out of reach."""
    context = context_of(request)
    zone = context.settings.timezone
    today = context.clock.now().astimezone(zone).date()
    customer = await queries.customer(session, actor, customer_id, today=today)
    context.reads.note(customer_id, actor.user_id, context.clock.now())
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
        "sections": customer_shape.sections(customer, await custom_queries.definitions(session), customer.referred_by),
        "medical_hidden": customer.medical_hidden,
        "contraindications": customer.contraindications,
        "freshness": customer_shape.freshness(customer, today, int(preferred().verify_after_days), zone),
        "parts": await customer_parts.shown(session, actor, customer, lambda name: names.named(name) or "", today),
        "referred": [(ids.show(one), name) for one, name in await parts_queries.referred(session, actor, customer_id)],
        "can_reveal": masked and actor.reaches(Action.CUSTOMER_REVEAL, **reach),
        "timeline": customer_shape.timeline(story, names),
        "recent_calls": [shape(call, names, actor) for call in calls],
        "calls_total": len(calls),
        "errors": Errors(),
        "no_errors": Errors(),
        "problem": None,
        "can_note": actor.may(Action.CUSTOMER_WRITE),
        "can_write": actor.may(Action.CUSTOMER_WRITE),
    }


@routes.get("/customers/{id}")
async def customer_card(request: web.Request) -> web.StreamResponse:
    actor = actor_of(request, Action.CUSTOMER_READ)
    async with context_of(request).db.read() as session:
        values = await everything(request, session, actor, ids.parse(request.match_info["id"]))
    return html(request, "customers/card.html", **values)


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
    reason = form.get("reason", "")

    async def read(uow: UnitOfWork) -> list[str]:
        return await service.reveal_phones(uow, customer_id, reason=reason, by=actor)

    numbers = await reveals.reveal(context.db, customer_id, Secret.PHONE, read, reason=reason, by=actor)
    async with context.db.read() as session:
        values = await everything(request, session, actor, customer_id)
    for phone, number in zip(values["customer"]["phones"], numbers, strict=False):
        phone |= {"number": number, "masked": False}
    values["can_reveal"] = False
    return html(request, "customers/phones.html" if partial(request) else "customers/card.html", **values)


@routes.post("/customers/{id}/verify")
async def verify(request: web.Request) -> web.StreamResponse:
    """The customer was asked: all of it is still right."""
    actor, customer_id = actor_of(request, Action.CUSTOMER_WRITE), ids.parse(request.match_info["id"])
    async with context_of(request).db.uow() as uow:
        await service.verify(uow, customer_id, by=actor)
    return see_other(f"/customers/{request.match_info['id']}")
