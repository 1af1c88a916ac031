"""Own fields over REST: defined by an administrator, filled in by everybody, retired without losing anything."""

from __future__ import annotations

from typing import Any

from tests.integration.api.conftest import Client, House
from tests.integration.api.test_errors import is_problem

SIZE: dict[str, Any] = {"code": "shoe_size", "type": "number", "zh": "鞋码", "en": "Shoe size"}
COLOUR: dict[str, Any] = {
    "code": "colour",
    "type": "choice",
    "zh": "颜色",
    "group": "喜好",
    "choices": [{"code": "red", "zh": "红"}, {"code": "blue", "zh": "蓝"}],
}


async def made(client: Client, path: str, body: dict[str, Any]) -> Any:
    answer = await client("POST", path, body)
    assert answer.status == 201, answer.body
    return answer.json


async def test_a_field_answers_with_all_its_parts(boss: Client, house: House) -> None:
    first, second = await made(boss, "fields", SIZE), await made(boss, "fields", COLOUR)
    assert (first["name"], first["subject"], first["required"], first["active"]) == (
        "custom.shoe_size", "customer", False, True,
    )  # fmt: skip
    assert second["choices"][0] == {"code": "red", "zh": "红", "en": "", "active": True}
    assert (await house.as_user("agent").get("fields"))["items"] == [first, second]
    assert (await boss.get("fields?subject=order"))["items"] == []


async def test_a_code_is_given_once_a_kind_of_record(boss: Client) -> None:
    await made(boss, "fields", SIZE)
    assert is_problem(await boss("POST", "fields", SIZE), 409, "field_taken")
    await made(boss, "fields", {**SIZE, "subject": "order"})


async def test_only_administrators_define_fields(house: House, boss: Client) -> None:
    field = await made(boss, "fields", SIZE)
    manager = house.as_user("manager")
    assert (await manager("POST", "fields", COLOUR)).status == 403
    assert (await manager("PATCH", f"fields/{field['id']}", {"zh": "x"})).status == 403


async def test_values_are_checked_by_the_definition(boss: Client) -> None:
    await made(boss, "fields", SIZE)
    await made(boss, "fields", COLOUR)
    wrong = await boss("POST", "customers", {"name": "A", "custom": {"shoe_size": "big", "colour": "x", "moon": 1}})
    assert is_problem(wrong, 422, "customer_invalid")
    assert sorted(wrong.json["errors"]) == ["custom.colour", "custom.moon", "custom.shoe_size"]
    customer = await made(boss, "customers", {"name": "A", "custom": {"shoe_size": 38, "colour": "red"}})
    changed = await boss("PATCH", f"customers/{customer['id']}", {"custom": {"colour": None}})
    assert changed.json["custom"] == {"shoe_size": 38}


async def test_a_required_field_is_asked_for(boss: Client) -> None:
    await made(boss, "fields", {**SIZE, "required": True})
    refused = await boss("POST", "customers", {"name": "A"})
    assert is_problem(refused, 422, "customer_invalid")
    assert refused.json["errors"] == {"custom.shoe_size": "must not be empty"}


async def test_retiring_a_field_or_an_entry_loses_nothing(boss: Client) -> None:
    field = await made(boss, "fields", COLOUR)
    customer = await made(boss, "customers", {"name": "A", "custom": {"colour": "red"}})
    path = f"fields/{field['id']}"
    changed = await boss("PATCH", path, {"choices": [{"code": "blue", "zh": "蓝"}]})
    assert [(one["code"], one["active"]) for one in changed.json["choices"]] == [("blue", True), ("red", False)]
    kept = await boss("PATCH", f"customers/{customer['id']}", {"custom": {"colour": "red"}, "remarks": "x"})
    assert kept.json["custom"] == {"colour": "red"}
    assert (await boss("PATCH", path, {"active": False})).json["active"] is False
    assert (await boss.get("fields"))["items"] == []
    assert len((await boss.get("fields?retired=true"))["items"]) == 1
    assert (await boss.get(f"customers/{customer['id']}"))["custom"] == {"colour": "red"}
    refused = await boss("POST", "customers", {"name": "B", "custom": {"colour": "blue"}})
    assert refused.json["errors"] == {"custom.colour": "is retired and cannot be changed"}


async def test_a_stale_change_of_a_field_is_refused(boss: Client) -> None:
    field = await made(boss, "fields", SIZE)
    path, seen = f"fields/{field['id']}", {"If-Match": f'"{field["version"]}"'}
    assert (await boss("PATCH", path, {"zh": "码"}, headers=seen)).json["version"] == field["version"] + 1
    assert is_problem(await boss("PATCH", path, {"zh": "号"}, headers=seen), 409, "stale")


async def test_a_field_of_type_user_takes_users_alone(boss: Client) -> None:
    await made(boss, "fields", {"code": "adviser", "type": "user", "zh": "顾问"})
    assert (await boss("POST", "customers", {"name": "A", "custom": {"adviser": "nobody"}})).status == 422
    customer = await made(boss, "customers", {"name": "A", "custom": {"adviser": "agent"}})
    assert customer["custom"] == {"adviser": "agent"}
