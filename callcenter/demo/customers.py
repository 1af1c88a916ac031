"""Believable customers by the million: rows as the database stores them, the same for the same seed.

Made from stocks of parts that are drawn by the batch, because a customer has to cost a few microseconds.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product
from typing import Any

from callcenter.demo import words
from callcenter.demo.director import Caller
from crm_core.customers import completeness, pinyin
from crm_core.customers.kinds import Calendar, CustomerKind, PhoneKind, PhoneState, Sex


def _columns(names: str) -> tuple[str, ...]:
    return tuple(names.split())


_PERSON = "name pinyin initials sex form_of_address occupation"
_BIRTH = "birth_calendar birth_year birth_month birth_day"
_HOME = "province city district community postcode street household_key"
_CARE = "owner_id department_id entered_by_id collected_by"
_TRADE = "type source membership best_time taboos do_not_call remarks"
_TIMES = "created_at updated_at collected_at"
_REST = "kind birth_leap custom version completeness"
CUSTOMER_COLUMNS = _columns(f"id account_number {_PERSON} {_BIRTH} {_HOME} {_CARE} {_TRADE} {_TIMES} {_REST}")
PHONE_COLUMNS = _columns("id customer_id number e164 reversed_digits kind state position")
NUMBER_COLUMNS = _columns("number customer_id given_at")

Row = tuple[Any, ...]
# Identifiers of demo customers lie before all that the running service gives: the first minutes of 2020.
_FIRST_ID = 1 << 32
_STEP = 8
# Numbers that begin in the middle look less invented than 20000000.
_FIRST_NUMBER = 7_654_321
_SPREAD = 36_969_691
_STOCK = 8000
_COUPLE = 8
_FEMALE, _MALE = Sex.FEMALE.value, Sex.MALE.value
# Plain text where the tables have enums: it is the same to the database, and quicker.
_SAME_FOR_ALL: Row = (CustomerKind.PERSON.value, False, {}, 1)


@dataclass(frozen=True, slots=True)
class Owner:
    """An agent who looks after customers."""

    user_id: int
    name: str
    extension: str
    department_id: int


@dataclass(slots=True)
class CustomerRows:
    """Rows in the order of the column names above, and which of these customers may call."""

    customers: list[Row]
    phones: list[Row]
    numbers: list[Row]
    callers: list[Caller]


def customer_id(index: int) -> int:
    return _FIRST_ID + index * _STEP


def _completeness(row: Row) -> int:
    """Everybody here has a number."""
    known = completeness.known(dict(zip(CUSTOMER_COLUMNS, row, strict=False)), phone=True)
    return completeness.share(CustomerKind.PERSON, known)


class CustomerMaker:
    """Makes customers 0…n in stretches of ``batch``; every eighth is married to the one before."""

    def __init__(self, owners: Sequence[Owner], *, seed: int, now: datetime, batch: int = 5000) -> None:
        self._seed = seed
        self._batch = batch
        dice = random.Random(f"{seed}/stock")  # noqa: S311  # invents people, guards nothing
        self._people = {sex: _people(dice, sex) for sex in (_FEMALE, _MALE)}
        self._births = _births(dice)
        self._trades = _trades(dice)
        self._places = _places(dice)
        self._cares = [((o.user_id, o.department_id, o.user_id, o.name), o.extension) for o in owners]
        ages = (timedelta(days=day, hours=day % 7, minutes=day % 53) for day in range(1, 900))
        self._times = [(at, at, at.date()) for at in (now - age for age in ages)]

    def stretches(self, count: int) -> list[tuple[int, int]]:
        """(first index, how many) of each batch that makes up ``count`` customers."""
        return [(start, min(self._batch, count - start)) for start in range(0, count, self._batch)]

    def make(self, first: int, count: int, callers: int = 0) -> CustomerRows:
        """The customers of one stretch, and the first ``callers`` of them as people who may call."""
        dice = random.Random(f"{self._seed}/{first}")  # noqa: S311
        people = self._couples(dice, count)
        homes = self._homes(dice, first, count)
        cares = dice.choices(self._cares, k=count)
        times = dice.choices(self._times, k=count)
        drawn = zip(people, dice.choices(self._births, k=count), homes, cares, strict=True)
        more = zip(dice.choices(self._trades, k=count), times, strict=True)
        made = CustomerRows([], [], [], [])
        for index, ((person, birth, (home, _), (care, _)), (trade, when)) in enumerate(
            zip(drawn, more, strict=True), first
        ):
            own, number = customer_id(index), f"KH{index + 1:08d}"
            row = (own, number, *person, *birth, *home, *care, *trade, *when, *_SAME_FOR_ALL)
            made.customers.append((*row, _completeness(row)))
            made.numbers.append((number, own, when[0]))
        self._phones(dice, first, homes, made)
        primary = {row[1]: row[2].replace("-", "") for row in made.phones if row[7] == 0} if callers else {}
        made.callers = [Caller(primary[customer_id(first + n)], None, cares[n][1]) for n in range(min(callers, count))]
        return made

    def _couples(self, dice: random.Random, count: int) -> list[Row]:
        women = dice.choices(self._people[_FEMALE], k=count)
        men = dice.choices(self._people[_MALE], k=count)
        people = [
            woman if chance < 0.62 else man
            for woman, man, chance in zip(women, men, _chances(dice, count), strict=True)
        ]
        for n in range(_COUPLE - 1, count, _COUPLE):
            people[n] = men[n] if people[n - 1][3] == _FEMALE else women[n]
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
    def _phones(dice: random.Random, first: int, homes: Sequence[tuple[Row, str]], made: CustomerRows) -> None:
        add = made.phones.append
        valid, unverified = PhoneState.VALID.value, PhoneState.UNVERIFIED.value
        mobile, home = PhoneKind.MOBILE.value, PhoneKind.HOME.value
        for index, ((_, landline), chance) in enumerate(zip(homes, _chances(dice, len(homes)), strict=True), first):
            own, position = customer_id(index), 0
            state = unverified if index % 3 else valid
            if chance < 0.9:
                number = _mobile(index)
                add((own + 1, own, number, "+86" + number, number[::-1] + "68", mobile, state, 0))
                position = 1
            if chance > 0.6:
                digits = "86" + landline[1:].replace("-", "")
                add((own + 2, own, landline, "+" + digits, digits[::-1], home, state, position))
            elif chance < 0.08:
                number = _mobile(index + 50_000_000)
                add((own + 3, own, number, "+86" + number, number[::-1] + "68", mobile, unverified, 1))


def _chances(dice: random.Random, count: int) -> list[float]:
    return [dice.random() for _ in range(count)]


def _people(dice: random.Random, sex: str) -> list[Row]:
    given = words.FEMALE if sex == _FEMALE else words.MALE
    jobs = [job for job in words.OCCUPATIONS if sex == _FEMALE or job != "家庭主妇"]
    commoner_first = range(len(words.SURNAMES) + 20, 20, -1)
    surnames = dice.choices(words.SURNAMES, commoner_first, k=_STOCK)
    known: dict[str, tuple[str, str]] = {}
    people = []
    for surname, first_name, job in zip(
        surnames, dice.choices(given, k=_STOCK), dice.choices(jobs, k=_STOCK), strict=True
    ):
        name = surname + first_name
        keys = known.get(name) or known.setdefault(name, pinyin.keys(name))
        people.append((name, *keys, sex, _form_of_address(surname, sex, job), job))
    return people


def _form_of_address(surname: str, sex: str, job: str) -> str:
    if "教师" in job:
        return f"{surname}老师"
    if "医生" in job:
        return f"{surname}医生"
    return f"{surname}阿姨" if sex == _FEMALE else f"{surname}叔叔"


def _births(dice: random.Random) -> list[Row]:
    calendars = dice.choices((Calendar.SOLAR.value, Calendar.LUNAR.value), (65, 35), k=_STOCK)
    years, months = dice.choices(range(1936, 1968), k=_STOCK), dice.choices(range(1, 13), k=_STOCK)
    return list(zip(calendars, years, months, dice.choices(range(1, 29), k=_STOCK), strict=True))


def _trades(dice: random.Random) -> list[Row]:
    """Type, source, membership, best time, taboos, do not call, remarks."""

    def some(values: Sequence[str], of_a_hundred: float) -> list[str | None]:
        weight = of_a_hundred / len(values)
        return dice.choices((None, *values), (100 - of_a_hundred, *[weight] * len(values)), k=_STOCK)

    return list(
        zip(
            dice.choices(words.TYPES, (2, 5, 8), k=_STOCK),
            dice.choices(words.SOURCES, k=_STOCK),
            dice.choices((None, *words.MEMBERSHIPS), (40, 30, 18, 9, 3), k=_STOCK),
            some(words.BEST_TIMES, 40),
            some(words.TABOOS, 18),
            dice.choices((False, True), (98, 2), k=_STOCK),
            some(words.REMARKS, 55),
            strict=True,
        )
    )


def _places(dice: random.Random) -> list[tuple[Row, str, str]]:
    """((province, city, district, community, postcode), area code, street)."""
    weights = {"上海": 50, "杭州": 24, "苏州": 10, "南京": 10, "宁波": 6}
    places = []
    for place, (community, street) in product(words.PLACES, product(words.COMMUNITIES, words.STREETS)):
        province, city, area, districts, post = place
        for _ in range(weights[city] // 6):
            postcode = f"{post}{dice.randrange(1000):03d}"
            places.append(((province, city, dice.choice(districts), community, postcode), area, street))
    return places


def _mobile(index: int) -> str:
    """A number of its own for each index: the factor shares none with ten, so the digits never repeat."""
    prefix = words.MOBILE_PREFIXES[index % len(words.MOBILE_PREFIXES)]
    return f"{prefix}{(index + _FIRST_NUMBER) * _SPREAD % 100_000_000:08d}"


def _landline(index: int, area: str) -> str:
    return f"{area}-{20_000_000 + (index + _FIRST_NUMBER) * _SPREAD % 60_000_000}"
