"""Customers that change hands: the transfer of picked ones, what was given to me, and the history."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any, Final

from aiohttp import web

from crm_core.customers.allocation import change_queries, people_queries, queries, reclaim_queries, rules, service
from crm_core.customers.allocation.change_queries import ChangeFilter
from crm_core.customers.allocation.kinds import Period
from crm_core.customers.kinds import OwnerChangeKind
from crm_core.kernel import ids
from crm_core.kernel.errors import CrmError, Rejected
from crm_core.organization import queries as organization
from crm_core.organization.access import Action, Actor
from web.auth import actor_of
from web.context import context_of
from web.pages.allocation_shape import PAGE, day_of, local_now, menu, picked, room_text
from web.pages.calls import address
from web.pages.frame import form_of, html, said, see_other
from web.pages.people import Names
from web.pages.words import word

routes = web.RouteTableDef()
_RIGHT = Action.CUSTOMER_ASSIGN
_GIVEN_ON: Final = "given_on"


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
        seen=form.get("seen") or ids.show(ids.new_id()),
    )


@routes.post("/allocation/transfer")
async def transfer(request: web.Request) -> web.StreamResponse:
    actor, form, zone = actor_of(request, _RIGHT), await form_of(request), context_of(request).settings.timezone
    chosen = picked([form.get("ids", "")])
    try:
        mark = picked([form.get("seen", "")])
        async with context_of(request).db.read() as session:
            receiver = await organization.user_by_name(session, form.get("to", ""))
            if receiver is None or not chosen:
                raise Rejected("allocation_invalid", "Pick customers and who is to get them.")
            wanted = await service.picked(session, actor, ids=chosen)
        async with context_of(request).db.uow() as uow:
            done = await service.transfer_picked(
                uow, wanted, receiver.id, form.get("reason", ""), by=actor, zone=zone, mark=mark[0] if mark else None
            )
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
            {
                "id": ids.show(one.customer_id),
                "row": rows.get(one.customer_id),
                "reason": one.reason,
                "first": one.first,
                "by": names.named(one.first.by) if one.first else None,
                "to": names.named(one.first.to) if one.first else None,
            }
            for one in refused
        ],
    )


@routes.get("/allocation/received")
async def received(request: web.Request) -> web.StreamResponse:
    """What was allocated or transferred to the reader this week, and what he is about to lose."""
    actor, cursor = actor_of(request, Action.CALL_DIAL), request.query.get("cursor")
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
        rows=moves_shown(page.items, names),
        losing=[{"id": ids.show(row.customer_id), "row": row} for row in losing],
        spans=[(one.value, address(path, {"span": one.value}), one is span) for one in Period],
        first=address(path, fields) if cursor else None,
        next=address(path, fields | {"cursor": page.next}) if page.next else None,
    )


def moves_shown(items: Any, names: Names) -> list[dict[str, Any]]:
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
    given_on = query.get("kind") == _GIVEN_ON
    to_user = picked([query.get("to_user", "")])
    where = ChangeFilter(
        to_user_id=to_user[0] if to_user else None,
        kind=kind,
        kinds=change_queries.GIVEN_ON if given_on else (),
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
        rows=moves_shown(page.items, names),
        filter=fields,
        kinds=[(one, word("owner_change", one)) for one in (*OwnerChangeKind, _GIVEN_ON)],
        people=[(ids.show(one.id), one.display_name) for one in people],
        first=address(path, fields) if cursor else None,
        next=address(path, fields | {"cursor": page.next}) if page.next else None,
    )
