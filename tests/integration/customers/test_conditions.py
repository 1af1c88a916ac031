"""A tree of conditions picks exactly those who hold it, refuses what cannot be, and tells nobody more than his mask."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from crm_core.customers import sealed
from crm_core.customers.conditions import queries
from crm_core.customers.custom import service as custom
from crm_core.customers.kinds import Calendar, OwnerChangeKind
from crm_core.customers.models import Customer, FamilyMember, OwnerChange
from crm_core.customers.search.queries import Now
from crm_core.db.database import Database
from crm_core.kernel.errors import Rejected
from crm_core.kernel.ids import new_id, show
from crm_core.organization.access import SYSTEM, Actor
from crm_core.organization.models import Role
from tests.factories import add_actor, add_centre, add_customer, add_department

NOW = Now(date(2026, 11, 21), ZoneInfo("Asia/Shanghai"))
CARD = "11010519491231002X"
OWN: tuple[tuple[str, str, list[str]], ...] = (
    ("hobby", "text", []), ("score", "number", []), ("since", "date", []), ("paid", "money", []), ("vip", "flag", []),
    ("way", "choice", ["tv", "web"]), ("likes", "multi_choice", ["tea", "tea_set"]),
)  # fmt: skip
MOBILE = {"all": [{"field": "kind", "value": "mobile"}, {"field": "primary", "value": True}]}


async def names(db: Database, tree: Any, by: Actor = SYSTEM) -> list[str]:
    async with db.read() as session:
        page = await queries.found(session, by, tree, now=NOW, sort=["created_at"])
        assert await queries.count(session, by, tree, now=NOW) == len(page.items)
    return sorted(one.name for one in page.items)


def test(field: str, op: str, value: Any = None) -> dict[str, Any]:
    return {"field": field, "op": op} | ({} if value is None else {"value": value})


test.__test__ = False  # type: ignore[attr-defined]


@pytest.fixture
async def base(db: Database) -> dict[str, Customer]:
    """Three people: 甲 of whom much is known, 乙 of whom less, 丙 of whom nothing but the name."""
    shanghai = await add_department(db, "上海部", sales_centre=await add_centre(db, "上海中心"))
    wang = await add_actor(db, "wangwei", department=shanghai)
    async with db.uow() as uow:
        for code, kind, choices in OWN:
            given: dict[str, Any] = {"code": code, "type": kind, "zh": code}
            if choices:
                given["choices"] = [{"code": one, "zh": one} for one in choices]
            await custom.add(uow, given, by=SYSTEM)
    one = await add_customer(
        db, "甲", phones=["13912345678", "62345678"], owner=wang, department=shanghai, city="上海", type="A",
        sex="male", collected_at=date(2026, 8, 21), last_contact_at=datetime(2026, 11, 20, 17, 0, tzinfo=UTC),
        birth_calendar=Calendar.LUNAR, birth_year=1950, birth_month=10, birth_day=13, wedding_day=date(1975, 11, 30),
        custom={"hobby": "下棋", "score": 7, "since": "2026-11-01", "paid": "12.50", "vip": True, "way": "tv",
                "likes": ["tea_set"]},
    )  # fmt: skip
    two = await add_customer(
        db, "乙", phones=["13900000000"], city="北京", type="B", collected_at=date(2026, 8, 20),
        last_contact_at=datetime(2026, 5, 1, tzinfo=UTC), birth_calendar=Calendar.SOLAR, birth_year=1960,
        birth_month=11, birth_day=22, custom={"score": 8, "vip": False, "way": "web", "likes": ["tea"]},
    )  # fmt: skip
    three = await add_customer(db, "丙")
    async with db.uow() as uow:
        uow.session.add(
            FamilyMember(id=new_id(), customer_id=one.id, relation="女儿", name="小甲", birth_calendar=Calendar.SOLAR,
                         birth_year=1980, birth_month=11, birth_day=25)
        )  # fmt: skip
        for at in (datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 11, 10, tzinfo=UTC)):
            uow.session.add(
                OwnerChange(id=new_id(), customer_id=one.id, at=at, to_user_id=wang.user_id, reason="分配",
                            kind=OwnerChangeKind.EDIT)
            )  # fmt: skip
        uow.session.add(OwnerChange(id=new_id(), customer_id=two.id, at=datetime(2026, 2, 1, tzinfo=UTC), reason=""))
        sealed.set_id_card(uow.keyring, await uow.session.get_one(Customer, one.id), CARD)
    return {"one": one, "two": two, "three": three}


PICKS: list[tuple[Any, str]] = [
    (None, "甲乙丙"),
    (test("owner", "eq", "wangwei"), "甲"),
    (test("owner", "ne", "wangwei"), "乙丙"),
    (test("owner", "empty"), "乙丙"),
    (test("department", "in", ["上海部", "别的"]), "甲"),
    (test("centre", "eq", "上海中心"), "甲"),
    (test("centre", "empty"), "乙丙"),
    (test("address.city", "not_in", ["上海"]), "乙丙"),
    (test("type", "gte", "B"), "乙"),
    (test("sex", "ne", "male"), "乙丙"),
    ({"not": test("type", "eq", "A")}, "乙丙"),
    ({"any": [test("type", "empty"), test("name", "contains", "甲")]}, "甲丙"),
    ({"all": [test("type", "not_empty"), {"not": {"any": [test("name", "starts_with", "甲")]}}]}, "乙"),
    # Times: days of the business, ends included; never is not since.
    (test("last_contact_at", "within_last", "1 day"), "甲"),
    (test("last_contact_at", "before_last", "3 months"), "乙丙"),
    (test("last_contact_at", "in_period", "today"), "甲"),
    (test("last_contact_at", "eq", "2026-11-21"), "甲"),
    (test("last_contact_at", "in_period", "2026-05"), "乙"),
    (test("last_contact_at", "gt", "2026-11-21"), ""),
    (test("last_contact_at", "between", ["2026-05-01", "2026-05-01"]), "乙"),
    (test("collected_at", "within_last", "3 months"), "甲"),
    (test("collected_at", "before_last", "3 months"), "乙丙"),
    (test("wedding_day", "anniversary_in", "this_month"), "甲"),
    (test("wedding_day", "within_next", "9 days"), ""),
    # Birthdays in both calendars: 10th month, 13th day is 21 November 2026.
    (test("birthday", "anniversary_in", "today"), "甲"),
    (test("birthday", "anniversary_in", "this_week"), "甲乙"),
    (test("birthday", "anniversary_in", "2026-12"), ""),
    (test("birthday", "empty"), "丙"),
    (test("birthday", "eq", "1960-11-22"), "乙"),
    (test("birthday", "lt", "1955-01-01"), "甲"),
    (test("age", "gte", 66), "甲"),
    (test("age", "lte", 65), "乙"),
    (test("age", "eq", 65), "乙"),
    # Own fields by their type.
    (test("custom.hobby", "contains", "棋"), "甲"),
    (test("custom.hobby", "empty"), "乙丙"),
    (test("custom.score", "gt", 7), "乙"),
    (test("custom.score", "between", [7, 8]), "甲乙"),
    (test("custom.since", "within_last", "3 weeks"), "甲"),
    (test("custom.since", "before_last", "3 weeks"), "乙丙"),
    (test("custom.paid", "eq", "12.5"), "甲"),
    (test("custom.paid", "gte", "100"), ""),
    (test("custom.vip", "eq", True), "甲"),
    (test("custom.vip", "ne", True), "乙丙"),
    (test("custom.way", "in", ["web"]), "乙"),
    (test("custom.likes", "contains", "tea"), "乙"),
    (test("custom.likes", "eq", "tea_set"), "甲"),
    # Related facts: some, none, how many, the last one.
    ({"related": "family", "has": "some"}, "甲"),
    ({"related": "family", "has": "none"}, "乙丙"),
    ({"related": "family", "has": "some", "where": test("birthday", "anniversary_in", "this_month")}, "甲"),
    ({"related": "phones", "has": "some", "where": MOBILE}, "甲乙"),
    ({"related": "phones", "count": {"op": "gte", "value": 2}}, "甲"),
    ({"related": "phones", "count": {"op": "lt", "value": 2}}, "乙丙"),
    ({"related": "phones", "count": {"op": "eq", "value": 0}}, "丙"),
    ({"related": "phones", "has": "none", "count": {"op": "eq", "value": 1}}, "甲丙"),
    ({"related": "transfers", "sum": {"field": "at", "op": "gt", "value": 1}}, "!sum.field"),
    ({"related": "transfers", "last": test("at", "within_last", "2 weeks")}, "甲"),
    ({"related": "transfers", "last": test("at", "before_last", "3 months")}, "乙丙"),
    ({"related": "transfers", "last": test("at", "in_period", "2026-02")}, "乙"),
    ({"related": "transfers", "has": "some", "where": test("to", "eq", "wangwei")}, "甲"),
    ({"related": "transfers", "has": "none", "where": test("at", "within_last", "1 month")}, "乙丙"),
    # Numbers, by a part and whole.
    (test("phones", "contains", "12345"), "甲"),
    (test("phones", "starts_with", "139"), "甲乙"),
    (test("phones", "eq", "+86 139 1234 5678"), "甲"),
    (test("phones", "empty"), "丙"),
    (test("id_card", "eq", CARD), "甲"),
    (test("id_card", "empty"), "乙丙"),
]  # fmt: skip


async def test_a_tree_picks_who_holds_it(db: Database, base: dict[str, Customer]) -> None:
    for tree, picked in PICKS:
        if picked.startswith("!"):
            continue
        assert await names(db, tree) == sorted(picked), tree
    assert await names(db, test("id", "in", [show(base["two"].id)])) == ["乙"]


WRONG: list[tuple[Any, str]] = [
    ({"field": "password_hash"}, "where.field"),
    ({"all": [test("name", "like", "x")]}, "where.all.0.op"),
    ({"all": []}, "where.all"),
    ({"all": [test("name", "eq", "x")], "any": []}, "where.any"),
    ({"not": {"some": 1}}, "where.not"),
    ({"field": "name", "op": "eq", "value": "x", "sql": "1"}, "where.sql"),
    (test("name", "eq", ["x"]), "where.value"),
    (test("name", "in", "x"), "where.value"),
    (test("sex", "eq", "neither"), "where.value"),
    (test("sex", "contains", "m"), "where.op"),
    (test("created_at", "gt", "yesterday"), "where.value"),
    (test("created_at", "within_last", "3 moons"), "where.value"),
    (test("created_at", "in_period", "2026-13"), "where.value"),
    (test("created_at", "anniversary_in", "today"), "where.op"),
    (test("birthday", "anniversary_in", "someday"), "where.value"),
    (test("age", "gt", "old"), "where.value"),
    (test("custom.nothing", "eq", 1), "where.field"),
    (test("medical_history", "contains", "x"), "where.field"),
    (test("name", "between", ["a"]), "where.value"),
    (test("completeness", "in", [1, "many"]), "where.value.1"),
    ({"related": "secrets"}, "where.related"),
    ({"related": "purchases", "has": "some"}, "where.related"),
    ({"related": "phones", "has": "maybe"}, "where.has"),
    ({"related": "phones", "where": test("password", "eq", "x")}, "where.where.field"),
    ({"related": "phones", "where": {"related": "family"}}, "where.where.related"),
    ({"related": "phones", "count": {"op": "gte", "value": "many"}}, "where.count.value"),
    ({"related": "phones", "count": {"op": "contains", "value": 1}}, "where.count.op"),
    ({"related": "phones", "sum": {"field": "kind", "op": "gt", "value": 1}}, "where.sum.field"),
    ({"related": "phones", "last": {"field": "kind", "op": "eq", "value": "x"}}, "where.last.field"),
    ({"related": "phones", "count": {"op": "eq", "value": 1}, "last": {}}, "where.last"),
    ("name = 1", "where"),
    ({"any": [test("name", "eq", "x")] * 300}, "where.any.199"),
]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_cannot_be_is_refused_at_its_node(db: Database) -> None:
    for tree, place in WRONG:
        with pytest.raises(Rejected) as refused:
            await names(db, tree)
        assert (refused.value.code, list(refused.value.errors)) == ("where_invalid", [place]), tree


DEEP: Any = test("name", "eq", "x")
for _ in range(20):
    DEEP = {"not": DEEP}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_condition_without_end_is_refused(db: Database) -> None:
    with pytest.raises(Rejected, match="cannot be used"):
        await names(db, DEEP)


async def test_who_sees_numbers_masked_cannot_feel_his_way_to_them(db: Database, base: dict[str, Customer]) -> None:
    agent = await add_actor(db, role=Role.WAREHOUSE, department=None)
    supervisor = await add_actor(db, role=Role.SUPERVISOR)
    for tree in (
        test("phones", "contains", "1234"),
        test("phones", "starts_with", "1391"),
        {"related": "phones", "where": test("number", "contains", "1234")},
        {"any": [test("phones", "eq", f"139{n:04}5678") for n in range(50)]},
        test("phones", "in", [f"139{n:04}5678" for n in range(50)]),
        test("id_card", "in", [CARD] * 4),
    ):
        with pytest.raises(Rejected) as refused:
            await names(db, tree, by=agent)
        assert refused.value.code == "where_invalid"
    assert await names(db, test("phones", "eq", "13912345678"), by=agent) == []
    assert await names(db, test("phones", "contains", "1234"), by=supervisor) == []


async def test_a_tree_reaches_no_further_than_the_right(db: Database, base: dict[str, Customer]) -> None:
    mine = await add_actor(db, role=Role.AGENT)
    await add_customer(db, "我的", owner=mine, city="上海")
    for tree in (None, {"not": test("owner", "eq", mine.name)}, {"any": [test("address.city", "not_empty")]}):
        assert await names(db, tree, by=mine) in (["我的"], [])
    assert await names(db, test("address.city", "eq", "上海"), by=mine) == ["我的"]
