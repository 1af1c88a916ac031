"""Stocks of parts that invented customers are drawn from: made once, so that a customer costs a few microseconds."""

from __future__ import annotations

import random
from calendar import monthrange
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import product
from typing import Any

from callcenter.demo import words
from crm_core.customers import pinyin
from crm_core.customers.kinds import Calendar, MaritalState, Sex, UseState
from crm_core.kernel import lunar

Row = tuple[Any, ...]
STOCK = 8000
FEMALE, MALE = Sex.FEMALE.value, Sex.MALE.value
_SOLAR, _LUNAR = Calendar.SOLAR.value, Calendar.LUNAR.value
_DAYS = 900  # since the first of them was entered


def people(dice: random.Random, sex: str) -> list[Row]:
    """Name, pinyin, initials, sex, form of address, occupation."""
    given = words.FEMALE if sex == FEMALE else words.MALE
    jobs = [job for job in words.OCCUPATIONS if sex == FEMALE or job != "家庭主妇"]
    commoner_first = range(len(words.SURNAMES) + 20, 20, -1)
    surnames = dice.choices(words.SURNAMES, commoner_first, k=STOCK)
    known: dict[str, tuple[str, str]] = {}
    found = []
    for surname, first_name, job in zip(
        surnames, dice.choices(given, k=STOCK), dice.choices(jobs, k=STOCK), strict=True
    ):
        name = surname + first_name
        keys = known.get(name) or known.setdefault(name, pinyin.keys(name))
        found.append((name, *keys, sex, _form_of_address(surname, sex, job), job))
    return found


def _form_of_address(surname: str, sex: str, job: str) -> str:
    if "教师" in job:
        return f"{surname}老师"
    if "医生" in job:
        return f"{surname}医生"
    return f"{surname}阿姨" if sex == FEMALE else f"{surname}叔叔"


def births(dice: random.Random) -> list[tuple[Row, str]]:
    """((calendar, year, month, day, leap), the solar day as YYYYMMDD); every one of them exists."""
    return [_birth(dice) for _ in range(STOCK)]


def _birth(dice: random.Random) -> tuple[Row, str]:
    year, month = dice.randrange(1936, 1968), dice.randrange(1, 13)
    if dice.random() < 0.65:
        day = dice.randint(1, monthrange(year, month)[1])
        return (_SOLAR, year, month, day, False), f"{date(year, month, day):%Y%m%d}"
    # Born in a leap month: once in a year that has one, about as often as in life.
    leap = lunar.leap_month(year) == month and dice.random() < 0.5
    day = dice.randint(1, lunar.month_length(year, month, leap) or 29)
    return (_LUNAR, year, month, day, leap), f"{lunar.to_solar(year, month, day, leap):%Y%m%d}"


def _some(dice: random.Random, values: Sequence[str], of_a_hundred: float) -> list[str | None]:
    weight = of_a_hundred / len(values)
    return dice.choices((None, *values), (100 - of_a_hundred, *[weight] * len(values)), k=STOCK)


def backgrounds(dice: random.Random) -> list[Row]:
    """Ethnicity, origin, education, marital state, economic state, best way, use state."""
    marital = tuple(state.value for state in MaritalState)
    use = tuple(state.value for state in UseState)
    return list(
        zip(
            dice.choices((None, *words.ETHNICITIES), (45, 52, 1, 1, 1), k=STOCK),
            _some(dice, words.ORIGINS, 50),
            _some(dice, words.EDUCATION, 55),
            dice.choices((None, *marital), (35, 1, 46, 3, 15), k=STOCK),
            _some(dice, words.ECONOMY, 35),
            _some(dice, words.BEST_WAYS, 30),
            dice.choices((None, *use), (70, 20, 6, 3, 1), k=STOCK),
            strict=True,
        )
    )


def trades(dice: random.Random) -> list[Row]:
    """Type, source, membership, best time, taboos, do not call, remarks."""
    return list(
        zip(
            dice.choices(words.TYPES, (2, 5, 8), k=STOCK),
            dice.choices(words.SOURCES, k=STOCK),
            dice.choices((None, *words.MEMBERSHIPS), (40, 30, 18, 9, 3), k=STOCK),
            _some(dice, words.BEST_TIMES, 40),
            _some(dice, words.TABOOS, 18),
            dice.choices((False, True), (98, 2), k=STOCK),
            _some(dice, words.REMARKS, 55),
            strict=True,
        )
    )


def healths(dice: random.Random) -> list[dict[str, str]]:
    """What is sealed of a person's health; nothing for most."""
    return [_health(dice) if dice.random() < 0.28 else {} for _ in range(STOCK)]


def _health(dice: random.Random) -> dict[str, str]:
    history, allergy, contraindication = dice.choice(words.HEALTH)
    found = {"medical_history": history}
    if allergy:
        found["allergies"] = allergy
    if contraindication:
        found["contraindications"] = contraindication
    return found


def own_fields(dice: random.Random) -> list[dict[str, Any]]:
    """Values of the demonstration's own fields, the membership card's apart."""
    found = []
    for _ in range(STOCK):
        values: dict[str, Any] = {}
        if dice.random() < 0.3:
            values["pension_day"] = dice.choice((5, 10, 15, 15, 15, 20))
        if dice.random() < 0.12:
            values["community_role"] = dice.choice(words.COMMUNITY_ROLES)[0]
        if dice.random() < 0.2:
            values["water_purifier"] = dice.random() < 0.4
        found.append(values)
    return found


def times(dice: random.Random, now: datetime) -> list[Row]:
    """Created, updated, collected, allocated, last contact, verified."""
    found = []
    for number in range(STOCK):
        created = now - timedelta(days=1 + number % (_DAYS - 1), hours=number % 7, minutes=number % 53)
        age = now - created
        allocated = min(created + timedelta(days=dice.choice((0, 1, 1, 2, 5)), hours=2), now - timedelta(hours=1))
        spoken = now - age * dice.random() ** 2 if dice.random() < 0.8 else None
        asked = now - age * dice.random() if dice.random() < 0.35 else None
        found.append((created, created, created.date(), allocated, spoken, asked))
    return found


def places(dice: random.Random) -> list[tuple[Row, str, str]]:
    """((province, city, district, community, postcode), area code, street)."""
    weights = {"上海": 50, "杭州": 24, "苏州": 10, "南京": 10, "宁波": 6}
    found = []
    for place, (community, street) in product(words.PLACES, product(words.COMMUNITIES, words.STREETS)):
        province, city, area, districts, post = place
        for _ in range(weights[city] // 6):
            postcode = f"{post}{dice.randrange(1000):03d}"
            found.append(((province, city, dice.choice(districts), community, postcode), area, street))
    return found
