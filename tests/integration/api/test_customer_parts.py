"""What a customer has several of over REST: family, memorial days, relations, attitudes, contacts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.api.conftest import Client, House
from tests.integration.api.test_customer_record import entered
from tests.integration.api.test_errors import is_problem


async def noted(client: Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await client("POST", path, body)
    assert answer.status == 201, answer.body
    found: dict[str, Any] = answer.json
    return found


async def test_a_relative_has_a_lunar_birthday_and_may_be_a_customer_too(boss: Client) -> None:
    mother, daughter = await entered(boss), await entered(boss, name="李梅")
    born = {"calendar": "lunar", "year": 1980, "month": 8, "day": 15, "leap": False}
    path = f"customers/{mother['id']}/family"
    given = {"relation": "女儿", "name": "李梅", "birthday": born, "education": "本科", "customer": daughter["id"]}
    made = await noted(boss, path, given)
    assert {name: made[name] for name in given} == given
    assert made["next_birthday"] == "2027-09-15"
    changed = await boss("PATCH", f"{path}/{made['id']}", {"education": "硕士", "birthday": None})
    assert (changed.json["education"], changed.json["birthday"], changed.json["name"]) == ("硕士", None, "李梅")
    assert (await boss.get(path))["items"] == [changed.json]
    assert (await boss("DELETE", f"{path}/{made['id']}")).status == 204
    assert (await boss.get(path))["items"] == []
    assert is_problem(await boss("DELETE", f"{path}/{made['id']}"), 404, "part_not_found")


async def test_memorial_days_stand_in_the_order_of_the_year_and_say_when_they_are_next(boss: Client) -> None:
    path = f"customers/{(await entered(boss))['id']}/memorial-days"
    await noted(boss, path, {"title": "结婚纪念日", "day": {"calendar": "solar", "year": 1980, "month": 10, "day": 1}})
    leap = {"calendar": "lunar", "year": 2025, "month": 6, "day": 1, "leap": True}
    await noted(boss, path, {"title": "入会", "day": leap})
    days = (await boss.get(path))["items"]
    assert [(day["title"], day["next"]) for day in days] == [("入会", "2027-07-04"), ("结婚纪念日", "2027-10-01")]
    wrong = await boss("POST", path, {"title": "x", "day": {**leap, "year": 2026}})
    assert list(wrong.json["errors"]) == ["day"]
    gone = await boss("PATCH", f"{path}/{days[0]['id']}", {"title": None})
    assert list(gone.json["errors"]) == ["title"]


async def test_a_relation_shows_on_both_cards_and_stands_only_once(boss: Client) -> None:
    first, second = await entered(boss), await entered(boss, name="王伟")
    made = await noted(boss, f"customers/{first['id']}/relations", {"customer": second["id"], "relation": "邻居"})
    assert (made["customer"], made["inverse"]) == ({"id": second["id"], "name": "王伟"}, False)
    (other,) = (await boss.get(f"customers/{second['id']}/relations"))["items"]
    assert (other["customer"]["name"], other["inverse"], other["relation"]) == ("李秀英", True, "邻居")
    again = await boss("POST", f"customers/{first['id']}/relations", {"customer": second["id"], "relation": "邻居"})
    assert is_problem(again, 409, "relation_known")
    self = await boss("POST", f"customers/{first['id']}/relations", {"customer": first["id"], "relation": "邻居"})
    assert list(self.json["errors"]) == ["customer"]
    assert (await boss("DELETE", f"customers/{second['id']}/relations/{made['id']}")).status == 204
    assert (await boss.get(f"customers/{first['id']}/relations"))["items"] == []


async def test_a_link_to_a_customer_out_of_reach_is_refused(house: House, boss: Client) -> None:
    agent = house.as_user("agent")
    mine, anothers = await entered(agent), await entered(boss, name="王伟", owner="stranger")
    answer = await agent("POST", f"customers/{mine['id']}/relations", {"customer": anothers["id"], "relation": "邻居"})
    assert list(answer.json["errors"]) == ["customer"]


async def test_an_attitude_has_date_source_and_who_noted_it(house: House, boss: Client) -> None:
    made = await entered(boss, owner="agent")
    path = f"customers/{made['id']}/attitudes"
    given = {"kind": "product_satisfaction", "subject": "净水器", "score": 4, "date": "2026-11-20", "source": "回访"}
    noted_one = await noted(house.as_user("agent"), path, given)
    assert {name: noted_one[name] for name in given} == given
    assert (noted_one["noted_by"], noted_one["noted_at"]) == ("agent", "2026-11-21T10:00:00+08:00")
    later = await boss("POST", path, {"kind": "opinion", "date": "2027-01-01"})
    assert list(later.json["errors"]) == ["date"]


async def test_only_an_organisation_has_contacts_and_their_numbers_are_masked(house: House, boss: Client) -> None:
    firm = await entered(boss, name="某公司", kind="organization", owner="agent")
    path = f"customers/{firm['id']}/contacts"
    await noted(boss, path, {"name": "李助理", "phone": "021-62345678"})
    await noted(boss, path, {"name": "王总", "key_person": True, "phone": "13800138000", "position": "总经理"})
    seen = (await house.as_user("agent").get(path))["items"]
    assert [(one["name"], one["phone"], one["masked"]) for one in seen] == [
        ("王总", "138****8000", True),
        ("李助理", "021****5678", True),
    ]
    back = await house.as_user("agent")("PATCH", f"{path}/{seen[0]['id']}", {"phone": "138****8000", "hobbies": "茶"})
    assert back.status == 200, back.body
    assert (await boss.get(path))["items"][0]["phone"] == "13800138000"
    assert (await boss.get(f"customers/{firm['id']}"))["completeness"] >= 20
    person = await entered(boss)
    assert is_problem(await boss("POST", f"customers/{person['id']}/contacts", {"name": "x"}), 422, "no_organization")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_anothers_parts_cannot_be_reached(house: House, boss: Client) -> None:
    made = await entered(boss, owner="stranger")
    agent = house.as_user("agent")
    for kind in ("family", "memorial-days", "relations", "attitudes", "contacts"):
        assert is_problem(await agent("GET", f"customers/{made['id']}/{kind}"), 404, "customer_not_found")
