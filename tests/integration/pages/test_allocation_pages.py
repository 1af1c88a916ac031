"""The pages of allocation as a manager, an agent and an administrator use them."""

from __future__ import annotations

import io
import json
import re
from datetime import timedelta

import pytest
import python_calamine

from crm_core.calls.facts import Direction
from crm_core.customers.allocation import service
from crm_core.customers.allocation.jobs import HANDLERS
from crm_core.jobs import runner
from crm_core.jobs import service as jobs
from crm_core.kernel import ids
from crm_core.organization.models import User
from tests.factories import add_call, add_customer
from tests.integration.allocation.made import add_allocation
from tests.integration.api.conftest import House
from tests.integration.pages.conftest import Visit, texts

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


async def _customers(house: House, count: int, **fields: object) -> list[str]:
    values = {"department_id": house.departments["one"], **fields}
    return [ids.show((await add_customer(house.db, f"客户{n}", **values)).id) for n in range(count)]


def _id(house: House, name: str) -> str:
    return ids.show(house.actors[name].user_id or 0)


async def test_a_manager_previews_an_allocation_asks_for_it_and_an_administrator_carries_it_out(
    house: House, visit: Visit
) -> None:
    given = await _customers(house, 3)
    manager, admin = await visit("manager"), await visit("admin")
    form = {"person": _id(house, "agent"), "method": "round_robin", "most": "2", "reason": "fair"}
    preview = await manager.post("/allocation/new", form | {"preview": "1"})
    assert (preview.status, "客户0" in preview.body.decode()) == (200, True)
    asked = await manager.post("/allocation/new", form)
    path = asked.headers["Location"]
    assert asked.status == 303
    refused = await manager.post(f"{path}/execute")
    assert (
        refused.status,
        "数据部门" in texts(refused.body.decode()) or "data department" in texts(refused.body.decode()),
    ) == (409, True)
    assert (await admin.post(f"{path}/execute")).status == 303
    page = await manager.page(path)
    assert given[0] in page and given[1] in page and given[2] not in page
    assert path in await manager.page("/allocation?state=done")


async def test_wrong_forms_come_back_with_what_was_typed(house: House, visit: Visit) -> None:
    manager = await visit("manager")
    nobody = await manager.post("/allocation/new", {"reason": "fair day"})
    assert (nobody.status, "fair day" in nobody.body.decode()) == (422, True)
    no_reason = await manager.post("/allocation/new", {"person": _id(house, "agent"), "reason": ""})
    assert (no_reason.status, f'value="{_id(house, "agent")}"' in no_reason.body.decode()) == (422, True)


async def test_what_waits_is_refused_on_its_page(house: House, visit: Visit) -> None:
    run = ids.show(await add_allocation(house.db, house.actors["manager"]))
    manager = await visit("manager")
    assert f"/allocation/runs/{run}/refuse" in await manager.page(f"/allocation/runs/{run}")
    assert (await manager.post(f"/allocation/runs/{run}/refuse")).status == 303
    assert (await manager.post(f"/allocation/runs/{run}/approve")).status == 409


async def test_picked_customers_are_transferred_and_handed_over_with_the_sheet(house: House, visit: Visit) -> None:
    owner = house.actors["supervisor"].user_id
    given = await _customers(house, 2, owner_id=owner, taboos="<b>no sugar</b>", remarks="likes tea")
    manager, agent = await visit("manager"), await visit("agent")
    form = await manager.page(f"/allocation/transfer?ids={given[0]}&ids={given[1]}")
    assert f'value="{given[0]},{given[1]}"' in form
    assert (await manager.post("/allocation/transfer", {"ids": ",".join(given), "to": "agent"})).status == 422
    done = await manager.post("/allocation/transfer", {"ids": ",".join(given), "to": "agent", "reason": "left us"})
    sheet = re.search(r"/allocation/handover\?batch=\w+", done.body.decode())
    assert done.status == 200 and sheet
    printed = await agent.page(sheet[0])
    assert "&lt;b&gt;no sugar" in printed and "likes tea" in printed and "left us" in printed and "客户1" in printed
    assert "客户0" in await agent.page("/allocation/received")
    assert "/allocation/received" in await agent.page("/desk")
    assert "left us" in await manager.page("/allocation/history?kind=transfer")
    stranger = await visit("stranger")
    assert "客户0" not in await stranger.page(sheet[0])


async def test_an_agent_applies_and_the_manager_decides_on_the_facts(house: House, visit: Visit) -> None:
    agent, manager = await visit("agent"), await visit("manager")
    asked = await agent.post("/allocation/applications", {"kind": "cap", "wanted": "9", "reason": "all called"})
    assert asked.status == 303
    again = await agent.post("/allocation/applications", {"kind": "cap", "wanted": "9", "reason": "again"})
    assert again.status == 422
    page = await manager.page("/allocation/applications")
    grant = re.search(r"/allocation/applications/\w+/grant", page)
    assert grant and "all called" in page
    assert (await manager.post(grant[0], {"granted": "4", "note": "good"})).status == 303
    assert "good" in await agent.page("/allocation/applications")


async def test_limits_and_rules_are_set_and_wrong_ones_marked(house: House, visit: Visit) -> None:
    manager, admin = await visit("manager"), await visit("admin")
    assert (await manager.post(f"/allocation/people/{_id(house, 'agent')}", {"cap": "7"})).status == 303
    assert 'value="7"' in await manager.page("/allocation/people")
    assert (await manager.post(f"/allocation/people/{_id(house, 'agent')}", {"cap": "x"})).status == 422
    rules = {"period": "week", "new_days": "30", "notice_days": "3", "grant_days": "30", "cap": "100"}
    assert (await admin.post("/allocation/rules", rules)).status == 303
    assert 'value="100"' in await admin.page("/allocation/rules")
    wrong = await admin.post("/allocation/rules", rules | {"new_days": ""})
    assert (wrong.status, "data-wrong" in wrong.body.decode()) == (422, True)
    assert (await manager.get("/allocation/rules")).status == 403


async def test_the_fairness_report_leads_to_the_customers_behind_a_figure(house: House, visit: Visit) -> None:
    async with house.db.uow() as uow:
        (await uow.session.get_one(User, house.actors["agent"].user_id)).created_at -= timedelta(days=365)
    await _customers(house, 2)
    admin = await visit("admin")
    asked = await admin.post("/allocation/new", {"person": _id(house, "agent"), "reason": "fair", "most": "5"})
    await admin.post(asked.headers["Location"] + "/execute")
    page = await admin.page("/allocation/fairness")
    link = re.search(r'href="(/allocation/history\?[^"]+)"', page)
    assert link
    assert "客户1" in await admin.page(link[1].replace("&amp;", "&"))


async def test_the_pool_shows_who_waits_and_who_goes_back(house: House, visit: Visit) -> None:
    admin, manager = await visit("admin"), await visit("manager")
    (waiting,) = await _customers(house, 1)
    long_ago = house.clock.now() - timedelta(days=90)
    (asleep,) = await _customers(house, 1, owner_id=house.actors["agent"].user_id, created_at=long_ago)
    await admin.post(
        "/allocation/rules",
        {"period": "month", "new_days": "90", "notice_days": "0", "grant_days": "30", "not_contacted_days": "60"},
    )
    page = await manager.page("/allocation/pool")
    assert f'value="{waiting}"' in page and f"/customers/{asleep}" in page
    assert (await manager.post("/allocation/pool")).status == 409
    started = await admin.post("/allocation/pool")
    assert (started.status, started.headers["Location"].startswith("/jobs/")) == (303, True)
    assert await runner.run_one(house.db, HANDLERS)
    assert f'value="{asleep}"' in await manager.page("/allocation/pool")


async def test_an_agent_sees_only_what_concerns_him(house: House, visit: Visit) -> None:
    agent = await visit("agent")
    for path in ("", "/new", "/pool", "/people", "/fairness", "/history", "/rules", "/transfer"):
        assert (await agent.get(f"/allocation{path}")).status == 403
    for path in ("/received", "/applications"):
        await agent.page(f"/allocation{path}")


async def test_the_report_of_fairness_has_a_chart_a_table_and_its_excel_by_department(
    house: House, visit: Visit
) -> None:
    manager = await visit("manager")
    assert "fairness-data" not in await manager.page("/allocation/fairness")
    given = await _customers(house, 2, owner_id=house.actors["supervisor"].user_id)
    await manager.post("/allocation/transfer", {"ids": ",".join(given), "to": "agent", "reason": "closer"})
    page = await manager.page("/allocation/fairness")
    data = re.search(r'id="fairness-data">(.+?)</script>', page)
    assert data and max(json.loads(data[1])["series"][1]["values"]) == 2
    moved = re.search(r'href="(/allocation/history\?[^"]*given_on[^"]*)"', page)
    assert moved and "客户0" in await manager.page(moved[1].replace("&amp;", "&"))
    sheet = await manager.get(f"/allocation/fairness.xlsx?department={ids.show(house.departments['one'])}")
    rows = python_calamine.load_workbook(io.BytesIO(sheet.body)).get_sheet_by_index(0).to_python()
    agent = next(row for row in rows if row[0] in ("agent", house.actors["agent"].display_name))
    assert (sheet.status, agent[1], agent[7]) == (200, "one", 2.0)
    other = await manager.page(f"/allocation/fairness?department={ids.show(house.departments['two'])}")
    assert "<tbody><tr>" not in other


async def test_somebody_leaves_and_his_customers_go_to_others_by_a_plan(house: House, visit: Visit) -> None:
    given = await _customers(house, 4, owner_id=house.actors["agent"].user_id)
    manager, service_agent = await visit("manager"), await visit("service_agent")
    form = {"leaver": _id(house, "agent"), "method": "round_robin", "person": _id(house, "service_agent")}
    assert _id(house, "agent") in await manager.page("/allocation/leaving")
    nobody = await manager.post("/allocation/leaving", {"leaver": _id(house, "agent"), "reason": "left"})
    assert (nobody.status, 'value="left"' in nobody.body.decode()) == (422, True)
    preview = await manager.post("/allocation/leaving", form | {"preview": "1"})
    assert (preview.status, 'id="preview"' in preview.body.decode()) == (200, True)
    started = await manager.post("/allocation/leaving", form | {"reason": "left"})
    assert started.status == 303 and await runner.run_one(house.db, HANDLERS)
    done = await manager.page(started.headers["Location"])
    sheet = re.search(r'href="(/allocation/handover\?batch=\w+)"', done)
    assert sheet and "客户0" in done and f"/customers/{given[0]}" in done
    assert "客户3" in await service_agent.page(sheet[1])
    assert (await (await visit("agent")).get("/allocation/leaving")).status == 403


async def test_who_should_not_be_in_the_base_is_marked_looked_at_and_archived(house: House, visit: Visit) -> None:
    (one,) = await _customers(house, 1, owner_id=house.actors["agent"].user_id)
    agent, manager = await visit("agent"), await visit("manager")
    assert f"/customers/{one}/unfit" in await agent.page(f"/customers/{one}")
    assert (await agent.post(f"/customers/{one}/unfit", {"reason": "cost", "note": ""})).status == 422
    assert (await agent.post(f"/customers/{one}/unfit", {"reason": "cost", "note": "<i>far</i> away"})).status == 303
    page = await manager.page("/allocation/unfit")
    assert f'value="{one}"' in page and "&lt;i&gt;far" in page
    assert (await manager.post("/allocation/unfit", {"ids": one, "decision": "archive"})).status == 422
    done = await manager.post("/allocation/unfit", {"ids": one, "decision": "archive", "answer": "yes"})
    assert done.status == 303 and f'value="{one}"' not in await manager.page("/allocation/unfit")
    assert f'value="{one}"' in await manager.page("/allocation/unfit?state=archived")
    assert f'value="{one}"' not in await manager.page("/allocation/pool")


async def test_the_card_warns_when_a_customer_was_contacted_too_often(house: House, visit: Visit) -> None:
    customer = await add_customer(house.db, owner=house.actors["agent"], department_id=house.departments["one"])
    agent, path = await visit("agent"), f"/customers/{ids.show(customer.id)}"
    made = {"customer": customer, "agent": house.actors["agent"], "direction": Direction.OUTBOUND}
    for _ in range(2):
        await add_call(house.db, **made)  # type: ignore[arg-type]
    assert "alert-triangle" not in await agent.page(path)
    await add_call(house.db, **made)  # type: ignore[arg-type]
    assert "alert-triangle" in await agent.page(path)


async def test_the_result_list_of_a_job_says_in_words_why_and_names_who_is_within_reach(
    house: House, visit: Visit
) -> None:
    given = await _customers(house, 3, owner_id=house.actors["supervisor"].user_id)
    async with house.db.uow() as uow:
        await service.change_policy(uow, {"cap": 2}, by=house.actors["admin"])
        params = {"ids": [ids.parse(one) for one in given], "to": house.actors["agent"].user_id, "reason": "left"}
        params |= {"batch": ids.new_id(), "zone": "Asia/Shanghai"}
        job = await jobs.start(uow, service.TRANSFER_JOB, params, by=house.actors["manager"], total=3)
    assert await runner.run_one(house.db, HANDLERS)
    page = await (await visit("manager")).page(f"/jobs/{ids.show(job.id)}")
    assert "客户2" in page and "cap_reached" not in page and "/allocation/handover?batch=" in page
