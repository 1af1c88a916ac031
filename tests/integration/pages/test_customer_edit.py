"""The form of all groups, and what is changed in place on the card."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from crm_core.kernel import ids
from tests.factories import add_customer
from tests.integration.api.conftest import Client, House
from tests.integration.api.test_customer_record import id_card
from tests.integration.pages.conftest import Browser, texts

Visit = Callable[[str], Any]


async def test_all_groups_of_a_person_are_stored_and_shown_again(house: House, boss: Client, visit: Visit) -> None:
    browser: Browser = await visit("admin")
    assert 'name="details.school"' in await browser.page("/customers/new")
    form = {
        "kind": "person",
        "name": "李秀英",
        "phone": "13800138000",
        "phone_kind": "home",
        "phone_state": "valid",
        "birth_calendar": "lunar",
        "birth_year": "1953",
        "birth_month": "8",
        "birth_day": "15",
        "marital_state": "married",
        "wedding_day": "1975-10-01",
        "medical_history": "高血压",
        "details.school": "复旦大学",
        "details.yearly_income": "120,000.5",
        "details.children": "2",
        "source": "转介绍",
    }
    answer = await browser.post("/customers/new", form)
    assert answer.status == 303, answer.body
    made = await boss.get(answer.headers["Location"].replace("/customers", "customers"))
    assert made["birthday"] == {"calendar": "lunar", "year": 1953, "month": 8, "day": 15, "leap": False}
    assert [(one["kind"], one["state"]) for one in made["phones"]] == [("home", "valid")]
    assert (made["medical_history"], made["wedding_day"], made["source"]) == ("高血压", "1975-10-01", "转介绍")
    assert (made["details"]["yearly_income"], made["details"]["children"]) == ("120000.50", 2)
    page = await browser.page(answer.headers["Location"] + "/edit")
    assert all(text in page for text in ("复旦大学", "120000.50", "高血压", "1975-10-01"))
    card = texts(await browser.page(answer.headers["Location"]))
    assert "1953-08-15" in card
    assert "1953-09-22" in card
    assert "复旦大学" in card


async def test_a_refused_form_keeps_what_was_typed_and_names_the_field(house: House, visit: Visit) -> None:
    browser: Browser = await visit("admin")
    form = {"kind": "person", "name": "<b>李</b>", "id_card": "310101195309220020", "details.hobbies": "太极"}
    answer = await browser.post("/customers/new", form)
    assert answer.status == 422
    page = answer.body.decode()
    assert "太极" in page
    assert "<b>李</b>" not in page
    assert 'aria-invalid="true"' in page


async def test_an_organisation_has_its_own_form_and_contacts(house: House, boss: Client, visit: Visit) -> None:
    browser: Browser = await visit("admin")
    page = await browser.page("/customers/new?kind=organization")
    assert 'name="details.industry"' in page
    assert 'name="details.school"' not in page
    form = {"kind": "organization", "name": "某公司", "details.industry": "餐饮", "details.head_count": "50"}
    path = (await browser.post("/customers/new", form)).headers["Location"]
    assert (await browser.post(f"{path}/contacts", {"name": "王总", "key_person": "1"})).status == 303
    assert "王总" in texts(await browser.page(f"{path}?tab=contacts"))
    assert "餐饮" in texts(await browser.page(path))
    assert 'id="panel-family"' not in await browser.page(path)


async def test_entries_are_added_changed_and_removed_in_place(house: House, boss: Client, visit: Visit) -> None:
    customer = await add_customer(house.db, "张桂兰", owner=house.actors["agent"])
    other = await add_customer(house.db, "王伟", owner=house.actors["agent"])
    path = f"/customers/{ids.show(customer.id)}"
    browser: Browser = await visit("agent")
    partial = {"HX-Request": "true"}
    day = {"title": "结婚纪念日", "calendar": "lunar", "year": "1975", "month": "8", "day": "15"}
    added = await browser.post(f"{path}/memorial-days", day, **partial)
    assert "结婚纪念日" in added.body.decode()
    assert "<html" not in added.body.decode()
    wrong = await browser.post(f"{path}/memorial-days", {**day, "leap": "1"}, **partial)
    assert wrong.status == 200
    assert 'data-tone="bad"' in wrong.body.decode()
    related = {"other_id": other.account_number, "relation": "邻居"}
    assert "王伟" in (await browser.post(f"{path}/relations", related, **partial)).body.decode()
    attitude = {"kind": "service_satisfaction", "score": "4", "noted_on": "2026-11-20", "source": "回访"}
    assert "4 / 5" in (await browser.post(f"{path}/attitudes", attitude, **partial)).body.decode()
    (stored,) = (await boss.get(f"customers/{ids.show(customer.id)}/memorial-days"))["items"]
    assert (await browser.post(f"{path}/memorial-days/{stored['id']}", {**day, "title": "银婚"})).status == 303
    assert "银婚" in await browser.page(f"{path}?tab=memorial-days")
    assert (await browser.post(f"{path}/memorial-days/{stored['id']}/remove")).status == 303
    assert "银婚" not in await browser.page(f"{path}?tab=memorial-days")


async def test_the_card_hides_medical_data_from_who_has_no_right_and_warns_who_has(
    house: House, boss: Client, visit: Visit
) -> None:
    given = {"name": "李秀英", "owner": "agent", "contraindications": "蜂胶过敏", "id_card": id_card()}
    made = (await boss("POST", "customers", given)).json
    path = f"/customers/{made['id']}"
    assert "蜂胶过敏" in await (await visit("agent")).page(path)
    hidden = await (await visit("warehouse")).page(path)
    assert "蜂胶过敏" not in hidden
    assert id_card() not in hidden


async def test_verifying_from_the_card_says_when_it_was_checked(house: House, visit: Visit) -> None:
    customer = await add_customer(house.db, "张桂兰", owner=house.actors["agent"])
    browser: Browser = await visit("agent")
    path = f"/customers/{ids.show(customer.id)}"
    assert (await browser.post(f"{path}/verify")).status == 303
    assert "2026-11-21" in texts(await browser.page(path))
