"""Numbers to verify: ring up, say what came of it."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from crm_core.customers.intake import verification, verification_queries
from crm_core.customers.intake.kinds import CheckResult
from crm_core.kernel import ids
from crm_core.kernel.errors import Rejected
from crm_core.organization.access import Action
from web.auth import actor_of
from web.context import context_of
from web.i18n import gettext as _
from web.pages.calls import address
from web.pages.frame import form_of, html, see_other
from web.pages.preferred import preferred

routes = web.RouteTableDef()
_PAGE: Final = 50


@routes.get("/intake/numbers")
async def numbers(request: web.Request) -> web.StreamResponse:
    actor, cursor = actor_of(request, Action.CUSTOMER_WRITE), request.query.get("cursor")
    async with context_of(request).db.read() as session:
        page = await verification_queries.to_verify(session, actor, limit=_PAGE, cursor=cursor)
    return html(
        request,
        "intake/numbers.html",
        numbers=[
            {"id": ids.show(one.phone_id), "customer_id": ids.show(one.customer_id), "view": one} for one in page.items
        ],
        tries=int(preferred().intake.tries),
        may_hand_in=actor.may(Action.INTAKE_HAND_IN),
        results=[
            (str(CheckResult.VALID), _("Right")),
            (str(CheckResult.UNREACHABLE), _("Nobody answers")),
            (str(CheckResult.WRONG), _("Wrong number")),
        ],
        cursor=cursor or "",
        first="/intake/numbers" if cursor else None,
        next=address("/intake/numbers", {"cursor": page.next}) if page.next else None,
    )


@routes.post("/intake/numbers/{id}")
async def note_try(request: web.Request) -> web.StreamResponse:
    actor, form = actor_of(request, Action.CUSTOMER_WRITE), await form_of(request)
    try:
        result = CheckResult(form.get("result", ""))
    except ValueError:
        raise Rejected("bad_filter", "The result is valid, unreachable or wrong.") from None
    async with context_of(request).db.uow() as uow:
        await verification.record_check(
            uow, ids.parse(request.match_info["id"]), result, by=actor, note=form.get("note")
        )
    fields = {"cursor": form["cursor"]} if form.get("cursor") else {}
    return see_other(address("/intake/numbers", fields))
