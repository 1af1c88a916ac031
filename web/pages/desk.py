"""The agent's desk: the page, and what its scripts fetch and save for one call."""

from __future__ import annotations

import asyncio
from datetime import datetime, time
from types import SimpleNamespace
from typing import Any, Final

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.calls import queries as call_queries
from crm_core.calls import service as calls
from crm_core.calls import timeline_fact_queries
from crm_core.calls.queries import CallFilter
from crm_core.calls.views import CallView
from crm_core.customers import lookup_queries
from crm_core.customers import queries as customer_queries
from crm_core.customers import service as customers
from crm_core.customers.rules import PhoneInput
from crm_core.customers.search import queries as search
from crm_core.customers.search.queries import Wanted
from crm_core.kernel import ids
from crm_core.kernel.errors import NotFound, Rejected
from crm_core.kernel.phone import recognise
from crm_core.organization.access import Action, Actor
from web.auth import actor_of
from web.context import context_of
from web.i18n import gettext as _
from web.pages import customer_shape
from web.pages.call_shape import shape
from web.pages.customer_list import now_of
from web.pages.customers import everything
from web.pages.frame import form_of, html
from web.pages.people import Names
from web.pages.preferred import preferred
from web.pages.todo import todo
from web.pages.words import WORDS, choices

routes = web.RouteTableDef()
_LISTED = 30  # of today's calls; the call log has them all
_FOUND = 6
_UNTIL_WRITTEN: Final = (0.1, 0.2, 0.4, 0.8, None)  # seconds between the looks for a call that has just begun


def _midnight(request: web.Request) -> datetime:
    zone = context_of(request).settings.timezone
    return datetime.combine(context_of(request).clock.now().astimezone(zone).date(), time.min, tzinfo=zone)


@routes.get("/desk")
async def desk(request: web.Request) -> web.StreamResponse:
    actor = actor_of(request, Action.CALL_NOTE)
    async with context_of(request).db.read() as session:
        mine = await _own_calls(request, session, actor)
        names = await Names.read(session)
        notes = await timeline_fact_queries.notes_of(session, [call.id for call in mine])
        lists = await todo(request, session, actor, names)
        numbers = await call_queries.totals(session, actor, _today(request, actor))
    return html(
        request,
        "desk/page.html",
        me=SimpleNamespace(state="offline", since=None),
        pause_reasons=choices("pause"),
        dispositions=choices("disposition"),
        wrap_up_seconds=preferred().wrap_up_seconds,
        today=numbers,
        mine=[shape(call, names, actor) | {"note": "\n".join(n.text for n in notes.get(call.id, ()))} for call in mine],
        **lists,
    )


@routes.get("/desk/todo")
async def what_waits(request: web.Request) -> web.StreamResponse:
    """The list alone, fetched again and again while the desk is open."""
    actor = actor_of(request, Action.CALL_NOTE)
    async with context_of(request).db.read() as session:
        lists = await todo(request, session, actor, await Names.read(session))
    return html(request, "desk/todo.html", **lists)


async def _own_calls(request: web.Request, session: AsyncSession, actor: Actor) -> list[CallView]:
    page = await call_queries.calls(session, actor, _today(request, actor), limit=_LISTED)
    return list(page.items)


def _today(request: web.Request, actor: Actor) -> CallFilter:
    return CallFilter(started_from=_midnight(request), agent=actor.extension)


@routes.get("/desk/find")
async def find(request: web.Request) -> web.StreamResponse:
    actor, context = actor_of(request, Action.CUSTOMER_READ), context_of(request)
    q = request.query.get("q", "").strip()
    async with context.db.read() as session:
        page = await search.find(session, actor, Wanted(q), now=now_of(context), limit=_FOUND)
        names = await Names.read(session)
    return html(request, "desk/found.html", customers=[customer_shape.row(one, names) for one in page.items], q=q)


@routes.get("/desk/calls/{call}/customers/{id}")
async def customer_of_call(request: web.Request) -> web.StreamResponse:
    """The customer on the line: the whole card, or what is needed to speak when it is a colleague's customer."""
    actor = actor_of(request, Action.CALL_NOTE)
    call_id, customer_id = ids.parse(request.match_info["call"]), ids.parse(request.match_info["id"])
    values = await _customer_of_call(request, actor, call_id, customer_id)
    customer = values["customer"]
    known = WORDS["match_reason"]
    customer["why"] = [_(known[reason]) for reason in request.query.getall("reason", []) if reason in known]
    others = request.query.get("others", "0")
    customer["others"] = int(others) if others.isdigit() and len(others) < 4 else 0
    return html(request, "desk/customer.html", **values)


async def _customer_of_call(request: web.Request, actor: Actor, call_id: int, customer_id: int) -> dict[str, Any]:
    """Asks again for a moment: a ring is on the screen before the recorder has written the call."""
    for pause in _UNTIL_WRITTEN:
        async with context_of(request).db.read() as session:
            try:
                return await everything(request, session, actor, customer_id)
            except NotFound:
                try:
                    return await _colleagues(session, actor, call_id, customer_id)
                except NotFound:
                    if pause is None:
                        raise
        await asyncio.sleep(pause)
    raise customer_queries.no_customer()


async def _written_call(request: web.Request, actor: Actor) -> int:
    """The call of the address, once the recorder has written what is on the screen already. Raises NotFound."""
    call_id = ids.parse(request.match_info["call"])
    for pause in _UNTIL_WRITTEN:
        async with context_of(request).db.read() as session:
            try:
                await call_queries.call_to_change(session, actor, call_id, Action.CALL_NOTE)
                break
            except NotFound:
                if pause is None:
                    raise
        await asyncio.sleep(pause)
    return call_id


async def _colleagues(session: AsyncSession, actor: Actor, call_id: int, customer_id: int) -> dict[str, Any]:
    """Raises NotFound unless the agent has a call in which this customer's number is on the line."""
    detail = await call_queries.call(session, actor, call_id)
    known = recognise(detail.call.customer_number) if detail.call.customer_number else None
    row = await call_queries.call_to_change(session, actor, call_id, Action.CALL_NOTE)
    e164 = row.customer_e164 or (known.e164 if known else None)
    match = await lookup_queries.match_of(session, customer_id, e164)
    if match is None or ((e164 is None or match.e164 != e164) and row.customer_id != customer_id):
        raise customer_queries.no_customer()
    empty: dict[str, Any] = {"timeline": [], "recent_calls": [], "calls_total": None, "family": []}
    return empty | {
        "customer": customer_shape.brief(match),
        "can_note": False,
        "can_write": False,
        "brief": True,
        "can_reveal": False,
    }


@routes.post("/desk/calls/{call}/customer")
async def choose_customer(request: web.Request) -> web.StreamResponse:
    """The agent says whose call it is; the next pop of the number remembers it."""
    actor, form = actor_of(request, Action.CALL_NOTE), await form_of(request)
    call_id, customer_id = await _written_call(request, actor), ids.parse(form.get("customer", ""))
    async with context_of(request).db.uow() as uow:
        await calls.link_customer(uow, call_id, customer_id, by=actor)
    return web.Response(status=204)


@routes.post("/desk/calls/{call}/new-customer")
async def new_customer(request: web.Request) -> web.StreamResponse:
    """A customer from an unknown number: the number comes from the call, because the page may show it masked."""
    actor, form = actor_of(request, Action.CUSTOMER_WRITE), await form_of(request)
    call_id = await _written_call(request, actor)
    async with context_of(request).db.uow() as uow:
        call = await call_queries.call_to_change(uow.session, actor, call_id, Action.CALL_NOTE)
        phones = [PhoneInput(call.customer_number, primary=True)] if call.customer_number else []
        fields = {name: form.get(name, "") for name in ("name", "sex", "form_of_address")}
        customer = await customers.create(uow, fields, phones, by=actor)
        await uow.session.flush()
        await calls.link_customer(uow, call_id, customer.id, by=actor)
    return web.json_response({"id": ids.show(customer.id), "name": customer.name})


_KEEP: Final = calls.KEEP


@routes.post("/desk/calls/{call}/wrapup")
async def save_wrap_up(request: web.Request) -> web.StreamResponse:
    """What the agent noted, in one transaction; what was left empty stays as it was."""
    actor, form = actor_of(request, Action.CALL_NOTE), await form_of(request)
    progress, disposition = form.get("progress", ""), form.get("disposition", "")
    if disposition and disposition not in dict(choices("disposition")):
        raise Rejected("disposition_unknown", "This result is not one of the list.", errors={"disposition": "unknown"})
    if progress and not progress.isdecimal():
        raise Rejected("progress_unknown", "Progress is 15, 50, 75 or 100 per cent.", errors={"progress": "unknown"})
    call_id = await _written_call(request, actor)
    async with context_of(request).db.uow() as uow:
        await calls.write_up(
            uow,
            call_id,
            by=actor,
            note=form.get("note", ""),
            progress=int(progress) if progress else _KEEP,
            disposition=disposition or _KEEP,
            next_at=_local_time(request, form.get("next_at", "")) or _KEEP,
        )
    return web.Response(status=204)


def _local_time(request: web.Request, text: str) -> datetime | None:
    """The browser's date and time field, meant in the business's time zone. Raises Rejected."""
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        raise Rejected("bad_date", "A date is written like 2026-07-23.", errors={"next_at": "bad"}) from None
    return None if moment is None else moment.replace(tzinfo=context_of(request).settings.timezone)
