"""A line of the customer list: each column's value as people read it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Final
from urllib.parse import urlencode

from crm_core.customers.kinds import Calendar
from crm_core.customers.search.lines import CustomerLine
from crm_core.kernel import ids
from web.i18n import gettext as _
from web.pages.customer_shape import place
from web.pages.filters import NONE, phone
from web.pages.words import word

NARROW: Final = frozenset({"phone", "account_number", "birthday", "age", "created_at", "last_contact_at"})


def link(path: str, fields: Sequence[tuple[str, str | None]]) -> str:
    """An address with fields, some of them several times."""
    given = [(name, value) for name, value in fields if value]
    return f"{path}?{urlencode(given)}" if given else path


def line(customer: CustomerLine, columns: Sequence[str]) -> SimpleNamespace:
    """The customer with the cells of these columns; a cell is (code, text or instant)."""
    return SimpleNamespace(
        id=ids.show(customer.id),
        name=customer.name,
        form_of_address=customer.form_of_address,
        do_not_call=customer.do_not_call,
        cells=[(code, _CELLS[code](customer)) for code in columns],
    )


def _birthday(customer: CustomerLine) -> str:
    if customer.birth_month is None or customer.birth_day is None:
        return NONE
    text = f"{customer.birth_year or '?'}-{customer.birth_month:02d}-{customer.birth_day:02d}"
    return f"{text} ({_('lunar')})" if customer.birth_calendar is Calendar.LUNAR else text


def _phone(customer: CustomerLine) -> str:
    return phone(customer.phone) if customer.phone else NONE


def _state(kind: str) -> Callable[[CustomerLine], str]:
    return lambda customer: word(kind, getattr(customer, kind)) if getattr(customer, kind) else NONE


def _plain(name: str) -> Callable[[CustomerLine], object]:
    return lambda customer: getattr(customer, name)


_CELLS: Final[dict[str, Callable[[CustomerLine], object]]] = {
    "phone": _phone,
    "place": lambda customer: place(customer) or NONE,
    "owner": lambda customer: customer.owner_name or NONE,
    "birthday": _birthday,
    "purchase_state": _state("purchase_state"),
    "retention_state": _state("retention_state"),
    "record_state": _state("record_state"),
    **{name: _plain(name) for name in ("department", "type", "membership", "source", "age", "account_number")},
    **{name: _plain(name) for name in ("last_contact_at", "created_at")},
}
