"""The pages of data protection as people use them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from crm_core.customers.protection.jobs import handlers
from crm_core.jobs.runner import run_one
from crm_core.kernel import ids
from tests.factories import add_customer
from tests.integration.api.conftest import House
from tests.integration.pages.conftest import Browser, texts

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
Visit = Callable[[str], Any]
HOSTILE = "<script>alert(1)</script>"


async def test_an_export_is_asked_for_and_fetched_once(house: House, visit: Visit) -> None:
    await add_customer(house.db, HOSTILE, phones=["13800138000"])
    browser: Browser = await visit("admin")
    assert (await browser.post("/exports", {"reason": " ", "column-name": "1"})).status == 422
    assert (await browser.post("/exports", {"reason": "年度核对", "column-name": "1", "format": "csv"})).status == 303
    assert await run_one(house.db, handlers(house.context.files, ZoneInfo("Asia/Shanghai")))  # type: ignore[arg-type]
    page = await browser.page("/exports")
    assert "年度核对" in page
    found = re.search(r'action="(/exports/[^"]+/file)"', page)
    assert found
    file = await browser.post(found[1])
    assert file.status == 200
    assert "attachment" in file.headers["Content-Disposition"]
    assert HOSTILE in file.body.decode("utf-8-sig")
    assert (await browser.post(found[1])).status == 409
    assert found[1] not in await browser.page("/exports")


async def test_a_second_person_allows_or_refuses(house: House, visit: Visit) -> None:
    await add_customer(house.db)
    await house.as_user("admin")("PATCH", "protection-limits", {"approval_rows": 0})
    browser, other = await visit("manager"), await visit("admin")
    await add_customer(house.db, department_id=house.departments["one"])
    assert (await browser.post("/exports", {"reason": HOSTILE})).status == 303
    own = await browser.page("/exports")
    assert "/approve" not in own
    assert HOSTILE not in own
    found = re.search(r'action="(/exports/[^"]+)/approve"', await other.page("/exports"))
    assert found
    assert (await browser.post(f"{found[1]}/approve")).status == 422
    assert (await other.post(f"{found[1]}/refuse")).status == 422
    assert (await other.post(f"{found[1]}/refuse", {"comment": "没有必要"})).status == 303
    assert "没有必要" in await browser.page("/exports")


async def test_consents_are_noted_with_their_proof_and_shown(house: House, visit: Visit) -> None:
    made = await add_customer(house.db, HOSTILE, owner=house.actors["agent"])
    path = f"/customers/{ids.show(made.id)}"
    browser: Browser = await visit("agent")
    form = {"channel": "sms", "purpose": "promotion", "state": "granted", "way": "form"}
    refused = await browser.post(f"{path}/consents", form)
    assert refused.status == 422
    given = form | {"text_version": "2026-01", "evidence": "盒 12 & <b>"}
    assert (await browser.post(f"{path}/consents", given)).status == 303
    page = await browser.page(f"{path}/protection")
    assert HOSTILE not in page
    assert "盒 12 & <b>" not in page
    assert "2026-01" in texts(page)
    assert "/erase" not in page
    assert (await browser.post(f"{path}/consents", form | {"channel": "pigeon"})).status == 422
    stranger: Browser = await visit("stranger")
    assert (await stranger.get(f"{path}/protection")).status == 404
    assert (await stranger.post(f"{path}/consents", given)).status == 404


async def test_who_opened_a_card_is_shown_to_those_who_audit(house: House, visit: Visit) -> None:
    made = await add_customer(house.db, owner=house.actors["agent"], department_id=house.departments["one"])
    path = f"/customers/{ids.show(made.id)}"
    await (await visit("agent")).page(path)
    admin: Browser = await visit("admin")
    assert ">agent<" in await admin.page(f"{path}/protection")
    assert ">agent<" in await admin.page("/opened-cards")
    assert ">agent<" not in await (await visit("manager")).page(f"{path}/protection")
    answer = await house.as_user("admin").get(f"customers/{ids.show(made.id)}/reads")
    assert [(one["user"], one["times"]) for one in answer["items"]] == [("agent", 1)]


async def test_forgetting_is_asked_for_on_the_card_and_waits(house: House, visit: Visit) -> None:
    made = await add_customer(house.db, department_id=house.departments["one"])
    browser: Browser = await visit("manager")
    path = f"/customers/{ids.show(made.id)}"
    assert (await browser.post(f"{path}/erase", {"reason": ""})).status == 422
    assert (await browser.post(f"{path}/erase", {"reason": "客户要求"})).status == 303
    assert (await browser.post(f"{path}/erase", {"reason": "客户要求"})).status == 422
    assert (await browser.post(f"{path}/export", {"reason": "客户要求"})).status == 303
    assert "客户要求" in await (await visit("admin")).page("/exports")
    assert (await (await visit("agent")).post(f"{path}/erase", {"reason": "x"})).status == 403
