"""A customer as the templates show one: what matters at a glance first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

from crm_core.calls.views import CallView
from crm_core.customers import completeness, rules
from crm_core.customers.custom.rules import Definition
from crm_core.customers.kinds import Calendar, PurchaseState
from crm_core.customers.lookup_queries import NumberMatch
from crm_core.customers.search.lines import CustomerLine
from crm_core.customers.views import CustomerView, FamilyView
from crm_core.kernel import ids
from crm_core.kernel.texts import N_
from web.i18n import gettext as _
from web.pages import customer_form
from web.pages.customer_form import day_text
from web.pages.customer_groups import CUSTOM
from web.pages.filters import duration, filters
from web.pages.people import Names
from web.pages.words import word

_SOON = rules.BIRTHDAY_SOON_DAYS
Badge = tuple[str, str, str | None]


def place(customer: CustomerView | CustomerLine) -> str:
    """Where the customer lives, from large to small; a municipality is province and city in one and stands once."""
    province, city = customer.province or "", customer.city or ""
    if province.removesuffix("市") == city.removesuffix("市"):
        city = ""
    return " ".join(part for part in (province, city, customer.district) if part)


def row(customer: CustomerView, names: Names) -> dict[str, Any]:
    """One line of a list."""
    return {
        "id": ids.show(customer.id),
        "name": customer.name,
        "form_of_address": customer.form_of_address,
        "phone": customer.phones[0].number if customer.phones else None,
        "place": place(customer),
        "owner": names.named(customer.owner),
        "type": customer.type,
        "account_number": customer.account_number,
    }


def card(
    customer: CustomerView,
    calls: Sequence[CallView],
    names: Names,
    today: date,
    zone: ZoneInfo,
    *,
    own_calls: bool = False,
) -> dict[str, Any]:
    """Everything of a customer's page and of the desk's card, but the timeline; ``own_calls`` are the reader's only."""
    return row(customer, names) | {
        "version": customer.version,
        "sex": None if customer.sex is None else str(customer.sex),
        "facts": _facts(customer),
        "badges": _badges(customer, today),
        "why": [],
        "others": 0,
        "do_not_call": customer.do_not_call,
        "taboos": customer.taboos,
        "numbers": _numbers(customer, calls, names, zone, own_calls),
        "phones": [
            {
                "id": ids.show(phone.id),
                "number": phone.number,
                "kind": str(phone.kind),
                "primary": phone.primary,
                "state": str(phone.state),
                "masked": phone.masked,
                "tries": phone.failed_tries,
                "where": " ".join(part for part in (phone.region, phone.carrier) if part),
            }
            for phone in customer.phones
        ],
        "details": _details(customer, names, zone),
    }


def _facts(customer: CustomerView) -> list[str]:
    facts = [] if customer.sex is None else [word("sex", customer.sex)]
    if customer.age is not None:
        facts.append(_("%(n)s years") % {"n": customer.age})
    return [*facts, *([customer.occupation] if customer.occupation else [])]


def _badges(customer: CustomerView, today: date) -> list[Badge]:
    badges: list[Badge] = []
    if customer.type:
        badges.append((customer.type, "warn", None))
    if customer.membership:
        badges.append((customer.membership, "wrap", None))
    if place(customer):
        badges.append((place(customer), "plain", None))
    if customer.next_birthday is not None and (days := (customer.next_birthday - today).days) <= _SOON:
        text = _("Birthday today") if days == 0 else _("Birthday in %(n)s days") % {"n": days}
        badges.append((text, "info", "calendar-event"))
    if customer.purchase_state != PurchaseState.NONE:
        badges.append((word("purchase_state", customer.purchase_state), "ok", None))
    if customer.retention_state is not None:
        badges.append((word("retention_state", customer.retention_state), "plain", None))
    if customer.grade:
        badges.append((customer.grade, "warn", None))
    return badges


def freshness(customer: CustomerView, today: date, after_days: int, zone: ZoneInfo) -> SimpleNamespace:
    """How complete the record is, what to ask for next, and whether somebody should ask if it is still right."""
    missing = [_(PARTS[part]) for part in (customer.missing or ())[:3]]
    checked_at = customer.verified_at
    return SimpleNamespace(
        share=customer.completeness,
        missing=missing,
        stale=completeness.is_stale(checked_at, customer.created_at, today, after_days),
        checked=None if checked_at is None else checked_at.astimezone(zone).date().isoformat(),
        by=customer.verified_by,
    )


# What a record lacks, in the words of the card.
PARTS = {
    "phone": N_("Phone"),
    "birthday": N_("Birthday"),
    "address": N_("Address"),
    "sex": N_("Sex"),
    "id_card": N_("ID card"),
    "source": N_("Source"),
    "occupation": N_("Occupation"),
    "best_time": N_("Best time to call"),
    "online": N_("E-mail or WeChat"),
    "marital_state": N_("Marital state"),
    "education": N_("Education"),
    "economic_state": N_("Economic state"),
    "health": N_("Health"),
    "interests": N_("Hobbies"),
    "contacts": N_("Contacts"),
    "industry": N_("Industry"),
    "credit_code": N_("Social credit code"),
    "legal_form": N_("Legal form"),
    "head_count": N_("Head count"),
    "credit_terms": N_("Credit terms"),
}


def _numbers(
    customer: CustomerView, calls: Sequence[CallView], names: Names, zone: ZoneInfo, own_calls: bool
) -> list[SimpleNamespace]:
    """The four figures of the card: last call, calls, progress, owner."""
    ago = filters(zone)["ago"]
    last = next((call for call in calls if call.talk_seconds), None)
    who = "" if last is None or not last.agents else (names.phone(last.pbx, last.agents[-1]) or last.agents[-1])
    talk = "" if last is None else duration(last.talk_seconds)
    stage = next((call.progress for call in calls if call.progress), None)
    missed = sum(str(call.status) in ("missed", "abandoned") for call in calls)
    count = f"{len(calls)}+" if len(calls) == RECENT else str(len(calls))
    return [
        SimpleNamespace(
            label=_("Last talk with you") if own_calls else _("Last talk"),
            value=ago(last.started_at if last else None),
            note=" · ".join(part for part in (who, talk) if part),
            tone=None,
        ),
        SimpleNamespace(
            label=_("Calls with you") if own_calls else _("Calls"),
            value=count,
            note=_("%(n)s missed") % {"n": missed},
            tone=None,
        ),
        SimpleNamespace(
            label=_("Progress"),
            value=f"{stage}%" if stage else "–",
            note=word("progress", stage) if stage else "",
            tone="ok" if stage == 100 else None,
        ),
        SimpleNamespace(
            label=_("Owner"), value=names.named(customer.owner) or "–", note=customer.department or "", tone=None
        ),
    ]


RECENT = 20  # calls that a card reads; a "+" says that there are more


def _details(customer: CustomerView, names: Names, zone: ZoneInfo) -> list[tuple[str, str | None]]:
    """What is on record about the record itself."""
    day = filters(zone)["day"]
    entered = (day(customer.created_at), names.named(customer.entered_by))
    centres = (customer.centre, customer.profit_centre, customer.service_centre)
    return [
        (_("Account number"), customer.account_number),
        (_("Department"), customer.department),
        (_("Centres"), " · ".join(dict.fromkeys(one for one in centres if one))),
        (_("Record"), word("record_state", customer.record_state)),
        (_("Entered"), " · ".join(part for part in entered if part)),
        (_("Last changed"), day(customer.updated_at)),
        (_("Allocated on"), None if customer.allocated_at is None else day(customer.allocated_at)),
        (_("Last contact"), None if customer.last_contact_at is None else day(customer.last_contact_at)),
    ]


def _birthday(customer: CustomerView) -> str | None:
    """As it was given, with the same day of the other calendar."""
    text = day_text(
        customer.birth_calendar, customer.birth_year, customer.birth_month, customer.birth_day, customer.birth_leap
    )
    if text is None:
        return None
    lunar = customer.lunar_birthday
    if customer.birth_calendar is Calendar.LUNAR:
        other = None if customer.solar_birthday is None else customer.solar_birthday.isoformat()
    else:
        other = None if lunar is None else day_text(Calendar.LUNAR, lunar.year, lunar.month, lunar.day, lunar.leap)
    return text if other is None else f"{text} = {other}"


def sections(customer: CustomerView, own: Sequence[Definition]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Everything that is known, group by group; what is not known takes no room."""
    referrer = customer.referred_by
    if customer.referred_by_id is not None and referrer is None:
        referrer = _("A customer not within your reach")
    values = customer_form.values_of(customer, referrer) | {"birthday": _birthday(customer)}
    values |= {
        "referred_by_id": referrer,
        "id_card": None,
        "name": None,
        "type": None,
        "source": None,
        "do_not_call": None,
        "taboos": None,
    }
    by_code = {one.code: one for one in own}
    found = []
    for group in customer_form.groups(customer.kind, medical=not customer.medical_hidden, own=own):
        lines = [
            (entry.label, text)
            for entry in group.entries
            if (text := customer_form.said_value(entry, _own_text(entry.name, values.get(entry.name), by_code)))
        ]
        if lines:
            found.append((group.title, lines))
    return found


def _own_text(name: str, value: Any, own: dict[str, Definition]) -> Any:
    is_own = name.startswith(CUSTOM) and value is not None
    return customer_form.shown_value(name, value, own) if is_own else value


def brief(match: NumberMatch) -> dict[str, Any]:
    """Somebody else's customer on the line: what the agent must know to speak, and no more."""
    badges: list[Badge] = [(text, "warn", None) for text in (match.type,) if text]
    owner = match.owner_display_name or match.owner_name
    return {
        "id": ids.show(match.customer_id),
        "name": match.name,
        "form_of_address": match.form_of_address,
        "facts": [] if match.sex is None else [word("sex", match.sex)],
        "badges": badges,
        "why": [],
        "others": 0,
        "do_not_call": match.do_not_call,
        "taboos": match.taboos,
        "numbers": [SimpleNamespace(label=_("Owner"), value=owner or "–", note="", tone=None)],
    }


def relative(one: FamilyView) -> dict[str, Any]:
    """A line of the family: who, how related, born when, and the card of one who is a customer too."""
    return {
        "name": one.name,
        "relation": one.relation,
        "birth_year": one.birth_year,
        "customer_id": None if one.member_id is None else ids.show(one.member_id),
    }
