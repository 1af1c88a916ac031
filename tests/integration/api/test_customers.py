"""Customers over REST: the words of the contract, versions, masks, duplicates, search and paging."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event

from crm_core.audit import queries as audit
from tests.integration.api.conftest import Client, House
from tests.integration.api.test_errors import is_problem

PERSON: dict[str, Any] = {
    "name": "李秀英",
    "sex": "female",
    "phones": [{"number": "13800138000", "kind": "mobile", "primary": True}, {"number": "021-62345678"}],
    "birthday": {"calendar": "lunar", "year": 1953, "month": 8, "day": 15, "leap": False},
    "address": {"province": "上海", "city": "上海", "district": "浦东新区", "street": "世纪大道1号"},
    "taboos": "no honey",
    "custom": {"shoe_size": 38},
}


@pytest.fixture(autouse=True)
async def shoe_size(boss: Client) -> None:
    """An own field that PERSON uses."""
    field = {"code": "shoe_size", "type": "number", "zh": "鞋码", "position": 1}
    assert (await boss("POST", "fields", field)).status == 201


async def entered(client: Client, **fields: Any) -> dict[str, Any]:
    answer = await client("POST", "customers", {**PERSON, **fields})
    assert answer.status == 201, answer.body
    found: dict[str, Any] = answer.json
    return found


async def test_a_customer_answers_with_the_words_of_the_contract(house: House, boss: Client) -> None:
    answer = await boss("POST", "customers", {**PERSON, "owner": "agent"})
    assert answer.status == 201
    made = answer.json
    assert answer.headers["Location"] == f"/api/v1/customers/{made['id']}"
    assert answer.headers["ETag"] == f'"{made["version"]}"'
    assert made["birthday"] == PERSON["birthday"]
    assert made["address"] == {**PERSON["address"], "community": None, "postcode": None}
    numbers = [(phone["number"], phone["kind"], phone["primary"], phone["state"]) for phone in made["phones"]]
    assert numbers == [
        ("13800138000", "mobile", True, "unverified"),
        ("021-62345678", "landline", False, "unverified"),
    ]
    assert (made["owner"], made["department"], made["entered_by"]) == ("agent", "one", "admin")
    assert made["custom"] == {"shoe_size": 38}
    assert made["created_at"] == "2026-11-21T10:00:00+08:00"
    assert await boss.get(f"customers/{made['id']}") == made


async def test_a_change_touches_only_what_it_names(boss: Client) -> None:
    made = await entered(boss)
    change = {"remarks": "Prefers mornings.", "address": {"city": "苏州"}, "taboos": None}
    answer = await boss("PATCH", f"customers/{made['id']}", change)
    assert answer.status == 200, answer.body
    expected = {
        **made,
        "remarks": "Prefers mornings.",
        "record_state": "changed",
        "taboos": None,
        "address": {**made["address"], "city": "苏州"},
        "version": made["version"] + 1,
    }
    assert answer.json == {**expected, "updated_at": answer.json["updated_at"]}


async def test_a_stale_version_is_409_and_changes_nothing(boss: Client) -> None:
    made = await entered(boss)
    path, first = f"customers/{made['id']}", {"If-Match": f'"{made["version"]}"'}
    assert (await boss("PATCH", path, {"remarks": "first"}, headers=first)).status == 200
    assert is_problem(await boss("PATCH", path, {"remarks": "second"}, headers=first), 409, "stale")
    assert (await boss.get(path))["remarks"] == "first"
    wrong = await boss("PATCH", path, {"remarks": "x"}, headers={"If-Match": '"abc"'})
    assert is_problem(wrong, 422, "invalid_input")
    assert list(wrong.json["errors"]) == ["If-Match"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"colour": "red"}, "colour"),
        ({"phones": [{"number": "13800138000", "colour": "red"}]}, "phones.0.colour"),
        ({"phones": [{"number": "hello"}]}, "phones.0.number"),
        ({"birthday": {"month": 13}}, "birthday.month"),
        ({"owner": "nobody"}, "owner"),
        ({"department": "nowhere"}, "department"),
        ({"referred_by": "0000000000000"}, "referred_by"),
        ({"name": "a\u0000b"}, "name"),
        ({"custom": {"x": "a\u0000b"}}, "custom"),
        ({"custom": {"x": 10**30}}, "custom"),
        ({"name": "x" * 121}, "name"),
        ({"name": " "}, "name"),
        ({"kind": "robot"}, "kind"),
    ],
)
async def test_wrong_input_is_422_with_the_field_named(boss: Client, body: dict[str, Any], field: str) -> None:
    answer = await boss("POST", "customers", {"name": "x", **body})
    assert answer.status == 422, answer.body
    assert list(answer.json["errors"]) == [field]


async def test_a_possible_duplicate_is_409_with_candidates(boss: Client) -> None:
    made = await entered(boss)
    answer = await boss("POST", "customers", PERSON)
    assert is_problem(answer, 409, "possible_duplicate")
    (candidate,) = answer.json["candidates"]
    assert candidate["customer"] == {"id": made["id"], "name": made["name"]}
    assert 0 < candidate["score"] <= 1
    assert candidate["reasons"]
    assert (await boss("POST", "customers?accept_duplicate=true", PERSON)).status == 201


async def test_numbers_are_masked_for_agents_and_shown_only_with_a_reason(house: House, boss: Client) -> None:
    made = await entered(boss, owner="agent")
    agent, supervisor = house.as_user("agent"), house.as_user("supervisor")
    seen = await agent.get(f"customers/{made['id']}")
    assert [phone["number"] for phone in seen["phones"]] == ["138****8000", "021****5678"]
    assert b"13800138000" not in (await agent("GET", "customers?q=13800138000")).body
    assert is_problem(await agent("POST", f"customers/{made['id']}/reveal", {"reason": "x"}), 403, "not_allowed")
    shown = await supervisor("POST", f"customers/{made['id']}/reveal", {"reason": "delivery"})
    assert shown.json == {"numbers": ["13800138000", "021-62345678"]}
    async with house.db.read() as session:
        (line,) = await audit.page(session, action="customer.reveal_phones")
    assert (line.actor_name, line.detail["reason"]) == ("supervisor", "delivery")


async def test_a_masked_number_sent_back_changes_nothing(house: House, boss: Client) -> None:
    made = await entered(boss, owner="agent")
    agent = house.as_user("agent")
    seen = await agent.get(f"customers/{made['id']}")
    phones = [{"number": phone["number"], "kind": phone["kind"]} for phone in seen["phones"]]
    assert (await agent("PATCH", f"customers/{made['id']}", {"phones": phones, "remarks": "x"})).status == 200
    after = await boss.get(f"customers/{made['id']}")
    assert [p["number"] for p in after["phones"]] == ["13800138000", "021-62345678"]


async def test_anothers_customer_is_404_and_in_no_list(house: House, boss: Client) -> None:
    made = await entered(boss, owner="stranger")
    agent = house.as_user("agent")
    for method, path, body in (
        ("GET", f"customers/{made['id']}", None),
        ("PATCH", f"customers/{made['id']}", {"remarks": "mine"}),
        ("POST", f"customers/{made['id']}/notes", {"text": "mine"}),
        ("GET", f"customers/{made['id']}/notes", None),
    ):
        assert is_problem(await agent(method, path, body), 404, "customer_not_found")
    assert (await agent.get("customers?q=13800138000"))["items"] == []
    assert is_problem(await agent("GET", "customers/not-an-id"), 404, "not_found")


async def test_an_agent_cannot_give_customers_away(house: House) -> None:
    agent = house.as_user("agent")
    made = await entered(agent)
    assert made["owner"] == "agent"
    answer = await agent("PATCH", f"customers/{made['id']}", {"owner": "stranger"})
    assert answer.status == 403, answer.body


async def test_quick_search_finds_by_name_pinyin_and_number(boss: Client) -> None:
    made = await entered(boss)
    await entered(boss, name="王伟", phones=[{"number": "13900139000"}])
    for text in ("秀英", "lixiuying", "lxy", "13800138000", "8000", made["account_number"]):
        found = await boss.get(f"customers?q={text}")
        assert [item["id"] for item in found["items"]] == [made["id"]], text


async def test_pages_stay_right_while_customers_are_added(boss: Client) -> None:
    before = [(await entered(boss, name=f"n{i}", phones=[]))["id"] for i in range(5)]
    first = await boss.get("customers?limit=2")
    await entered(boss, name="later", phones=[])
    seen = [item["id"] for item in first["items"]]
    cursor = first["next"]
    while cursor:
        page = await boss.get(f"customers?limit=2&cursor={cursor}")
        seen += [item["id"] for item in page["items"]]
        cursor = page["next"]
    assert seen == before[::-1]


async def test_a_cursor_of_another_make_is_wrong_input(boss: Client) -> None:
    for cursor in ("x", "%00", "e30", "8" * 400):
        answer = await boss("GET", f"customers?cursor={cursor}")
        assert answer.status == 422, (cursor, answer.body)
        assert list(answer.json["errors"]) == ["cursor"]


async def test_the_number_of_queries_does_not_grow_with_the_list(house: House, boss: Client) -> None:
    counts: list[int] = []
    await boss.get("calls")  # a connection's first words are not counted
    for _ in range(2):
        for i in range(4):
            await entered(
                boss,
                name=f"n{len(counts)}{i}",
                phones=[{"number": f"1380013{len(counts)}00{i}"}],
                birthday=None,
                address=None,
            )
        asked: list[str] = []

        def note(_c: Any, _k: Any, statement: str, *_rest: Any, asked: list[str] = asked) -> None:
            asked.append(statement)

        engine = house.db._reader.sync_engine
        event.listen(engine, "before_cursor_execute", note)
        await boss.get("customers?limit=500")
        event.remove(engine, "before_cursor_execute", note)
        counts.append(len(asked))
    assert counts[0] == counts[1]


async def test_notes_are_newest_first_with_author_and_time(house: House, boss: Client) -> None:
    made = await entered(boss, owner="agent")
    agent = house.as_user("agent")
    for text in ("first", "<script>alert(1)</script>"):
        answer = await agent("POST", f"customers/{made['id']}/notes", {"text": text})
        assert answer.status == 201, answer.body
    found = await agent.get(f"customers/{made['id']}/notes")
    assert sorted(item["text"] for item in found["items"]) == ["<script>alert(1)</script>", "first"]
    assert {item["author"] for item in found["items"]} == {"agent"}
    assert is_problem(await agent("POST", f"customers/{made['id']}/notes", {"text": " "}), 422, "invalid_input")
