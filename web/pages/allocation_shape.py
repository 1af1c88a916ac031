"""Shapes the pages of allocation share: the sub-menu, people with what they have, what a form asks for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.allocation import people_queries
from crm_core.customers.allocation.choosing import Choice, Filter
from crm_core.customers.allocation.kinds import Method
from crm_core.customers.allocation.runs import Wish
from crm_core.customers.allocation.views import Person, Standing
from crm_core.kernel import ids
from crm_core.kernel.errors import NotFound, Rejected
from crm_core.organization.access import Action, Actor
from web.context import context_of
from web.i18n import gettext as _

PAGE = 50
_CUTS = ("type", "source", "province", "city")


def menu(actor: Actor, here: str) -> list[tuple[str, str, bool]]:
    """The chips above every page of allocation: address, text, whether it is this one."""
    manages, sets = actor.may(Action.CUSTOMER_ASSIGN), actor.may(Action.SETTING_WRITE)
    entries = [
        ("/allocation", _("Allocations"), manages),
        ("/allocation/pool", _("Pool"), manages),
        ("/allocation/people", _("People and limits"), manages),
        ("/allocation/applications", _("Applications"), actor.may(Action.CUSTOMER_WRITE)),
        ("/allocation/fairness", _("Fairness"), manages),
        ("/allocation/history", _("Transfers"), manages),
        ("/allocation/received", _("Given to me"), actor.may(Action.CALL_DIAL)),
        ("/allocation/leaving", _("Somebody leaves"), manages),
        ("/allocation/unfit", _("Not for the base"), manages),
        ("/allocation/rules", _("Rules"), sets),
    ]
    return [(href, text, href == here) for href, text, may in entries if may]


def local_now(request: web.Request) -> datetime:
    context = context_of(request)
    return context.clock.now().astimezone(context.settings.timezone)


async def people_with_standing(
    request: web.Request, session: AsyncSession, actor: Actor, departments: dict[int, str]
) -> list[dict[str, Any]]:
    """Everybody to whom the actor may have customers given, with what he has and may still get."""
    people = await people_queries.receivers(session, actor)
    zone = context_of(request).settings.timezone
    found = await people_queries.standings(session, [p.id for p in people], now=local_now(request), zone=zone)
    return [
        {
            "id": ids.show(one.id),
            "name": one.display_name,
            "me": one.id == actor.user_id,
            "department": departments.get(one.department_id or 0, ""),
            "standing": found[one.id],
            "room": room_text(found[one.id]),
        }
        for one in people
        if one.id in found
    ]


def room_text(standing: Standing) -> str:
    return _("no limit") if standing.room is None else str(standing.room)


def picked(values: Sequence[str]) -> list[int]:
    """The ids of a form; those that are none are left out."""
    found = []
    for text in ",".join(values).split(","):
        try:
            found.append(ids.parse(text.strip()))
        except NotFound:
            continue
    return found


def whole(text: str, otherwise: int) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 8 else otherwise


async def wish_of(request: web.Request) -> Wish:
    """What the form of a new allocation asks for. Raises Rejected when nobody is picked."""
    form = await request.post()

    def text(name: str) -> str:
        value = form.get(name, "")
        return value.strip() if isinstance(value, str) else ""

    people = []
    for user_id in picked([str(value) for value in form.getall("person", [])]):
        key = ids.show(user_id)
        regions, types = (tuple(text(f"{name}_{key}").replace("，", ",").split(",")) for name in ("regions", "types"))
        people.append(
            Person(user_id, whole(text(f"weight_{key}"), 1), tuple(filter(None, regions)), tuple(filter(None, types)))
        )
    if not people:
        raise Rejected(
            "allocation_invalid", "Pick who is to get customers.", errors={"people": _("Pick at least one.")}
        )
    method = Method(text("method")) if text("method") in set(Method) else Method.ROUND_ROBIN
    cut = Filter(**dict[str, Any]({name: text(name) or None for name in _CUTS}))
    chosen = tuple(picked([text("ids")])) if text("ids") else ()
    return Wish(method, Choice(chosen, cut, whole(text("most"), 500)), tuple(people), text("reason"))


def day_of(text: str) -> date | None:
    """Raises Rejected for a text that is no date."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Rejected("bad_date", "A date is written like 2026-07-23.", errors={"from": "bad"}) from None
