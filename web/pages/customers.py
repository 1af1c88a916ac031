"""Customers: the card with its timeline, adding and changing."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.calls import queries as call_queries
from crm_core.calls.queries import CallFilter
from crm_core.calls.views import CallView
from crm_core.calls.work_queries import CallsMade
from crm_core.customers import queries, service
from crm_core.customers.allocation import contact_guard
from crm_core.customers.classification import queries as classification_queries
from crm_core.customers.custom import queries as custom_queries
from crm_core.customers.protection import reveals
from crm_core.customers.protection.kinds import Secret
from crm_core.customers.views import CustomerView
from crm_core.db.uow import UnitOfWork
from crm_core.kernel import ids
from crm_core.organization.access import Action, Actor, Scope
from web.auth import actor_of
from web.context import context_of
from web.pages import classification, customer_parts, customer_shape, timeline
from web.pages.call_shape import shape
from web.pages.frame import Errors, form_of, html, partial, see_other
from web.pages.people import Names
from web.pages.preferred import preferred

routes = web.RouteTableDef()
_TABS: Final = ("timeline", "calls", "phones", "data")


async def everything(request: web.Request, session: AsyncSession, actor: Actor, customer_id: int) -> dict[str, Any]:
    """What the card and the desk show of one customer, parts only of the tab that is open. Raises NotFound when it is
    out of reach."""
    context = context_of(request)
    zone = context.settings.timezone
    today = context.clock.now().astimezone(zone).date()
    customer = await queries.customer(session, actor, customer_id, today=today)
    context.reads.note(customer_id, actor.user_id, context.clock.now())
    where = CallFilter(customer_id=customer_id)
    calls: list[CallView] = []
    if actor.may(Action.CALL_READ):
        calls = list((await call_queries.calls(session, actor, where, limit=customer_shape.RECENT)).items)
    own_calls = actor.scope(Action.CALL_READ) is Scope.OWN
    names = await Names.read(session)
    reach = {"owner_id": customer.owner_id, "department_id": customer.department_id}
    masked = any(phone.masked for phone in customer.phones)
    return {
        "customer": customer_shape.card(customer, calls, names, today, zone, own_calls=own_calls),
        "sections": customer_shape.sections(customer, await custom_queries.definitions(session)),
        "classes": classification.standing(customer, await classification_queries.reasons(session, customer.id)),
        "medical_hidden": customer.medical_hidden,
        "contraindications": customer.contraindications,
        "freshness": customer_shape.freshness(customer, today, int(preferred().verify_after_days), zone),
        **await _tabs(request, session, actor, customer, names, today),
        "can_reveal": masked and actor.reaches(Action.CUSTOMER_REVEAL, **reach),
        "id_card": customer.id_card,
        "can_reveal_card": customer.id_card_masked and actor.reaches(Action.CUSTOMER_REVEAL, **reach),
        **await timeline.shown(session, actor, customer.id, names),
        "recent_calls": [shape(call, names, actor) for call in calls],
        "calls_total": len(calls),
        "errors": Errors(),
        "no_errors": Errors(),
        "problem": None,
        "can_note": True,  # who may read a customer may add a note
        "can_write": actor.may(Action.CUSTOMER_WRITE),
        "contacted": await _contacted(request, session, customer.id),
    }


async def _tabs(
    request: web.Request, session: AsyncSession, actor: Actor, customer: CustomerView, names: Names, today: date
) -> dict[str, Any]:
    """The tab that the address names; the parts of the others are fetched when somebody opens them."""
    tabs = await customer_parts.tabs(session, customer)
    kinds = [kind for kind, _title, _count in tabs]
    wish = request.query.get("tab")
    tab = wish if wish in (*_TABS, *kinds) else _TABS[0]
    part = None
    if tab in kinds:
        part = await customer_parts.opened(
            session, actor, customer.id, tab, lambda name: names.named(name) or "", today
        )
    return {"tab": tab, "part_tabs": tabs, "part": part}


async def _contacted(request: web.Request, session: AsyncSession, customer_id: int) -> contact_guard.Contacted:
    now = context_of(request).clock.now()
    return (await contact_guard.contacted(session, [customer_id], now=now, sources=[CallsMade()]))[customer_id]


@routes.get("/customers/{id}")
async def customer_card(request: web.Request) -> web.StreamResponse:
    actor = actor_of(request, Action.CUSTOMER_READ)
    async with context_of(request).db.read() as session:
        values = await everything(request, session, actor, ids.parse(request.match_info["id"]))
    return html(request, "customers/card.html", **values)


@routes.post("/customers/{id}/notes")
async def add_note(request: web.Request) -> web.StreamResponse:
    actor, form = actor_of(request, Action.CUSTOMER_READ), await form_of(request)
    context, customer_id = context_of(request), ids.parse(request.match_info["id"])
    async with context.db.uow() as uow:
        note = await service.add_note(uow, customer_id, form.get("text", ""), by=actor)
    if not partial(request):
        return see_other(f"/customers/{request.match_info['id']}")
    async with context.db.read() as session:
        values = await timeline.shown(session, actor, note.customer_id, await Names.read(session))
    return html(request, "customers/timeline.html", **values)


@routes.post("/customers/{id}/reveal")
async def reveal(request: web.Request) -> web.StreamResponse:
    """The whole numbers, or with ``what=id_card`` that of the card, until the page is loaded again; on record."""
    actor, form = actor_of(request, Action.CUSTOMER_REVEAL), await form_of(request)
    context, customer_id = context_of(request), ids.parse(request.match_info["id"])
    reason, of_card = form.get("reason", ""), request.query.get("what") == Secret.ID_CARD
    whole = service.reveal_id_card if of_card else service.reveal_phones

    async def read(uow: UnitOfWork) -> list[str]:
        return await whole(uow, customer_id, reason=reason, by=actor)

    secret = Secret.ID_CARD if of_card else Secret.PHONE
    numbers = await reveals.reveal(context.db, customer_id, secret, read, reason=reason, by=actor)
    async with context.db.read() as session:
        values = await everything(request, session, actor, customer_id)
    if of_card:
        values |= {"id_card": next(iter(numbers), None), "can_reveal_card": False}
    else:
        for phone, number in zip(values["customer"]["phones"], numbers, strict=False):
            phone |= {"number": number, "masked": False}
        values["can_reveal"] = False
    fragment = "customers/id_card.html" if of_card else "customers/phones.html"
    return html(request, fragment if partial(request) else "customers/card.html", **values)


@routes.post("/customers/{id}/verify")
async def verify(request: web.Request) -> web.StreamResponse:
    """The customer was asked: all of it is still right."""
    actor, customer_id = actor_of(request, Action.CUSTOMER_WRITE), ids.parse(request.match_info["id"])
    async with context_of(request).db.uow() as uow:
        await service.verify(uow, customer_id, by=actor)
    return see_other(f"/customers/{request.match_info['id']}")
