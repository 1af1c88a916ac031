"""Registrations over the API: hand in, take, enter; what the entry page is told while somebody types."""

from __future__ import annotations

from typing import Any

from tests.factories import add_customer
from tests.integration.api.conftest import Answer, Client, House

ID_CARD = "310115195308150044"


def is_problem(answer: Answer, status: int, code: str) -> bool:
    assert answer.status == status, answer.body
    return bool(answer.json["code"] == code)


async def handed_in(client: Client, **fields: Any) -> Any:
    answer = await client("POST", "registrations", {"entries": [{"name": "李秀英", "phone": "13800138000"}], **fields})
    assert answer.status == 201, answer.body
    return answer.json


async def test_a_stack_goes_through_the_queue_into_the_base(house: House) -> None:
    agent, clerk = house.as_user("agent"), house.as_user("data_clerk")
    stack = await handed_in(agent, sheets=2, source="lecture", remarks="周六科普会")
    assert (stack["collected_by"], stack["department"], stack["source"]) == ("agent", "one", "科普会")
    assert stack["due_on"] == "2026-11-21"
    taken = (await clerk("POST", "registrations/next")).json["entry"]
    assert (taken["name"], taken["position"], taken["claimed_by"]) == ("李秀英", 1, "data_clerk")
    made = await clerk("POST", "customers", {"name": "李秀英", "collected_by": "agent", "department": "one"})
    entered = await clerk("POST", f"registration-entries/{taken['id']}/enter", {"customer_id": made.json["id"]})
    assert entered.json["state"] == "done"
    assert entered.json["finished_by"] == "data_clerk"
    assert entered.json["customer"]["account_number"] == made.json["account_number"]
    after = await agent.get(f"registrations/{stack['id']}")
    assert after["counts"] == {"waiting": 1, "parked": 0, "done": 1, "rejected": 0}


async def test_customer_and_signature_are_stored_together_or_not_at_all(house: House) -> None:
    clerk = house.as_user("data_clerk")
    stack = await handed_in(house.as_user("agent"), sheets=2)
    first, second = (f"registration-entries/{entry['id']}" for entry in stack["entries"])
    person = {"name": "李秀英", "phones": [{"number": "13800138000"}], "department": "one"}
    made = await clerk("POST", f"{first}/customer", person)
    assert (made.status, made.json["state"], made.json["existed"]) == (201, "done", False), made.body
    assert is_problem(await clerk("POST", f"{first}/customer", person), 409, "entry_finished")
    assert is_problem(await clerk("POST", f"{second}/customer", person), 409, "possible_duplicate")
    assert is_problem(await clerk("POST", f"{second}/customer", {**person, "sex": "x"}), 422, "invalid_input")
    assert (await clerk.get(second))["state"] == "waiting"
    assert len((await clerk.get("customers"))["items"]) == 1


async def test_an_empty_queue_gives_nothing_and_says_so(house: House) -> None:
    assert (await house.as_user("data_clerk")("POST", "registrations/next")).json == {"entry": None}


async def test_a_taken_sheet_is_refused_to_others_and_can_be_given_back(house: House, boss: Client) -> None:
    clerk = house.as_user("data_clerk")
    await handed_in(house.as_user("agent"))
    sheet = (await clerk("POST", "registrations/next")).json["entry"]["id"]
    assert is_problem(await boss("POST", f"registration-entries/{sheet}/claim"), 409, "entry_taken")
    assert (await clerk("DELETE", f"registration-entries/{sheet}/claim")).status == 204
    assert (await boss("POST", f"registration-entries/{sheet}/claim")).json["claimed_by"] == "admin"


async def test_parked_sheets_are_listed_with_their_reason(house: House) -> None:
    agent, clerk = house.as_user("agent"), house.as_user("data_clerk")
    stack = await handed_in(agent)
    sheet = stack["entries"][0]["id"]
    parked = await clerk("POST", f"registration-entries/{sheet}/park", {"reason": "号码看不清"})
    assert (parked.json["state"], parked.json["reason"]) == ("parked", "号码看不清")
    assert [one["id"] for one in (await agent.get("registrations?show=parked"))["items"]] == [stack["id"]]
    rejected = await clerk("POST", f"registration-entries/{sheet}/reject", {"reason": "重复"})
    assert rejected.json["state"] == "rejected"
    assert (await agent.get("registrations"))["items"] == []
    assert len((await agent.get("registrations?show=all"))["items"]) == 1


async def test_rough_numbers_are_masked_for_agents(house: House) -> None:
    stack = await handed_in(house.as_user("agent"))
    assert stack["entries"][0]["phone"] == "138****8000"
    seen = await house.as_user("data_clerk").get(f"registrations/{stack['id']}")
    assert seen["entries"][0]["phone"] == "13800138000"


async def test_a_sheet_cannot_be_entered_as_a_customer_out_of_reach(house: House) -> None:
    clerk = house.as_user("data_clerk")
    sheet = (await handed_in(house.as_user("agent")))["entries"][0]["id"]
    other = await house.as_user("admin")("POST", "customers", {"name": "远方", "department": "two"})
    answer = await clerk("POST", f"registration-entries/{sheet}/enter", {"customer_id": other.json["id"]})
    assert is_problem(answer, 422, "registration_invalid")
    assert list(answer.json["errors"]) == ["customer_id"]


async def test_wrong_input_is_named_by_field(house: House) -> None:
    agent = house.as_user("agent")
    answer = await agent("POST", "registrations", {"handed_in_by": "nobody", "department": "none"})
    assert sorted(answer.json["errors"]) == ["department", "handed_in_by"]
    answer = await agent("POST", "registrations", {"sheets": 0})
    assert (answer.status, list(answer.json["errors"])) == (422, ["sheets"])
    answer = await agent("POST", "registrations", {"sheets": 1, "entries": [{}, {}]})
    assert (answer.status, list(answer.json["errors"])) == (422, ["entries"])
    assert is_problem(await agent("POST", "registrations", {"department": "two"}), 403, "registration_out_of_reach")


async def test_the_backlog_says_where_the_day_stands(house: House) -> None:
    agent, clerk = house.as_user("agent"), house.as_user("data_clerk")
    await handed_in(agent, sheets=3)
    taken = (await clerk("POST", "registrations/next")).json["entry"]
    await clerk("POST", f"registration-entries/{taken['id']}/reject", {"reason": "x"})
    found = await clerk.get("registrations/backlog")
    assert (found["clock"]["handed_in"], found["clock"]["finished"], found["clock"]["due_today"]) == (3, 1, 2)
    (line,) = found["lines"]
    assert (line["department"], line["collected_by"], line["waiting"]) == ("one", "agent", 2)
    assert [(one["clerk"], one["rejected"]) for one in found["clerks"]] == [("data_clerk", 1)]


async def test_what_is_typed_is_understood_before_it_is_stored(house: House) -> None:
    clerk = house.as_user("data_clerk")
    draft = {"phones": ["138 0013 8000", "123"], "id_card": ID_CARD, "address": "上海市浦东新区张江镇科苑路88号"}
    answer = await clerk("POST", "entry-check", draft)
    assert answer.status == 200, answer.body
    good, bad = answer.json["phones"]
    assert (good["number"], good["kind"], bool(good["region"]), bool(good["carrier"])) == (
        "13800138000",
        "mobile",
        True,
        True,
    )
    assert bad["problem"]
    assert answer.json["id_card"] == {"number": ID_CARD, "sex": "female", "birthday": "1953-08-15", "problem": None}
    assert answer.json["address"] == {
        "province": "上海市",
        "city": "上海市",
        "district": "浦东新区",
        "rest": "张江镇科苑路88号",
    }


async def test_a_wrong_digit_of_the_id_card_is_said_at_once(house: House) -> None:
    clerk = house.as_user("data_clerk")
    for wrong in (ID_CARD[:-1] + "5", "3.10115E+17", "31011519530815"):
        verdict = (await clerk("POST", "entry-check", {"id_card": wrong})).json["id_card"]
        assert verdict["problem"], wrong
        assert verdict["birthday"] is None


async def test_who_is_stored_already_is_shown_while_typing(house: House) -> None:
    clerk = house.as_user("data_clerk")
    made = await clerk("POST", "customers", {"name": "李秀英", "phones": [{"number": "13800138000"}]})
    found = (await clerk("POST", "entry-check", {"name": "李秀英", "phones": ["13800138000"]})).json["candidates"]
    assert [one["customer"]["id"] for one in found] == [made.json["id"]]
    stranger = house.as_user("stranger")
    (hidden,) = (await stranger("POST", "entry-check", {"name": "李秀英", "phones": ["13800138000"]})).json[
        "candidates"
    ]
    assert hidden["customer"] is None


async def test_places_are_offered_from_province_to_district(house: House) -> None:
    clerk = house.as_user("data_clerk")
    assert "上海市" in (await clerk.get("places"))["items"]
    assert "杭州市" in (await clerk.get("places?province=浙江省"))["items"]
    assert "西湖区" in (await clerk.get("places?province=浙江省&city=杭州市"))["items"]
    assert (await clerk.get("places?province=x"))["items"] == []


async def test_numbers_are_verified_one_by_one(house: House) -> None:
    clerk = house.as_user("data_clerk")
    await add_customer(house.db, phones=["13800138000"], department_id=house.departments["one"])
    (number,) = (await clerk.get("phone-checks"))["items"]
    states = []
    for result in ("unreachable", "unreachable", "unreachable"):
        answer = await clerk("POST", f"phones/{number['id']}/checks", {"result": result, "note": "无人接听"})
        assert answer.status == 201, answer.body
        states.append((answer.json["state"], answer.json["tries"]))
    assert states == [("unverified", 1), ("unverified", 2), ("unreachable", 3)]
    assert (await clerk.get("phone-checks"))["items"] == []
