"""What waits for an agent on the desk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from crm_core.kernel import ids
from crm_core.kernel.ids import derived_id
from tests.integration.api.conftest import House
from tests.integration.api.stored import START, answered, missed, store
from tests.integration.pages.conftest import Browser, texts

Visit = Callable[[str], Any]
AGENT = "1000"  # the fixture numbers roles in their order; agents come first


async def test_what_an_agent_promised_waits_on_the_desk_until_it_is_done(house: House, visit: Visit) -> None:
    await store(house, answered("one", AGENT))
    browser: Browser = await visit("agent")
    call_id = ids.show(derived_id("one"))
    fields = {"disposition": "follow_up", "next_at": "2026-11-21T15:30"}
    assert (await browser.post(f"/desk/calls/{call_id}/wrapup", fields)).status == 204
    for path in ("/desk", "/desk/todo"):
        page = await browser.page(path)
        assert f'data-due="{call_id}"' in page
        assert "约定 15:30" in texts(page)
        assert f'data-call-back="{call_id}"' in page
    await store(house, answered("two", AGENT, start=START + 60))
    assert "data-due" not in await browser.page("/desk/todo")


async def test_claiming_a_missed_call_keeps_the_promises_on_the_desk(house: House, visit: Visit) -> None:
    await store(house, answered("one", AGENT), missed("two", AGENT))
    browser: Browser = await visit("agent")
    fields = {"next_at": "2026-11-21T15:30"}
    assert (await browser.post(f"/desk/calls/{ids.show(derived_id('one'))}/wrapup", fields)).status == 204
    headers: dict[str, Any] = {"HX-Request": "true"}
    page = (await browser.post(f"/missed/{ids.show(derived_id('two'))}/claim?from=desk", **headers)).body.decode()
    assert "data-due" in page
    assert "data-missed" in page
