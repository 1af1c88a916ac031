"""Believable customers by the million: rows as the database stores them, the same for the same seed.

Made from stocks of parts that are drawn by the batch, because a customer has to cost a few microseconds.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from callcenter.demo import id_cards, stocks, words
from callcenter.demo.director import Caller
from callcenter.demo.stocks import FEMALE, MALE, Row
from callcenter.demo.twins import Drawn, doubled, source_of
from crm_core.customers import completeness, sealed
from crm_core.customers.allocation.kinds import ReclaimRule
from crm_core.customers.duplicates.features import packed
from crm_core.customers.duplicates.keys import facts_of, keys_of
from crm_core.customers.kinds import CustomerKind, PhoneKind, PhoneState, RecordState
from crm_core.kernel.sealing import NO_KEYS, KeyRing


def _columns(names: str) -> tuple[str, ...]:
    return tuple(names.split())


_PERSON = "name pinyin initials sex form_of_address occupation"
_BIRTH = "birth_calendar birth_year birth_month birth_day birth_leap"
_HOME = "province city district community postcode street household_key"
_CARE = "owner_id department_id entered_by_id collected_by record_state"
_BACKGROUND = "ethnicity origin education marital_state economic_state best_way use_state"
_TRADE = "type source membership best_time taboos do_not_call remarks"
_TIMES = "created_at updated_at collected_at allocated_at last_contact_at verified_at"
_SEALED = _columns("id_card_sealed id_card_index medical_sealed contraindications_sealed")
_PLAIN = _columns(
    f"id account_number {_PERSON} {_BIRTH} {_HOME} {_CARE} {_BACKGROUND} {_TRADE} {_TIMES} kind version custom"
)
CUSTOMER_COLUMNS = (*_PLAIN, *_SEALED, "completeness")
PHONE_COLUMNS = _columns("id customer_id number e164 reversed_digits kind state position")
NUMBER_COLUMNS = _columns("number customer_id given_at")
POOL_COLUMNS = _columns("customer_id from_user_id since rule")

# Identifiers of demo customers lie before all that the running service gives: the first minutes of 2020.
_FIRST_ID = 1 << 32
_STEP = 8
# Numbers that begin in the middle look less invented than 20000000.
_FIRST_NUMBER = 7_654_321
_SPREAD = 36_969_691
_COUPLE = 8
_POOL, _FRESH = 31, 15  # of each 32 customers: back in the pool, not allocated yet
# Plain text where the tables have enums: it is the same to the database, and quicker.
_KIND, _FIRST_VERSION = CustomerKind.PERSON.value, 1
_ALLOCATED, _NEW, _CHANGED = RecordState.ALLOCATED.value, RecordState.NEW.value, RecordState.CHANGED.value


@dataclass(frozen=True, slots=True)
class Owner:
    """An agent who looks after customers."""

    user_id: int
    name: str
    extension: str
    department_id: int


@dataclass(slots=True)
class CustomerRows:
    """Rows in the order of the column names above, which of these customers may call, and who stands there twice.

    ``keys`` and ``records`` are for the search for duplicates; made on request only.
    """

    customers: list[Row] = field(default_factory=list)
    phones: list[Row] = field(default_factory=list)
    numbers: list[Row] = field(default_factory=list)
    callers: list[Caller] = field(default_factory=list)
    pool: list[Row] = field(default_factory=list)
    doubles: list[tuple[int, int]] = field(default_factory=list)
    keys: list[tuple[int, int]] = field(default_factory=list)
    records: list[tuple[int, bytes]] = field(default_factory=list)


def customer_id(index: int) -> int:
    return _FIRST_ID + index * _STEP


class CustomerMaker:
    """Makes customers 0…n in stretches of ``batch``; every eighth is married to the one before.

    With ``keys`` ID cards and health are sealed. ``complete`` adds what the demonstration has and a plain base has
    not: people who were entered twice, and the keys to find them by.
    """

    def __init__(
        self,
        owners: Sequence[Owner],
        *,
        seed: int,
        now: datetime,
        batch: int = 5000,
        keys: KeyRing = NO_KEYS,
        complete: bool = False,
    ) -> None:
        self._seed = seed
        self._batch = batch
        self._ring = keys if keys.ids else None
        self._complete = complete
        dice = random.Random(f"{seed}/stock")  # noqa: S311  # invents people, guards nothing
        self._people = {sex: stocks.people(dice, sex) for sex in (FEMALE, MALE)}
        self._births = stocks.births(dice)
        self._trades = stocks.trades(dice)
        self._places = stocks.places(dice)
        self._backgrounds = stocks.backgrounds(dice)
        self._times = stocks.times(dice, now)
        self._own = stocks.own_fields(dice)
        self._healths = stocks.healths(dice)
        self._cares = [((o.user_id, o.department_id, o.user_id, o.name), o.extension) for o in owners]

    def stretches(self, count: int) -> list[tuple[int, int]]:
        """(first index, how many) of each batch that makes up ``count`` customers."""
        return [(start, min(self._batch, count - start)) for start in range(0, count, self._batch)]

    def make(self, first: int, count: int, callers: int = 0) -> CustomerRows:
        """The customers of one stretch, and the first ``callers`` of them as people who may call."""
        dice = random.Random(f"{self._seed}/{first}")  # noqa: S311
        drawn, days = self._drawn(dice, first, count)
        cares = dice.choices(self._cares, k=count)
        parts = zip(
            dice.choices(self._backgrounds, k=count),
            dice.choices(self._trades, k=count),
            dice.choices(self._times, k=count),
            dice.choices(self._own, k=count),
            dice.choices(self._healths, k=count),
            strict=True,
        )
        made = CustomerRows()
        self._phones(dice, first, drawn, made)
        reached: dict[int, frozenset[str]] = {}
        if self._complete:
            reached, made.doubles = _numbers_of(made.phones), _doubles(first, count)
        for index, (one, born, (whose, _), (background, trade, when, own, health)) in enumerate(
            zip(drawn, days, cares, parts, strict=True), first
        ):
            number = f"KH{index + 1:08d}"
            care, times = _cared_for(index, whose, when, made)
            values = {**own, "member_card": f"VIP{index + 1:06d}"} if trade[2] else own
            described = (*one.person, *one.birth, *one.home, *care, *background, *trade, *times)
            plain = (customer_id(index), number, *described, _KIND, _FIRST_VERSION, values)
            self._add(made, plain, self._sealed(index, one, born, health), reached)
            made.numbers.append((number, plain[0], times[0]))
        primary = {row[1]: row[2].replace("-", "") for row in made.phones if row[7] == 0} if callers else {}
        made.callers = [Caller(primary[customer_id(first + n)], None, cares[n][1]) for n in range(min(callers, count))]
        return made

    def _add(self, made: CustomerRows, plain: Row, hidden: dict[str, Any], reached: dict[int, frozenset[str]]) -> None:
        values = dict(zip(_PLAIN, plain, strict=True)) | hidden
        # Everybody here has a number.
        share = completeness.share(CustomerKind.PERSON, completeness.known(values, phone=True))
        made.customers.append((*plain, *(hidden.get(name) for name in _SEALED), share))
        if self._complete:
            facts = facts_of(plain[0], values, reached[plain[0]])
            made.keys += [(key, plain[0]) for key in keys_of(facts)]
            made.records.append((plain[0], packed(facts)))

    def _sealed(self, index: int, one: Drawn, born: str, health: dict[str, str]) -> dict[str, Any]:
        """Two in five showed their ID card."""
        if self._ring is None:
            return {}
        place = index // 5 * 2 + (index % 5 == 2)
        shown = index % 5 in (0, 2) and place < id_cards.how_many() and one.birth[1] is not None
        if shown and not (self._complete and source_of(index) is not None):
            health = {**health, "id_card": id_cards.number(place, born, male=one.person[3] == MALE)}
        return sealed.columns(self._ring, customer_id(index), health) if health else {}

    def _drawn(self, dice: random.Random, first: int, count: int) -> tuple[list[Drawn], list[str]]:
        """Who they are, and the solar day on which each was born."""
        births = dice.choices(self._births, k=count)
        drawn = [
            Drawn(person, birth, home, landline, _mobile(index))
            for index, (person, (birth, _), (home, landline)) in enumerate(
                zip(self._couples(dice, count), births, self._homes(dice, first, count), strict=True), first
            )
        ]
        for source, index in _doubled(first, count) if self._complete else ():
            drawn[index - first] = doubled(drawn[source - first], drawn[index - first], index)
        return drawn, [born for _, born in births]

    def _couples(self, dice: random.Random, count: int) -> list[Row]:
        women = dice.choices(self._people[FEMALE], k=count)
        men = dice.choices(self._people[MALE], k=count)
        people = [
            woman if chance < 0.62 else man
            for woman, man, chance in zip(women, men, _chances(dice, count), strict=True)
        ]
        for n in range(_COUPLE - 1, count, _COUPLE):
            people[n] = men[n] if people[n - 1][3] == FEMALE else women[n]
        return people

    def _homes(self, dice: random.Random, first: int, count: int) -> list[tuple[Row, str]]:
        """(address with household, landline), the same for a couple."""
        homes: list[tuple[Row, str]] = []
        places = dice.choices(self._places, k=count)
        houses, rooms = dice.choices(range(1, 600), k=count), dice.choices(range(101, 2400), k=count)
        for n, ((place, area, street), house, room) in enumerate(zip(places, houses, rooms, strict=True)):
            if n % _COUPLE == _COUPLE - 1:
                homes.append(homes[-1])
                continue
            door = f"{street}{house}号{room}室"
            key = hashlib.blake2b("|".join((*place[:4], door)).encode(), digest_size=16).hexdigest()
            homes.append(((*place, door, key), _landline(first + n, area)))
        return homes

    @staticmethod
    def _phones(dice: random.Random, first: int, drawn: Sequence[Drawn], made: CustomerRows) -> None:
        add = made.phones.append
        valid, unverified = PhoneState.VALID.value, PhoneState.UNVERIFIED.value
        mobile, home = PhoneKind.MOBILE.value, PhoneKind.HOME.value
        for index, (one, chance) in enumerate(zip(drawn, _chances(dice, len(drawn)), strict=True), first):
            own, position = customer_id(index), 0
            state = unverified if index % 3 else valid
            if chance < 0.9:
                add((own + 1, own, one.mobile, "+86" + one.mobile, one.mobile[::-1] + "68", mobile, state, 0))
                position = 1
            if chance > 0.6:
                digits = "86" + one.landline[1:].replace("-", "")
                add((own + 2, own, one.landline, "+" + digits, digits[::-1], home, state, position))
            elif chance < 0.08:
                number = _mobile(index + 50_000_000)
                add((own + 3, own, number, "+86" + number, number[::-1] + "68", mobile, unverified, 1))


def _doubled(first: int, count: int) -> list[tuple[int, int]]:
    """(whose second entry, the second entry) of a stretch."""
    pairs = ((source_of(index), index) for index in range(first, first + count))
    return [(source, index) for source, index in pairs if source is not None and source >= first]


def _doubles(first: int, count: int) -> list[tuple[int, int]]:
    return [(customer_id(source), customer_id(index)) for source, index in _doubled(first, count)]


def _cared_for(index: int, care: Row, times: Row, made: CustomerRows) -> tuple[Row, Row]:
    """Owner, department, who entered and collected, state of the record; the times as they fit that."""
    place = index % (_POOL + 1)
    if place not in (_POOL, _FRESH):
        return (*care, _ALLOCATED), times
    if place == _POOL:
        made.pool.append((customer_id(index), care[0], times[4] or times[3], ReclaimRule.NOT_CONTACTED.value))
    return (None, *care[1:], _CHANGED if place == _POOL else _NEW), (*times[:3], None, *times[4:])


def _numbers_of(phones: Sequence[Row]) -> dict[int, frozenset[str]]:
    found: dict[int, set[str]] = {}
    for row in phones:
        found.setdefault(row[1], set()).add(row[3])
    return {own: frozenset(numbers) for own, numbers in found.items()}


def _chances(dice: random.Random, count: int) -> list[float]:
    return [dice.random() for _ in range(count)]


def _mobile(index: int) -> str:
    """A number of its own for each index: the factor shares none with ten, so the digits never repeat."""
    prefix = words.MOBILE_PREFIXES[index % len(words.MOBILE_PREFIXES)]
    return f"{prefix}{(index + _FIRST_NUMBER) * _SPREAD % 100_000_000:08d}"


def _landline(index: int, area: str) -> str:
    return f"{area}-{20_000_000 + (index + _FIRST_NUMBER) * _SPREAD % 60_000_000}"
