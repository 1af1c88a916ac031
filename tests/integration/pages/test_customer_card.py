"""The customer card: whole numbers on demand, relatives, people by their names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from crm_core.audit import queries as audit
from crm_core.kernel import ids
from crm_core.kernel.ids import derived_id
from crm_core.organization.models import Role
from tests.factories import add_customer, add_user
from tests.integration.api.conftest import House
from tests.integration.api.stored import answered, store
from tests.integration.pages.conftest import Browser, texts

Visit = Callable[[str], Any]
HOSTILE = "<script>alert(1)</script>\"'&"
AGENT = "1000"  # the fixture numbers roles in their order; agents come first


async def test_a_whole_number_is_shown_with_a_reason_and_put_on_record(house: House, visit: Visit) -> None:
    actor = house.actors["service_agent"]
    customer = await add_customer(house.db, "张桂兰", phones=["13800138000"], owner=actor)
    await store(house, answered("one", str(actor.extension)))
    browser: Browser = await visit("service_agent")
    pages = {f"/customers/{ids.show(customer.id)}": "customer", f"/calls/{ids.show(derived_id('one'))}": "call"}
    for path, what in pages.items():
        assert "138 0013 8000" not in await browser.page(path)
        assert f'action="{path}/reveal"' in await browser.page(path)
        assert (await browser.post(f"{path}/reveal", {"reason": " "})).status == 422
        shown = await browser.post(f"{path}/reveal", {"reason": "送货电话"}, **{"HX-Request": "true"})
        assert "138 0013 8000" in shown.body.decode(), shown.body
        assert "<html" not in shown.body.decode()
        assert "138 0013 8000" in (await browser.post(f"{path}/reveal", {"reason": "送货"})).body.decode()
        assert "138 0013 8000" not in await browser.page(path)
        action = {"customer": "customer.reveal_phones", "call": "call.reveal_number"}[what]
        async with house.db.read() as session:
            lines = await audit.page(session, action=action)
        assert [(line.actor_name, line.detail["reason"]) for line in lines] == [
            ("service_agent", "送货"),
            ("service_agent", "送货电话"),
        ]


async def test_who_may_not_reveal_is_neither_offered_nor_given_it(house: House, visit: Visit) -> None:
    customer = await add_customer(house.db, "张桂兰", phones=["13800138000"], owner=house.actors["agent"])
    await store(house, answered("one", AGENT))
    browser: Browser = await visit("agent")
    for path in (f"/customers/{ids.show(customer.id)}", f"/calls/{ids.show(derived_id('one'))}"):
        assert "/reveal" not in await browser.page(path)
        refused = await browser.post(f"{path}/reveal", {"reason": "neugierig"})
        assert refused.status == 403
        assert "13800138000" not in refused.body.decode()


async def test_relatives_are_noted_and_listed(house: House, visit: Visit) -> None:
    customer = await add_customer(house.db, "张桂兰", owner=house.actors["agent"])
    browser: Browser = await visit("agent")
    path = f"/customers/{ids.show(customer.id)}"
    added = await browser.post(f"{path}/family", {"name": HOSTILE, "relation": "丈夫", "birth_year": "1951"})
    assert added.status == 303
    page = await browser.page(f"{path}?tab=family")
    assert "丈夫 · 1951 年生" in texts(page)
    assert "<script>alert" not in page
    assert (await browser.post(f"{path}/family", {"name": "", "relation": "儿子"})).status == 422
    assert (await (await visit("stranger")).post(f"{path}/family", {"name": "x", "relation": "y"})).status == 404


async def test_a_tab_is_fetched_when_it_is_opened_and_a_page_of_its_own_without_scripts(
    house: House, visit: Visit
) -> None:
    customer = await add_customer(house.db, "张桂兰", owner=house.actors["agent"])
    browser: Browser = await visit("agent")
    path = f"/customers/{ids.show(customer.id)}"
    await browser.post(f"{path}/family", {"name": "李建国", "relation": "丈夫"})
    closed = await browser.page(path)
    assert "李建国" not in closed
    assert "家人 1" in texts(closed)
    assert f'hx-get="{path}/family"' in closed
    fetched = await browser.get(f"{path}/family", **{"HX-Request": "true"})
    assert "李建国" in fetched.body.decode()
    assert "<html" not in fetched.body.decode()
    assert (await browser.get(f"{path}/family")).headers["Location"] == f"{path}?tab=family"
    stranger = await visit("stranger")
    assert (await stranger.get(f"{path}/family", **{"HX-Request": "true"})).status == 404


async def test_people_are_called_by_their_names_also_without_a_phone(house: House, visit: Visit) -> None:
    owner = await add_user(house.db, "wuting", display_name="吴婷", role=Role.DATA_CLERK)
    customer = await add_customer(house.db, "张桂兰", owner=owner, province="上海市", city="上海", district="杨浦区")
    browser: Browser = await visit("admin")
    for path in ("/customers", f"/customers/{ids.show(customer.id)}"):
        shown = texts(await browser.page(path))
        assert "吴婷" in shown
        assert "wuting" not in shown
        assert "上海市 杨浦区" in shown
