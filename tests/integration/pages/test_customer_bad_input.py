"""Wrong input on the record form: the sentence stands at its field, and nothing else that was typed is lost."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from sqlalchemy import update

from crm_core.kernel import ids
from crm_core.organization.models import User
from tests.factories import add_customer
from tests.integration.api.conftest import Client, House
from tests.integration.api.test_customer_record import entered, id_card
from tests.integration.pages.conftest import Browser

Visit = Callable[[str], Any]
LUNAR = {"birth_calendar": "lunar", "birth_year": "1953", "birth_month": "8", "birth_day": "15"}
WRONG = [
    ({"id_card": id_card()[:-1] + ("1" if id_card()[-1] != "1" else "2")}, "f-id_card", "its last digit"),
    ({**LUNAR, "birth_leap": "1"}, "birthday", "no such leap month"),
    ({**LUNAR, "birth_year": "2020", "birth_month": "4", "birth_day": "30", "birth_leap": "1"}, "birthday", "no 30th"),
    ({"phone": "1380013800a"}, "f-phone-0", "other characters than digits"),
    ({"phone": "13800138000、13900139000"}, "f-phone-0", "several numbers"),
    ({"name": "长" * 200}, "f-name", "at most 120 characters"),
    ({"province": "浙江省", "city": "杭州市", "district": "乌有区"}, "f-district", "no such district"),
    ({"sex": "male", "id_card": id_card()}, "f-sex", "contradicts the ID card"),
    ({"id_card": id_card(), **LUNAR, "birth_day": "16"}, "birthday", "contradicts the ID card"),
    ({"account_number": "KH00000001"}, "f-account_number", "never given again"),
    ({"referred_by_id": "KH99999999"}, "f-referred_by_id", "no such customer"),
    ({"wedding_day": "1975-13-01"}, "f-wedding_day", "must be a date"),
    ({"details.children": "two"}, "f-details-children", "must be a number"),
]


def said_at(page: str, field: str) -> str:
    """The error that stands at this field."""
    if field == "birthday":
        found = re.search(r'class="c-field c-day" data-wrong.*?c-field-error">(.*?)</span>', page, re.DOTALL)
    else:
        found = re.search(
            rf'data-wrong>\s*<label for="{re.escape(field)}".*?c-field-error"[^>]*>(.*?)</span>', page, re.DOTALL
        )
    assert found is not None, (field, re.findall(r"c-field-error.*?</span>", page))
    return unescape(re.sub(r"<.*?>", "", found[1]))


async def english(house: House, visit: Visit, name: str = "admin") -> Browser:
    """The pages of somebody who reads English."""
    browser: Browser = await visit(name)
    async with house.db.uow() as uow:
        await uow.session.execute(update(User).where(User.name == name).values(language="en"))
    return browser


@pytest.mark.parametrize(("fields", "field", "sentence"), WRONG)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_sentence_stands_at_its_field_and_the_rest_stays(
    house: House, boss: Client, visit: Visit, fields: dict[str, str], field: str, sentence: str
) -> None:
    await entered(boss, name="第一位")
    browser = await english(house, visit)
    typed = {"kind": "person", "name": "李秀英", "details.hobbies": "太极拳", "best_time": "上午", **fields}
    answer = await browser.post("/customers/new", typed)
    assert answer.status == 422
    page = answer.body.decode()
    assert sentence in said_at(page, field)
    for kept in ("太极拳", "上午", *(text for name, text in fields.items() if name not in ("sex", "birth_calendar"))):
        assert kept in unescape(page), kept
    assert len((await boss.get("customers"))["items"]) == 1


async def test_a_refused_change_of_the_form_changes_nothing(house: House, boss: Client, visit: Visit) -> None:
    made = await entered(boss, phones=[{"number": "13800138000"}], remarks="老顾客")
    browser = await english(house, visit)
    form = {"name": "改名", "phone": "x", "remarks": "新", "version": str(made["version"])}
    answer = await browser.post(f"/customers/{made['id']}/edit", form)
    assert "it has no digits" in said_at(answer.body.decode(), "f-phone-0")
    assert await boss.get(f"customers/{made['id']}") == made


async def test_the_check_character_of_an_organisations_code_is_said_at_its_field(house: House, visit: Visit) -> None:
    browser = await english(house, visit)
    form = {"kind": "organization", "name": "某公司", "details.credit_code": "91330100799655058C"}
    answer = await browser.post("/customers/new", form)
    assert "its last character" in said_at(answer.body.decode(), "f-details-credit_code")


async def test_markup_is_shown_as_text_and_never_run(house: House, boss: Client, visit: Visit) -> None:
    made = await entered(boss, name="<img src=x onerror=alert(1)>", remarks="=1+1")
    for path in (f"/customers/{made['id']}", f"/customers/{made['id']}/edit", f"/customers/{made['id']}/form"):
        page = await (await english(house, visit)).page(path)
        assert "<img src=x" not in page
        assert "&lt;img src=x" in page


async def test_a_relatives_day_that_does_not_exist_is_refused_in_place(house: House, visit: Visit) -> None:
    customer = await add_customer(house.db, "张桂兰")
    browser = await english(house, visit)
    path = f"/customers/{ids.show(customer.id)}/family"
    answer = await browser.post(
        path, {"relation": "女儿", "name": "王小妹", **LUNAR, "birth_leap": "1"}, **{"HX-Request": "true"}
    )
    assert "no such leap month" in answer.body.decode()


async def test_the_number_of_the_id_card_is_shown_with_a_reason_and_put_on_record(
    house: House, boss: Client, visit: Visit
) -> None:
    made = await entered(boss, owner="agent", id_card=id_card())
    path = f"/customers/{made['id']}"
    browser = await english(house, visit, "supervisor")
    page = await browser.page(path)
    assert id_card() not in page
    assert "reveal?what=id_card" in page
    assert id_card() not in (await browser.post(f"{path}/reveal?what=id_card", {"reason": " "})).body.decode()
    shown = await browser.post(
        f"{path}/reveal?what=id_card", {"reason": "Ticket for the tour"}, **{"HX-Request": "true"}
    )
    assert id_card() in shown.body.decode()
    assert "<html" not in shown.body.decode()
    lines = (await boss.get("audit?limit=50"))["items"]
    assert any(one["action"] == "customer.reveal_id_card" for one in lines)
    agent = await english(house, visit, "agent")
    assert "reveal?what=id_card" not in await agent.page(path)
    assert (await agent.post(f"{path}/reveal?what=id_card", {"reason": "x"})).status == 403


async def test_who_recommended_is_not_named_out_of_reach_and_survives_a_save(
    house: House, boss: Client, visit: Visit
) -> None:
    far = await entered(boss, name="远方客", owner="stranger")
    near = await entered(boss, owner="agent", referred_by=far["id"])
    browser = await english(house, visit, "agent")
    path = f"/customers/{near['id']}"
    for page in (await browser.page(path), await browser.page(f"{path}/edit"), await browser.page(f"{path}/form")):
        assert "远方客" not in page
        assert far["account_number"] not in page
    form = {"name": "李秀英", "remarks": "neu", "version": str(near["version"])}
    assert (await browser.post(f"{path}/edit", form)).status == 303
    assert (await boss.get(path.lstrip("/")))["referred_by"]["name"] == "远方客"


async def test_the_card_says_why_a_state_is_what_it_is_and_leads_to_its_history(
    house: House, boss: Client, visit: Visit
) -> None:
    made = await entered(boss, type="A")
    page = await (await english(house, visit)).page(f"/customers/{made['id']}")
    assert f"/customers/{made['id']}/classification" in page
    assert f"/customers/{made['id']}/form" in page
    assert "Nothing was bought yet" in page
    assert "Entered by hand." in page
