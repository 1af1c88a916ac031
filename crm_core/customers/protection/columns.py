"""The columns of an export: what they are called, and their value of a row as a spreadsheet takes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Final

from crm_core.customers.views import PhoneView
from crm_core.db.types import AnyRow
from crm_core.kernel.texts import N_

Cell = str | int | float | date | None
CUSTOM: Final = "custom."


@dataclass(frozen=True, slots=True)
class Source:
    """What a row of the export is made of; numbers and ID card are masked already for whom they are masked."""

    row: AnyRow
    phones: tuple[PhoneView, ...]
    id_card: str | None
    zone: tzinfo


def _plain(name: str) -> Callable[[Source], Cell]:
    def value(source: Source) -> Cell:
        found = getattr(source.row, name)
        return found if found is None or isinstance(found, str | int | float | date) else str(found)

    return value


def _day(name: str) -> Callable[[Source], Cell]:
    def value(source: Source) -> Cell:
        at = getattr(source.row, name)
        return at.astimezone(source.zone).date() if isinstance(at, datetime) else at

    return value


def _birthday(source: Source) -> Cell:
    row = source.row
    parts = [f"{row.birth_year:04}" if row.birth_year else "----"]
    parts += [f"{part:02}" if part else "--" for part in (row.birth_month, row.birth_day)]
    return None if row.birth_month is None and row.birth_year is None else "-".join(parts)


def _flag(name: str) -> Callable[[Source], Cell]:
    return lambda source: "yes" if getattr(source.row, name) else "no"


@dataclass(frozen=True, slots=True)
class Column:
    """``words``: its values are words of ours, which the asker's language has its own for."""

    title: str
    value: Callable[[Source], Cell]
    words: bool = False


COLUMNS: Final[Mapping[str, Column]] = {
    "account_number": Column(N_("Account number"), _plain("account_number")),
    "name": Column(N_("Name"), _plain("name")),
    "kind": Column(N_("Kind"), _plain("kind"), words=True),
    "sex": Column(N_("Sex"), _plain("sex"), words=True),
    "birthday": Column(N_("Birthday"), _birthday),
    "birth_calendar": Column(N_("Calendar"), _plain("birth_calendar"), words=True),
    "id_card": Column(N_("ID card"), lambda source: source.id_card),
    "phones": Column(N_("Phones"), lambda source: ", ".join(phone.number for phone in source.phones) or None),
    "address.province": Column(N_("Province"), _plain("province")),
    "address.city": Column(N_("City"), _plain("city")),
    "address.district": Column(N_("District"), _plain("district")),
    "address.community": Column(N_("Community"), _plain("community")),
    "address.street": Column(N_("Street"), _plain("street")),
    "address.postcode": Column(N_("Postcode"), _plain("postcode")),
    "owner": Column(N_("Owner"), _plain("owner")),
    "department": Column(N_("Department"), _plain("department")),
    "type": Column(N_("Type"), _plain("type")),
    "source": Column(N_("Source"), _plain("source")),
    "membership": Column(N_("Membership"), _plain("membership")),
    "grade": Column(N_("Grade"), _plain("grade")),
    "purchase_state": Column(N_("Purchase state"), _plain("purchase_state"), words=True),
    "retention_state": Column(N_("Retention state"), _plain("retention_state"), words=True),
    "record_state": Column(N_("Record state"), _plain("record_state"), words=True),
    "occupation": Column(N_("Occupation"), _plain("occupation")),
    "best_time": Column(N_("Best time"), _plain("best_time")),
    "do_not_call": Column(N_("Do not call"), _flag("do_not_call"), words=True),
    "remarks": Column(N_("Remarks"), _plain("remarks")),
    "collected_at": Column(N_("Collected on"), _day("collected_at")),
    "collected_by": Column(N_("Collected by"), _plain("collected_by")),
    "entered_by": Column(N_("Entered by"), _plain("entered_by")),
    "created_at": Column(N_("Registered on"), _day("created_at")),
}
USUAL: Final = ("account_number", "name", "sex", "birthday", "phones", "address.city", "owner", "type", "membership")


def column_of(code: str) -> Column | None:
    """The column of this code; own fields are ``custom.<code>``. None for one that there is not."""
    if code.startswith(CUSTOM) and len(code) <= len(CUSTOM) + 60:
        return Column(code.removeprefix(CUSTOM), _custom(code.removeprefix(CUSTOM)))
    return COLUMNS.get(code)


def _custom(code: str) -> Callable[[Source], Cell]:
    def value(source: Source) -> Cell:
        found = (source.row.custom or {}).get(code)
        if isinstance(found, list):
            return ", ".join(str(one) for one in found)
        return found if found is None or isinstance(found, str | int | float) else str(found)

    return value
