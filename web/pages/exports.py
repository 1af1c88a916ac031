"""Exports and one person's rights: asking, a second person's word, fetching the file once, who opened which card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers import queries as customers
from crm_core.customers.protection import consents, queries, service
from crm_core.customers.protection.chosen import Chosen
from crm_core.customers.protection.columns import COLUMNS, USUAL
from crm_core.customers.protection.kinds import (
    Channel,
    ConsentState,
    ConsentWay,
    FileFormat,
    Purpose,
    RequestKind,
    RequestState,
)
from crm_core.customers.protection.queries import RequestView
from crm_core.kernel import ids
from crm_core.kernel.errors import CrmError, Rejected
from crm_core.organization import queries as organization
from crm_core.organization.access import Action, Actor
from web.auth import actor_of
from web.context import context_of
from web.export_file import send_once
from web.export_labels import labels
from web.i18n import gettext as _
from web.pages.calls import address
from web.pages.frame import Errors, errors_of, form_of, html, said, see_other
from web.pages.people import Names
from web.pages.words import word

routes = web.RouteTableDef()
_PAGE: Final = 50
_TONES: Final = {
    RequestState.WAITING: "warn",
    RequestState.REFUSED: "bad",
    RequestState.RUNNING: "info",
    RequestState.READY: "ok",
    RequestState.FAILED: "bad",
}
# The form's fields and what they ask of the customers; all that are filled in have to hold.
_FILTERS: Final = {
    "owner": ("owner", "eq"),
    "department": ("department", "eq"),
    "type": ("type", "eq"),
    "membership": ("membership", "eq"),
    "city": ("address.city", "eq"),
    "since": ("created_at", "gte"),
    "until": ("created_at", "lte"),
}


def _shape(found: RequestView, actor: Actor, names: Names) -> dict[str, Any]:
    waits, mine = found.state is RequestState.WAITING, found.asked_by_id == actor.user_id
    right = Action.CUSTOMER_ERASE if found.kind is RequestKind.ERASURE else Action.CUSTOMER_EXPORT
    return {
        "id": ids.show(found.id),
        "found": found,
        "tone": _TONES.get(found.state, "plain"),
        "asked_by": names.named(found.asked_by),
        "decided_by": names.named(found.decided_by),
        "customer_id": None if found.customer_id is None else ids.show(found.customer_id),
        "job": None if found.job_id is None else ids.show(found.job_id),
        "can_decide": waits and not mine and actor.may(right),
        "own": waits and mine,
        "can_fetch": found.state is RequestState.READY and mine,
    }


@routes.get("/exports")
async def list_exports(request: web.Request) -> web.StreamResponse:
    return await _page(request, {}, Errors(), None)


async def _page(
    request: web.Request, form: Mapping[str, str], errors: Errors, problem: str | None
) -> web.StreamResponse:
    actor, cursor = actor_of(request, Action.CUSTOMER_EXPORT), request.query.get("cursor")
    async with context_of(request).db.read() as session:
        page = await queries.requests(session, actor, limit=_PAGE, cursor=cursor)
        names = await Names.read(session)
        limits = await queries.limits(session)
        choices = await _choices(session, actor)
    chosen = {name.removeprefix("column-") for name in form if name.startswith("column-")} or set(USUAL)
    return html(
        request,
        "exports/list.html",
        status=422 if problem else 200,
        requests=[_shape(one, actor, names) for one in page.items],
        columns=[(code, _(column.title), code in chosen) for code, column in COLUMNS.items()],
        limits=limits,
        choices=choices,
        form=form,
        errors=errors,
        problem=problem,
        first="/exports" if cursor else None,
        next=address("/exports", {"cursor": page.next}) if page.next else None,
    )


async def _choices(session: AsyncSession, actor: Actor) -> dict[str, list[tuple[str, str]]]:
    """Whose customers may be asked for: people and departments within reach, as the filter takes them."""
    reach = actor.departments(Action.CUSTOMER_EXPORT)
    people = await organization.users(session, limit=500, departments=reach)
    departments = [one for one in await organization.departments(session) if reach is None or one.id in reach]
    return {
        "owner": [(user.name, user.display_name or user.name) for user in people],
        "department": [(one.name, one.name) for one in departments],
    }


@routes.post("/exports")
async def ask_export(request: web.Request) -> web.StreamResponse:
    actor, form = actor_of(request, Action.CUSTOMER_EXPORT), await form_of(request)
    tests = [
        {"field": field, "op": op, "value": form[name]} for name, (field, op) in _FILTERS.items() if form.get(name)
    ]
    columns = [code for code in COLUMNS if f"column-{code}" in form]
    try:
        async with context_of(request).db.uow() as uow:
            await service.ask_for_list(
                uow,
                chosen=Chosen({"all": tests} if tests else None),
                zone=context_of(request).settings.timezone,
                columns=columns,
                reason=form.get("reason", ""),
                form=FileFormat.CSV if form.get("format") == "csv" else FileFormat.XLSX,
                labels=labels(),
                by=actor,
            )
    except CrmError as error:
        return await _page(request, form, errors_of(error), said(error))
    return see_other("/exports")


@routes.post("/exports/{id}/{word:approve|refuse}")
async def decide(request: web.Request) -> web.StreamResponse:
    actor, form = actor_of(request, Action.CUSTOMER_EXPORT), await form_of(request)
    request_id, approve = ids.parse(request.match_info["id"]), request.match_info["word"] == "approve"
    try:
        async with context_of(request).db.uow() as uow:
            await service.decide(uow, request_id, approve=approve, comment=form.get("comment", ""), by=actor)
    except Rejected as error:
        return await _page(request, {}, Errors(), said(error))
    return see_other("/exports")


@routes.post("/exports/{id}/file")
async def fetch(request: web.Request) -> web.StreamResponse:
    """A form and no link: what looks at links beforehand must not use the one time up."""
    actor = actor_of(request, Action.CUSTOMER_EXPORT)
    return await send_once(request, context_of(request), ids.parse(request.match_info["id"]), actor, None)


async def protection_of(request: web.Request, actor: Actor, customer_id: int) -> dict[str, Any]:
    """What the card shows of consents; raises NotFound when the customer is out of reach."""
    context = context_of(request)
    today = context.clock.now().astimezone(context.settings.timezone).date()
    async with context.db.read() as session:
        customer = await customers.customer(session, actor, customer_id, today=today)
        history = await queries.consents(session, customer_id)
        now = await queries.standings(session, customer_id)
        names = await Names.read(session)
    reach = {"owner_id": customer.owner_id, "department_id": customer.department_id}
    return {
        "customer_id": ids.show(customer_id),
        "customer_name": customer.name,
        "channels": [c.value for c in Channel],
        "purposes": [p.value for p in Purpose],
        "purpose_titles": [(word("purpose", p), "") for p in Purpose],
        "channel_pairs": [(c.value, word("channel", c)) for c in Channel],
        "purpose_pairs": [(p.value, word("purpose", p)) for p in Purpose],
        "way_pairs": [(w.value, word("consent_way", w)) for w in ConsentWay],
        "standings": {(channel.value, purpose.value): one for (channel, purpose), one in now.items()},
        "consents": [
            {"one": one, "by": names.named(one.noted_by), "call": one.call_id and ids.show(one.call_id)}
            for one in history
        ],
        "can_consent": actor.reaches(Action.CUSTOMER_WRITE, **reach),
        "can_export": actor.reaches(Action.CUSTOMER_EXPORT, **reach),
        "can_erase": actor.reaches(Action.CUSTOMER_ERASE, **reach),
    }


@routes.get("/customers/{id}/protection")
async def protection_page(request: web.Request) -> web.StreamResponse:
    actor = actor_of(request, Action.CUSTOMER_READ)
    return await _protection(request, actor, None)


async def _protection(request: web.Request, actor: Actor, error: CrmError | None) -> web.StreamResponse:
    context, customer_id = context_of(request), ids.parse(request.match_info["id"])
    values = await protection_of(request, actor, customer_id)
    reads = []
    if actor.may(Action.AUDIT_READ):
        await context.reads.flush(context.db)
        async with context.db.read() as session:
            found = await queries.reads(session, customer_id, limit=_PAGE)
            names = await Names.read(session)
        reads = [{"name": names.named(one.user), "one": one} for one in found.items]
    return html(
        request,
        "customers/protection.html",
        status=422 if error else 200,
        reads=reads,
        can_see_reads=actor.may(Action.AUDIT_READ),
        problem=said(error) if error else None,
        errors=errors_of(error) if error else Errors(),
        **values,
    )


@routes.post("/customers/{id}/consents")
async def note_consent(request: web.Request) -> web.StreamResponse:
    actor, form = actor_of(request, Action.CUSTOMER_WRITE), await form_of(request)
    try:
        async with context_of(request).db.uow() as uow:
            await consents.note(
                uow,
                ids.parse(request.match_info["id"]),
                channel=_chosen(Channel, form, "channel"),
                purpose=_chosen(Purpose, form, "purpose"),
                state=_chosen(ConsentState, form, "state"),
                way=_chosen(ConsentWay, form, "way"),
                text_version=form.get("text_version", ""),
                evidence=form.get("evidence", ""),
                by=actor,
            )
    except Rejected as error:
        return await _protection(request, actor, error)
    return see_other(f"/customers/{request.match_info['id']}/protection")


@routes.post("/customers/{id}/{word:export|erase}")
async def ask_for_person(request: web.Request) -> web.StreamResponse:
    erase = request.match_info["word"] == "erase"
    actor = actor_of(request, Action.CUSTOMER_ERASE if erase else Action.CUSTOMER_EXPORT)
    form, customer_id = await form_of(request), ids.parse(request.match_info["id"])
    try:
        async with context_of(request).db.uow() as uow:
            if erase:
                await service.ask_for_erasure(uow, customer_id, reason=form.get("reason", ""), by=actor)
            else:
                reason = form.get("reason", "")
                await service.ask_for_person(uow, customer_id, reason=reason, labels=labels(), by=actor)
    except CrmError as error:
        return await _protection(request, actor, error)
    return see_other("/exports")


def _chosen(kind: Any, form: Mapping[str, str], name: str) -> Any:
    try:
        return kind(form.get(name, ""))
    except ValueError:
        raise Rejected("consent_invalid", "Choose one of the list.", errors={name: "is not known"}) from None
