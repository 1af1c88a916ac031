"""Service entry: the form is open first, one whole item finds the customer, what was done for him is noted."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from crm_core.customers import exact_queries, queries, service
from crm_core.customers.exact_queries import Item
from crm_core.customers.views import CustomerView
from crm_core.kernel import ids
from crm_core.kernel.errors import CrmError
from crm_core.kernel.texts import N_
from crm_core.organization.access import Action
from web.auth import actor_of
from web.context import context_of
from web.i18n import gettext as _
from web.pages import customer_shape
from web.pages.frame import form_of, html, said, see_other
from web.pages.people import Names

routes = web.RouteTableDef()
ITEMS: Final = {
    Item.ACCOUNT_NUMBER: N_("by account number"),
    Item.ID_CARD: N_("by ID card"),
    Item.PHONE: N_("by phone"),
    Item.NAME: N_("by name"),
}
_LONGEST: Final = 120


@routes.get("/service")
async def entry(request: web.Request) -> web.StreamResponse:
    """``q`` is the exact query; a single hit is chosen at once, ``customer`` chooses one of several."""
    return await _page(request, request.query.get("q", "").strip()[:_LONGEST], request.query.get("customer"))


@routes.post("/service")
async def note(request: web.Request) -> web.StreamResponse:
    actor, form = actor_of(request, Action.CUSTOMER_READ), await form_of(request)
    try:
        async with context_of(request).db.uow() as uow:
            await service.add_note(uow, ids.parse(form.get("customer", "")), form.get("text", ""), by=actor)
    except CrmError as error:
        return await _page(request, "", form.get("customer"), problem=error, text=form.get("text", ""))
    return see_other(f"/service?saved={form['customer']}")


async def _page(
    request: web.Request, wanted: str, chosen: str | None, *, problem: CrmError | None = None, text: str = ""
) -> web.Response:
    actor, context = actor_of(request, Action.CUSTOMER_READ), context_of(request)
    today = context.clock.now().astimezone(context.settings.timezone).date()
    found: list[tuple[Item | None, CustomerView]] = []
    saved, area_code = request.query.get("saved"), context.settings.area_code
    async with context.db.read() as session:
        names = await Names.read(session)
        if chosen:
            found = [(None, await queries.customer(session, actor, ids.parse(chosen), today=today))]
        elif wanted:
            found = [*await exact_queries.exact(session, actor, wanted, area_code=area_code, today=today)]
        last = await queries.customer(session, actor, ids.parse(saved), today=today) if saved else None
    if len(found) == 1:
        context.reads.note(found[0][1].id, actor.user_id, context.clock.now())
    hits = [("" if item is None else _(ITEMS[item]), _shown(view, names)) for item, view in found]
    return html(
        request,
        "service/entry.html",
        status=422 if problem else 200,
        wanted=wanted,
        customer=hits[0][1] if len(hits) == 1 else None,
        hits=hits,
        searched=bool(wanted or chosen),
        text=text,
        problem=None if problem is None else said(problem),
        notices=[(_("Noted for %(name)s.") % {"name": last.name}, "ok")] if last else [],
        may_write=actor.may(Action.CUSTOMER_WRITE),
    )


def _shown(view: CustomerView, names: Names) -> dict[str, Any]:
    return customer_shape.row(view, names) | {"taboos": view.taboos, "do_not_call": view.do_not_call}
