"""The list of customers as people use it: found by the box, cut by filters, kept as views, changed in bulk."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest

from crm_core.customers import bulk, service
from crm_core.customers.rules import PhoneInput
from crm_core.jobs.runner import run_one
from crm_core.organization.access import SYSTEM
from tests.integration.api.conftest import House
from tests.integration.pages.conftest import Visit, texts
from tests.integration.statements import counted
from web.pages import customer_list


async def enter(house: House, name: str, owner: str = "agent", phone: str | None = None, **fields: Any) -> int:
    """A customer through the service, so that the index knows him."""
    values = {"name": name, "owner_id": house.actors[owner].user_id, **fields}
    phones = [PhoneInput(phone)] if phone else []
    async with house.db.uow() as uow:
        return (await service.create(uow, values, phones, by=SYSTEM, accept_duplicate=True)).id


async def test_the_box_leads_to_the_one_it_finds_and_lists_several(house: House, visit: Visit) -> None:
    await enter(house, "李秀英", phone="13800138000")
    await enter(house, "李秀兰", phone="13900139000")
    browser = await visit("supervisor")
    page = texts(await browser.page("/customers?q=lix"))
    assert "李秀英" in page
    assert "李秀兰" in page
    assert "2 位客户" in texts(await browser.page("/customers"))
    alone = await browser.get("/customers?q=0138000")
    assert alone.status == 303
    assert (await browser.get("/customers?q=zzzz")).status == 200


async def test_filters_and_time_lists_cut_the_list(house: House, visit: Visit) -> None:
    await enter(house, "张一", type="A", birth_calendar="lunar", birth_month=10, birth_day=13)
    await enter(house, "张二", type="B", source="转介绍")
    browser = await visit("admin")
    assert "张二" not in texts(await browser.page("/customers?type=A"))
    assert "张一" not in texts(await browser.page("/customers?source=转介绍"))
    week = texts(await browser.page("/customers?list=new_this_week"))
    assert "张一" in week
    assert "张二" in week
    # The 13th of the tenth lunar month of 2026 is 21 November.
    born = texts(await browser.page("/customers?birthday_from=2026-11-21&birthday_to=2026-11-21"))
    assert "张一" in born
    assert "张二" not in born
    assert "张一" in texts(await browser.page("/customers?not_contacted_months=3&sort=last_contact_at"))


@pytest.mark.parametrize("query", ["?sort=name&type=A", "?q=zhang"])
async def test_pages_lead_forth_and_back(
    house: House, visit: Visit, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    monkeypatch.setattr(customer_list, "PAGE", 2)
    for name in ("张一", "张二", "张三", "张四", "张五"):
        await enter(house, name, type="A")
    browser = await visit("admin")

    def shown(page: str) -> list[str]:
        return [name for name in ("张一", "张二", "张三", "张四", "张五") if f">{name}</a>" in page]

    async def follow(page: str, way: str) -> str:
        (link,) = re.findall(rf'href="([^"]+)" rel="{way}"', page)
        return await browser.page(html.unescape(link))

    first = await browser.page(f"/customers{query}")
    second = await follow(first, "next")
    third = await follow(second, "next")
    assert sorted(shown(first) + shown(second) + shown(third)) == sorted({"张一", "张二", "张三", "张四", "张五"})
    assert shown(await follow(third, "prev")) == shown(second)
    again = await follow(await follow(third, "prev"), "prev")
    assert shown(again) == shown(first)
    assert 'rel="prev"' not in first + again


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_view_keeps_filters_columns_and_order(house: House, visit: Visit) -> None:
    await enter(house, "张一", type="A")
    await enter(house, "王二", type="B")
    browser = await visit("manager")
    kept = await browser.post("/customers/views", {"name": "A 类", "type": "A", "column": "membership", "shared": "1"})
    assert kept.status == 303
    href = kept.headers["Location"]
    page = texts(await (await visit("admin")).page(href))
    assert "张一" in page
    assert "王二" not in page
    assert (await (await visit("agent")).post("/customers/views", {"name": "x", "shared": "1"})).status == 403
    deleted = await browser.post(href.replace("?view=", "/views/") + "/delete")
    assert deleted.status == 303


async def test_one_change_for_many_runs_as_a_job_with_a_verdict_each(house: House, visit: Visit) -> None:
    first, second = await enter(house, "张一", type="A"), await enter(house, "张二", type="A")
    browser = await visit("admin")
    answer = await browser.post("/customers/bulk", {"everything": "1", "type": "A", "what": "type", "value": "VIP"})
    assert answer.status == 303, answer.body
    assert await run_one(house.db, bulk.HANDLERS)
    page = texts(await browser.page(answer.headers["Location"]))
    assert "2" in page
    for customer_id in (first, second):
        async with house.db.read() as session:
            from crm_core.customers import queries

            view = await queries.customer(session, SYSTEM, customer_id, today=house.clock.now().date())
        assert view.type == "VIP"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_page_asks_the_database_as_often_for_many_as_for_few(house: House, visit: Visit) -> None:
    browser = await visit("admin")
    numbers = []
    for start in (0, 3):
        for n in range(start, start * 9 + 3):
            await enter(house, f"王小{n}", phone=f"1380013{n:04d}")
        for path in ("/customers", "/customers?q=小", "/customers?q=0013"):
            with counted(house.db) as statements:
                await browser.page(path)
            numbers.append(len(statements))
    assert numbers[:3] == numbers[3:]
    assert max(numbers) <= 22


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_wrong_filters_and_long_names_are_no_trouble(house: House, visit: Visit) -> None:
    await enter(house, "很长的公司名称" * 15, kind="organization")
    browser = await visit("admin")
    for query in ("kind=robot", "birthday_from=2026-11-21", "not_contacted_months=x", "column=secret", "cursor=@@"):
        assert (await browser.get(f"/customers?{query}")).status == 200, query
    assert (await browser.get("/customers?q=公司名称")).status == 303
    assert "<script>" not in await browser.page("/customers?q=<script>")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_list_is_exported_by_the_rules_of_exports(house: House, visit: Visit) -> None:
    for number in range(3):
        await enter(house, f"张{number}", type="A")
    form = {"everything": "1", "type": "A", "what": "export", "reason": "letters for the autumn fair"}
    answer = await (await visit("manager")).post("/customers/bulk", form)
    assert (answer.status, answer.headers["Location"]) == (303, "/exports"), answer.body
    assert (await (await visit("agent")).post("/customers/bulk", form)).status == 403
