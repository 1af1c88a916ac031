"""Wrong input over REST: a clear sentence at its field, and nothing of it is stored."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.api.conftest import Client, House
from tests.integration.api.test_customer_record import entered, id_card
from tests.integration.api.test_errors import is_problem

LUNAR = {"calendar": "lunar", "leap": False}
WRONG = [
    ({"id_card": id_card()[:-1] + ("1" if id_card()[-1] != "1" else "2")}, "id_card", "does not fit"),
    ({"id_card": "3.10101E+17"}, "id_card", "spreadsheet"),
    ({"birthday": {**LUNAR, "year": 1953, "month": 8, "day": 15, "leap": True}}, "birthday", "no such leap month"),
    ({"birthday": {**LUNAR, "year": 2020, "month": 4, "day": 30, "leap": True}}, "birthday", "no 30th day"),
    ({"birthday": {"calendar": "solar", "year": 1953, "month": 2, "day": 29}}, "birthday", "no such day"),
    ({"birthday": {"calendar": "solar", "year": 1953, "month": 2, "day": 9, "leap": True}}, "birthday", "leap months"),
    ({"phones": [{"number": "1380013800a"}]}, "phones.0.number", "other characters"),
    ({"phones": [{"number": "13900139000"}, {"number": "x"}]}, "phones.1.number", "no digits"),
    ({"phones": [{"number": "13800138000/13900139000"}]}, "phones.0.number", "several numbers"),
    ({"phones": [{"number": "13800138000 13900139000"}]}, "phones.0.number", "several numbers"),
    ({"name": "长" * 200}, "name", "120 characters"),
    (
        {"address": {"province": "浙江省", "city": "杭州市", "district": "乌有区"}},
        "address.district",
        "no such district",
    ),
    ({"address": {"province": "浙江省", "city": "上海市"}}, "address.city", "no such city"),
    ({"address": {"province": "Atlantis"}}, "address.province", "no such province"),
    ({"address": {"district": "乌有区"}}, "address.district", "no such district"),
    ({"sex": "male", "id_card": id_card()}, "sex", "contradicts the ID card"),
    (
        {"kind": "organization", "details": {"credit_code": "91330100799655058C"}},
        "details.credit_code",
        "last character",
    ),
    ({"kind": "organization", "details": {"credit_code": "9133010079965505"}}, "details.credit_code", "18 digits"),
    (
        {"kind": "organization", "details": {"credit_code": "91330100799655O58B"}},
        "details.credit_code",
        "no credit code",
    ),
    ({"account_number": "KH99999999"}, "account_number", "given by the house"),
    ({"referred_by": "0000000000000"}, "referred_by", "no such customer"),
]


@pytest.mark.parametrize(("fields", "field", "sentence"), WRONG)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_is_wrong_is_said_at_its_field(
    boss: Client, fields: dict[str, Any], field: str, sentence: str
) -> None:
    answer = await boss("POST", "customers", {"name": "李秀英", **fields})
    assert answer.status == 422, answer.body
    assert sentence in answer.json["errors"][field]
    assert (await boss.get("customers"))["items"] == []


async def test_a_refused_change_leaves_everything_as_it_was(boss: Client) -> None:
    made = await entered(boss, phones=[{"number": "13800138000"}], address={"province": "上海", "district": "浦东"})
    assert made["address"]["district"] == "浦东新区"
    for fields, field, _sentence in WRONG:
        if field in ("account_number", "details.credit_code", "sex"):
            continue
        answer = await boss("PATCH", f"customers/{made['id']}", {**fields, "remarks": "lost"})
        assert field in answer.json["errors"], (fields, answer.body)
    assert await boss.get(f"customers/{made['id']}") == made


async def test_markup_and_formulas_are_kept_as_they_are_typed(boss: Client) -> None:
    for name in (
        "<script>alert(1)</script>",
        "=HYPERLINK(1)",
        "+8613800138000",
        "@SUM(A1)",
        "{{7*7}}",
        "';DROP TABLE x",
    ):
        made = await entered(boss, name=name)
        assert made["name"] == name


async def test_an_account_number_is_brought_along_once_and_by_who_may_import(house: House, boss: Client) -> None:
    made = await entered(boss, account_number=" old-7 ")
    assert made["account_number"] == "OLD-7"
    again = await boss("POST", "customers", {"name": "王伟", "account_number": "OLD-7"})
    assert is_problem(again, 409, "account_number_taken")
    assert "never given again" in again.json["errors"]["account_number"]
    given = await boss("POST", "customers", {"name": "王伟", "account_number": (await entered(boss))["account_number"]})
    assert is_problem(given, 409, "account_number_taken")
    agent = await house.as_user("agent")("POST", "customers", {"name": "王伟", "account_number": "OLD-8"})
    assert is_problem(agent, 403, "not_allowed")


async def test_a_whole_address_is_taken_apart_and_what_follows_is_added(boss: Client) -> None:
    made = await entered(boss, address={"street": "上海市浦东新区张江镇科苑路88号"})
    assert {name: made["address"][name] for name in ("province", "city", "district", "street")} == {
        "province": "上海市",
        "city": "上海市",
        "district": "浦东新区",
        "street": "张江镇科苑路88号",
    }
    upper = await entered(boss, name="王伟", address={"city": "杭州", "district": "西湖"})
    assert [upper["address"][name] for name in ("province", "city", "district")] == ["浙江省", "杭州", "西湖区"]
    plain = await entered(boss, name="张三", address={"street": "南京路100号"})
    assert (plain["address"]["province"], plain["address"]["street"]) == (None, "南京路100号")


async def test_a_credit_code_is_kept_in_one_spelling(boss: Client) -> None:
    made = await entered(boss, kind="organization", details={"credit_code": "91330100799655058b"})
    assert made["details"]["credit_code"] == "91330100799655058B"


async def test_who_recommended_us_is_not_named_to_who_cannot_see_him(house: House, boss: Client) -> None:
    far = await entered(boss, name="远方客", owner="stranger")
    near = await entered(boss, owner="agent", referred_by=far["id"])
    assert near["referred_by"] == {"id": far["id"], "name": "远方客"}
    agent = house.as_user("agent")
    path = f"customers/{near['id']}"
    assert (await agent.get(path))["referred_by"] == {"id": far["id"], "name": None}
    sent_back = await agent("PATCH", path, {"referred_by": far["id"], "remarks": "x"})
    assert sent_back.status == 200
    own = await entered(agent, name="张三")
    refused = await agent("PATCH", f"customers/{own['id']}", {"referred_by": far["id"]})
    assert refused.json["errors"] == {"referred_by": "there is no such customer"}
    himself = await boss("PATCH", path, {"referred_by": near["id"]})
    assert himself.json["errors"] == {"referred_by": "is the customer himself"}


@pytest.mark.parametrize(
    ("born", "sentence"),
    [
        ({**LUNAR, "year": 1953, "month": 8, "day": 15, "leap": True}, "no such leap month"),
        ({**LUNAR, "year": 2020, "month": 4, "day": 30, "leap": True}, "no 30th day"),
        ({"calendar": "solar", "year": 1980, "month": 4, "day": 31}, "no such day"),
    ],
)
async def test_the_birthday_of_a_relative_must_exist(boss: Client, born: dict[str, Any], sentence: str) -> None:
    made = await entered(boss)
    path = f"customers/{made['id']}/family"
    answer = await boss("POST", path, {"relation": "女儿", "name": "王小妹", "birthday": born})
    assert sentence in answer.json["errors"]["birthday"]
    assert (await boss.get(path))["items"] == []
    good = await boss(
        "POST", path, {"relation": "女儿", "name": "王小妹", "birthday": {**LUNAR, "month": 12, "day": 30}}
    )
    assert good.json["next_birthday"] == "2027-02-05"
