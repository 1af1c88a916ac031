"""Lists of customers: filters, orders, time lists, pages that lose and repeat nobody, bounded counts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from crm_core.customers.kinds import Calendar
from crm_core.customers.models import OwnerChange
from crm_core.customers.search import filters, queries
from crm_core.customers.search.filters import Filters, Sort, TimeList
from crm_core.customers.search.queries import Wanted
from crm_core.db.database import Database
from crm_core.kernel.errors import Rejected
from crm_core.kernel.ids import new_id
from crm_core.organization.access import SYSTEM, Actor
from tests.factories import add_actor, add_centre, add_customer, add_department
from tests.integration.search.bases import NOW

LONG_AGO = datetime(2026, 3, 1, tzinfo=UTC)


async def names(db: Database, given: Filters | None = None, actor: Actor = SYSTEM, **more: Any) -> list[str]:
    """Page after page of two."""
    seen: list[str] = []
    cursor = None
    while True:
        async with db.read() as session:
            wanted = Wanted(filters=given or Filters(), **more)
            page = await queries.find(session, actor, wanted, now=NOW, limit=2, cursor=cursor)
        seen += [view.name for view in page.items]
        cursor = page.next
        if cursor is None:
            return seen


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        (Sort.NEWEST, ["丁", "丙", "乙", "甲"]),
        (Sort.OLDEST, ["甲", "乙", "丙", "丁"]),
        (Sort.NAME, ["丙", "丁", "甲", "乙"]),
        (Sort.CHANGED, ["丙", "丁", "乙", "甲"]),
        (Sort.LONGEST_SILENT, ["丁", "乙", "甲", "丙"]),
    ],
)
async def test_each_order_pages_through_everybody_once(db: Database, sort: Sort, expected: list[str]) -> None:
    facts = {"甲": ("jia", 5, LONG_AGO), "乙": ("yi", 4, None), "丙": ("bing", 1, datetime(2026, 11, 1, tzinfo=UTC))}
    for name, (pinyin, days, contact) in (facts | {"丁": ("ding", 2, None)}).items():
        changed = db.clock.now() - timedelta(days=days)
        await add_customer(db, name, pinyin=pinyin, last_contact_at=contact, updated_at=changed)
    assert await names(db, sort=sort) == expected


async def test_filters_by_place_in_the_house_and_by_class(db: Database) -> None:
    centre = await add_centre(db)
    department = await add_department(db, sales_centre=centre)
    owner = await add_actor(db, department=department)
    await add_customer(db, "甲", owner=owner, department=department, type="A", membership="金卡", source="转介绍")
    await add_customer(db, "乙", type="B", sales_centre_id=centre.id)
    await add_customer(db, "丙", kind="organization", purchase_state="repeat", retention_state="lost")
    assert await names(db, Filters(centre_id=centre.id)) == ["乙", "甲"]
    assert await names(db, Filters(department_id=department.id)) == ["甲"]
    assert await names(db, Filters(owner_id=owner.user_id)) == ["甲"]
    assert await names(db, Filters(unowned=True)) == ["丙", "乙"]
    assert await names(db, Filters(type="B")) == ["乙"]
    assert await names(db, filters.read({"membership": "金卡", "source": "转介绍"})) == ["甲"]
    assert await names(db, filters.read({"kind": "organization", "purchase_state": "repeat"})) == ["丙"]
    assert await names(db, filters.read({"retention_state": "lost", "type": "A"})) == []


async def test_the_lists_of_the_morning(db: Database) -> None:
    now = db.clock.now()
    last_week = now - timedelta(days=7)
    await add_customer(db, "新")
    old = await add_customer(db, "旧", created_at=last_week, last_contact_at=LONG_AGO)
    await add_customer(db, "近", created_at=last_week, last_contact_at=last_week)
    async with db.uow() as uow:
        uow.session.add(OwnerChange(id=new_id(), customer_id=old.id, at=now, reason=""))
    assert await names(db, Filters(list=TimeList.NEW_THIS_WEEK)) == ["新"]
    assert await names(db, Filters(list=TimeList.TRANSFERRED_THIS_WEEK)) == ["旧"]
    assert await names(db, Filters(not_contacted_months=3)) == ["旧", "新"]
    assert await names(db, Filters(not_contacted_months=12)) == ["新"]


async def test_birthdays_of_a_period_are_found_in_both_calendars(db: Database) -> None:
    async def born(name: str, calendar: Calendar | None, month: int, day: int, *, leap: bool = False) -> None:
        await add_customer(db, name, birth_calendar=calendar, birth_month=month, birth_day=day, birth_leap=leap)

    await born("阳", Calendar.SOLAR, 2, 28)
    await born("闰日", None, 2, 29)
    await born("阴", Calendar.LUNAR, 8, 15)
    await born("闰月", Calendar.LUNAR, 6, 15, leap=True)
    await born("平月", Calendar.LUNAR, 6, 15)
    # 2026: mid-autumn is 25 September, no leap month; 2025 has a leap sixth month.
    assert await names(db, _period("2026-02-28", "2026-02-28")) == ["闰日", "阳"]
    assert await names(db, _period("2028-02-28", "2028-02-28")) == ["阳"]
    assert await names(db, _period("2026-09-25", "2026-09-25")) == ["阴"]
    assert await names(db, _period("2026-07-28", "2026-07-28")) == ["平月", "闰月"]
    assert await names(db, _period("2025-08-08", "2025-08-08")) == ["闰月"]
    assert await names(db, _period("2025-07-09", "2025-07-09")) == ["平月"]


def _period(first: str, last: str) -> Filters:
    return Filters(birthday_from=date.fromisoformat(first), birthday_to=date.fromisoformat(last))


async def test_a_count_never_counts_more_than_anybody_wants_to_wait_for(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        await add_customer(db, f"甲{number}")
    async with db.read() as session:
        assert await queries.count(session, SYSTEM, Filters(), now=NOW) == 4
        monkeypatch.setattr(queries, "_MOST_COUNTED", 3)
        assert await queries.count(session, SYSTEM, Filters(), now=NOW) is None


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"kind": "robot"}, "kind"),
        ({"colour": "red"}, "colour"),
        ({"owner_id": "nobody"}, "owner_id"),
        ({"not_contacted_months": "0"}, "not_contacted_months"),
        ({"birthday_from": "2026-02-30"}, "birthday_from"),
        ({"birthday_from": "2026-02-01"}, "birthday_to"),
        ({"birthday_from": "2026-02-01", "birthday_to": "2027-02-01"}, "birthday_to"),
        ({"birthday_from": "1026-02-01", "birthday_to": "1026-02-02"}, "birthday_to"),
    ],
)
def test_wrong_filters_are_named(given: dict[str, str], field: str) -> None:
    with pytest.raises(Rejected) as refused:
        filters.read(given)
    assert list(refused.value.errors) == [field]


def test_filters_come_back_as_they_were_kept() -> None:
    period = {"birthday_from": "2026-02-01", "birthday_to": "2026-02-20"}
    given = filters.read({"owner_id": "0drk4w1x8m3te", "type": "A", "unowned": "1", "list": "new_this_week", **period})
    assert filters.read(given.kept()) == given
    assert given
    assert not Filters()
