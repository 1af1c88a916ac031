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


NAVIGATION: Final = (
    Entry("/desk", N_("Desk"), Action.CALL_NOTE, needs_phone=True),
    Entry("/board", N_("Board"), Action.BOARD_WATCH),
    Entry("/calls", N_("Calls"), Action.CALL_READ),
    Entry("/missed", N_("Missed"), Action.MISSED_CLAIM),
    Entry("/customers", N_("Customers"), Action.CUSTOMER_READ),
    Entry("/talktime", N_("Talk time"), Action.REPORT_TALK_TIME),
    Entry("/admin/users", N_("Users"), Action.USER_MANAGE),
    Entry("/admin/organization", N_("Organisation"), Action.USER_MANAGE),
    Entry("/admin/pbx", N_("PBX"), Action.PBX_MANAGE),
    Entry("/admin/settings", N_("Settings"), Action.SETTING_WRITE),
)


def entries(actor: Actor) -> list[Entry]:
    """What this user may open, in the menu's order."""
    return [e for e in NAVIGATION if actor.may(e.right) and (not e.needs_phone or actor.extension)]


def start_page(actor: Actor) -> str:
    """Where a log-in leads: the first page of the menu."""
    found = entries(actor)
    return found[0].href if found else "/customers"
