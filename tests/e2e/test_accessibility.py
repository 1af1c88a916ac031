"""Every page of the running product: readable by everybody, reached by keys, alone with our own server."""

from __future__ import annotations

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from tests.e2e.centre import Centre
from tests.e2e.past import days_of_calls
from tests.e2e.screens import Screen

pytestmark = [
    pytest.mark.real,
    pytest.mark.xdist_group("asterisk"),
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(120),
]
NUMBER = "13800138300"
BOSS_PAGES = (
    "/calls",
    "/missed",
    "/customers",
    "/customers/new",
    "/board",
    "/talktime",
    "/admin/users",
    "/admin/users/new",
    "/admin/organization",
    "/admin/pbx",
    "/password",
)
# What the keyboard stands on, and whether one can see it: an outline, a ring of shadow, or the row's own mark.
FOCUSED = """() => {
  const it = document.activeElement;
  if (!it || it === document.body) return null;
  const seen = (element) => {
    const style = getComputedStyle(element);
    return (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== "none";
  };
  const marked = it.matches("[type=radio]") && it.nextElementSibling ? it.nextElementSibling : it;
  return { what: it.outerHTML.slice(0, 120), seen: seen(it) || seen(marked) };
}"""


async def serious(page: Page) -> list[str]:
    """What axe calls serious or critical, with the first places."""
    found = []
    # Without preloading: axe would copy the player's styles into the page, which our policy refuses it.
    for one in (await Axe().run(page, options={"preload": False})).response["violations"]:
        if one["impact"] in ("serious", "critical"):
            places = [(node["target"], node.get("failureSummary", "")[:200]) for node in one["nodes"][:3]]
            found.append(f"{one['id']}: {places}")
    return found


async def every_page(centre: Centre, theme: str) -> list[tuple[Screen, str]]:
    """Each page with the screen that may open it, full of data."""
    if not (await centre.product.ok("GET", f"/api/v1/customers?q={NUMBER}"))["items"]:
        await days_of_calls(centre.product)
        await centre.customer("张桂兰", NUMBER, taboos="对青霉素过敏", type="A")
        caller, _agent = await centre.stage.connected("1001", NUMBER, talk=1)
        await caller.hang_up()
    customer = (await centre.product.ok("GET", f"/api/v1/customers?q={NUMBER}"))["items"][0]["id"]
    call = (await centre.product.ok("GET", f"/api/v1/calls?number={NUMBER}"))["items"][0]["id"]
    user = (await centre.product.ok("GET", "/api/v1/users"))["items"][0]["id"]
    boss, agent = await centre.screen("boss", theme=theme), await centre.screen("agent1001", theme=theme)
    more = (f"/customers/{customer}", f"/customers/{customer}/edit", f"/calls/{call}", f"/admin/users/{user}")
    return [
        (await centre.stranger(theme=theme), "/login"),
        (agent, "/desk"),
        *((boss, p) for p in (*BOSS_PAGES, *more)),
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_axe_finds_nothing_serious_on_any_page(centre: Centre, theme: str) -> None:
    found = {}
    for screen, path in await every_page(centre, theme):
        await screen.open(path)
        await screen.settled()
        if problems := await serious(screen.page):
            found[path] = problems
    assert not found


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_axe_finds_nothing_serious_while_calls_are_shown(centre: Centre, theme: str) -> None:
    await every_page(centre, theme)
    desk = await centre.screen("agent1001", theme=theme)
    await desk.live("/desk")
    found = []
    caller = await centre.stage.customer("1001", NUMBER)
    agent = await centre.stage.rings("1001")
    await desk.state("ringing")
    await expect(desk.card().locator(".c-taboo")).to_be_visible()
    found += await serious(desk.page)
    await desk.shot(f"a11y-ringing-{theme}")
    await agent.answer()
    await desk.state("talking")
    found += await serious(desk.page)
    unknown = await centre.stage.customer("1001", "13800138301")
    second = await centre.stage.rings("1001")
    await expect(desk.card()).to_have_count(2)
    await desk.page.keyboard.press("Alt+ArrowDown")
    await expect(desk.card().locator("[name=number]")).to_be_visible()
    found += await serious(desk.page)
    second.refuse(486)
    await desk.state("lost", "138 0013 8301")
    found += await serious(desk.page)
    await caller.hang_up()
    await desk.state("ended", "张桂兰")
    await desk.page.keyboard.press("Control+Enter")
    found += await serious(desk.page)
    await desk.shot(f"a11y-ended-{theme}")
    assert not found
    await unknown.over()


async def test_every_page_works_by_keyboard_and_shows_where_it_stands(centre: Centre) -> None:
    unseen = []
    for screen, path in await every_page(centre, "light"):
        await screen.open(path)
        await screen.settled()
        reached = set()
        for _ in range(25):
            await screen.page.keyboard.press("Tab")
            if focus := await screen.page.evaluate(FOCUSED):  # none: the browser's own bar is on the way round
                reached.add(focus["what"])
                if not focus["seen"]:
                    unseen.append((path, focus["what"]))
        assert len(reached) > 3, f"{path}: the keyboard reaches {reached}"
    assert not unseen
