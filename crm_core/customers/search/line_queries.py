"""Reads the lines of a list, and what a search has to know to be sure of them: each statement for the whole page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

import orjson

from crm_core.customers import identity, sealed
from crm_core.customers.kinds import Calendar, PurchaseState, RecordState, RetentionState
from crm_core.customers.queries import masked_number
from crm_core.customers.search.facts_queries import CARD_FIELD, FRAGMENT
from crm_core.customers.search.lines import CustomerLine
from crm_core.customers.search.tokens import ID_END, Facts
from crm_core.db.trips import Piece, Rows, Spelling, Steps, instant
from crm_core.kernel.phone import national
from crm_core.kernel.sealing import KeyRing

_SHOWN: Final = (
    "id", "name", "account_number", "form_of_address", "do_not_call", "province", "city", "district", "owner_id",
    "department_id", "type", "membership", "source", "purchase_state", "retention_state", "record_state",
    "birth_calendar", "birth_year", "birth_month", "birth_day", "birth_leap", "last_contact_at", "created_at",
    "pinyin", "initials",
)  # fmt: skip
_SEARCHED: Final = ("custom", "id_card_sealed")
_AT: Final = {name: place for place, name in enumerate((*_SHOWN, *_SEARCHED))}
_CALENDAR: Final = {str(one): one for one in Calendar}
_LINE = f"SELECT {', '.join(_SHOWN)} FROM customers WHERE id "  # noqa: S608
_MARKS = f"SELECT {', '.join((*_SHOWN, *_SEARCHED))} FROM customers WHERE id "  # noqa: S608
_PHONES = "SELECT customer_id, number, e164, reversed_digits FROM customer_phones WHERE customer_id "
_NUMBERS = "SELECT customer_id, number FROM account_numbers WHERE customer_id "

Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Known:
    """What was read of a customer: his row, and (number as given, E.164, digits backwards) of each phone."""

    row: Row
    phones: Sequence[tuple[str, str | None, str]]
    numbers: Sequence[str] = ()

    @property
    def id(self) -> int:
        return int(self.row[0])


def known(ids: Sequence[int], spelling: Spelling, *, marks: bool = False) -> Steps[dict[int, Known]]:
    """The customers that there are; with ``marks`` also card, ID card and every account number."""
    among = spelling.among(ids)
    rows = yield Piece((_MARKS if marks else _LINE) + among.sql, among.values)
    phones = yield Piece(f"{_PHONES}{among.sql} ORDER BY customer_id, position, id", among.values)
    numbers = (yield Piece(_NUMBERS + among.sql, among.values)) if marks else ()
    of_phone: dict[int, list[tuple[str, str | None, str]]] = {}
    for customer_id, number, e164, backwards in phones:
        of_phone.setdefault(customer_id, []).append((number, e164, backwards))
    of_number: dict[int, list[str]] = {}
    for customer_id, number in numbers:
        of_number.setdefault(customer_id, []).append(number)
    return {row[0]: Known(row, of_phone.get(row[0], ()), of_number.get(row[0], ())) for row in rows}


def after(last: int, limit: int, spelling: Spelling) -> Steps[list[Known]]:
    """The next customers of the base by id, with their marks: for a walk through all of it."""
    ids = [row[0] for row in (yield Piece("SELECT id FROM customers WHERE id > ? ORDER BY id LIMIT ?", (last, limit)))]
    if not ids:
        return []
    found = yield from known(ids, spelling, marks=True)
    return [found[customer_id] for customer_id in ids if customer_id in found]


def facts(one: Known, ring: KeyRing | None, *, to_index: bool = False) -> Facts:
    """What the search compares, the ID card only with a ``ring``; with its keyed fragments ``to_index``."""
    row = one.row
    wide = len(row) > len(_SHOWN)
    own = row[_AT["custom"]] if wide and CARD_FIELD in row[_AT["custom"]] else {}
    card = (own if isinstance(own, dict) else orjson.loads(own)).get(CARD_FIELD)
    hidden = row[_AT["id_card_sealed"]] if wide and ring is not None else None
    id_card = sealed.open_id_card(ring, row[0], hidden) if ring is not None and hidden else None
    cut = id_card + ID_END if to_index and id_card else ""
    return Facts(
        id=row[0],
        name=row[_AT["name"]],
        pinyin=row[_AT["pinyin"]],
        initials=row[_AT["initials"]],
        created_at=_moment(row[_AT["created_at"]]),
        numbers=(row[_AT["account_number"]], *one.numbers, *([str(card)] if card else [])),
        phones=tuple(national(e164) if e164 else backwards[::-1] for _, e164, backwards in one.phones),
        birth_calendar=_CALENDAR.get(row[_AT["birth_calendar"]]),
        birth_year=row[_AT["birth_year"]],
        birth_month=row[_AT["birth_month"]],
        birth_day=row[_AT["birth_day"]],
        id_card=tuple(ring.fragments(cut, sealed.ID_CARD, FRAGMENT)) if ring is not None and cut else (),
        id_card_plain=id_card,
    )


def lines(found: Sequence[Known], spelling: Spelling, *, masked: bool, today: date) -> Steps[list[CustomerLine]]:
    """As people read them, names instead of ids."""
    owners = yield from _named("SELECT id, name, display_name FROM users WHERE id ", found, "owner_id", spelling)
    places = yield from _named("SELECT id, name FROM departments WHERE id ", found, "department_id", spelling)
    return [_line(one, owners, places, masked, today) for one in found]


def _named(sql: str, found: Iterable[Known], column: str, spelling: Spelling) -> Steps[Mapping[int, Row]]:
    wanted = sorted({one.row[_AT[column]] for one in found} - {None})
    if not wanted:
        return {}
    among = spelling.among(wanted)
    rows: Rows = yield Piece(sql + among.sql, among.values)
    return {row[0]: row for row in rows}


def _line(
    one: Known, owners: Mapping[int, Row], departments: Mapping[int, Row], masked: bool, today: date
) -> CustomerLine:
    values = dict(zip(_SHOWN, one.row, strict=False))
    owner, department = owners.get(values.pop("owner_id")), departments.get(values.pop("department_id"))
    del values["pinyin"], values["initials"]
    values["birth_calendar"] = _CALENDAR.get(values["birth_calendar"])
    values["birth_leap"], values["do_not_call"] = bool(values["birth_leap"]), bool(values["do_not_call"])
    values["purchase_state"] = PurchaseState(values["purchase_state"])
    values["record_state"] = RecordState(values["record_state"])
    values["retention_state"] = RetentionState(values["retention_state"]) if values["retention_state"] else None
    values["last_contact_at"] = instant(values["last_contact_at"])
    values["created_at"] = _moment(values["created_at"])
    phone = one.phones[0] if one.phones else None
    number = None if phone is None else masked_number(phone[0], phone[1]) if masked else phone[0]
    return CustomerLine(
        **values,
        owner=owner[1] if owner else None,
        owner_name=(owner[2] or owner[1]) if owner else None,
        department=department[1] if department else None,
        age=identity.age(values, identity.solar_birthday(values), today),
        phone=number,
    )


def _moment(value: Any) -> datetime:
    return instant(value) or datetime.min.replace(tzinfo=UTC)
