"""The page of own fields: an administrator adds, changes and retires them without knowing the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.integration.api.conftest import House
from tests.integration.pages.conftest import Browser

Visit = Callable[[str], Any]
COLOUR = {
    "subject": "customer",
    "code": "colour",
    "type": "choice",
    "zh": "颜色",
    "en": "Colour",
    "group": "喜好",
    "choices": "红 | Red\n蓝 | Dark blue | blue\n\n",
    "active": "1",
}


async def test_a_field_is_added_changed_and_retired(house: House, visit: Visit) -> None:
    browser: Browser = await visit("admin")
    assert "custom.colour" not in await browser.page("/admin/fields")
    assert (await browser.post("/admin/fields", COLOUR)).status == 303
    (field,) = (await house.as_user("admin").get("fields"))["items"]
    assert [(one["code"], one["zh"], one["en"]) for one in field["choices"]] == [
        ("red", "红", "Red"), ("blue", "蓝", "Dark blue"),
    ]  # fmt: skip
    page = await browser.page(f"/admin/fields?field={field['id']}")
    assert "红 | Red | red" in page
    changed = {"id": field["id"], "version": str(field["version"]), "zh": "最爱的颜色", "choices": "蓝 | | blue"}
    assert (await browser.post("/admin/fields", changed)).status == 303
    (field,) = (await house.as_user("admin").get("fields?retired=true"))["items"]
    assert (field["zh"], field["active"]) == ("最爱的颜色", False)
    assert [(one["code"], one["active"]) for one in field["choices"]] == [("blue", True), ("red", False)]
    stale = await browser.post("/admin/fields", {**changed, "zh": "x"})
    assert stale.status == 422


async def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(visit: Visit) -> None:
    browser: Browser = await visit("admin")
    answer = await browser.post("/admin/fields", {**COLOUR, "code": "Colour 1", "choices": ""})
    page = answer.body.decode()
    assert answer.status == 422
    assert 'aria-invalid="true"' in page
    assert 'value="颜色"' in page
    twice = await browser.post("/admin/fields", {**COLOUR, "position": "x"})
    assert twice.status == 422


async def test_nobody_else_opens_the_page(visit: Visit) -> None:
    browser: Browser = await visit("manager")
    assert (await browser.get("/admin/fields")).status == 403
