"""The settings page: what is set there is what the others show and do."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from crm_core.kernel import ids
from crm_core.kernel.ids import derived_id
from tests.integration.api.conftest import House
from tests.integration.api.stored import answered, store
from tests.integration.pages.conftest import Browser, texts

Visit = Callable[[str], Any]
AGENT = "1000"  # the fixture numbers roles in their order; agents come first


def script_texts(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="texts">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    texts_of_page: dict[str, Any] = json.loads(found.group(1))
    return texts_of_page


async def test_settings_are_changed_and_shown_everywhere(house: House, visit: Visit) -> None:
    await store(house, answered("one", AGENT))
    browser: Browser = await visit("admin")
    page = await browser.page("/admin/settings")
    form = dict(re.findall(r'name="([^"]+)"[^>]*? value="([^"]*)"', page))
    assert (form["normal_talk-low"], form["targets-answered_rate"], form["pause_reasons-1-zh"]) == ("210", "95", "午餐")
    new = max(int(n) for n in re.findall(r'name="pause_reasons-(\d+)-zh"', page))
    blank = next(key[11:] for key, name in form.items() if key.startswith("queue-name-") and not name)
    form |= {
        "normal_talk-low": "30",
        "normal_talk-high": "50",
        "targets-answered_rate": "90.5",
        "limits-talk": "600",
        "pause_reasons-1-zh": "午饭",
        "pause_reasons-0-zh": "",
        "pause_reasons-0-en": "",
        f"pause_reasons-{new}-zh": "家访",
        f"pause_reasons-{new}-en": "Home visit",
        "dispositions-0-zh": "签单",
        f"queue-name-{blank}": "sales",
        f"queue-{blank}-label": "销售热线",
    }
    done = await browser.post("/admin/settings", form)
    assert done.status == 303, texts(done.body.decode())
    assert "0:30" in texts(await browser.page("/talktime"))
    board = await browser.page("/board")
    assert 'data-talking="600.0"' in board
    assert "90.5%" in texts(board)
    for path in ("/calls", f"/calls/{ids.show(derived_id('one'))}"):
        assert "销售热线" in texts(await browser.page(path)), path
    desk = await (await visit("agent")).page("/desk")
    assert 'data-pause="home_visit"' in desk
    assert 'data-pause="break"' not in desk
    assert "签单" in desk
    assert "销售热线" in script_texts(desk)["queue"]["sales"]


async def test_a_wrong_setting_is_said_at_its_field_and_nothing_is_stored(house: House, visit: Visit) -> None:
    browser: Browser = await visit("admin")
    form = dict(re.findall(r'name="([^"]+)"[^>]*? value="([^"]*)"', await browser.page("/admin/settings")))
    refused = await browser.post("/admin/settings", form | {"normal_talk-high": "100", "limits-talk": "many"})
    page = refused.body.decode()
    assert refused.status == 422
    assert page.count("data-wrong") == 2
    assert "须大于下限" in page
    assert "须为数字" in page
    assert 'value="many"' in page
    again = dict(re.findall(r'name="([^"]+)"[^>]*? value="([^"]*)"', await browser.page("/admin/settings")))
    assert again["normal_talk-high"] == "240"
    assert (await (await visit("manager")).get("/admin/settings")).status == 403
