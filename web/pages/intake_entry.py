"""The entry page: everything by keyboard, sheet after sheet."""

from __future__ import annotations

from typing import Any, Final
from zoneinfo import ZoneInfo

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.custom import queries as custom
from crm_core.customers.custom.rules import Definition
from crm_core.customers.intake import queries
from crm_core.customers.intake.kinds import OPEN
from crm_core.customers.intake.views import EntryView, RegistrationView
from crm_core.kernel import ids, places
from crm_core.kernel.texts import N_
from crm_core.organization import queries as organization
from crm_core.organization.access import Action, Actor
from web.auth import actor_of
from web.context import context_of
from web.i18n import gettext as _
from web.i18n import language
from web.pages.filters import filters
from web.pages.frame import html
from web.pages.preferred import preferred
from web.pages.words import problem_text

routes = web.RouteTableDef()
# Why somebody may be the one who is being typed, in the words of the entry page.
REASONS: Final = {
    "id_card": N_("Same ID card"),
    "phone": N_("Same phone"),
    "name": N_("Same name"),
    "name_sounds_alike": N_("Name sounds alike"),
    "name_mistyped": N_("Name nearly the same"),
    "birthday": N_("Same birthday"),
    "birthday_alike": N_("Birthday nearly the same"),
    "address": N_("Same address"),
    "other_id_card": N_("Another ID card"),
    "other_name": N_("Another name"),
    "other_sex": N_("Other sex"),
    "other_birthday": N_("Another birthday"),
    "other_kind": N_("Not of the same kind"),
}
_TEXTS: Final = {
    "saved": N_("Saved: %(name)s, account number %(account)s"),
    "added": N_("Added to %(name)s, account number %(account)s"),
    "duplicate": N_(
        "Somebody alike is stored already. Alt and its digit opens it; Ctrl+Enter once more stores a new one."
    ),
    "not_saved": N_("Not saved: %(why)s"),
    "queue_empty": N_("Nothing waits: all sheets are entered."),
    "opened": N_("Adds to %(name)s, %(account)s. Esc goes back to a new customer."),
    "not_one": N_("%(count)s customers fit; type more of it."),
    "nobody": N_("Nobody is found; enter a new customer."),
    "hidden": N_("Known in the house, not within your reach"),
    "restored": N_("Your draft was kept."),
    "reason": N_("Why? Type it here and press Enter."),
    "parked": N_("Laid aside."),
    "rejected": N_("Refused."),
    "birthday_wrong": N_("Year, month and day, as in 1953-8-15 or 19530815"),
    "sheet_gone": N_("A colleague has this sheet now; what you typed is kept."),
    "empty": N_("Type a name first."),
    "nothing_changed": N_("Nothing was added."),
    "no_phone": N_("This is no phone number (%(count)s digits)."),
}


# What the core says of a single field, word by word; the page shows it in the reader's language.
_SAID: Final = (
    N_("has 18 digits, or 15 when it is an old one"),
    N_("holds something that is no digit"),
    N_("begins with no place that issues ID cards"),
    N_("holds a day of birth that does not exist"),
    N_("its last digit does not fit the others: one of them is wrong"),
    N_("was damaged by a spreadsheet: type it again from the card"),
    N_("is no ID card number"),
    N_("contradicts the ID card"),
    N_("belongs to another customer already"),
    N_("a day needs its month"),
    N_("only the lunar calendar has leap months"),
    N_("there is no such day"),
    N_("lies in the future"),
    N_("a lunar month has at most 30 days"),
    N_("this lunar year has no such leap month"),
    N_("this lunar month has no 30th day"),
    N_("holds several numbers: give each a field of its own"),
    N_("there is no such province"),
    N_("there is no such city in this province"),
    N_("there is no such district in this city"),
    N_("must not be empty"),
    N_("must be a number"),
    N_("there is no such department"),
)
_PROBLEMS: Final = (
    "customer_invalid",
    "phone_invalid",
    "stale",
    "entry_taken",
    "entry_finished",
    "intake_reason_missing",
    "customer_not_found",
    "not_allowed",
    "invalid_input",
    "id_card_taken",
)
_MOST_PEOPLE: Final = 500
# How the browser asks for an own field; the others are typed as text.
_INPUTS: Final = {"number": "number", "money": "number", "date": "date"}


@routes.get("/intake/enter")
async def enter(request: web.Request) -> web.StreamResponse:
    actor, context = actor_of(request, Action.CUSTOMER_WRITE), context_of(request)
    zone = context.settings.timezone
    async with context.db.read() as session:
        people = await organization.people(session)
        own = await custom.definitions(session)
        sheet = await _sheet(request, session, actor)
        departments = await _departments(session, actor)
    settings = {
        "user": ids.show(actor.user_id or 0),
        "texts": {name: _(text) for name, text in _TEXTS.items()},
        "reasons": {name: _(text) for name, text in REASONS.items()},
        "sentences": {sentence: _(sentence) for sentence in _SAID},
        "problems": {code: text for code in _PROBLEMS if (text := problem_text(code, ""))},
        "sheet": sheet,
        "queue": actor.may(Action.INTAKE_ENTER),
        "today": context.clock.now().astimezone(zone).date().isoformat(),
        "collector": actor.display_name,
    }
    return html(
        request,
        "intake/enter.html",
        settings=settings,
        sources=sources(),
        departments=[(name, name) for name in departments],
        people=sorted({display or name for _id, name, display in people})[:_MOST_PEOPLE],
        own_fields=[_own_field(one) for one in own],
        provinces=places.provinces(),
        may_take=actor.may(Action.INTAKE_ENTER),
    )


def _own_field(one: Definition) -> dict[str, Any]:
    return {
        "code": one.code,
        "label": one.label(language()),
        "type": str(one.type),
        "input": _INPUTS.get(one.type, "text"),
        "required": one.required,
        "choices": [(choice.code, choice.label(language())) for choice in one.choices if choice.active],
    }


def sources() -> list[tuple[str, str]]:
    """What is stored for each source of the list, and how the reader calls it."""
    return [(one.label("zh") or one.code, one.label(language()) or one.code) for one in preferred().sources]


def source_text(stored: str | None) -> str | None:
    """The reader's word for a stored source; one that is not in the list is shown as it is."""
    return next((shown for value, shown in sources() if value == stored), stored)


async def _departments(session: AsyncSession, actor: Actor) -> list[str]:
    """Those that the actor may enter customers for, the own one first."""
    reach = actor.departments(Action.CUSTOMER_WRITE)
    known = [d for d in await organization.departments(session) if reach is None or d.id in reach]
    return [d.name for d in sorted(known, key=lambda d: (d.id != actor.department_id, d.name))]


async def _sheet(request: web.Request, session: AsyncSession, actor: Actor) -> dict[str, Any] | None:
    """The sheet of the address as the script wants it, when it is still open."""
    wanted = request.query.get("entry")
    if not wanted or not actor.may(Action.INTAKE_ENTER):
        return None
    context, zone = context_of(request), context_of(request).settings.timezone
    now = context.clock.now()
    sheet = await queries.entry(session, actor, ids.parse(wanted), now=now, action=Action.INTAKE_ENTER)
    if sheet.state not in OPEN:
        return None
    stack = await queries.registration(
        session, actor, sheet.registration_id, now=now, today=now.astimezone(zone).date(), rules=preferred().intake
    )
    return shown_sheet(sheet, stack, zone)


def shown_sheet(sheet: EntryView, stack: RegistrationView, zone: ZoneInfo) -> dict[str, Any]:
    """What the clerk needs of a sheet: where its paper lies, and what is filled in already."""
    when = filters(zone)["when"]
    return {
        "id": ids.show(sheet.id),
        "name": sheet.name or "",
        "phone": sheet.phone or "",
        "note": sheet.note or "",
        "collected_by": stack.collected_by,
        "collected_at": (stack.collected_at or stack.business_day).isoformat(),
        "department": stack.department or "",
        "source": stack.source or "",
        "where": _("Sheet %(n)s of %(sheets)s, handed in %(when)s by %(who)s")
        % {"n": sheet.position, "sheets": stack.sheets, "when": when(stack.handed_in_at), "who": stack.collected_by},
    }
