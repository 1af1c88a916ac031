"""A base in which some customers are stored twice, as people do it: mistyped, misheard, moved, a slip in the day."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from callcenter.demo import customers as made
from callcenter.demo import words
from crm_core import migrations
from crm_core.customers import pinyin
from crm_core.customers.models import AccountNumber, Customer, Phone
from crm_core.db.bulk import insert_rows, without_indexes
from crm_core.db.database import Database
from crm_core.db.upsert import table_of
from crm_core.kernel.ids import new_id
from crm_core.organization.models import Department, Role, User

Row = tuple[Any, ...]
ONE_IN = 11  # of the rows is a second one
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_NEW_NUMBERS = 70_000_000
_AT = {name: place for place, name in enumerate(made.CUSTOMER_COLUMNS)}
_ADDRESS = ("province", "city", "district", "community", "postcode", "street", "household_key")
_KINDS = ("mistyped", "misheard", "moved", "shared", "slip")
_WEIGHTS = (30, 25, 20, 10, 15)


@dataclass(frozen=True, slots=True)
class Twins:
    """The database and the true pairs of ids, lower first, by what was done to the second one."""

    database: Path
    pairs: dict[tuple[int, int], str]


async def make(folder: Path, customers: int) -> Twins:
    """Writes a new base of so many rows; the same for the same number."""
    database = folder / "twins.db"
    db = Database(f"sqlite+aiosqlite:///{database}")
    await migrations.upgrade(db)
    owner = await _owner(db)
    maker = made.CustomerMaker([owner], seed=1, now=_NOW)
    tables = [table_of(model) for model in (Customer, Phone, AccountNumber)]
    columns = (made.CUSTOMER_COLUMNS, made.PHONE_COLUMNS, made.NUMBER_COLUMNS)
    twins = _Twins(customers - customers // ONE_IN)
    async with without_indexes(db, *tables):
        for first, count in maker.stretches(twins.originals):
            rows = maker.make(first, count)
            twins.add_to(rows, customers // ONE_IN * count // twins.originals)
            async with db.uow() as uow:
                written = (rows.customers, rows.phones, rows.numbers)
                for table, names, values in zip(tables, columns, written, strict=True):
                    await insert_rows(uow.session, table, names, values)
    await db.close()
    return Twins(database, twins.pairs)


async def _owner(db: Database) -> made.Owner:
    department = Department(id=new_id(), name="Bench")
    values = {"display_name": "Bench", "role": Role.AGENT, "password_hash": "-", "created_at": _NOW}
    user = User(id=new_id(), name="bench", department_id=department.id, **values)
    async with db.uow() as uow:
        uow.session.add(department)
        await uow.session.flush()
        uow.session.add(user)
    return made.Owner(user.id, user.name, "1001", department.id)


class _Twins:
    def __init__(self, originals: int) -> None:
        self.originals = originals
        self.pairs: dict[tuple[int, int], str] = {}
        self._dice = random.Random("twins")
        self._made = 0
        self._alike = _homophones()

    def add_to(self, rows: made.CustomerRows, count: int) -> None:
        """Second rows for ``count`` customers of a stretch."""
        phones = defaultdict(list)
        for phone in rows.phones:
            phones[phone[1]].append(phone)
        originals = list(rows.customers)
        homes = [[row[_AT[name]] for name in _ADDRESS] for row in originals]
        for row in self._dice.sample(originals, min(count, len(originals))):
            kind = self._dice.choices(_KINDS, _WEIGHTS)[0]
            twin, numbers = self._twin(kind, list(row), phones[row[0]], homes)
            self.pairs[row[0], twin[0]] = kind
            rows.customers.append(tuple(twin))
            rows.phones += numbers
            rows.numbers.append((twin[_AT["account_number"]], twin[0], _NOW))

    def _twin(
        self, kind: str, row: list[Any], phones: Sequence[Row], homes: Sequence[list[Any]]
    ) -> tuple[list[Any], list[Row]]:
        index = self.originals + self._made
        self._made += 1
        row[_AT["id"]], row[_AT["account_number"]] = made.customer_id(index), f"TW{index:08d}"
        getattr(self, f"_{kind}")(row, homes)
        row[_AT["pinyin"]], row[_AT["initials"]] = pinyin.keys(row[_AT["name"]])
        keeps = kind == "shared" or (kind != "moved" and self._dice.random() < 0.75)
        numbers = [(row[0] + 1 + n, row[0], *phone[2:]) for n, phone in enumerate(phones)] if keeps else []
        if not numbers:
            number = made._mobile(index + _NEW_NUMBERS)
            numbers = [(row[0] + 1, row[0], number, "+86" + number, number[::-1] + "68", "mobile", "unverified", 0)]
        return row, numbers

    def _mistyped(self, row: list[Any], _: object) -> None:
        name = row[_AT["name"]]
        place = self._dice.randrange(1, len(name))
        wrong = self._dice.choice(self._dice.choice((*words.FEMALE, *words.MALE)))
        row[_AT["name"]] = name[:place] + wrong + name[place + 1 :]

    def _misheard(self, row: list[Any], _: object) -> None:
        name = row[_AT["name"]]
        place = self._dice.randrange(1, len(name))
        row[_AT["name"]] = name[:place] + self._dice.choice(self._alike[name[place]]) + name[place + 1 :]

    def _moved(self, row: list[Any], homes: Sequence[list[Any]]) -> None:
        for name, value in zip(_ADDRESS, self._dice.choice(homes), strict=True):
            row[_AT[name]] = value

    def _shared(self, row: list[Any], _: object) -> None:
        """Taken down in a hurry: a name and the household's numbers."""
        for name in ("birth_calendar", "birth_year", "birth_month", "birth_day", *_ADDRESS):
            row[_AT[name]] = None

    def _slip(self, row: list[Any], _: object) -> None:
        row[_AT["birth_day"]] = row[_AT["birth_day"]] % 28 + 1


def _homophones() -> dict[str, list[str]]:
    """Characters of names to others that sound the same."""
    by_sound = defaultdict(list)
    names = {character for name in (*words.FEMALE, *words.MALE) for character in name}
    common = "英瑛颖莹影芳方坊伟玮炜纬丽莉立力敏闽娟鹃涛滔强军君均俊峻明鸣铭名华桦花兰岚平萍苹静靖敬建健剑国果玉育钰"
    for character in sorted({*names, *common}):
        by_sound[pinyin.keys("李" + character)[0].split(" ")[0]].append(character)
    return {one: [other for other in group if other != one] or [one] for group in by_sound.values() for one in group}
