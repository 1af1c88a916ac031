"""Click-to-dial for pages: by number, by customer or as the call-back of a missed call.

The page may show the number masked: it names the customer or the call, and the number stays on the server.
"""

from __future__ import annotations

from aiohttp import web

from crm_core.calls import queries as call_queries
from crm_core.calls import service as calls
from crm_core.customers import queries as customer_queries
from crm_core.kernel import ids
from crm_core.kernel.errors import Conflict, Rejected
from crm_core.kernel.phone import mask
from crm_core.organization.access import Action, Actor, Mask
from web.auth import actor_of
from web.context import context_of
from web.pages.frame import form_of

routes = web.RouteTableDef()


@routes.post("/dial")
async def dial(request: web.Request) -> web.StreamResponse:
    actor, form = actor_of(request, Action.CALL_DIAL), await form_of(request)
    number, customer_id = await _whom(request, actor, form)
    done = await context_of(request).telephony.dial(actor, number, customer_id=customer_id)
    typed = form.get("number")
    shown = typed or (mask(done.number) if actor.masks(Mask.PHONE) else done.number)
    call_id = None if done.call_id is None else ids.show(done.call_id)
    return web.json_response({"call_id": call_id, "number": shown})


async def _whom(request: web.Request, actor: Actor, form: dict[str, str]) -> tuple[str, int | None]:
    """The number to dial and, when the page said so, whose it is."""
    if form.get("call_id"):
        return await _caller(request, actor, ids.parse(form["call_id"])), None
    if form.get("customer_id"):
        customer_id = ids.parse(form["customer_id"])
        phone_id = ids.parse(form["phone_id"]) if form.get("phone_id") else None
        async with context_of(request).db.read() as session:
            return await customer_queries.dial_number(session, actor, customer_id, phone_id), customer_id
    if not form.get("number"):
        raise Rejected("bad_number", "Say which number to dial.", errors={"number": "missing"})
    return form["number"], None


async def _caller(request: web.Request, actor: Actor, call_id: int) -> str:
    """The number of a missed call, for the one who has claimed it; claiming comes with calling back."""
    async with context_of(request).db.uow() as uow:
        try:
            rows = await calls.claim(uow, call_id, by=actor)
            number = next((row.customer_number for row in rows if row.id == call_id), None)
        except Conflict as error:
            if error.code != "already_returned":
                raise
            row = await call_queries.call_to_change(uow.session, actor, call_id, Action.CALL_READ)
            number = row.customer_number
    if number is None:
        raise Rejected("number_not_found", "The caller's number was withheld.")
    return number
