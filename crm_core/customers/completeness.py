"""How much of a customer is known, weighed by what it is good for, and whether it was checked lately."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from crm_core.customers.kinds import CustomerKind

# What each known part adds; 100 in all. A name and a number alone are little use later.
WEIGHTS: Final[Mapping[CustomerKind, Mapping[str, int]]] = {
    CustomerKind.PERSON: {
        "phone": 20,
        "birthday": 14,
        "address": 14,
        "sex": 6,
        "id_card": 10,
        "source": 6,
        "occupation": 6,
        "best_time": 4,
        "online": 4,
        "marital_state": 3,
        "education": 3,
        "economic_state": 3,
        "health": 4,
        "interests": 3,
    },
    CustomerKind.ORGANIZATION: {
        "phone": 20,
        "address": 15,
        "contacts": 20,
        "industry": 10,
        "credit_code": 8,
        "legal_form": 6,
        "head_count": 6,
        "source": 6,
        "online": 5,
        "credit_terms": 4,
    },
}
# Parts that are known as soon as one of these fields is, or only when all of them are.
_ANY: Final = {
    "online": ("email", "wechat", "qq", "website"),
    "health": ("medical_sealed", "contraindications_sealed"),
    "interests": ("hobbies", "likes", "buys_what"),
    "economic_state": ("economic_state", "yearly_income"),
    "id_card": ("id_card_sealed",),
}
_ALL: Final = {"birthday": ("birth_month", "birth_day"), "address": ("city", "street")}
# Of each part its fields and how many of them have to be known.
_FIELDS: Final = {
    kind: [(part, _ANY.get(part) or _ALL.get(part) or (part,), len(_ALL.get(part, ("",)))) for part in weights]
    for kind, weights in WEIGHTS.items()
}


def known(values: Mapping[str, Any], *, phone: bool, contacts: bool = False) -> frozenset[str]:
    """The parts that are known; ``values`` are the customer's columns and details by name."""
    parts = {"phone"} if phone else set()
    if contacts:
        parts.add("contacts")
    for part, fields, needed in _FIELDS[values["kind"]]:
        there = 0
        for name in fields:
            if values.get(name):
                there += 1
        if there >= needed:
            parts.add(part)
    return frozenset(parts)


@lru_cache(maxsize=4096)
def share(kind: CustomerKind, parts: frozenset[str]) -> int:
    """0 to 100."""
    return sum(weight for part, weight in WEIGHTS[kind].items() if part in parts)


def missing(kind: CustomerKind, parts: frozenset[str]) -> tuple[str, ...]:
    """What is worth asking for next, the weightiest first."""
    left = [(weight, part) for part, weight in WEIGHTS[kind].items() if part not in parts]
    return tuple(part for _weight, part in sorted(left, key=lambda one: -one[0]))


def is_stale(verified_at: datetime | None, created_at: datetime, today: date, after_days: int) -> bool:
    """Whether somebody should ask again if all is still right: data lose their worth while they lie."""
    last = max(verified_at, created_at) if verified_at is not None else created_at
    return last.date() + timedelta(days=after_days) < today
