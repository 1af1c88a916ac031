"""How much of a customer is known, and whether it was checked lately."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from crm_core.customers import completeness
from crm_core.customers.kinds import CustomerKind

PERSON, FIRM = CustomerKind.PERSON, CustomerKind.ORGANIZATION


@pytest.mark.parametrize("kind", list(CustomerKind))
def test_all_parts_together_are_a_hundred(kind: CustomerKind) -> None:
    assert sum(completeness.WEIGHTS[kind].values()) == 100
    assert completeness.missing(kind, frozenset(completeness.WEIGHTS[kind])) == ()


def test_a_name_and_a_number_are_little() -> None:
    parts = completeness.known({"kind": PERSON, "name": "李秀英"}, phone=True)
    assert completeness.share(PERSON, parts) == 20
    assert completeness.missing(PERSON, parts)[:2] == ("birthday", "address")


def test_half_an_address_and_half_a_birthday_do_not_count() -> None:
    half = {"kind": PERSON, "city": "上海", "birth_month": 8}
    assert completeness.known(half, phone=False) == frozenset()
    whole = {**half, "street": "世纪大道1号", "birth_day": 15}
    assert completeness.known(whole, phone=False) == {"address", "birthday"}


def test_any_way_to_write_counts_once() -> None:
    assert completeness.known({"kind": FIRM, "website": "x.cn", "email": "a@x.cn"}, phone=False) == {"online"}


def test_data_grow_stale_when_nobody_asks_again() -> None:
    entered, today = datetime(2025, 1, 1, tzinfo=UTC), date(2026, 1, 2)
    assert completeness.is_stale(None, entered, today, 365)
    assert not completeness.is_stale(datetime(2025, 6, 1, tzinfo=UTC), entered, today, 365)
