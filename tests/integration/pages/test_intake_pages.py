"""The pages of the intake: queue, handing in, a stack, verifying, the form on paper."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from crm_core.kernel import ids
from crm_core.organization import service as organization
from crm_core.organization.access import SYSTEM
from tests.factories import add_customer
from tests.integration.api.conftest import House
from tests.integration.pages.conftest import Browser, texts

Visit = Callable[[str], Any]
HOSTILE = "<script>alert(1)</script>"
LINES = f"李秀英 13800138000 张江\n{HOSTILE}，13900139000"


async def handed_in(browser: Browser, **fields: str) -> str:
    answer = await browser.post("/intake/hand-in", {"sheets": "3", "lines": LINES, "source": "旅游", **fields})
    assert answer.status == 303, answer.body[-800:]
    return answer.headers["Location"]


async def test_a_stack_is_handed_in_and_shown_with_its_sheets(house: House, visit: Visit) -> None:
    browser: Browser = await visit("agent")
    assert "/intake/hand-in" in await browser.page("/intake")
    path = await handed_in(browser)
    page = await browser.page(path)
    assert HOSTILE not in page
    shown = texts(page)
    assert "李秀英" in shown and "138 **** 8000" in shown and "张江" in shown and "旅游" in shown
    assert path in await browser.page("/intake")
    assert "/intake/entries/" not in page  # who collects enters nothing


async def test_a_clerk_takes_the_oldest_and_is_led_to_the_entry_page(house: House, visit: Visit) -> None:
    await handed_in(await visit("agent"))
    clerk: Browser = await visit("data_clerk")
    answer = await clerk.post("/intake/next")
    assert answer.headers["Location"].startswith("/intake/enter?entry=")
    page = await clerk.page(answer.headers["Location"])
    assert "13800138000" in page
    for name in ("name", "phone", "id_card", "birthday", "address", "district"):
        assert f'data-in="{name}"' in page


async def test_who_may_write_customers_enters_them_without_a_queue(visit: Visit) -> None:
    page = await (await visit("agent")).page("/intake/enter")
    assert 'data-in="name"' in page
    assert "data-take" not in page
    assert (await (await visit("finance")).get("/intake/enter")).status == 403


async def test_an_empty_queue_says_so(visit: Visit) -> None:
    clerk: Browser = await visit("data_clerk")
    assert (await clerk.post("/intake/next")).headers["Location"] == "/intake?empty=1"
    assert (await clerk.get("/intake?empty=1")).status == 200
    assert (await clerk.get("/intake?show=nonsense")).status == 422


async def test_sheets_are_laid_aside_with_a_reason_and_put_back(house: House, visit: Visit) -> None:
    stack = await handed_in(await visit("agent"))
    clerk: Browser = await visit("data_clerk")
    found = re.findall(r"/intake/entries/(\w{13})/park", await clerk.page(stack))
    refused = await clerk.post(f"/intake/entries/{found[0]}/park", {"reason": " "})
    assert refused.status == 409
    assert (await clerk.post(f"/intake/entries/{found[0]}/park", {"reason": "号码看不清"})).status == 303
    assert "号码看不清" in texts(await clerk.page(stack))
    assert stack in await clerk.page("/intake?show=parked")
    assert (await clerk.post(f"/intake/entries/{found[0]}/release")).status == 303
    assert stack not in await clerk.page("/intake?show=parked")
    assert (await clerk.post(f"/intake/entries/{found[1]}/reject", {"reason": "重复"})).status == 303
    opened = await clerk.post(f"/intake/entries/{found[0]}/claim")
    assert opened.headers["Location"] == f"/intake/enter?entry={found[0]}"


async def test_what_is_late_is_marked(house: House, visit: Visit) -> None:
    browser: Browser = await visit("agent")
    stack = await handed_in(browser)
    assert "c-late" not in await browser.page("/intake")
    house.clock.move(timedelta(days=1))
    page = await (await visit("agent")).page("/intake")
    assert "c-late" in page and stack in page


async def test_wrong_input_keeps_what_was_typed(visit: Visit) -> None:
    browser: Browser = await visit("agent")
    for fields in ({"sheets": "x"}, {"sheets": "501"}, {"handed_in_by": "nobody"}):
        answer = await browser.post("/intake/hand-in", {"sheets": "1", "remarks": "科普会", **fields})
        assert answer.status == 422, fields
        assert "科普会" in answer.body.decode()


async def test_strangers_stacks_and_pages_are_not_there(house: House, visit: Visit) -> None:
    stack = await handed_in(await visit("agent"))
    stranger: Browser = await visit("stranger")
    assert (await stranger.get(stack)).status == 404
    assert stack not in await stranger.page("/intake")
    finance: Browser = await visit("finance")
    assert (await finance.get("/intake")).status == 403
    assert (await stranger.post("/intake/next")).status == 403


async def test_numbers_are_verified_on_a_page(house: House, visit: Visit) -> None:
    customer = await add_customer(house.db, "张桂兰", phones=["13800138000"], department_id=house.departments["one"])
    clerk: Browser = await visit("data_clerk")
    number = ids.show(customer.phones[0].id)
    assert "张桂兰" in texts(await clerk.page("/intake/numbers"))
    assert (await clerk.post(f"/intake/numbers/{number}", {"result": "x"})).status == 422
    answer = await clerk.post(f"/intake/numbers/{number}", {"result": "valid", "note": "本人"})
    assert answer.headers["Location"] == "/intake/numbers"
    assert "张桂兰" not in texts(await clerk.page("/intake/numbers"))


async def test_the_form_on_paper_is_blank_or_says_what_is_known(house: House, visit: Visit) -> None:
    customer = await add_customer(
        house.db, "张桂兰", phones=["13800138000"], owner=house.actors["agent"], street="科苑路88号", source="旅游"
    )
    browser: Browser = await visit("agent")
    blank = texts(await browser.page("/intake/form"))
    assert "☐ 旅游" in blank and "张桂兰" not in blank
    filled = texts(await browser.page(f"/customers/{ids.show(customer.id)}/form"))
    assert "张桂兰" in filled and "☑ 旅游" in filled and "科苑路88号" in filled
    assert "13800138000" not in filled and "138****8000" in filled
    assert (await (await visit("stranger")).get(f"/customers/{ids.show(customer.id)}/form")).status == 404


async def test_scanned_sheets_are_kept_with_their_stack(house: House, visit: Visit) -> None:
    browser: Browser = await visit("agent")
    stack = await handed_in(browser)
    assert (await browser.get(f"{stack}/scan")).status == 404
    sent = {"Cookie": f"callcenter_session={browser.cookies['callcenter_session']}", "X-CSRF-Token": browser.csrf}
    url = f"{house.base}{stack}/scan"
    async with house.session.put(url, data=b"<html>", headers=sent) as refused:
        assert refused.status == 422
    async with house.session.put(url, data=b"%PDF-1.7 sheets", headers=sent) as kept:
        assert kept.status == 204
    given = await browser.get(f"{stack}/scan")
    assert given.body == b"%PDF-1.7 sheets"
    assert given.headers["Content-Disposition"].startswith("attachment")
    assert (await (await visit("stranger")).get(f"{stack}/scan")).status == 404


async def test_an_admin_changes_the_list_of_sources_and_the_rules(house: House, visit: Visit) -> None:
    async with house.db.uow() as uow:
        changes = {"sources": [{"code": "fair", "zh": "庙会", "en": "Fair"}], "intake": {"tries": 5}}
        await organization.change_preferences(uow, changes, by=SYSTEM)
    clerk: Browser = await visit("data_clerk")
    page = await clerk.page("/intake/enter")
    assert "庙会" in page and "科普会" not in page
    admin: Browser = await visit("admin")
    assert 'value="庙会"' in await admin.page("/admin/settings")
