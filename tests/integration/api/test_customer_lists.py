"""Lists of customers over REST: quick search, filters by name, saved views, one change for many."""

from __future__ import annotations

from typing import Any

import pytest

from crm_core.customers import bulk
from crm_core.jobs.runner import run_one
from tests.integration.api.conftest import Client, House
from tests.integration.api.test_errors import is_problem


async def entered(boss: Client, name: str, **fields: Any) -> str:
    answer = await boss("POST", "customers?accept_duplicate=true", {"name": name, **fields})
    assert answer.status == 201, answer.body
    found: str = answer.json["id"]
    return found


async def listed(client: Client, query: str) -> list[str]:
    found = await client.get(f"customers?{query}")
    return [one["name"] for one in found["items"]]


async def test_the_one_box_finds_by_every_kind_of_fragment(house: House, boss: Client) -> None:
    await entered(
        boss, "欧阳娜娜", owner="agent", phones=[{"number": "13800138000"}], id_card="11010519491231002X",
    )  # fmt: skip
    for q in ("娜娜", "ouyang", "oynn", "0013800", "19491231", "1231002x", "1949-12-31", "12月31日"):
        assert await listed(boss, f"q={q}") == ["欧阳娜娜"], q
    assert await listed(house.as_user("agent"), "q=0013800") == []
    assert await listed(house.as_user("agent"), "q=8000") == ["欧阳娜娜"]
    assert await listed(house.as_user("stranger"), "q=娜娜") == []


async def test_a_change_is_found_at_once(boss: Client) -> None:
    made = await entered(boss, "旧名字")
    assert (await boss("PATCH", f"customers/{made}", {"name": "新名字"})).status == 200
    assert await listed(boss, "q=旧名") == []
    assert await listed(boss, "q=xinming") == ["新名字"]


async def test_filters_take_names_and_refuse_unknown_ones(boss: Client) -> None:
    await entered(boss, "甲", owner="agent", type="A")
    await entered(boss, "乙", type="A", source="转介绍")
    assert await listed(boss, "owner=agent&type=A") == ["甲"]
    assert await listed(boss, "department=one&centre=one&type=A") == ["乙", "甲"]
    assert await listed(boss, "unowned=true&source=转介绍") == ["乙"]
    assert await listed(boss, "q=甲&type=B") == []
    for query, field in (
        ("owner=nobody", "owner"), ("centre=moon", "centre"), ("department=x", "department"), ("colour=red", "colour"),
        ("birthday_from=2026-01-01", "birthday_to"), ("q=a&sort=name", "sort"),
        ("not_contacted_months=0", "not_contacted_months"),
    ):  # fmt: skip
        answer = await boss("GET", f"customers?{query}")
        assert answer.status == 422, query
        assert list(answer.json["errors"]) == [field]


async def test_pages_of_a_search_lose_and_repeat_nobody(boss: Client) -> None:
    expected = [await entered(boss, f"王小{n}") for n in range(7)]
    seen: list[str] = []
    cursor = ""
    while True:
        page = await boss.get(f"customers?q=王小&limit=3{cursor}")
        seen += [one["id"] for one in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert seen == expected[::-1]


async def test_views_are_saved_replaced_shared_and_deleted(house: House, boss: Client) -> None:
    manager, agent = house.as_user("manager"), house.as_user("agent")
    body = {"name": "老客户", "filters": {"type": "A"}, "columns": ["phone", "type"], "sort": "name"}
    first = await manager("POST", "customer-views", body)
    assert first.status == 201, first.body
    again = await manager("POST", "customer-views", {**body, "shared": True})
    assert again.json["id"] == first.json["id"]
    (seen,) = (await agent.get("customer-views"))["items"]
    assert (seen["name"], seen["own"], seen["owner"]) == ("老客户", False, "manager")
    assert is_problem(await agent("POST", "customer-views", {"name": "x", "shared": True}), 403, "not_allowed")
    assert is_problem(await agent("DELETE", f"customer-views/{seen['id']}"), 404, "view_not_found")
    assert (await boss("DELETE", f"customer-views/{seen['id']}")).status == 204
    wrong = await agent("POST", "customer-views", {"name": "x", "filters": {"colour": "red"}, "columns": ["phone"]})
    assert is_problem(wrong, 422, "bad_filter")


async def test_many_are_changed_by_a_job_and_each_has_his_verdict(house: House, boss: Client) -> None:
    mine = await entered(boss, "甲", owner="agent")
    others = await entered(boss, "乙", owner="stranger")
    agent = house.as_user("agent")
    started = await agent("POST", "customers/bulk", {"ids": [mine, others], "set": {"type": "A"}})
    assert started.status == 201, started.body
    assert await run_one(house.db, bulk.HANDLERS)
    rows = (await agent.get(f"jobs/{started.json['job']}/rows"))["items"]
    assert [row["verdict"] for row in rows] == ["done", "refused"]
    assert (await boss.get(f"customers/{mine}"))["type"] == "A"
    assert (await boss.get(f"customers/{others}"))["type"] is None


async def test_all_of_a_list_is_transferred_with_a_reason(house: House, boss: Client) -> None:
    for number in range(3):
        await entered(boss, f"王小{number}", owner="agent", type="A")
    body = {"where": {"type": "A", "q": "王"}, "to": "stranger", "reason": "moved away"}
    assert is_problem(await house.as_user("agent")("POST", "customers/bulk", body), 403, "not_allowed")
    started = await boss("POST", "customers/bulk", body)
    assert started.status == 201, started.body
    assert await run_one(house.db, bulk.HANDLERS)
    assert len(await listed(boss, "owner=stranger")) == 3


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"ids": ["0000000000000"], "set": {"name": "x"}}, "bulk_field"),
        ({"ids": ["0000000000000"], "set": {"type": "x" * 41}}, "customer_invalid"),
        ({"ids": ["0000000000000"], "to": "agent"}, "move_reason_missing"),
        ({"ids": ["0000000000000"], "to": "nobody", "reason": "x"}, "invalid_input"),
        ({"set": {"type": "A"}}, "invalid_input"),
        ({"ids": [], "set": {"type": "A"}}, "invalid_input"),
    ],
)
async def test_a_change_that_is_none_starts_no_job(boss: Client, body: dict[str, Any], code: str) -> None:
    assert is_problem(await boss("POST", "customers/bulk", body), 422, code)
