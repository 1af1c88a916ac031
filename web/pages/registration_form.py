"""The registration form on paper: blank for the field, or with what is known of a customer."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from crm_core.customers import queries
from crm_core.customers.custom import queries as custom
from crm_core.customers.custom.rules import Definition
from crm_core.customers.views import CustomerView
from crm_core.kernel import ids
from crm_core.organization.access import Action, Mask
from web.auth import actor_of
from web.context import context_of
from web.i18n import gettext as _
from web.i18n import language
from web.pages.frame import html
from web.pages.intake_entry import sources
from web.pages.words import word

routes = web.RouteTableDef()


@routes.get("/intake/form")
async def blank_form(request: web.Request) -> web.StreamResponse:
    actor_of(request, Action.INTAKE_HAND_IN)
    return await _paper(request, None, {})


@routes.get("/customers/{id:[0-9a-z]{13}}/form")
async def filled_form(request: web.Request) -> web.StreamResponse:
    actor, context = actor_of(request, Action.CUSTOMER_READ), context_of(request)
    today = context.clock.now().astimezone(context.settings.timezone).date()
    async with context.db.read() as session:
        customer = await queries.customer(session, actor, ids.parse(request.match_info["id"]), today=today)
    known = _known(customer)
    if not actor.masks(Mask.ID_CARD) and (number := getattr(customer, "id_card", None)):
        known["id_card"] = str(number)
    return await _paper(request, customer, known)


async def _paper(request: web.Request, customer: CustomerView | None, known: dict[str, str]) -> web.Response:
    async with context_of(request).db.read() as session:
        own = await custom.definitions(session)
    values: dict[str, Any] = customer.custom if customer else {}
    return html(
        request,
        "intake/form.html",
        known=known,
        back=None if customer is None else f"/customers/{ids.show(customer.id)}",
        sources=[text for _value, text in sources()],
        own_fields=[
            {
                "label": one.label(language()),
                "value": _text(values.get(one.code)),
                "choices": [choice.label(language()) for choice in one.choices if choice.active],
                "chosen": _chosen(one, values.get(one.code)),
            }
            for one in own
        ],
    )


def _chosen(own: Definition, value: object) -> list[str]:
    """The words of what was ticked, as the form ticks them."""
    codes = value if isinstance(value, list) else [value]
    return [choice.label(language()) for choice in own.choices if choice.code in codes]


def _text(value: object) -> str:
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    return ", ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)


def _known(customer: CustomerView) -> dict[str, str]:
    """As it is printed; the numbers as the reader may see them."""
    parts = [customer.birth_year, customer.birth_month, customer.birth_day]
    born = "-".join(f"{part:02d}" for part in parts if part is not None)
    lunar = customer.birth_calendar == "lunar"
    known = {
        "account_number": customer.account_number,
        "name": customer.name,
        "sex": word("sex", customer.sex) if customer.sex else "",
        "solar": "" if lunar else born,
        "lunar": born if lunar else "",
        "phone": customer.phones[0].number if customer.phones else "",
        "phone2": customer.phones[1].number if len(customer.phones) > 1 else "",
        "collected_at": customer.collected_at.isoformat() if customer.collected_at else "",
    }
    plain = (
        "form_of_address", "occupation", "province", "city", "district", "community", "street", "postcode",
        "best_time", "type", "source", "referred_by", "collected_by", "department", "remarks", "taboos",
    )  # fmt: skip
    return known | {name: str(getattr(customer, name) or "") for name in plain}
