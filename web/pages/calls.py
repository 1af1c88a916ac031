"""The call log and one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from crm_core.calls import queries, service
from crm_core.calls.facts import CallStatus, Direction
from crm_core.calls.queries import CallFilter
from crm_core.calls.rules import raw_packets
from crm_core.customers.protection import reveals
from crm_core.customers.protection.kinds import Secret
from crm_core.db.uow import UnitOfWork
from crm_core.kernel import ids
from crm_core.kernel.errors import CrmError, Rejected
from crm_core.organization.access import Action, Actor
from web.auth import actor_of
from web.context import context_of
from web.i18n import gettext as _
from web.pages.call_shape import shape, shape_detail
from web.pages.frame import form_of, html, partial, said
from web.pages.people import Names, agents_within
from web.pages.preferred import preferred
from web.pages.words import WORDS, word
from web.ports import Meaning

routes = web.RouteTableDef()
_FIELDS = ("from", "to", "status", "direction", "agent", "queue", "number", "customer")
_PAGE = 50


def options(kind: str) -> list[tuple[str, str]]:
    """Values and words of a choice; what only live calls have is left out."""
    return [(value, _(text)) for value, text in WORDS[kind].items() if value != "live"]


def chosen(request: web.Request) -> dict[str, str]:
    """The filter of the address, without empty fields."""
    return {name: request.query[name].strip() for name in _FIELDS if request.query.get(name, "").strip()}


def day(text: str | None) -> date | None:
    """Raises Rejected for anything but a date."""
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise Rejected("bad_date", "A date is written like 2026-07-23.") from None


def _start(of: date | None, zone: tzinfo) -> datetime | None:
    return None if of is None else datetime.combine(of, time.min, tzinfo=zone)


def call_filter(fields: Mapping[str, str], zone: tzinfo) -> CallFilter:
    """Raises Rejected for values that are none."""
    last = day(fields.get("to"))
    try:
        status = CallStatus(fields["status"]) if "status" in fields else None
        direction = Direction(fields["direction"]) if "direction" in fields else None
    except ValueError:
        raise Rejected("bad_filter", "The filter has an unknown value.") from None
    return CallFilter(
        started_from=_start(day(fields.get("from")), zone),
        started_to=_start(None if last is None else last + timedelta(days=1), zone),
        status=status,
        direction=direction,
        agent=fields.get("agent"),
        queue=fields.get("queue"),
        number=fields.get("number"),
        customer_id=ids.parse(fields["customer"]) if "customer" in fields else None,
    )


def address(path: str, fields: Mapping[str, str]) -> str:
    return f"{path}?{urlencode(fields)}" if fields else path


@routes.get("/calls")
async def call_log(request: web.Request) -> web.StreamResponse:
    actor, context = actor_of(request, Action.CALL_READ), context_of(request)
    fields, cursor = chosen(request), request.query.get("cursor")
    wrong, page_next, shown = None, None, []
    async with context.db.read() as session:
        try:
            where = call_filter(fields, context.settings.timezone)
            page = await queries.calls(session, actor, where, limit=_PAGE, cursor=cursor)
            names = await Names.read(session)
            shown, page_next = [shape(call, names, actor) for call in page.items], page.next
        except Rejected as error:
            wrong = said(error)
        agents = [] if _sees_own_only(actor) else await agents_within(session, actor)
    today = context.clock.now().astimezone(context.settings.timezone).date()
    return html(
        request,
        "calls/log.html",
        calls=shown,
        wrong=wrong,
        filter=fields,
        statuses=options("status"),
        directions=options("direction"),
        agents=agents,
        queues=_queue_options(request, actor, fields),
        presets=_presets(fields, today),
        active=_active(fields),
        first=address("/calls", fields) if cursor else None,
        next=address("/calls", fields | {"cursor": page_next}) if page_next else None,
    )


def _sees_own_only(actor: Actor) -> bool:
    return actor.departments(Action.CALL_READ) == frozenset()


def _queue_options(request: web.Request, actor: Actor, fields: Mapping[str, str]) -> list[tuple[str, str]]:
    """The queues that the PBX has now, those that have a name for people, and the one that is filtered by."""
    names = {*preferred().queue_labels, *([fields["queue"]] if "queue" in fields else [])}
    if actor.may(Action.BOARD_WATCH):
        names |= {str(queue["queue"]) for queue in context_of(request).telephony.board(actor).get("queues", ())}
    return sorted(((name, word("queue", name)) for name in names), key=lambda pair: pair[1])


def _presets(fields: Mapping[str, str], today: date) -> list[tuple[str, str, bool]]:
    """Frequent filters; a second click takes them away."""
    wishes: list[tuple[str, dict[str, str]]] = [
        (_("Today"), {"from": today.isoformat(), "to": today.isoformat()}),
        (_("Yesterday"), {"from": str(today - timedelta(days=1)), "to": str(today - timedelta(days=1))}),
        (_("7 days"), {"from": str(today - timedelta(days=6)), "to": str(today)}),
        (_("Missed"), {"status": "missed"}),
        (_("Abandoned"), {"status": "abandoned"}),
        (_("Outbound"), {"direction": "outbound"}),
    ]
    shown = []
    for text, wish in wishes:
        on = all(fields.get(name) == value for name, value in wish.items())
        kept = {name: value for name, value in fields.items() if name not in wish}
        shown.append((text, address("/calls", kept if on else kept | wish), on))
    return shown


def _active(fields: Mapping[str, str]) -> list[tuple[str, str]]:
    """What the list is cut by, each with the address that takes it away."""
    words = {"from": _("From"), "to": _("To"), "agent": _("Agent"), "queue": _("Queue"), "number": _("Number")}
    shown = []
    for name, value in fields.items():
        kept = {other: text for other, text in fields.items() if other != name}
        if name in ("status", "direction"):
            text = _(WORDS[name].get(value, value))
        elif name == "queue":
            text = f"{words[name]}: {word('queue', value)}"
        else:
            text = _("Customer") if name == "customer" else f"{words[name]}: {value}"
        shown.append((text, address("/calls", kept)))
    return shown


@routes.get("/calls/{id}")
async def one_call(request: web.Request) -> web.StreamResponse:
    return html(request, "calls/page.html", **await _detail(request))


@routes.get("/calls/{id}/detail")
async def inside_row(request: web.Request) -> web.StreamResponse:
    return html(request, "calls/detail.html", **await _detail(request))


@routes.get("/calls/{id}/row")
async def one_row(request: web.Request) -> web.StreamResponse:
    """A live call's row, fetched again until the call has ended."""
    actor = actor_of(request, Action.CALL_READ)
    async with context_of(request).db.read() as session:
        detail = await queries.call(session, actor, ids.parse(request.match_info["id"]))
        names = await Names.read(session)
    return html(request, "calls/row.html", call=shape(detail.call, names, actor))


@routes.post("/calls/{id}/reveal")
async def reveal(request: web.Request) -> web.StreamResponse:
    """The whole number, until the page is loaded again; who asked and why is on record."""
    actor, form = actor_of(request, Action.CUSTOMER_REVEAL), await form_of(request)
    call_id, why = ids.parse(request.match_info["id"]), form.get("reason", "")

    async def read(uow: UnitOfWork) -> str | None:
        return await service.reveal_number(uow, call_id, reason=why, by=actor)

    number = await reveals.reveal(context_of(request).db, None, Secret.PHONE, read, reason=why, by=actor)
    values = await _detail(request)
    values["call"]["revealed"] = number
    return html(request, "calls/number.html" if partial(request) else "calls/page.html", **values)


async def _detail(request: web.Request) -> dict[str, Any]:
    actor = actor_of(request, Action.CALL_READ)
    call_id = ids.parse(request.match_info["id"])
    async with context_of(request).db.read() as session:
        detail = await queries.call(session, actor, call_id)
        chunks = await queries.events(session, detail.call.id) if actor.may(Action.CALL_EXPLAIN) else None
        names = await Names.read(session)
        playable = await _may_play(request, actor, detail.call.id)
    meanings = None if chunks is None else _meanings(request, detail.call.pbx, chunks)
    return {"call": shape_detail(detail, meanings, names, actor), "may_play": playable}


def _meanings(request: web.Request, pbx: str, chunks: Sequence[bytes]) -> Sequence[Meaning]:
    return context_of(request).telephony.explain(pbx, [packet for chunk in chunks for packet in raw_packets(chunk)])


async def _may_play(request: web.Request, actor: Actor, call_id: int) -> bool:
    """The right to a recording may reach less far than the right to see its call."""
    if not actor.may(Action.RECORDING_PLAY):
        return False
    async with context_of(request).db.read() as session:
        try:
            await queries.call(session, actor, call_id, Action.RECORDING_PLAY)
        except CrmError:
            return False
    return True
