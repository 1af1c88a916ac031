"""Classification over REST: history of one customer, flows of a period, thresholds, preview and pass."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from crm_core.customers.classification import jobs
from crm_core.jobs import runner
from tests.integration.api.conftest import Client, House
from tests.integration.api.test_errors import is_problem


async def customer(client: Client, **fields: Any) -> Any:
    answer = await client("POST", "customers", {"name": "A", **fields})
    assert answer.status == 201, answer.body
    return answer.json


async def test_what_is_entered_on_the_card_is_kept_as_history(house: House, boss: Client) -> None:
    made = await customer(boss, type="B", owner="agent")
    path = f"customers/{made['id']}"
    house.clock.move(timedelta(seconds=60))
    assert (await house.as_user("agent")("PATCH", path, {"type": "A"})).status == 200
    found = (await boss.get(f"{path}/classification"))["items"]
    types = [(one["old"], one["new"], one["by"], one["why"]) for one in found if one["field"] == "type"]
    assert types[0] == ("B", "A", "agent", "Entered by hand.")
    page = await boss.get(f"{path}/classification?limit=1")
    assert page["items"] == found[:1]


async def test_flows_count_only_customers_within_reach(house: House, boss: Client) -> None:
    mine, other = await customer(boss, owner="agent"), await customer(boss, name="Z", owner="stranger")
    for one in (mine, other):
        assert (await boss("PATCH", f"customers/{one['id']}", {"type": "VIP"})).status == 200
    path = "reports/classification-changes?field=type"
    assert [one["count"] for one in (await boss.get(path))["counts"]] == [2]
    assert (await house.as_user("agent")("GET", path)).status == 403  # as the page of it
    seen = await house.as_user("supervisor").get(path)
    assert seen["counts"] == [{"field": "type", "old": None, "new": "VIP", "count": 1}]
    assert [one["customer"]["id"] for one in seen["items"]] == [mine["id"]]
    assert (await boss.get(f"{path}&from=2026-01-01&to=2026-01-31"))["counts"] == []
    assert is_problem(await boss("GET", f"{path}&from=2026-02-01&to=2026-01-31"), 422, "period_invalid")


async def test_thresholds_change_only_where_named(house: House, boss: Client) -> None:
    before = await boss.get("classification/settings")
    answer = await boss("PATCH", "classification/settings", {"retention": {"lost_after": 200}})
    assert answer.json == {**before, "retention": {**before["retention"], "lost_after": 200}}
    wrong = await boss("PATCH", "classification/settings", {"retention": {"stopped_after": 300}})
    assert is_problem(wrong, 422, "classification_invalid")
    assert list(wrong.json["errors"]) == ["retention.lost_after"]
    manager = house.as_user("manager")
    assert (await manager("PATCH", "classification/settings", {})).status == 403


async def test_the_preview_changes_nothing(boss: Client) -> None:
    await customer(boss)
    body = {"grading": {"grades": [{"code": "X", "at_least": 3}]}}
    answer = await boss("POST", "classification/preview", body)
    assert answer.json["items"] == [{"grade": "X", "now": 0, "then": 0}, {"grade": None, "now": 1, "then": 1}]
    assert (await boss.get("classification/settings"))["grading"]["grades"][0]["code"] == "A"


async def test_a_pass_is_a_job(house: House, boss: Client) -> None:
    await customer(boss)
    answer = await boss("POST", "classification/rederive")
    assert answer.status == 202
    assert await runner.run_one(house.db, jobs.HANDLERS)
    job = await boss.get(f"jobs/{answer.json['job']}")
    assert (job["state"], job["done"], job["result"]) == ("done", 1, {"customers": 1, "changed": 0})
