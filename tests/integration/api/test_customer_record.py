"""The whole record of a customer over REST: both calendars, the ID card, sealed fields, details, completeness."""

from __future__ import annotations

from typing import Any

import pytest

from crm_core.kernel.id_card import check_digit
from tests.integration.api.conftest import Client, House
from tests.integration.api.test_errors import is_problem


def id_card(body: str = "31010119530922002") -> str:
    """A right number: by its seventeen digits a woman born on 22 September 1953."""
    return body + check_digit(body)


async def entered(client: Client, **fields: Any) -> dict[str, Any]:
    answer = await client("POST", "customers", {"name": "李秀英", **fields})
    assert answer.status == 201, answer.body
    found: dict[str, Any] = answer.json
    return found


async def test_sex_and_birthday_follow_from_the_id_card(boss: Client) -> None:
    made = await entered(boss, id_card=id_card().lower())
    assert (made["id_card"], made["sex"]) == (id_card(), "female")
    assert made["birthday"] == {"calendar": "solar", "year": 1953, "month": 9, "day": 22, "leap": False}
    assert made["lunar_birthday"] == {"year": 1953, "month": 8, "day": 15, "leap": False}
    old = await entered(boss, name="王伟", id_card="310101530922003")
    assert old["id_card"] == id_card("31010119530922003")
    assert old["sex"] == "male"


async def test_what_contradicts_the_id_card_is_named(boss: Client) -> None:
    born = {"calendar": "solar", "year": 1953, "month": 9, "day": 23}
    answer = await boss("POST", "customers", {"name": "x", "id_card": id_card(), "sex": "male", "birthday": born})
    assert is_problem(answer, 422, "customer_invalid")
    assert set(answer.json["errors"]) == {"sex", "birthday"}
    made = await entered(boss, id_card=id_card())
    later = await boss("PATCH", f"customers/{made['id']}", {"sex": "male"})
    assert list(later.json["errors"]) == ["sex"]


async def test_the_lunar_birthday_of_the_same_day_is_no_contradiction(boss: Client) -> None:
    born = {"calendar": "lunar", "year": 1953, "month": 8, "day": 15, "leap": False}
    made = await entered(boss, id_card=id_card(), birthday=born)
    assert made["birthday"] == born
    assert made["solar_birthday"] == "1953-09-22"
    assert made["next_birthday"] == "2027-09-15"


@pytest.mark.parametrize(
    "number", ["310101195309220021", "31010119530922002", "3.10101E+17", "310101195302300020", "x"]
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_wrong_id_card_is_named_and_nothing_is_stored(boss: Client, number: str) -> None:
    number = number if number != id_card() else "310101195309220020"
    answer = await boss("POST", "customers", {"name": "x", "id_card": number})
    assert answer.status == 422, answer.body
    assert list(answer.json["errors"]) == ["id_card"]
    assert (await boss.get("customers"))["items"] == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "birthday",
    [
        {"calendar": "lunar", "year": 1953, "month": 8, "day": 15, "leap": True},
        {"calendar": "lunar", "year": 2026, "month": 2, "day": 30},
        {"calendar": "lunar", "month": 8, "day": 31},
        {"calendar": "solar", "year": 1953, "month": 2, "day": 29},
        {"calendar": "solar", "year": 1953, "month": 2, "day": 2, "leap": True},
        {"calendar": "solar", "year": 2100, "month": 2, "day": 2},
        {"day": 2},
    ],
)
async def test_a_day_that_does_not_exist_is_no_birthday(boss: Client, birthday: dict[str, Any]) -> None:
    answer = await boss("POST", "customers", {"name": "x", "birthday": birthday})
    assert is_problem(answer, 422, "customer_invalid")
    assert list(answer.json["errors"]) == ["birthday"]


async def test_an_id_card_belongs_to_one_customer_only(boss: Client) -> None:
    await entered(boss, id_card=id_card())
    answer = await boss("POST", "customers?accept_duplicate=true", {"name": "王芳", "id_card": id_card()})
    assert is_problem(answer, 409, "id_card_taken")
    other = await entered(boss, name="王芳")
    taken = await boss("PATCH", f"customers/{other['id']}", {"id_card": id_card()})
    assert is_problem(taken, 409, "id_card_taken")


async def test_the_id_card_is_masked_by_role_and_survives_being_sent_back(house: House, boss: Client) -> None:
    made = await entered(boss, id_card=id_card(), owner="agent")
    agent = house.as_user("agent")
    seen = await agent.get(f"customers/{made['id']}")
    assert seen["id_card_masked"]
    assert seen["id_card"] == f"310***********{id_card()[-4:]}"
    back = await agent("PATCH", f"customers/{made['id']}", {"id_card": seen["id_card"], "remarks": "x"})
    assert back.status == 200, back.body
    assert (await boss.get(f"customers/{made['id']}"))["id_card"] == id_card()
    whole = await house.as_user("supervisor")(
        "POST", f"customers/{made['id']}/reveal", {"reason": "x", "what": "id_card"}
    )
    assert whole.json == {"numbers": [id_card()]}


async def test_medical_data_are_hidden_from_who_has_no_right_to_them(house: House, boss: Client) -> None:
    given = {"medical_history": "高血压", "allergies": "蜂胶", "contraindications": "蜂胶", "health_state": "尚可"}
    made = await entered(boss, **given, owner="agent")
    assert {name: made[name] for name in given} == given
    assert not made["medical_hidden"]
    seen = await house.as_user("warehouse").get(f"customers/{made['id']}")
    assert {name: seen[name] for name in given} == dict.fromkeys(given)
    assert seen["medical_hidden"]
    assert "高血压" not in str(await house.as_user("warehouse").get("customers"))
    supervisor = house.as_user("supervisor")
    refused = await supervisor("PATCH", f"customers/{made['id']}", {"allergies": "无"})
    assert is_problem(refused, 403, "medical_denied")
    changed = await house.as_user("agent")("PATCH", f"customers/{made['id']}", {"allergies": None})
    assert (changed.json["allergies"], changed.json["medical_history"]) == (None, "高血压")


async def test_details_go_with_the_kind(boss: Client) -> None:
    person = await entered(
        boss, details={"school": "复旦大学", "yearly_income": "120000.50", "height_cm": 165, "children": 2}
    )
    assert person["details"]["yearly_income"] == "120000.50"
    assert (person["details"]["height_cm"], person["details"]["children"]) == ("165.0", 2)
    changed = await boss("PATCH", f"customers/{person['id']}", {"details": {"school": None, "hobbies": "太极"}})
    assert (changed.json["details"]["school"], changed.json["details"]["hobbies"]) == (None, "太极")
    assert changed.json["details"]["children"] == 2
    wrong = await boss("PATCH", f"customers/{person['id']}", {"details": {"industry": "餐饮"}})
    assert list(wrong.json["errors"]) == ["details.industry"]
    firm = await entered(
        boss, name="某公司", kind="organization", details={"industry": "餐饮", "founded_on": "1999-01-02"}
    )
    assert (firm["details"]["industry"], firm["details"]["founded_on"]) == ("餐饮", "1999-01-02")
    no_card = await boss("PATCH", f"customers/{firm['id']}", {"id_card": id_card()})
    assert list(no_card.json["errors"]) == ["id_card"]


async def test_completeness_rises_with_what_is_known_and_says_what_is_missing(boss: Client) -> None:
    bare = await entered(boss)
    assert bare["completeness"] == 0
    assert bare["missing"][0] == "phone"
    change = {"phones": [{"number": "13800138000"}], "address": {"city": "上海", "street": "世纪大道1号"}}
    fuller = (await boss("PATCH", f"customers/{bare['id']}", change)).json
    assert fuller["completeness"] == 34
    assert "phone" not in fuller["missing"]


async def test_verifying_keeps_when_and_by_whom(house: House, boss: Client) -> None:
    made = await entered(boss, owner="agent")
    assert made["verified_at"] is None
    answer = await house.as_user("agent")("POST", f"customers/{made['id']}/verify")
    assert (answer.json["verified_at"], answer.json["verified_by"]) == ("2026-11-21T10:00:00+08:00", "agent")
    assert answer.json["version"] == made["version"] + 1


async def test_the_record_state_says_what_was_done_last(boss: Client) -> None:
    made = await entered(boss)
    assert (made["record_state"], made["purchase_state"], made["retention_state"]) == ("new", "none", None)
    changed = (await boss("PATCH", f"customers/{made['id']}", {"remarks": "x"})).json
    assert changed["record_state"] == "changed"
    given = (await boss("PATCH", f"customers/{made['id']}", {"owner": "agent", "reason": "x"})).json
    assert given["record_state"] == "allocated"


async def test_the_centre_is_the_departments_unless_set(boss: Client) -> None:
    made = await entered(boss, owner="agent")
    assert made["centre"] == "one"
    other = (await boss("PATCH", f"customers/{made['id']}", {"centre": "two"})).json
    assert other["centre"] == "two"
    assert (await boss("PATCH", f"customers/{made['id']}", {"centre": None})).json["centre"] == "one"
    wrong = await boss("PATCH", f"customers/{made['id']}", {"centre": "nowhere"})
    assert list(wrong.json["errors"]) == ["centre"]


async def test_a_wrong_e_mail_is_named(boss: Client) -> None:
    answer = await boss("POST", "customers", {"name": "x", "email": "nowhere"})
    assert list(answer.json["errors"]) == ["email"]
