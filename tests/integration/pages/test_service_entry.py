"""Service entry: the form is open first, one whole item finds the customer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from crm_core.kernel import ids
from tests.factories import add_customer
from tests.integration.api.conftest import Client, House

Visit = Callable[[str], Any]


async def test_one_item_leads_to_the_note_and_back_to_an_empty_form(house: House, boss: Client, visit: Visit) -> None:
    customer = await add_customer(house.db, "张桂兰", owner=house.actors["agent"], phones=["13800138000"])
    await add_customer(house.db, "远方客", owner=house.actors["stranger"], phones=["13800138009"])
    shown, browser = ids.show(customer.id), await visit("agent")
    page = await browser.page("/service?q=13800138000")
    assert f'value="{shown}"' in page
    assert "138****8000" in page.replace(" ", "")
    saved = await browser.post("/service", {"customer": shown, "text": "送货上门"})
    assert (saved.status, saved.headers["Location"]) == (303, f"/service?saved={shown}")
    assert (await boss.get(f"customers/{shown}/notes"))["items"][0]["text"] == "送货上门"
    refused = await browser.post("/service", {"customer": shown, "text": " "})
    assert refused.status == 422
    assert "远方客" not in await browser.page("/service?q=13800138009")
