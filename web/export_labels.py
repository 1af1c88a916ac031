"""The asker's words for an export: it is written where there is no catalogue."""

from __future__ import annotations

from typing import Final

from crm_core.customers.protection.columns import COLUMNS
from crm_core.customers.protection.exporting import NOTE
from crm_core.kernel.texts import N_
from web.i18n import gettext

_VALUES: Final = {
    "person": N_("Person"),
    "organization": N_("Organisation"),
    "male": N_("Male"),
    "female": N_("Female"),
    "solar": N_("Solar"),
    "lunar": N_("Lunar"),
    "yes": N_("Yes"),
    "no": N_("No"),
    "none": N_("Never bought"),
    "first": N_("First purchase"),
    "repeat": N_("Bought again"),
    "in_use": N_("In use"),
    "stopped": N_("Stopped using"),
    "lost": N_("Lost"),
    "returned": N_("Returned"),
    "new": N_("New"),
    "changed": N_("Changed"),
    "allocated": N_("Allocated"),
}
_PERSONAL: Final = {
    "customers": N_("Customer"),
    "customer_phones": N_("Phones"),
    "customer_notes": N_("Notes"),
    "family_members": N_("Family"),
    "person_details": N_("Details"),
    "memorial_days": N_("Memorial days"),
    "customer_relations": N_("Relations"),
    "customer_attitudes": N_("Attitudes"),
    "owner_changes": N_("Transfers"),
    "consents": N_("Consents"),
    "card_reads": N_("Who opened the card"),
    "calls": N_("Calls"),
    "call_notes": N_("Notes of calls"),
    "recordings": N_("Recordings"),
    "audit": N_("What was done with the data"),
}
_TITLES: Final = (NOTE, N_("Customers"), N_("Personal data"))


def labels() -> dict[str, str]:
    """In the language of the running request: titles by their English, values and subjects by their codes."""
    found = {text: gettext(text) for text in (*_TITLES, *(column.title for column in COLUMNS.values()))}
    return found | {code: gettext(text) for code, text in {**_VALUES, **_PERSONAL}.items()}
