"""Duplicates over REST: candidates while typing, pairs, merging, undoing."""

from __future__ import annotations

from typing import Any

import pytest

from crm_core.customers.duplicates import pairs, rules
from crm_core.customers.duplicates.jobs import HANDLERS
from crm_core.jobs.runner import run_one
from crm_core.kernel import ids
from tests.integration.api.conftest import Client, House
from tests.integration.api.test_customers import is_problem

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def boss(house: House) -> Client:
    return house.as_user("admin")


async def _enter(boss: Client, name: str, *numbers: str, **fields: Any) -> dict[str, Any]:
    body = {"name": name, "phones": [{"number": number} for number in numbers], **fields}
    answer = await boss("POST", "customers?accept_duplicate=true", body)
    assert answer.status == 201, answer.body
    made: dict[str, Any] = answer.json
    return made


async def test_candidates_come_while_typing(boss: Client) -> None:
    made = await _enter(boss, "李秀英", "13800138000")
    found = await boss.get("customers/candidates?name=李秀瑛&phone=138 0013 8000")
    (one,) = found["items"]
    seen = {"id": made["id"], "name": "李秀英", "account_number": made["account_number"]}
    assert (one["customer"], one["reasons"]) == (seen, ["phone", "name_sounds_alike"])
    assert (await boss.get("customers/candidates?name=李&phone=138001"))["items"] == []


async def test_a_candidate_out_of_reach_bears_no_name(house: House, boss: Client) -> None:
    await _enter(boss, "李秀英", "13800138000", owner="stranger")
    answer = await house.as_user("agent")("GET", "customers/candidates?name=李秀英&phone=13800138000")
    assert answer.json["items"][0]["customer"] is None
    assert "李秀英" not in answer.body.decode()


async def test_a_refusal_because_of_somebody_out_of_reach_says_whom_to_ask_and_nothing_of_the_customer(
    house: House, boss: Client
) -> None:
    made = await _enter(boss, "李秀英", "13800138000", owner="stranger")
    body = {"name": "李秀英", "phones": [{"number": "13800138000"}]}
    refused = await house.as_user("agent")("POST", "customers", body)
    assert is_problem(refused, 409, "possible_duplicate")
    (one,) = refused.json["candidates"]
    assert (one["customer"], one["reasons"]) == (None, ["phone", "name"])
    assert one["ask"]["person"] is not None
    for secret in (made["id"], made["account_number"]):
        assert secret not in refused.body.decode()


async def test_only_with_the_right_a_duplicate_is_stored_all_the_same(house: House, boss: Client) -> None:
    await _enter(boss, "李秀英", "13800138000", owner="agent")
    body = {"name": "李秀英", "phones": [{"number": "13800138000"}]}
    agent, clerk = house.as_user("agent"), house.as_user("data_clerk")
    assert is_problem(await agent("POST", "customers", body), 409, "possible_duplicate")
    assert is_problem(await agent("POST", "customers?accept_duplicate=true", body), 403, "not_allowed")
    assert (await clerk("POST", "customers?accept_duplicate=true", body)).status == 201


async def test_a_merge_leads_the_old_id_and_number_to_the_survivor_until_it_is_undone(boss: Client) -> None:
    gone = await _enter(boss, "李秀英", "13800138000", occupation="教师", remarks="怕吵")
    into = await _enter(boss, "李秀瑛", "13900139000", occupation="医生")
    await boss("POST", f"customers/{gone['id']}/notes", {"text": "周五再打"})
    body = {"into": into["id"], "take": ["name"], "fields": {"best_time": "晚上"}}
    answer = await boss("POST", f"customers/{gone['id']}/merge", body)
    assert answer.status == 201, answer.body
    whole = answer.json["customer"]
    assert (whole["id"], whole["name"], whole["occupation"], whole["remarks"]) == (into["id"], "李秀英", "医生", "怕吵")
    assert (whole["best_time"], [p["number"] for p in whole["phones"]]) == ("晚上", ["13900139000", "13800138000"])
    assert (await boss.get(f"customers/{gone['id']}"))["id"] == into["id"]
    assert (await boss.get("customers?q=13800138000"))["items"][0]["id"] == into["id"]
    story = await boss.get(f"customers/{gone['id']}/timeline")
    assert "周五再打" in str(story)
    assert is_problem(await boss("POST", f"customers/{gone['id']}/merge", body), 409, "already_merged")
    (merge,) = (await boss.get("merges"))["items"]
    assert (merge["merged"], merge["account_number"], merge["can_undo"]) == (gone["id"], gone["account_number"], True)

    assert (await boss("PATCH", f"customers/{into['id']}", {"best_time": "早上"})).status == 200
    undone = await boss("POST", f"merges/{merge['id']}/undo")
    assert undone.status == 200, undone.body
    assert undone.json["kept"] == ["best_time"]
    assert (undone.json["customer"]["name"], undone.json["customer"]["best_time"]) == ("李秀瑛", "早上")
    assert (undone.json["separated"]["id"], undone.json["separated"]["name"]) == (gone["id"], "李秀英")
    assert is_problem(await boss("POST", f"merges/{merge['id']}/undo"), 409, "merge_undone")


async def test_wrong_choices_of_a_merge_are_named(boss: Client) -> None:
    gone, into = await _enter(boss, "李秀英"), await _enter(boss, "王芳")
    path = f"customers/{gone['id']}/merge"
    assert is_problem(await boss("POST", path, {"into": gone["id"]}), 422, "merge_same")
    refused = await boss("POST", path, {"into": into["id"], "take": ["version"]})
    assert is_problem(refused, 422, "merge_invalid")
    assert refused.json["errors"] == {"version": "unknown field"}
    assert (await boss("POST", path, {"into": into["id"], "fields": {"shoe_size": 43}})).status == 422
    assert (await boss("POST", path, {"into": ids.show(7)})).status == 404
    company = await _enter(boss, "百草堂", kind="organization")
    assert is_problem(await boss("POST", path, {"into": company["id"]}), 409, "merge_other_kind")


async def test_the_whole_base_is_searched_and_pairs_are_decided(house: House, boss: Client) -> None:
    first, second = [await _enter(boss, "李秀英", "13800138000") for _ in range(2)]
    started = await boss("POST", "duplicates/search", {"least": 0.5})
    assert started.status == 202, started.body
    assert await run_one(house.db, HANDLERS)
    assert (await boss.get(f"jobs/{started.json['job']}"))["result"]["pairs"] == 1
    (pair,) = (await boss.get("duplicates"))["items"]
    assert {one["id"] for one in pair["customers"]} == {first["id"], second["id"]}
    assert pair["reasons"] == ["phone", "name"]
    answer = await boss("PATCH", f"duplicates/{pair['id']}", {"state": "not_duplicate"})
    assert (answer.status, answer.json["state"], answer.json["decided_by"]) == (200, "not_duplicate", "admin")
    assert (await boss.get("duplicates"))["items"] == []
    assert len((await boss.get("duplicates?state=not_duplicate"))["items"]) == 1


async def test_pairs_are_paged_by_cursor(house: House, boss: Client) -> None:
    made = [ids.parse((await _enter(boss, f"李秀英{n}"))["id"]) for n in range(5)]
    alike = rules.Alike(0.9, (rules.Reason.PHONE,))
    async with house.db.uow() as uow:
        await pairs.store(uow, [(made[0], one, alike) for one in made[1:]])
    seen, cursor = [], ""
    for _ in range(2):
        page = await boss.get(f"duplicates?limit=2{cursor}")
        seen += [one["id"] for one in page["items"]]
        cursor = f"&cursor={page['next']}"
    assert (len(set(seen)), page["next"]) == (4, None)
