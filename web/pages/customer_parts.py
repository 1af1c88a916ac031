"""What a customer has several of, changed in place on the card: family, days, relations, attitudes, contacts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from types import SimpleNamespace
from typing import Any, Final

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers import parts, parts_queries, queries
from crm_core.customers.kinds import CustomerKind
from crm_core.customers.parts import Part
from crm_core.customers.views import (
    AttitudeView,
    BirthView,
    ContactView,
    CustomerView,
    FamilyView,
    MemorialDayView,
    RelationView,
)
from crm_core.kernel import ids
from crm_core.kernel.errors import CrmError
from crm_core.kernel.texts import N_
from crm_core.organization.access import Action, Actor
from web.auth import actor_of
from web.context import context_of
from web.i18n import gettext as _
from web.pages.customer_form import day_text
from web.pages.customer_groups import BIRTH, Entry
from web.pages.frame import Errors, errors_of, form_of, html, partial, said, see_other
from web.pages.part_form import DAY, read_fields
from web.pages.people import Names
from web.pages.words import WORDS, word

routes = web.RouteTableDef()


@dataclass(frozen=True, slots=True)
class PartPage:
    """How one kind of them is shown and entered."""

    part: Part[Any]
    title: str
    entries: tuple[Entry, ...]
    read: Callable[[AsyncSession, Actor, int, date], Any]
    line: Callable[[Any, Callable[[str | None], str]], SimpleNamespace]
    empty: tuple[str, str, str]


_REMARKS: Final = Entry("remarks", N_("Remarks"), "prose", 4000)
_SEX: Final = Entry("sex", N_("Sex"), "sex")
_BIRTHDAY: Final = Entry("birthday", N_("Birthday"), "day")
_EDUCATION: Final = Entry("education", N_("Education"), most=40)
_HOBBIES: Final = Entry("hobbies", N_("Hobbies"))


def _notes(*texts: str | None) -> str:
    return " · ".join(text for text in texts if text)


def _born(birth: BirthView) -> str | None:
    text = day_text(birth.calendar, birth.year, birth.month, birth.day, birth.leap)
    if text is None:
        return None
    if birth.month is None:
        return _("born %(year)s") % {"year": birth.year}
    return _("Birthday %(day)s") % {"day": text}


def _birth_values(birth: BirthView, names: Sequence[str]) -> dict[str, Any]:
    return dict(zip(names, (birth.calendar, birth.year, birth.month, birth.day, birth.leap), strict=True))


def _family_line(one: FamilyView, named: Callable[[str | None], str]) -> SimpleNamespace:
    sex = None if one.sex is None else word("sex", one.sex)
    note = _notes(one.relation, sex, _born(one.birth), one.education, one.occupation, one.phone, one.hobbies)
    values = {entry.name: getattr(one, entry.name, None) for entry in PARTS["family"].entries}
    values |= _birth_values(one.birth, BIRTH) | {"member_id": one.member_account}
    return _line(one.id, one.name, note, one.remarks, one.member_id, values)


def _day_line(one: MemorialDayView, named: Callable[[str | None], str]) -> SimpleNamespace:
    on = one.on
    upcoming = None if on.next_on is None else _("next on %(day)s") % {"day": on.next_on.isoformat()}
    note = _notes(day_text(on.calendar, on.year, on.month, on.day, on.leap), upcoming)
    values = {"title": one.title, "remarks": one.remarks} | _birth_values(on, DAY)
    return _line(one.id, one.title, note, one.remarks, None, values)


def _relation_line(one: RelationView, named: Callable[[str | None], str]) -> SimpleNamespace:
    direction = _("noted on the other's card") if one.inverse else None
    values = {"relation": one.relation, "remarks": one.remarks, "other_id": one.other_account_number}
    note = _notes(one.relation, one.other_account_number, direction)
    seen = bool(one.other_account_number)  # who is out of reach has a card that would not open
    line = _line(one.id, one.other_name, note, one.remarks, one.other_id if seen else None, values)
    line.fixed = one.inverse
    return line


def _attitude_line(one: AttitudeView, named: Callable[[str | None], str]) -> SimpleNamespace:
    score = None if one.score is None else f"{one.score} / 5"
    title = _notes(word("attitude_kind", one.kind), one.subject, score)
    note = _notes(one.noted_on.isoformat(), one.source, named(one.noted_by))
    values = {entry.name: getattr(one, entry.name) for entry in PARTS["attitudes"].entries}
    values["noted_on"] = one.noted_on.isoformat()
    return _line(one.id, title, note, one.value, None, values)


def _contact_line(one: ContactView, named: Callable[[str | None], str]) -> SimpleNamespace:
    texts = (one.position, one.department, one.phone, one.email, one.wechat, _born(one.birth), one.personality)
    values = {entry.name: getattr(one, entry.name, None) for entry in PARTS["contacts"].entries}
    values |= _birth_values(one.birth, BIRTH) | {"person_id": one.person_account}
    line = _line(one.id, one.name, _notes(*texts), one.remarks, one.person_id, values)
    line.badge = _("Key person") if one.key_person else None
    return line


def _line(
    row_id: int, title: str, note: str, text: str | None, customer_id: int | None, values: dict[str, Any]
) -> SimpleNamespace:
    href = None if customer_id is None else f"/customers/{ids.show(customer_id)}"
    return SimpleNamespace(
        id=ids.show(row_id), title=title, note=note, text=text, href=href, values=values, badge=None, fixed=False
    )


PARTS: Final[dict[str, PartPage]] = {
    "family": PartPage(
        parts.FAMILY,
        N_("Family"),
        (
            Entry("name", N_("Name of the relative"), most=120, needed=True),
            Entry("relation", N_("Relation: wife, son…"), most=40, needed=True),
            _BIRTHDAY,
            _SEX,
            _EDUCATION,
            Entry("school", N_("School"), most=120),
            Entry("occupation", N_("Occupation"), most=80),
            Entry("phone", N_("Phone"), "tel", 40),
            Entry("blood_type", N_("Blood type"), most=10),
            _HOBBIES,
            Entry("member_id", N_("Account number, when a customer too"), "customer", 20),
            _REMARKS,
        ),
        lambda session, actor, customer_id, today: parts_queries.family(session, actor, customer_id, today=today),
        _family_line,
        (
            "users",
            N_("No family noted"),
            N_("Note relatives who are named in a call: the next agent will know of them."),
        ),
    ),
    "memorial-days": PartPage(
        parts.MEMORIAL_DAY,
        N_("Memorial days"),
        (
            Entry("title", N_("What is kept"), most=80, needed=True),
            Entry("day", N_("Day"), "day", needed=True),
            _REMARKS,
        ),
        lambda session, actor, customer_id, today: parts_queries.memorial_days(session, customer_id, today=today),
        _day_line,
        (
            "calendar-event",
            N_("No memorial day"),
            N_("Note a wedding day or another day that matters, solar or lunar."),
        ),
    ),
    "relations": PartPage(
        parts.RELATION,
        N_("Relations"),
        (
            Entry("other_id", N_("Account number of the other customer"), "customer", 20, needed=True),
            Entry("relation", N_("Is this customer's: neighbour, friend…"), most=40, needed=True),
            _REMARKS,
        ),
        lambda session, actor, customer_id, today: parts_queries.relations(session, customer_id, actor),
        _relation_line,
        (
            "arrows-left-right",
            N_("No relation noted"),
            N_("Link customers who know each other: friends bring friends."),
        ),
    ),
    "attitudes": PartPage(
        parts.ATTITUDE,
        N_("Attitudes"),
        (
            Entry("kind", N_("Kind"), "attitude_kind", needed=True),
            Entry("subject", N_("Product or service"), most=120),
            Entry("score", N_("Score, 1 to 5"), "number"),
            Entry("noted_on", N_("Date"), "date", needed=True),
            Entry("source", N_("Source"), most=80),
            Entry("value", N_("What the customer said"), "prose", 400),
        ),
        lambda session, actor, customer_id, today: parts_queries.attitudes(session, customer_id),
        _attitude_line,
        ("note", N_("No attitude noted"), N_("Note how content the customer is, and what he likes.")),
    ),
    "contacts": PartPage(
        parts.CONTACT,
        N_("Contacts"),
        (
            Entry("name", N_("Name"), most=120, needed=True),
            Entry("position", N_("Position"), most=80),
            Entry("department", N_("Department"), most=80),
            Entry("phone", N_("Phone"), "tel", 40),
            Entry("key_person", N_("Key person"), "check"),
            Entry("email", N_("E-mail"), most=200),
            Entry("wechat", N_("WeChat"), most=80),
            _SEX,
            _BIRTHDAY,
            _EDUCATION,
            Entry("personality", N_("Personality")),
            _HOBBIES,
            Entry("family", N_("Family")),
            Entry("abilities", N_("Abilities")),
            Entry("person_id", N_("Account number, when a customer too"), "customer", 20),
            _REMARKS,
        ),
        lambda session, actor, customer_id, today: parts_queries.contacts(session, actor, customer_id, today=today),
        _contact_line,
        ("users", N_("No contact yet"), N_("Note whom one speaks with here and who decides.")),
    ),
}


def _kinds(customer: CustomerView) -> list[str]:
    """An organisation's contacts take the place of a family."""
    organization = customer.kind is CustomerKind.ORGANIZATION
    return [kind for kind in PARTS if kind != ("family" if organization else "contacts")]


async def shown(
    session: AsyncSession, actor: Actor, customer: CustomerView, named: Callable[[str | None], str], today: date
) -> dict[str, SimpleNamespace]:
    """All of them, by kind."""
    return {kind: await one_kind(session, actor, customer.id, kind, named, today) for kind in _kinds(customer)}


async def tabs(session: AsyncSession, customer: CustomerView) -> list[tuple[str, str, int]]:
    """(kind, title, how many): what the card says of each before somebody opens it."""
    found = await parts_queries.counts(session, customer.id)
    return [(kind, _(PARTS[kind].title), found[PARTS[kind].part.table]) for kind in _kinds(customer)]


async def opened(
    session: AsyncSession, actor: Actor, customer_id: int, kind: str, named: Callable[[str | None], str], today: date
) -> SimpleNamespace:
    """One kind as its tab shows it; beside the relations stand those whom the customer brought."""
    one = await one_kind(session, actor, customer_id, kind, named, today)
    if kind == "relations":
        referred = await parts_queries.referred(session, actor, customer_id)
        one.referred = [(ids.show(found), name) for found, name in referred]
    return one


async def one_kind(
    session: AsyncSession,
    actor: Actor,
    customer_id: int,
    kind: str,
    named: Callable[[str | None], str],
    today: date,
) -> SimpleNamespace:
    page = PARTS[kind]
    rows = [page.line(one, named) for one in await page.read(session, actor, customer_id, today)]
    entries = [
        SimpleNamespace(
            name=entry.name,
            label=_(entry.label),
            kind="select" if entry.kind in WORDS else entry.kind,
            options=[(code, _(text)) for code, text in WORDS.get(entry.kind, {}).items()],
            most=entry.most,
            needed=entry.needed,
            names=DAY if entry.name == "day" else BIRTH,
        )
        for entry in page.entries
    ]
    icon, title, text = page.empty
    empty = (icon, _(title), _(text))
    return SimpleNamespace(
        kind=kind,
        title=_(page.title),
        rows=rows,
        entries=entries,
        empty=empty,
        today=today.isoformat(),
        referred=[],
    )


@routes.get("/customers/{id}/{kind:family|memorial-days|relations|attitudes|contacts}")
async def open_tab(request: web.Request) -> web.StreamResponse:
    """What a tab of the card fetches when it is opened; as a page of its own it is the card with this tab open."""
    actor, kind = actor_of(request, Action.CUSTOMER_READ), request.match_info["kind"]
    if not partial(request):
        return see_other(f"/customers/{request.match_info['id']}?tab={kind}")
    customer_id, context = ids.parse(request.match_info["id"]), context_of(request)
    answer = await _fragment(request, actor, customer_id, kind, None, Errors())
    context.reads.note(customer_id, actor.user_id, context.clock.now())  # it is reached without the card too
    return answer


@routes.post("/customers/{id}/{kind:family|memorial-days|relations|attitudes|contacts}")
async def add(request: web.Request) -> web.StreamResponse:
    return await _write(request, None)


@routes.post("/customers/{id}/{kind:family|memorial-days|relations|attitudes|contacts}/{part}")
async def change(request: web.Request) -> web.StreamResponse:
    return await _write(request, ids.parse(request.match_info["part"]))


@routes.post("/customers/{id}/{kind:family|memorial-days|relations|attitudes|contacts}/{part}/remove")
async def remove(request: web.Request) -> web.StreamResponse:
    actor, kind = actor_of(request, Action.CUSTOMER_WRITE), request.match_info["kind"]
    customer_id, row_id = ids.parse(request.match_info["id"]), ids.parse(request.match_info["part"])
    async with context_of(request).db.uow() as uow:
        await parts.remove(uow, PARTS[kind].part, customer_id, row_id, by=actor)
    return see_other(f"/customers/{request.match_info['id']}?tab={kind}")


async def _write(request: web.Request, row_id: int | None) -> web.StreamResponse:
    """Without a script a wrong entry is refused with the page of errors, else above the form that holds it."""
    actor, form = actor_of(request, Action.CUSTOMER_WRITE), await form_of(request)
    kind, customer_id = request.match_info["kind"], ids.parse(request.match_info["id"])
    page, context = PARTS[kind], context_of(request)
    problem, errors = None, Errors()
    try:
        async with context.db.uow() as uow:
            fields = await read_fields(uow.session, page.entries, form)
            if row_id is None:
                await parts.add(uow, page.part, customer_id, fields, by=actor)
            else:
                await parts.change(uow, page.part, customer_id, row_id, fields, by=actor)
    except CrmError as error:
        if not partial(request) or not error.errors:
            raise
        problem, errors = said(error), errors_of(error)
    if not partial(request):
        return see_other(f"/customers/{request.match_info['id']}?tab={kind}")
    return await _fragment(request, actor, customer_id, kind, problem, errors)


async def _fragment(
    request: web.Request, actor: Actor, customer_id: int, kind: str, problem: str | None, errors: Errors
) -> web.StreamResponse:
    context = context_of(request)
    today = context.clock.now().astimezone(context.settings.timezone).date()
    async with context.db.read() as session:
        await queries.customer(session, actor, customer_id, today=today)
        names = await Names.read(session)
        one = await opened(session, actor, customer_id, kind, lambda name: names.named(name) or "", today)
    return html(
        request,
        "customers/part.html",
        part=one,
        customer={"id": request.match_info["id"]},
        can_write=actor.may(Action.CUSTOMER_WRITE),
        problem=problem,
        errors=errors,
        no_errors=Errors(),
    )
