"""The pages of classification: thresholds with their preview, flows of a period, one customer's history."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from crm_core.organization.models import Role
from tests.integration.api.conftest import House
from tests.integration.pages.conftest import Browser

Visit = Callable[[str], Any]
_PAGE = "/admin/classification"


async def form_of(browser: Browser) -> dict[str, str]:
    inputs = re.findall(r"<input[^>]+>", await browser.page(_PAGE))
    pairs = [(re.search(r'name="([^"]+)"', one), re.search(r'value="([^"]*)"', one)) for one in inputs]
    return {name[1]: text[1] for name, text in pairs if name and text and name[1] != "csrf_token"}


async def test_thresholds_are_previewed_without_being_set_and_then_saved(house: House, visit: Visit) -> None:
    browser: Browser = await visit("admin")
    form = await form_of(browser)
    assert (form["stopped_after"], form["recency-0"], form["grade-0-code"]) == ("30", "30", "A")
    form |= {"lost_after": "200", "grade-4-code": "E", "grade-4-at_least": "12", "grade-4-zh": "普通"}
    shown = await browser.post(_PAGE, {**form, "preview": "1"})
    assert shown.status == 200
    boss = house.as_user("admin")
    assert (await boss.get("classification/settings"))["retention"]["lost_after"] == 180
    assert (await browser.post(_PAGE, form)).status == 303
    settings = await boss.get("classification/settings")
    assert settings["retention"]["lost_after"] == 200
    assert [one["code"] for one in settings["grading"]["grades"]] == ["A", "E", "B", "C", "D"]


async def test_wrong_thresholds_stay_in_the_form_with_the_reason(house: House, visit: Visit) -> None:
    browser: Browser = await visit("admin")
    form = await form_of(browser)
    answer = await browser.post(_PAGE, {**form, "stopped_after": "500", "monetary-0": "x", "window_days": ""})
    page = answer.body.decode()
    assert answer.status == 422
    assert page.count("c-field-error") >= 2
    assert 'value="500"' in page
    assert (await house.as_user("admin").get("classification/settings"))["retention"]["stopped_after"] == 30


async def test_a_pass_is_started_and_leads_to_its_progress(visit: Visit) -> None:
    browser: Browser = await visit("admin")
    answer = await browser.post(f"{_PAGE}/rederive")
    assert answer.status == 303
    assert answer.headers["Location"].startswith("/jobs/")
    await browser.page(answer.headers["Location"])


async def test_flows_and_history_show_what_changed_to_whom_and_why(house: House, visit: Visit) -> None:
    boss = house.as_user("admin")
    made = await boss("POST", "customers", {"name": "李秀英", "type": "B", "owner": "agent"})
    assert (await boss("PATCH", f"customers/{made.json['id']}", {"type": "A级"})).status == 200
    browser: Browser = await visit("supervisor")
    page = await browser.page("/classification?field=type")
    assert "李秀英" in page
    assert "A级" in page
    assert "李秀英" not in await browser.page("/classification?field=type&from=2020-01-01&to=2020-02-01&cursor=")
    mine: Browser = await visit("agent")
    assert "A级" in await mine.page(f"/customers/{made.json['id']}/classification")
    other: Browser = await visit("stranger")
    assert (await other.get(f"/customers/{made.json['id']}/classification")).status == 404
    assert (await other.get("/classification")).status == 403
    await house.add("neighbour", Role.SUPERVISOR, "1098", "two")
    neighbour: Browser = await visit("neighbour")
    assert "李秀英" not in await neighbour.page("/classification?from=nonsense")
