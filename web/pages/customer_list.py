"""The list of customers: the one box, filters, saved views, columns, and one change for many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any, Final

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers import bulk
from crm_core.customers.protection import service as protection
from crm_core.customers.protection.chosen import Chosen
from crm_core.customers.protection.columns import COLUMNS as EXPORT_COLUMNS
from crm_core.customers.protection.kinds import FileFormat
from crm_core.customers.search import filters, queries, saved, saved_queries
from crm_core.customers.search.columns import COLUMNS, USUAL, checked_columns
from crm_core.customers.search.filters import Sort, TimeList
from crm_core.customers.search.lines import CustomerLine
from crm_core.customers.search.queries import Now, Wanted
from crm_core.customers.search.saved_queries import SavedViewView
from crm_core.kernel import ids
from crm_core.kernel.errors import Rejected
from crm_core.kernel.pages import Page
from crm_core.kernel.texts import N_
from crm_core.organization import queries as organization
from crm_core.organization.access import Action, Actor
from web.auth import actor_of
from web.context import WebContext, context_of
from web.export_labels import labels
from web.i18n import gettext as _
from web.i18n import ngettext
from web.pages import customer_cells
from web.pages.calls import address, options
from web.pages.frame import form_of, html, said, see_other
from web.pages.preferred import preferred

routes = web.RouteTableDef()
PAGE: Final = 50
_FIELDS: Final = (
    "list",
    "owner_id",
    "department_id",
    "centre_id",
    "type",
    "membership",
    "source",
    "kind",
    "purchase_state",
    "retention_state",
    "record_state",
    "not_contacted_months",
    "birthday_from",
    "birthday_to",
    "unowned",
)
SORTS: Final = {
    Sort.NEWEST: N_("Newest first"),
    Sort.OLDEST: N_("Oldest first"),
    Sort.NAME: N_("By name"),
    Sort.CHANGED: N_("Changed last"),
    Sort.LONGEST_SILENT: N_("Longest not contacted"),
}
_SILENT_MONTHS: Final = 3
_TRAIL: Final = 20  # pages that one can go back
_BEGIN: Final = "~"
_IDS_OF_A_TEST: Final = 500
# The list's columns by the export's names where the two differ.
_EXPORTED: Final = {
    "phone": ("phones",),
    "place": ("address.province", "address.city", "address.district"),
    "age": ("birthday",),
}


@routes.get("/customers")
async def list_customers(request: web.Request) -> web.StreamResponse:
    actor, context = actor_of(request, Action.CUSTOMER_READ), context_of(request)
    async with context.db.read() as session:
        views = await saved_queries.saved_views(session, actor)
        shown = _of_view(views, request.query.get("view"))
        fields = _chosen(request, shown)
        wrong: str | None = None
        found: Page[CustomerLine] = Page([], None)
        count: int | None = 0
        try:
            wanted, columns = _wanted(fields), checked_columns(_columns(request, shown))
            found = await queries.find_lines(
                session, actor, wanted, now=now_of(context), limit=PAGE, cursor=request.query.get("cursor")
            )
            if not wanted.text:
                count = await queries.count(session, actor, wanted.filters, now=now_of(context))
        except Rejected as error:
            wrong, columns = said(error), list(USUAL)
        choices = await _choices(session, actor)
    if fields.get("q") and len(found.items) == 1 and found.next is None and "cursor" not in request.query:
        return see_other(f"/customers/{ids.show(found.items[0].id)}")
    values = _page(request, actor, fields, columns, found, count)
    rows = [customer_cells.line(customer, columns) for customer in found.items]
    return html(
        request, "customers/list.html", rows=rows, wrong=wrong, choices=choices, views=_views(views, shown), **values
    )


def now_of(context: WebContext) -> Now:
    zone = context.settings.timezone
    return Now(context.clock.now().astimezone(zone).date(), zone)


def _of_view(views: Sequence[SavedViewView], wish: str | None) -> SavedViewView | None:
    return next((view for view in views if wish and ids.show(view.id) == wish), None)


def _chosen(request: web.Request, shown: SavedViewView | None) -> dict[str, str]:
    """The filters of the address, else those of the saved view; without empty fields."""
    given = {
        name: request.query[name].strip() for name in ("q", "sort", *_FIELDS) if request.query.get(name, "").strip()
    }
    if shown is None or given:
        return given
    kept = {name: str(value) for name, value in shown.filters.items()}
    return kept | ({"sort": shown.sort} if shown.sort else {})


def _columns(request: web.Request, shown: SavedViewView | None) -> list[str]:
    given = request.query.getall("column", [])
    return given or (shown.columns if shown else [])


def _wanted(fields: Mapping[str, str]) -> Wanted:
    """Raises Rejected for values that are none."""
    q = fields.get("q", "")[:80]
    sort = Sort(fields["sort"]) if fields.get("sort") in set(Sort) else Sort.NEWEST
    chosen = filters.read({name: fields[name] for name in _FIELDS if name in fields})
    return Wanted(q, chosen, Sort.NEWEST if q else sort)


def _page(
    request: web.Request,
    actor: Actor,
    fields: Mapping[str, str],
    columns: Sequence[str],
    found: Page[CustomerLine],
    count: int | None,
) -> dict[str, Any]:
    asked = request.query.getall("column", [])
    more = [("column", code) for code in asked]
    following = [*fields.items(), *more]
    return {
        "q": fields.get("q", ""),
        "filter": dict(fields),
        "open": bool(set(fields) - {"q", "sort", "list"}),
        "columns_of_head": [
            (_(COLUMNS[code]), "data-fit" if code in customer_cells.NARROW else "") for code in columns
        ],
        "all_columns": [(code, _(text), code in columns) for code, text in COLUMNS.items()],
        "sorts": [(str(sort), _(text)) for sort, text in SORTS.items()],
        "presets": _presets(fields, now_of(context_of(request)).today),
        "active": _active(fields, more),
        "count": _count(count, found),
        "carried": following,
        "can_write": actor.may(Action.CUSTOMER_WRITE),
        "can_assign": actor.may(Action.CUSTOMER_ASSIGN),
        "can_export": actor.may(Action.CUSTOMER_EXPORT),
        **_pages(request, following, found.next),
    }


def _pages(request: web.Request, following: Sequence[tuple[str, str]], after: str | None) -> dict[str, str | None]:
    """Addresses of the first page, the one before and the next. An address remembers where the last pages began."""
    here, trail = request.query.get("cursor", ""), request.query.getall("from", [])[-_TRAIL:]

    def page(cursor: str | None, way: Sequence[str]) -> str:
        # A tilde stands for the first page: what is empty is left out of an address.
        return customer_cells.link("/customers", [*following, *(("from", one) for one in way), ("cursor", cursor)])

    return {
        "first": page(None, []) if here else None,
        "before": page(trail[-1].replace(_BEGIN, ""), trail[:-1]) if here and trail else None,
        "next": page(after, [*trail, here or _BEGIN][-_TRAIL:]) if after else None,
    }


def _count(count: int | None, found: Page[CustomerLine]) -> str:
    if count is None:
        return _("more than 10,000")
    if not count:
        return ngettext("%(num)d found", "%(num)d found", len(found.items)) % {"num": len(found.items)} + (
            "+" if found.next else ""
        )
    return ngettext("%(num)d customer", "%(num)d customers", count) % {"num": count}


def _presets(fields: Mapping[str, str], today: date) -> list[tuple[str, str, bool]]:
    """The lists of every morning as one click each."""
    last = today.replace(day=1) + timedelta(days=31)
    month = {"birthday_from": f"{today:%Y-%m-01}", "birthday_to": f"{last.replace(day=1) - timedelta(days=1)}"}
    wished: list[tuple[str, dict[str, str]]] = [
        (_("New this week"), {"list": TimeList.NEW_THIS_WEEK}),
        (_("Transferred this week"), {"list": TimeList.TRANSFERRED_THIS_WEEK}),
        (_("Not contacted for 3 months"), {"not_contacted_months": f"{_SILENT_MONTHS}", "sort": Sort.LONGEST_SILENT}),
        (_("Birthdays this month"), month),
        (_("Without an owner"), {"unowned": "1"}),
    ]
    return [
        (text, address("/customers", preset), all(fields.get(name) == value for name, value in preset.items()))
        for text, preset in wished
    ]


def _active(fields: Mapping[str, str], more: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """What the list is cut by beside what its controls show, each with the address without it."""
    chips = []
    for name in ("q", "birthday_from", "not_contacted_months"):
        if name in fields:
            gone = {name, "birthday_to"} if name == "birthday_from" else {name}
            rest = [(key, value) for key, value in fields.items() if key not in gone]
            chips.append((_chip(name, fields), customer_cells.link("/customers", [*rest, *more])))
    return chips


def _chip(name: str, fields: Mapping[str, str]) -> str:
    if name == "q":
        return f"“{fields['q']}”"
    if name == "birthday_from":
        return _("Birthday %(first)s to %(last)s") % {"first": fields[name], "last": fields.get("birthday_to", "…")}
    return _("Not contacted for %(n)s months") % {"n": fields[name]}


async def _choices(session: AsyncSession, actor: Actor) -> dict[str, list[tuple[str, str]]]:
    """What can be chosen: people and departments within reach, centres, the house's sources, our own words."""
    reach = actor.departments(Action.CUSTOMER_READ)
    people = await organization.users(session, limit=500, departments=reach) if reach != frozenset() else []
    departments = [one for one in await organization.departments(session) if reach is None or one.id in reach]
    sources = [choice.zh or choice.en for choice in preferred().sources]
    return {
        "owner_id": [(ids.show(user.id), user.display_name or user.name) for user in people],
        "owner": [(user.name, user.display_name or user.name) for user in people if user.active],
        "department_id": [(ids.show(one.id), one.name) for one in departments],
        "centre_id": [(ids.show(one.id), one.name) for one in await organization.centres(session)],
        "source": [(source, source) for source in sources],
        "kind": options("kind"),
        "purchase_state": options("purchase_state"),
        "retention_state": options("retention_state"),
        "record_state": options("record_state"),
    }


def _views(views: Sequence[SavedViewView], shown: SavedViewView | None) -> list[SimpleNamespace]:
    return [
        SimpleNamespace(
            id=ids.show(view.id),
            name=view.name,
            note=None if view.own else view.owner,
            shared=view.shared,
            own=view.own,
            current=view is shown,
            href=address("/customers", {"view": ids.show(view.id)}),
        )
        for view in views
    ]


@routes.post("/customers/views")
async def save_view(request: web.Request) -> web.StreamResponse:
    actor, form = actor_of(request, Action.CUSTOMER_READ), await form_of(request)
    columns = [str(code) for code in (await request.post()).getall("column", [])]
    wanted = {name: form[name] for name in _FIELDS if form.get(name)}
    sort = Sort(form["sort"]) if form.get("sort") in set(Sort) else Sort.NEWEST
    async with context_of(request).db.uow() as uow:
        view = await saved.save(
            uow, name=form.get("name", ""), wanted=wanted, columns=columns, sort=sort, shared="shared" in form, by=actor
        )
    return see_other(address("/customers", {"view": ids.show(view.id)}))


@routes.post("/customers/views/{id}/delete")
async def delete_view(request: web.Request) -> web.StreamResponse:
    actor = actor_of(request, Action.CUSTOMER_READ)
    async with context_of(request).db.uow() as uow:
        await saved.remove(uow, ids.parse(request.match_info["id"]), by=actor)
    return see_other("/customers")


@routes.post("/customers/bulk")
async def change_many(request: web.Request) -> web.StreamResponse:
    """Starts the job and shows its progress; what is wrong comes back with the list as it was."""
    actor, form = actor_of(request, Action.CUSTOMER_WRITE), await form_of(request)
    context = context_of(request)
    picked = [ids.parse(str(one)) for one in (await request.post()).getall("id", [])]
    everything = "everything" in form
    async with context.db.read() as session:
        change = bulk.Change() if form.get("what") == "export" else await _change(session, form)
    wanted = Wanted(form.get("q", ""), filters.read({name: form[name] for name in _FIELDS if form.get(name)}))
    if form.get("what") == "export":
        return await _export(request, actor, form, wanted if everything else picked)
    async with context.db.uow() as uow:
        job = await bulk.start(
            uow,
            change,
            ids=None if everything else picked,
            wanted=wanted if everything else None,
            by=actor,
            zone=context.settings.timezone,
        )
    return see_other(f"/jobs/{ids.show(job.id)}")


async def _change(session: AsyncSession, form: Mapping[str, str]) -> bulk.Change:
    """Raises Rejected for a new owner whom nobody knows."""
    what = form.get("what", "")
    if what != "owner":
        return bulk.Change(field=what, value=form.get("value") or None)
    receiver = await organization.user_by_name(session, form.get("to", ""))
    if receiver is None:
        raise Rejected("receiver_missing", "Choose who gets the customers.", errors={"to": "there is no such user"})
    return bulk.Change(to_user_id=receiver.id, reason=form.get("reason", ""))


async def _export(
    request: web.Request, actor: Actor, form: Mapping[str, str], of: Wanted | Sequence[int]
) -> web.StreamResponse:
    """Asks for the file: by the same rules, and kept in the same book, as every other export."""
    context = context_of(request)
    async with context.db.uow() as uow:
        await protection.ask_for_list(
            uow,
            chosen=Chosen(None, of) if isinstance(of, Wanted) else _picked(of),
            zone=context.settings.timezone,
            columns=_export_columns(form),
            reason=form.get("reason", ""),
            form=FileFormat.XLSX,
            labels=labels(),
            by=actor,
        )
    return see_other("/exports")


def _picked(customers: Sequence[int]) -> Chosen:
    if not 1 <= len(customers) <= bulk.MOST_PICKED:
        raise Rejected("bulk_who", f"Pick 1 to {bulk.MOST_PICKED} customers.", errors={"ids": "missing"})
    shown = [ids.show(one) for one in customers]
    parts = [shown[start : start + _IDS_OF_A_TEST] for start in range(0, len(shown), _IDS_OF_A_TEST)]
    return Chosen({"any": [{"field": "id", "op": "in", "value": part} for part in parts]})


def _export_columns(form: Mapping[str, str]) -> list[str]:
    """The name, and the columns of the list as it was looked at; the usual ones when the form names none."""
    shown = [part for code in form.get("columns", "").split(",") for part in _EXPORTED.get(code, (code,))]
    return list(dict.fromkeys(["name", *(code for code in shown if code in EXPORT_COLUMNS)])) if any(shown) else []
