"""Duplicates: the list of pairs, two customers side by side, merging them field by field, undoing it."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers import queries
from crm_core.customers.duplicates import merging, pair_queries, pairs, rules, undoing
from crm_core.customers.duplicates import queries as duplicates
from crm_core.customers.duplicates.fields import CHOICES, GROUPS
from crm_core.customers.duplicates.jobs import FIND_DUPLICATES
from crm_core.customers.duplicates.models import PairState
from crm_core.customers.kinds import Calendar
from crm_core.customers.views import CustomerView
from crm_core.jobs import service as jobs
from crm_core.kernel import ids
from crm_core.kernel.errors import CrmError, Rejected
from crm_core.organization.access import Action, Actor
from web.auth import actor_of
from web.context import context_of
from web.i18n import gettext as _
from web.pages.calls import address
from web.pages.duplicate_words import KEPT
from web.pages.frame import form_of, html, said, see_other
from web.pages.people import Names
from web.pages.words import word

routes = web.RouteTableDef()
_PAGE: Final = 50


@routes.get("/duplicates")
async def list_pairs(request: web.Request) -> web.StreamResponse:
    return await _list(request)


async def _list(request: web.Request, problem: str | None = None, status: int = 200) -> web.StreamResponse:
    actor, cursor = actor_of(request, Action.CUSTOMER_MERGE), request.query.get("cursor")
    state = _state(request.query.get("state"))
    async with context_of(request).db.read() as session:
        names = await Names.read(session)
        if state is PairState.MERGED:
            merged = await pair_queries.merges(session, actor, limit=_PAGE, cursor=cursor)
            rows, following = [_merge_row(one, names) for one in merged.items], merged.next
        else:
            found = await pair_queries.pairs(session, actor, state=state, limit=_PAGE, cursor=cursor)
            rows, following = [_pair_row(one, names) for one in found.items], found.next
        waiting = await pair_queries.open_pairs(session, actor)
        done = await _just_merged(session, actor, request.query.get("merged"), names)
    fields = {"state": state.value}
    return html(
        request,
        "duplicates/list.html",
        status=status,
        rows=rows,
        state=state.value,
        states=[(one.value, word("pair_state", one.value), f"/duplicates?state={one.value}") for one in PairState],
        waiting=waiting,
        done=done,
        kept=[_field(name) for name in request.query.get("kept", "").split(",") if name],
        undone=request.query.get("undone") == "yes",
        problem=problem,
        can_search=actor.may(Action.DUPLICATE_SEARCH),
        first=address("/duplicates", fields) if cursor else None,
        next=address("/duplicates", fields | {"cursor": following}) if following else None,
    )


def _state(text: str | None) -> PairState:
    return PairState(text) if text in list(PairState) else PairState.OPEN


async def _just_merged(
    session: AsyncSession, actor: Actor, merge_id: str | None, names: Names
) -> dict[str, Any] | None:
    if not merge_id:
        return None
    return _merge_row(await pair_queries.merge(session, actor, ids.parse(merge_id)), names)


def _pair_row(pair: pair_queries.PairView, names: Names) -> dict[str, Any]:
    return {
        "id": ids.show(pair.id),
        "ends": [_end(pair.first, names), _end(pair.second, names)],
        "percent": round(pair.score * 100),
        "reasons": _reasons(pair.reasons),
        "decided_at": pair.decided_at,
        "decided_by": pair.decided_by,
    }


def _end(end: pair_queries.End, names: Names) -> dict[str, Any]:
    owner = names.named(end.owner)
    return {"id": ids.show(end.id), "name": end.name, "account_number": end.account_number, "owner": owner}


def _reasons(reasons: tuple[str, ...]) -> list[tuple[str, str]]:
    """(words, tone): what speaks against it is told apart by its words too."""
    return [(word("duplicate_reason", one), "warn" if one.startswith("other_") else "ok") for one in reasons]


def _merge_row(merge: pair_queries.MergeView, names: Names) -> dict[str, Any]:
    return {
        "id": ids.show(merge.id),
        "survivor": ids.show(merge.survivor_id),
        "name": merge.survivor,
        "account_number": merge.account_number,
        "into_number": merge.survivor_account_number,
        "at": merge.at,
        "by": names.named(merge.by),
        "undone_at": merge.undone_at,
        "can_undo": merge.can_undo,
    }


@routes.get("/duplicates/compare")
async def compare(request: web.Request) -> web.StreamResponse:
    return await _compare(request, request.query.get("into", ""), request.query.get("other", ""))


async def _compare(
    request: web.Request, into: str, other: str, problem: str | None = None, status: int = 200
) -> web.StreamResponse:
    actor, context = actor_of(request, Action.CUSTOMER_MERGE), context_of(request)
    today = context.clock.now().astimezone(context.settings.timezone).date()
    async with context.db.read() as session:
        both = [
            await queries.customer(session, actor, ids.parse(one), today=today, action=Action.CUSTOMER_MERGE)
            for one in (into, other)
        ]
        if both[0].id == both[1].id:
            raise Rejected("merge_same", "A customer cannot be merged with himself.")
        stored = await duplicates.stored_customers(session, [one.id for one in both])
        pair = await pair_queries.pair_of(session, both[0].id, both[1].id)
        names = await Names.read(session)
    alike = rules.compare(stored[both[0].id].facts, stored[both[1].id].facts)
    return html(
        request,
        "duplicates/compare.html",
        status=status,
        sides=[_side(one) for one in both],
        rows=_rows(both[0], both[1], names),
        percent=round(alike.score * 100),
        reasons=_reasons(tuple(reason.value for reason in alike.reasons)),
        pair=ids.show(pair) if pair is not None else None,
        problem=problem,
    )


def _side(customer: CustomerView) -> dict[str, Any]:
    return {
        "id": ids.show(customer.id),
        "name": customer.name,
        "account_number": customer.account_number,
        "created_at": customer.created_at,
        "phones": [phone.number for phone in customer.phones],
    }


def _rows(into: CustomerView, other: CustomerView, names: Names) -> list[dict[str, Any]]:
    """Each field that one of the two knows; ``differs`` where there is something to choose."""
    rows = []
    for name, title in CHOICES.items():
        mine, others = _value(into, name, names), _value(other, name, names)
        if not mine and not others:
            continue
        row = {"name": name, "title": _(title), "values": [mine, others], "differs": mine != others}
        rows.append(row | {"chosen": "other" if not mine else "into", "both": bool(mine and others)})
    return rows


def _value(customer: CustomerView, name: str, names: Names) -> str:
    if name == "owner":
        return names.named(customer.owner) or ""
    if name == "birthday":
        parts = [customer.birth_year, customer.birth_month, customer.birth_day]
        text = "-".join("?" if part is None else f"{part:02d}" for part in parts) if any(parts) else ""
        return f"{text} ({_('lunar')})" if text and customer.birth_calendar is Calendar.LUNAR else text
    if name == "address":
        places = (customer.province, customer.city, customer.district, customer.community, customer.street)
        return "".join(part for part in places if part)
    if name in ("sex", "kind"):
        value = getattr(customer, name)
        return word(name, value) if value is not None else ""
    return str(getattr(customer, name) or "")


def _field(name: str) -> str:
    """What an undo calls a column or a table, in words."""
    base = name.partition(".")[0]
    group = next((group for group, columns in GROUPS.items() if base in columns), base)
    title = CHOICES.get(group) or KEPT.get(base)
    return _(title) if title else name


@routes.post("/duplicates/merge")
async def merge(request: web.Request) -> web.StreamResponse:
    actor, form = actor_of(request, Action.CUSTOMER_MERGE), await form_of(request)
    into, other = form.get("into", ""), form.get("other", "")
    take = [name for name in CHOICES if form.get(f"choose-{name}") == "other"]
    try:
        async with context_of(request).db.uow() as uow:
            made = await merging.merge(uow, ids.parse(other), ids.parse(into), by=actor, take=take)
    except CrmError as error:
        return await _compare(request, into, other, said(error), 409)
    return see_other(f"/duplicates?merged={ids.show(made.id)}")


@routes.post("/duplicates/search")
async def search(request: web.Request) -> web.StreamResponse:
    actor = actor_of(request, Action.DUPLICATE_SEARCH)
    async with context_of(request).db.uow() as uow:
        job = await jobs.start(uow, FIND_DUPLICATES, {}, by=actor)
        place = f"/jobs/{ids.show(job.id)}"
    return see_other(place)


@routes.post("/duplicates/{id}/decide")
async def decide(request: web.Request) -> web.StreamResponse:
    actor, form = actor_of(request, Action.CUSTOMER_MERGE), await form_of(request)
    state = PairState.OPEN if form.get("state") == PairState.OPEN else PairState.NOT_DUPLICATE
    async with context_of(request).db.uow() as uow:
        await pairs.decide(uow, ids.parse(request.match_info["id"]), state, by=actor)
    return see_other("/duplicates")


@routes.post("/merges/{id}/undo")
async def undo(request: web.Request) -> web.StreamResponse:
    actor = actor_of(request, Action.CUSTOMER_MERGE)
    try:
        async with context_of(request).db.uow() as uow:
            undone = await undoing.undo(uow, ids.parse(request.match_info["id"]), by=actor)
    except CrmError as error:
        return await _list(request, said(error), 409)
    fields = {"undone": "yes"} | ({"kept": ",".join(undone.kept)} if undone.kept else {})
    return see_other(address("/duplicates", fields))
