"""Reads the form of one of what a customer has several of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers import queries
from crm_core.kernel.errors import Rejected
from web.pages.customer_form import read_day
from web.pages.customer_groups import BIRTH, Entry

DAY: Final = ("calendar", "year", "month", "day", "leap")


async def read_fields(session: AsyncSession, entries: Sequence[Entry], form: dict[str, str]) -> dict[str, Any]:
    """The form's fields as the core takes them; wrong numbers stay text and are refused there."""
    fields: dict[str, Any] = {}
    for entry in entries:
        text = form.get(entry.name, "")
        if entry.kind == "day":
            fields |= read_day(form, DAY if entry.name == "day" else BIRTH)
        elif entry.kind == "check":
            fields[entry.name] = entry.name in form
        elif entry.kind == "number":
            fields[entry.name] = int(text) if text.isdecimal() else text or None
        elif entry.kind == "date":
            fields[entry.name] = _date(entry.name, text)
        elif entry.kind == "customer":
            fields[entry.name] = await _customer(session, entry.name, text)
        else:
            fields[entry.name] = text or None
    return fields


def _date(name: str, text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Rejected("part_invalid", "Please correct the date.", errors={name: "must be a date"}) from None


async def _customer(session: AsyncSession, name: str, account_number: str) -> int | None:
    if not account_number:
        return None
    found = await queries.id_of_account(session, account_number)
    if found is None:
        raise Rejected("part_invalid", "There is no such customer.", errors={name: "there is no such customer"})
    return found
