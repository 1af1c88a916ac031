"""The queue of registrations: the day's clock, the backlog, stacks and their sheets, handing in."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final

from aiohttp import web

from crm_core.customers.intake import queries, service
from crm_core.customers.intake.kinds import OPEN
from crm_core.customers.intake.queries import Show
from crm_core.customers.intake.rules import SheetInput, business_day
from crm_core.customers.intake.views import EntryView, RegistrationView
from crm_core.kernel import ids
from crm_core.kernel.errors import CrmError, Rejected
from crm_core.organization import queries as organization
from crm_core.organization.access import Action, Actor
from web.auth import actor_of
from web.context import context_of
from web.i18n import gettext as _
from web.pages.calls import address, day
from web.pages.frame import Errors, errors_of, form_of, html, said, see_other
from web.pages.intake_entry import source_text, sources
from web.pages.people import Names
from web.pages.preferred import preferred

routes = web.RouteTableDef()
_PAGE: Final = 50
_HAND_IN: Final = ("sheets", "handed_in_by", "collected_by", "collected_at", "department", "source", "remarks", "lines")


@routes.get("/intake")
async def queue(request: web.Request) -> web.StreamResponse:
    actor, context = actor_of(request, Action.INTAKE_HAND_IN), context_of(request)
    show, cursor = _show(request.query.get("show", "open")), request.query.get("cursor")
    now, zone, rules = context.clock.now(), context.settings.timezone, preferred().intake
    today = business_day(now, zone)
    async with context.db.read() as session:
        clock = await queries.day_clock(session, actor, now=now, zone=zone, rules=rules)
        lines = await queries.backlog(session, actor, today=today, rules=rules)
        clerks = await queries.clerks_of(session, actor, today, zone)
        page = await queries.registrations(
            session, actor, today=today, rules=rules, show=show, limit=_PAGE, cursor=cursor
        )
        names = await Names.read(session)
    fields = {"show": str(show)} if show is not Show.OPEN else {}
    return html(
        request,
        "intake/queue.html",
        clock=clock,
        lines=lines,
        clerks=[(names.named(one.clerk), one) for one in clerks],
        stacks=[_stack(one, names) for one in page.items],
        show=str(show),
        may_enter=actor.may(Action.INTAKE_ENTER),
        may_write=actor.may(Action.CUSTOMER_WRITE),
        notices=[(_("Nothing waits: all sheets are entered."), "ok")] if "empty" in request.query else [],
        first=address("/intake", fields) if cursor else None,
        next=address("/intake", fields | {"cursor": page.next}) if page.next else None,
    )


def _show(text: str) -> Show:
    try:
        return Show(text)
    except ValueError:
        raise Rejected("bad_filter", "The filter has an unknown value.") from None


def _stack(view: RegistrationView, names: Names) -> dict[str, Any]:
    return {
        "id": ids.show(view.id),
        "view": view,
        "source": source_text(view.source),
        "handed_in_by": names.named(view.handed_in_by),
        "registered_by": names.named(view.registered_by),
    }


@routes.post("/intake/next")
async def take_next(request: web.Request) -> web.StreamResponse:
    """The oldest sheet, opened for entering."""
    actor = actor_of(request, Action.INTAKE_ENTER)
    async with context_of(request).db.uow() as uow:
        sheet = await service.claim_next(uow, by=actor)
    return see_other("/intake?empty=1" if sheet is None else f"/intake/enter?entry={ids.show(sheet.id)}")


@routes.get("/intake/hand-in")
async def blank(request: web.Request) -> web.StreamResponse:
    actor = actor_of(request, Action.INTAKE_HAND_IN)
    now = context_of(request).clock.now().astimezone(context_of(request).settings.timezone)
    values = {"sheets": "1", "handed_in_by": actor.name, "collected_at": now.date().isoformat()}
    return await _form(request, actor, values, Errors(), None)


@routes.post("/intake/hand-in")
async def hand_in(request: web.Request) -> web.StreamResponse:
    actor, form = actor_of(request, Action.INTAKE_HAND_IN), await form_of(request)
    try:
        fields, count = await _fields(request, form)
        async with context_of(request).db.uow() as uow:
            stack = await service.hand_in(
                uow, fields, _sheets(form), sheets=count, by=actor, zone=context_of(request).settings.timezone
            )
    except CrmError as error:
        return await _form(request, actor, form, errors_of(error), said(error))
    return see_other(f"/intake/{ids.show(stack.id)}")


async def _form(
    request: web.Request, actor: Actor, values: dict[str, str], errors: Errors, problem: str | None
) -> web.Response:
    async with context_of(request).db.read() as session:
        people = await organization.users(
            session, limit=500, departments=actor.departments(Action.INTAKE_HAND_IN), with_inactive=False
        )
        departments = await organization.departments(session)
    reach = actor.departments(Action.INTAKE_HAND_IN)
    bringers = {actor.name: actor.display_name} | {user.name: user.display_name for user in people}
    return html(
        request,
        "intake/hand_in.html",
        status=422 if problem else 200,
        values={name: values.get(name, "") for name in _HAND_IN},
        errors=errors,
        problem=problem,
        people=list(bringers.items()),
        departments=[(one.name, one.name) for one in departments if reach is None or one.id in reach],
        sources=sources(),
    )


async def _fields(request: web.Request, form: dict[str, str]) -> tuple[dict[str, Any], int | None]:
    """The form under the core's names. Raises Rejected for a person, department or number that is none."""
    fields: dict[str, Any] = {name: form.get(name) or None for name in ("collected_by", "source", "remarks")}
    fields["collected_at"], errors = _day(form.get("collected_at")), {}
    async with context_of(request).db.read() as session:
        user = await organization.user_by_name(session, form["handed_in_by"]) if form.get("handed_in_by") else None
        department = (
            await organization.department_by_name(session, form["department"]) if form.get("department") else None
        )
    fields |= {"handed_in_by_id": user.id if user else None, "department_id": department.id if department else None}
    if form.get("handed_in_by") and user is None:
        errors["handed_in_by"] = _("There is no such user.")
    text = form.get("sheets", "")
    if text and not text.isdecimal():
        errors["sheets"] = _("A number from 1 to 500.")
    if errors:
        raise Rejected("registration_invalid", "Please correct the marked fields.", errors=errors)
    named = len(_sheets(form))
    return fields, max(int(text or 1), named)


def _day(text: str | None) -> date | None:
    return day(text or None)


def _sheets(form: dict[str, str]) -> list[SheetInput]:
    """A line a sheet: name, phone and what else is to be said, between blanks or commas."""
    found = []
    for line in form.get("lines", "").splitlines():
        words = line.replace(",", " ").replace("，", " ").split()
        numbers = [word for word in words if sum(c.isdigit() for c in word) >= 5]
        phone = numbers[0] if numbers else None
        rest = [word for word in words if word != phone]
        if words:
            found.append(SheetInput(rest[0] if rest else None, phone, " ".join(rest[1:]) or None))
    return found


@routes.get("/intake/{id:[0-9a-z]{13}}")
async def stack_page(request: web.Request) -> web.StreamResponse:
    actor = actor_of(request, Action.INTAKE_HAND_IN)
    return await _stack_page(request, actor, ids.parse(request.match_info["id"]), None)


async def _stack_page(request: web.Request, actor: Actor, stack_id: int, problem: str | None) -> web.Response:
    context = context_of(request)
    now, zone = context.clock.now(), context.settings.timezone
    async with context.db.read() as session:
        view = await queries.registration(
            session, actor, stack_id, now=now, today=business_day(now, zone), rules=preferred().intake
        )
        names = await Names.read(session)
    return html(
        request,
        "intake/stack.html",
        status=409 if problem else 200,
        stack=_stack(view, names),
        entries=[_entry(one, names, now) for one in view.entries],
        may_enter=actor.may(Action.INTAKE_ENTER),
        problem=problem,
    )


def _entry(view: EntryView, names: Names, now: datetime) -> dict[str, Any]:
    return {
        "id": ids.show(view.id),
        "view": view,
        "open": view.state in OPEN,
        "claimed_by": names.named(view.claimed_by),
        "finished_by": names.named(view.finished_by),
        "customer_id": None if view.customer_id is None else ids.show(view.customer_id),
    }


@routes.post("/intake/entries/{id}/{what:park|reject|release|claim}")
async def change_entry(request: web.Request) -> web.StreamResponse:
    actor, form = actor_of(request, Action.INTAKE_ENTER), await form_of(request)
    what, entry_id = request.match_info["what"], ids.parse(request.match_info["id"])
    context = context_of(request)
    async with context.db.read() as session:
        sheet = await queries.entry(session, actor, entry_id, now=context.clock.now(), action=Action.INTAKE_ENTER)
    try:
        async with context.db.uow() as uow:
            if what in ("park", "reject"):
                write = service.park if what == "park" else service.reject
                await write(uow, entry_id, form.get("reason", ""), by=actor)
            else:
                await (service.claim if what == "claim" else service.release)(uow, entry_id, by=actor)
    except CrmError as error:
        return await _stack_page(request, actor, sheet.registration_id, said(error))
    if what == "claim":
        return see_other(f"/intake/enter?entry={ids.show(entry_id)}")
    return see_other(f"/intake/{ids.show(sheet.registration_id)}")
