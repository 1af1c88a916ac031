"""The form with all groups of a customer's fields, for persons and organisations: new ones and changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers import queries, service
from crm_core.customers.custom import queries as custom_queries
from crm_core.customers.custom.rules import Definition
from crm_core.customers.kinds import CustomerKind, PhoneKind, PhoneState
from crm_core.customers.rules import PhoneInput
from crm_core.customers.views import CustomerView
from crm_core.kernel import ids
from crm_core.kernel.errors import CrmError, Rejected
from crm_core.organization.access import Action, Actor
from web.auth import actor_of
from web.context import context_of
from web.i18n import gettext as _
from web.pages import customer_form
from web.pages.customer_groups import BIRTH
from web.pages.frame import Errors, errors_of, form_of, html, said, see_other
from web.pages.preferred import preferred
from web.pages.words import WORDS

routes = web.RouteTableDef()


@routes.get("/customers/new")
async def blank_customer(request: web.Request) -> web.StreamResponse:
    actor_of(request, Action.CUSTOMER_WRITE)
    kind = _kind(request.query.get("kind"))
    number = request.query.get("number")
    phones = [{"number": number, "kind": "", "state": ""}] if number else []
    async with context_of(request).db.read() as session:
        own = await custom_queries.definitions(session)
    return _form(request, None, kind, own, {"kind": kind}, phones)


@routes.get("/customers/{id}/edit")
async def edit_customer(request: web.Request) -> web.StreamResponse:
    actor = actor_of(request, Action.CUSTOMER_WRITE)
    async with context_of(request).db.read() as session:
        customer = await _customer(request, session, actor)
        own = await custom_queries.definitions(session)
        referrer = None
        if customer.referred_by is not None and customer.referred_by_id is not None:
            referrer = await queries.account_of(session, customer.referred_by_id)
    kind = _kind(request.query.get("kind") or customer.kind)
    values = customer_form.values_of(customer, referrer) | {"kind": kind}
    phones = [{"number": p.number, "kind": str(p.kind), "state": str(p.state)} for p in customer.phones]
    return _form(request, customer, kind, own, values, phones)


@routes.post("/customers/new")
async def add_customer(request: web.Request) -> web.StreamResponse:
    actor, form = actor_of(request, Action.CUSTOMER_WRITE), await form_of(request)
    context, phones = context_of(request), await phones_of(request)
    kind = _kind(form.get("kind"))
    async with context.db.read() as session:
        own = await custom_queries.definitions(session)
    try:
        async with context.db.uow() as uow:
            fields = await _fields(uow.session, actor, form, kind, own)
            customer = await service.create(
                uow,
                fields,
                phones,
                by=actor,
                area_code=context.settings.area_code,
                account_number=form.get("account_number") or None,
                accept_duplicate="accept_duplicate" in form,
            )
    except CrmError as error:
        return _form(request, None, kind, own, _typed(form), _typed_phones(phones), error)
    return see_other(f"/customers/{ids.show(customer.id)}")


@routes.post("/customers/{id}/edit")
async def change_customer(request: web.Request) -> web.StreamResponse:
    actor, form = actor_of(request, Action.CUSTOMER_WRITE), await form_of(request)
    context, phones = context_of(request), await phones_of(request)
    customer_id = ids.parse(request.match_info["id"])
    version = int(form["version"]) if form.get("version", "").isdigit() else None
    async with context.db.read() as session:
        customer = await _customer(request, session, actor)
        own = await custom_queries.definitions(session)
    kind = _kind(form.get("kind") or customer.kind)
    try:
        async with context.db.uow() as uow:
            fields = await _fields(uow.session, actor, form, kind, own)
            area_code = context.settings.area_code
            await service.update(
                uow, customer_id, fields, by=actor, phones=phones, version=version, area_code=area_code
            )
    except CrmError as error:
        return _form(request, customer, kind, own, _typed(form), _typed_phones(phones), error)
    return see_other(f"/customers/{request.match_info['id']}")


def _kind(text: str | None) -> CustomerKind:
    return CustomerKind.ORGANIZATION if text == CustomerKind.ORGANIZATION else CustomerKind.PERSON


async def _customer(request: web.Request, session: AsyncSession, actor: Actor) -> CustomerView:
    context = context_of(request)
    today = context.clock.now().astimezone(context.settings.timezone).date()
    customer_id = ids.parse(request.match_info["id"])
    return await queries.customer(session, actor, customer_id, today=today, action=Action.CUSTOMER_WRITE)


async def _fields(
    session: AsyncSession, actor: Actor, form: Mapping[str, str], kind: CustomerKind, own: Sequence[Definition]
) -> dict[str, Any]:
    fields = customer_form.read(form, kind, own) | {"do_not_call": "do_not_call" in form}
    if "kind" in form:
        fields["kind"] = kind
    if "referred_by_id" in form:
        text = form["referred_by_id"]
        found = await queries.id_of_account(session, text) if text else None
        if text and found is None:
            raise Rejected(
                "customer_invalid",
                "There is no customer with this account number.",
                errors={"referred_by_id": "there is no such customer"},
            )
        fields["referred_by_id"] = found
    return fields


async def phones_of(request: web.Request) -> list[PhoneInput]:
    """The numbers of a form with their kinds and states; the first one is the primary."""
    form = await request.post()
    lists = [[str(value).strip() for value in form.getall(name, [])] for name in ("phone", "phone_kind", "phone_state")]
    given = [one for one in zip_longest(*lists, fillvalue="") if one[0]]
    return [
        PhoneInput(
            number,
            PhoneKind(kind) if kind in list(PhoneKind) else None,
            primary=n == 0,
            state=PhoneState(state) if state in list(PhoneState) else None,
        )
        for n, (number, kind, state) in enumerate(given)
    ]


def _typed_phones(phones: Sequence[PhoneInput]) -> list[dict[str, str]]:
    return [{"number": p.number, "kind": str(p.kind or ""), "state": str(p.state or "")} for p in phones]


def _typed(form: Mapping[str, str]) -> dict[str, Any]:
    """What was typed, as it was typed: nothing is lost by a refusal."""
    return {**form, "do_not_call": "do_not_call" in form, BIRTH[4]: BIRTH[4] in form}


def _form(
    request: web.Request,
    customer: CustomerView | None,
    kind: CustomerKind,
    own: Sequence[Definition],
    values: Mapping[str, Any],
    phones: Sequence[Mapping[str, str]],
    error: CrmError | None = None,
) -> web.Response:
    actor = actor_of(request, Action.CUSTOMER_WRITE)
    medical = actor.may(Action.CUSTOMER_MEDICAL_WRITE)
    if customer is not None:
        reach = {"owner_id": customer.owner_id, "department_id": customer.department_id}
        medical = actor.reaches(Action.CUSTOMER_MEDICAL_WRITE, **reach)
    by_code = {one.code: one for one in own}
    brings = customer is None and actor.may(Action.CUSTOMER_IMPORT)
    groups = customer_form.groups(kind, medical=medical, own=own, account=brings)
    if customer is not None and customer.referred_by_id is not None and customer.referred_by is None:
        # Not shown to this reader, so it is not sent back and stays.
        for group in groups:
            group.entries = [entry for entry in group.entries if entry.name != "referred_by_id"]
    shown = {
        entry.name: customer_form.shown_value(entry.name, values.get(entry.name), by_code if error is None else {})
        for group in groups
        for entry in group.entries
    }
    return html(
        request,
        "customers/edit.html",
        status=422 if error else 200,
        customer=None if customer is None else {"id": ids.show(customer.id), "name": customer.name},
        version=values.get("version") if customer is None else values.get("version", customer.version),
        kind=str(kind),
        groups=groups,
        values=shown | {name: values.get(name) for name in (*BIRTH, "do_not_call")},
        phones=phones,
        phone_kinds=[(code, _(text)) for code, text in WORDS["phone_kind"].items()],
        phone_states=[(code, _(text)) for code, text in WORDS["phone_state"].items()],
        sources=[one.zh or one.en for one in preferred().sources],
        errors=Errors() if error is None else errors_of(error),
        problem=None if error is None else said(error),
        duplicates=_duplicates(error),
    )


def _duplicates(error: CrmError | None) -> list[dict[str, str]]:
    """Who seems to be stored already."""
    found = error.extra.get("candidates") if error is not None else None
    rows: list[Any] = found if isinstance(found, list) else []
    return [
        {"id": ids.show(one["customer_id"]), "name": one["name"]}
        if one["customer_id"]
        else {"id": "", "name": " · ".join(name for name in (one["ask"] or {}).values() if name)}
        for one in rows
    ]
