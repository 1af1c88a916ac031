"""Customers that change hands: the transfer of picked ones, what was given to me, the history, the hand-over sheet."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any, Final

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.calls import timeline_queries
from crm_core.customers import parts_queries
from crm_core.customers import queries as customer_queries
from crm_core.customers.allocation import change_queries, people_queries, queries, reclaim_queries, rules, service
from crm_core.customers.allocation.change_queries import ChangeFilter
from crm_core.customers.allocation.kinds import Period
from crm_core.customers.kinds import OwnerChangeKind
from crm_core.kernel import ids
from crm_core.kernel.errors import CrmError, NotFound, Rejected
from crm_core.organization import queries as organization
from crm_core.organization.access import Action, Actor
from web.auth import actor_of
from web.context import context_of
from web.pages import customer_shape
from web.pages.allocation_shape import PAGE, day_of, local_now, menu, picked, room_text
from web.pages.calls import address
from web.pages.frame import form_of, html, said, see_other
from web.pages.people import Names
from web.pages.words import word

routes = web.RouteTableDef()
_RIGHT = Action.CUSTOMER_ASSIGN
_SHEET: Final = 100  # customers of one hand-over sheet
_STORY: Final = 40  # earlier contacts of each


@routes.get("/allocation/transfer")
async def choose_receiver(request: web.Request) -> web.StreamResponse:
    actor = actor_of(request, _RIGHT)
    return await _transfer(request, actor, picked(request.query.getall("ids", [])), {}, None)


async def _transfer(
    request: web.Request, actor: Actor, chosen: list[int], form: dict[str, str], problem: str | None
) -> web.Response:
    async with context_of(request).db.read() as session:
        people = await people_queries.receivers(session, actor)
        zone = context_of(request).settings.timezone
        found = await people_queries.standings(session, [p.id for p in people], now=local_now(request), zone=zone)
        rows = await queries.names_of(session, actor, chosen[:PAGE])
        names = await Names.read(session)
    receivers = [
        (one.name, f"{one.display_name} · {found[one.id].open} / {room_text(found[one.id])}")
        for one in people
        if one.id in found
    ]
    return html(
        request,
        "allocation/transfer.html",
        status=422 if problem else 200,
        menu=menu(actor, "/allocation/transfer"),
        ids=",".join(ids.show(one) for one in chosen),
        count=len(chosen),
        rows=[{"id": ids.show(row.id), "row": row, "owner": names.named(row.owner)} for row in rows],
        receivers=receivers,
        form=form,
        problem=problem,
    )


@routes.post("/allocation/transfer")
async def transfer(request: web.Request) -> web.StreamResponse:
    actor, form, zone = actor_of(request, _RIGHT), await form_of(request), context_of(request).settings.timezone
    chosen = picked([form.get("ids", "")])
    try:
        async with context_of(request).db.uow() as uow:
            receiver = await organization.user_by_name(uow.session, form.get("to", ""))
            if receiver is None or not chosen:
                raise Rejected("allocation_invalid", "Pick customers and who is to get them.")
            reason = form.get("reason", "")
            done = await service.transfer_many(uow, chosen, receiver.id, reason, by=actor, zone=zone)
    except CrmError as error:
        return await _transfer(request, actor, chosen, form, said(error))
    if done.job_id is not None:
        return see_other(f"/jobs/{ids.show(done.job_id)}")
    refused = [one for one in done.outcomes if one.reason]
    async with context_of(request).db.read() as session:
        rows = {row.id: row for row in await queries.names_of(session, actor, [one.customer_id for one in refused])}
        names = await Names.read(session)
    return html(
        request,
        "allocation/transferred.html",
        menu=menu(actor, "/allocation/transfer"),
        given=done.given,
        receiver=names.user(receiver.id, receiver.name),
        sheet=f"/allocation/handover?batch={ids.show(done.batch_id)}",
        refused=[
            {"id": ids.show(one.customer_id), "row": rows.get(one.customer_id), "reason": one.reason} for one in refused
        ],
    )


@routes.get("/allocation/received")
async def received(request: web.Request) -> web.StreamResponse:
    """What was allocated or transferred to the reader this week, and what he is about to lose."""
    actor, cursor = actor_of(request, Action.CUSTOMER_READ), request.query.get("cursor")
    span = Period(request.query["span"]) if request.query.get("span") in set(Period) else Period.WEEK
    zone = context_of(request).settings.timezone
    since = rules.period_start(local_now(request), span, zone)
    where = ChangeFilter(to_user_id=actor.user_id, since=since)
    async with context_of(request).db.read() as session:
        page = await change_queries.changes(session, actor, where, limit=PAGE, cursor=cursor)
        losing = await reclaim_queries.announced_to(session, actor.user_id or 0)
        names = await Names.read(session)
    path, fields = "/allocation/received", {"span": span.value}
    return html(
        request,
        "allocation/received.html",
        menu=menu(actor, path),
        rows=_rows(page.items, names),
        losing=[{"id": ids.show(row.customer_id), "row": row} for row in losing],
        spans=[(one.value, address(path, {"span": one.value}), one is span) for one in Period],
        first=address(path, fields) if cursor else None,
        next=address(path, fields | {"cursor": page.next}) if page.next else None,
    )


def _rows(items: Any, names: Names) -> list[dict[str, Any]]:
    return [
        {
            "id": ids.show(one.customer_id),
            "one": one,
            "from": names.named(one.from_user),
            "to": names.named(one.to_user),
            "by": names.named(one.by_user),
            "sheet": f"/allocation/handover?batch={ids.show(one.batch_id)}" if one.batch_id else None,
        }
        for one in items
    ]


@routes.get("/allocation/history")
async def history(request: web.Request) -> web.StreamResponse:
    actor, query = actor_of(request, _RIGHT), request.query
    now, cursor = local_now(request), query.get("cursor")
    first, last = day_of(query.get("from", "")), day_of(query.get("to", ""))
    kind = OwnerChangeKind(query["kind"]) if query.get("kind") in set(OwnerChangeKind) else None
    to_user = picked([query.get("to_user", "")])
    where = ChangeFilter(
        to_user_id=to_user[0] if to_user else None,
        kind=kind,
        since=datetime.combine(first, time.min, tzinfo=now.tzinfo) if first else None,
        until=datetime.combine(last + timedelta(days=1), time.min, tzinfo=now.tzinfo) if last else None,
    )
    async with context_of(request).db.read() as session:
        page = await change_queries.changes(session, actor, where, limit=PAGE, cursor=cursor)
        people = await people_queries.receivers(session, actor)
        names = await Names.read(session)
    path, fields = (
        "/allocation/history",
        {name: query[name] for name in ("from", "to", "kind", "to_user") if query.get(name)},
    )
    return html(
        request,
        "allocation/history.html",
        menu=menu(actor, path),
        rows=_rows(page.items, names),
        filter=fields,
        kinds=[(one.value, word("owner_change", one.value)) for one in OwnerChangeKind],
        people=[(ids.show(one.id), one.display_name) for one in people],
        first=address(path, fields) if cursor else None,
        next=address(path, fields | {"cursor": page.next}) if page.next else None,
    )


@routes.get("/allocation/handover")
async def hand_over(request: web.Request) -> web.StreamResponse:
    """To print: everything that the new owner has to know of each customer, within what he may read."""
    actor, batch = actor_of(request, Action.CUSTOMER_READ), picked([request.query.get("batch", "")])
    chosen = picked(request.query.getall("ids", []))[:_SHEET]
    async with context_of(request).db.read() as session:
        if batch:
            chosen = await change_queries.batch_customers(session, actor, batch[0], _SHEET)
        names = await Names.read(session)
        sheets = [sheet for one in chosen if (sheet := await _sheet(request, session, actor, one, names)) is not None]
    return html(request, "allocation/handover.html", sheets=sheets, most=_SHEET, at=local_now(request))


async def _sheet(
    request: web.Request, session: AsyncSession, actor: Actor, customer_id: int, names: Names
) -> dict[str, Any] | None:
    """None when the reader may not see the customer (any more)."""
    now = local_now(request)
    try:
        view = await customer_queries.customer(session, actor, customer_id, today=now.date())
    except NotFound:
        return None
    story = await timeline_queries.timeline(session, actor, customer_id, today=now.date(), limit=_STORY)
    family = await parts_queries.family(session, actor, customer_id, today=now.date())
    moves = await change_queries.changes(session, actor, ChangeFilter(customer_id=customer_id), limit=5)
    return {
        "id": ids.show(customer_id),
        "view": view,
        "card": customer_shape.card(view, [], names, now.date(), context_of(request).settings.timezone),
        "owner": names.named(view.owner),
        "timeline": customer_shape.timeline(story.items, names),
        "more": story.next is not None,
        "family": [customer_shape.relative(one) for one in family],
        "moves": _rows(moves.items, names),
    }
