"""The columns that a list of customers can show (pure); a role sees masked in a list what it sees masked elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from crm_core.kernel.errors import Rejected
from crm_core.kernel.texts import N_

COLUMNS: Final[dict[str, str]] = {
    "phone": N_("Phone"),
    "place": N_("Place"),
    "owner": N_("Owner"),
    "department": N_("Department"),
    "type": N_("Type"),
    "membership": N_("Membership"),
    "source": N_("Source"),
    "purchase_state": N_("Purchases"),
    "retention_state": N_("Retention"),
    "record_state": N_("Record"),
    "birthday": N_("Birthday"),
    "age": N_("Age"),
    "last_contact_at": N_("Last contact"),
    "created_at": N_("Entered"),
    "account_number": N_("Account number"),
}
USUAL: Final = ("phone", "place", "owner", "type", "last_contact_at", "account_number")
_MOST: Final = 12


def checked_columns(codes: Sequence[str]) -> list[str]:
    """Each once, the usual ones for none. Raises Rejected that names the wrong ones."""
    wrong = {f"columns.{n}": "there is no such column" for n, code in enumerate(codes) if code not in COLUMNS}
    if wrong:
        raise Rejected("bad_columns", "There is no such column.", errors=wrong)
    return list(dict.fromkeys(codes))[:_MOST] or list(USUAL)
