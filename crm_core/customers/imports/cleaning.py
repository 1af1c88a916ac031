"""A row of cells becomes the fields of a customer, with what is wrong and what is doubtful in each (pure).

Runs in a process of its own: what it gives is plain JSON.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, Final

import orjson

from crm_core.customers import addresses, completeness, identity, rules
from crm_core.customers.duplicates import keys as match_keys
from crm_core.customers.duplicates.rules import Facts
from crm_core.customers.imports import reading
from crm_core.customers.imports.fields import BY_NAME, CUSTOM
from crm_core.customers.imports.reading import Phone, Unclear
from crm_core.customers.imports.sheets import Cell
from crm_core.customers.kinds import CustomerKind
from crm_core.customers.pinyin import keys as pinyin_keys
from crm_core.customers.search import tokens as search
from crm_core.kernel import places
from crm_core.kernel.phone import national
from crm_core.kernel.texts import N_

_LIMITS: Final = {"account_number": 20, "qq": 20, "medical": 4000, "custom": 4000, "address": 400, **rules.LIMITS}
_ANY_LIMIT: Final = 80
_HOME: Final = ("province", "city", "district", "community", "street")
_MOST_MESSAGES: Final = 20
_CONTRADICTIONS: Final = {
    "sex": N_("The sex is not the one of the ID card."),
    "birthday": N_("The birthday is not the one of the ID card (%(value)s)."),
}

_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SEALED: Final = (
    ("id_card_sealed", "id_card"),
    ("medical_sealed", "medical_history"),
    ("contraindications_sealed", "contraindications"),
)
_REPEATED: Final = 2000  # different cells of a column that are worth remembering: types, cities, days

Message = tuple[str, str, dict[str, str]]  # field, sentence, values


@dataclass(slots=True)
class CleanRow:
    """``values`` by field; ``keys`` are what the row is known by within its file; ``cells`` as they were.

    Of a row from another process the cells lie in ``told``, as JSON: few are looked at again.
    ``match`` and ``tokens`` (packed as the search packs them, in hexadecimal digits) are what a new customer of it is
    found by, but for what hangs on his ID card and his account number; ``complete`` is how much is known of him.
    """

    number: int
    values: dict[str, Any] = field(default_factory=dict)
    phones: list[Phone] = field(default_factory=list)
    errors: list[Message] = field(default_factory=list)
    warnings: list[Message] = field(default_factory=list)
    keys: list[int] = field(default_factory=list)
    match: list[int] = field(default_factory=list)
    tokens: str = ""
    complete: int = 0
    cells: list[str] = field(default_factory=list)
    told: bytes = b""

    def all_cells(self) -> list[str]:
        """The cells, also of a row that came from the worker."""
        return orjson.loads(self.told) if self.told else self.cells


@dataclass(frozen=True, slots=True)
class Manner:
    """How cells are read: the area code for short landlines; today, for two-digit years and days to come.

    ``dry``: nobody is going to be stored, so that nothing is worked out for it.
    """

    today: date
    area_code: str = ""
    dry: bool = False


@dataclass(frozen=True, slots=True)
class _Column:
    """What becomes of a column's cells: ``read`` gives the value, or ``into`` sets several of the row at once.

    ``known`` remembers what cells that come again have brought: their plain text and their value, None for none.
    """

    name: str
    key: str = ""
    own: bool = False
    read: Callable[[Cell], Any] | None = None
    into: Callable[[CleanRow, Cell], None] | None = None
    known: dict[str, tuple[str, Any]] = field(default_factory=dict)


class Cleaner:
    """``columns`` are fields by column, "" for those that are left out."""

    def __init__(self, columns: Sequence[str], manner: Manner) -> None:
        self._manner = manner
        self._columns = [self._column(name) for name in columns]

    def clean(self, number: int, cells: Sequence[Cell]) -> CleanRow:
        """Never raises: what is wrong stands in the row."""
        row, own = CleanRow(number), dict[str, Any]()
        texts, places = row.cells, (row.values, own)
        for column, cell in zip(self._columns, cells, strict=False):
            if cell == "":
                texts.append("")
                continue
            found = column.known.get(cell) if cell.__class__ is str else None
            plain, value = found or self._look(row, column, cell)
            texts.append(plain)
            if value is not None:
                places[column.own][column.key] = value
        if own:
            row.values["custom"] = own
        if len(cells) > len(self._columns):
            texts += [reading.as_text(cell) for cell in cells[len(self._columns) :]]
            if any(texts[len(self._columns) :]):
                row.warnings.append(("", N_("The row has more cells than there are headings."), {}))
        self._complete(row)
        return row

    def _look(self, row: CleanRow, column: _Column, cell: Cell) -> tuple[str, Any]:
        """The cell's plain text and its value, None for none."""
        plain, value = reading.as_text(cell), None
        if column.name and not reading.is_blank(plain):
            given = plain if isinstance(cell, str) else cell
            try:
                if column.into is not None:
                    column.into(row, given)
                    return plain, None
                value = column.read(given) if column.read is not None else None
            except Unclear as unclear:
                if len(row.errors) < _MOST_MESSAGES:
                    row.errors.append((column.name, unclear.sentence, unclear.values))
                return plain, None
        found = plain, None if value == "" else value
        if isinstance(cell, str) and len(column.known) < _REPEATED:
            column.known[cell] = found
        return found

    def _column(self, name: str) -> _Column:
        own = name.startswith(CUSTOM)
        kind = "custom" if own else BY_NAME[name].kind if name else "text"
        if kind.startswith("phone"):
            return _Column(name, into=self._phones(kind.partition(".")[2]))
        special: dict[str, Callable[[CleanRow, Cell], None]] = {
            "birthday": self._birthday,
            "lunar_birthday": self._lunar_birthday,
            "id_card": _id_card,
        }
        if kind in special:
            return _Column(name, into=special[kind])
        return _Column(name, name.removeprefix(CUSTOM), own, self._value_reader(name, kind))

    def _value_reader(self, name: str, kind: str) -> Callable[[Cell], Any]:
        simple: dict[str, Callable[[Cell], Any]] = {
            "sex": reading.sex,
            "kind": reading.kind,
            "marital": reading.marital,
            "flag": reading.flag,
            "email": reading.email,
            "date": lambda cell: reading.solar_day(cell, self._manner.today.year).isoformat(),
            "time": lambda cell: reading.moment(cell, self._manner.today.year),
        }
        most = _LIMITS.get(name, _LIMITS.get(kind, _ANY_LIMIT))
        return simple.get(kind, lambda cell: reading.text(cell, most))

    def _phones(self, column_kind: str) -> Callable[[CleanRow, Cell], None]:
        def read(row: CleanRow, cell: Cell) -> None:
            known = {phone[2] for phone in row.phones}
            for phone in reading.phones(cell, column_kind, self._manner.area_code):
                if phone[2] not in known:
                    row.phones.append(phone)
                if phone[1] is None and phone[3] != "mobile":
                    row.warnings.append(("phones", N_("“%(value)s” has no area code."), {"value": phone[0]}))

        return read

    def _birthday(self, row: CleanRow, cell: Cell) -> None:
        if "birth_calendar" not in row.values:
            row.values |= reading.birthday(cell, self._manner.today.year)

    def _lunar_birthday(self, row: CleanRow, cell: Cell) -> None:
        """The lunar one counts where both are given: who keeps it lives by it."""
        row.values |= reading.birthday(cell, self._manner.today.year, lunar=True)

    def _complete(self, row: CleanRow) -> None:
        """What follows from the fields together."""
        if not row.values.get("name") and not any(error[0] == "name" for error in row.errors):
            row.errors.append(("name", N_("The name is missing."), {}))
        if len(row.phones) > rules.MOST_PHONES:
            row.errors.append(
                ("phones", N_("A customer has at most %(most)s numbers."), {"most": str(rules.MOST_PHONES)})
            )
        _from_id_card(row)
        _from_address(row)
        _check_days(row, self._manner.today)
        values = row.values
        if "name" in values:
            values["pinyin"], values["initials"] = pinyin_keys(values["name"])
        if "street" in values:
            values["household_key"] = rules.household_key({name: values.get(name) for name in _HOME})
        row.keys = _keys(row)
        if not row.errors:
            row.match = list(match_keys.keys_of(facts_of(row), card_to_come="id_card" in values))
            if not self._manner.dry:
                _work_ahead(row)


def facts_of(row: CleanRow) -> Facts:
    """What the duplicate check compares, but for the ID card."""
    numbers = frozenset(phone[1] or phone[2][::-1] for phone in row.phones)
    return match_keys.facts_of(0, row.values, numbers)


def _work_ahead(row: CleanRow) -> None:
    """What is stored beside a new customer, worked out here: the service has others to serve."""
    values = row.values
    found = search.Facts(
        id=0,
        name=values["name"],
        pinyin=values["pinyin"],
        initials=values["initials"],
        created_at=_NEVER,
        phones=tuple(national(phone[1]) if phone[1] else phone[2][::-1] for phone in row.phones),
        birth_calendar=values.get("birth_calendar"),
        birth_year=values.get("birth_year"),
        birth_month=values.get("birth_month"),
        birth_day=values.get("birth_day"),
    )
    row.tokens = search.packed(search.tokens_of(found)).hex()
    kind = CustomerKind(values.get("kind", CustomerKind.PERSON))
    known = values | {"kind": kind, **{sealed: values.get(name) for sealed, name in _SEALED}}
    row.complete = completeness.share(kind, completeness.known(known, phone=bool(row.phones)))


def _id_card(row: CleanRow, cell: Cell) -> None:
    row.values["id_card"] = reading.card(cell)


def _from_id_card(row: CleanRow) -> None:
    """Sex and birthday follow from the number; what contradicts it is wrong, as it is on the customer's card."""
    card = row.values.get("id_card")
    if card is None:
        return
    row.values["id_card"] = card.number18
    if row.values.get("kind") == CustomerKind.ORGANIZATION:
        row.errors.append(("id_card", N_("An organisation has no ID card."), {}))
    for name in identity.contradictions(card, row.values):
        row.errors.append((name, _CONTRADICTIONS[name], {"value": card.birthday.isoformat()}))
    row.values |= identity.derived(card, row.values)


def _from_address(row: CleanRow) -> None:
    """A whole address is taken apart; columns of their own count more than what it says."""
    values, whole = row.values, row.values.pop("address", None)
    if whole is not None:
        place = places.complete(whole)
        if place is None:
            values.setdefault("street", whole[: _LIMITS["street"]])
        else:
            found = {"province": place.province, "city": place.city, "district": place.district, "street": place.rest}
            row.values = values = {**{name: text for name, text in found.items() if text}, **values}
    upper = (values.get("province"), values.get("city"), values.get("district"))
    found, wrong = _completed(*upper, "" if any(upper) else values.get("street"))
    values |= found
    for name in wrong:
        given = "".join(values[part] for part in addresses.UPPER if values.get(part))
        row.errors.append((name, N_("“%(value)s” is in no list of provinces, cities and districts."), {"value": given}))


@lru_cache(maxsize=_REPEATED)
def _completed(*parts: str | None) -> tuple[dict[str, Any], dict[str, str]]:
    """By the rule of the customer's card; the street counts only where nothing stands above it."""
    given = {name: text for name, text in zip((*addresses.UPPER, "street"), parts, strict=True) if text}
    return addresses.completed(given, {}) if given else ({}, {})


def _check_days(row: CleanRow, today: date) -> None:
    year = row.values.get("birth_year")
    if year is not None and year > today.year:
        row.errors.append(("birthday", N_("The birthday lies in the future."), {}))
    for name in ("collected_at", "created_at"):
        if row.values.get(name, "")[:10] > today.isoformat():
            row.errors.append((name, N_("The day lies in the future."), {}))


def _keys(row: CleanRow) -> list[int]:
    """Numbers that are the same for rows of the same person: by account, by ID card, by name and phone."""
    values = row.values
    parts = [f"{name}:{values[name].upper()}" for name in ("account_number", "id_card") if values.get(name)]
    name = "".join(values.get("name", "").split())
    if name:
        parts += [f"phone:{name}:{phone[2]}" for phone in row.phones]
        if values.get("birth_day") and values.get("birth_year"):
            born = "-".join(str(values[part]) for part in ("birth_calendar", "birth_year", "birth_month", "birth_day"))
            parts.append(f"born:{name}:{born}")
    return [int.from_bytes(hashlib.blake2b(part.encode(), digest_size=8).digest(), "big") >> 1 for part in parts]
