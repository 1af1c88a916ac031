"""The main menu: each entry with the right that opens it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from crm_core.kernel.texts import N_
from crm_core.organization.access import Action, Actor


@dataclass(frozen=True, slots=True)
class Entry:
    href: str
    text: str
    right: Action
    needs_phone: bool = False
    unless: Action | None = None  # who has this right finds the page elsewhere: under Allocation, say
    group: str = ""  # opens under this word, unless it is the only one there that the user may open


_DATA, _REPORTS, _ADMINISTRATION = N_("Customer data"), N_("Reports"), N_("Administration")
NAVIGATION: Final = (
    Entry("/desk", N_("Desk"), Action.CALL_NOTE, needs_phone=True),
    Entry("/board", N_("Board"), Action.BOARD_WATCH),
    Entry("/calls", N_("Calls"), Action.CALL_READ),
    Entry("/missed", N_("Missed"), Action.MISSED_CLAIM),
    Entry("/customers", N_("Customers"), Action.CUSTOMER_READ),
    Entry("/service", N_("Service entry"), Action.CUSTOMER_READ, group=_DATA),
    Entry("/allocation", N_("Allocation"), Action.CUSTOMER_ASSIGN, group=_DATA),
    Entry("/allocation/received", N_("Given to me"), Action.CALL_DIAL, unless=Action.CUSTOMER_ASSIGN, group=_DATA),
    Entry("/intake", N_("Registrations"), Action.INTAKE_HAND_IN, group=_DATA),
    Entry("/duplicates", N_("Duplicates"), Action.CUSTOMER_MERGE, group=_DATA),
    Entry("/imports", N_("Imports"), Action.CUSTOMER_IMPORT, group=_DATA),
    Entry("/exports", N_("Exports"), Action.CUSTOMER_EXPORT, group=_DATA),
    Entry("/jobs", N_("Long work"), Action.CUSTOMER_IMPORT, group=_DATA),
    Entry("/talktime", N_("Talk time"), Action.REPORT_TALK_TIME, group=_REPORTS),
    Entry("/classification", N_("Customer flows"), Action.REPORT_CUSTOMERS, group=_REPORTS),
    Entry("/admin/users", N_("Users"), Action.USER_MANAGE, group=_ADMINISTRATION),
    Entry("/admin/organization", N_("Organisation"), Action.USER_MANAGE, group=_ADMINISTRATION),
    Entry("/admin/pbx", N_("PBX"), Action.PBX_MANAGE, group=_ADMINISTRATION),
    Entry("/admin/classification", N_("States and grades"), Action.SETTING_WRITE, group=_ADMINISTRATION),
    Entry("/admin/fields", N_("Own fields"), Action.SETTING_WRITE, group=_ADMINISTRATION),
    Entry("/audit", N_("Audit log"), Action.AUDIT_READ, group=_ADMINISTRATION),
    Entry("/admin/settings", N_("Settings"), Action.SETTING_WRITE, group=_ADMINISTRATION),
)


def entries(actor: Actor) -> list[Entry]:
    """What this user may open, in the menu's order."""
    return [
        e
        for e in NAVIGATION
        if actor.may(e.right)
        and (not e.needs_phone or actor.extension)
        and (e.unless is None or not actor.may(e.unless))
    ]


def start_page(actor: Actor) -> str:
    """Where a log-in leads: the first page of the menu."""
    found = entries(actor)
    return found[0].href if found else "/customers"
