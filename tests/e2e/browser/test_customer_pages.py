"""Every page of the customer database in a real Chromium: readable by everybody, within the screen, reached by keys."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from crm_core.customers.models import Customer
from crm_core.kernel import ids
from crm_core.organization import queries as organization
from crm_core.organization import signing_in
from tests.factories import add_call
from tests.integration.api.conftest import House, house, one_hash, quick_passwords, settings
from web.pages import ROUTES

__all__ = ["house", "one_hash", "quick_passwords", "settings"]
pytestmark = pytest.mark.timeout(400)
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
LONG = "欧阳" + "永远平安健康快乐" * 14  # as long as a name may be, and nowhere a blank
LONG_LATIN = "W" * 110
OF_A_CUSTOMER = ("", "/edit", "/timeline", "/protection", "/form", "/classification")
PAGES = (
    "/customers",
    "/customers?q=nobody-of-this-name",
    "/customers/new",
    "/intake",
    "/intake/enter",
    "/intake/hand-in",
    "/intake/numbers",
    "/intake/form",
    "/duplicates",
    "/allocation",
    "/allocation/new",
    "/allocation/people",
    "/allocation/applications",
    "/allocation/fairness",
    "/allocation/rules",
    "/allocation/pool",
    "/allocation/transfer",
    "/allocation/received",
    "/allocation/history",
    "/allocation/handover",
    "/allocation/leaving",
    "/allocation/unfit",
    "/imports",
    "/exports",
    "/opened-cards",
    "/audit",
    "/agreement",
    "/service",
    "/jobs",
    "/classification",
    "/admin/classification",
    "/admin/fields",
    "/admin/settings",
)
# Not of the customer database (tests/e2e/test_accessibility.py looks at them), or a part of a page.
ELSEWHERE = {
    "/", "/login", "/password", "/calls", "/missed", "/board", "/board/today", "/talktime", "/admin/users",
    "/admin/users/new", "/admin/organization", "/admin/pbx", "/admin/pbx/doctor", "/desk", "/desk/todo", "/desk/find",
    "/duplicates/compare", "/allocation/fairness.xlsx",
}  # fmt: skip

Opened = Callable[..., Awaitable[Page]]


@pytest.fixture
async def opened(house: House, browser: Browser) -> AsyncIterator[Opened]:
    """``await opened("admin", theme=…, width=…)``: a signed-in user's tab."""
    contexts = []

    async def tab(name: str = "admin", *, theme: str = "light", language: str = "zh", width: int = 1366) -> Page:
        async with house.db.read() as session:
            user = await signing_in.queries.user_by_name(session, name)
        assert user is not None
        signed = await signing_in._open_session(house.db, user.id, None, None, None)
        context = await browser.new_context(viewport={"width": width, "height": 768})
        contexts.append(context)
        cookies = {"callcenter_session": signed.token, "theme": theme, "language": language}
        await context.add_cookies([{"name": key, "value": value, "url": house.base} for key, value in cookies.items()])
        return await context.new_page()

    yield tab
    for context in contexts:
        await context.close()


async def _customers(house: House) -> list[str]:
    """Paths of cards: an ordinary one with a call, and those whose names are as long as can be."""
    boss, found = house.as_user("admin"), []
    for name, phone in (("张桂兰", "13800138300"), (LONG, "13800138301"), (LONG_LATIN, "13800138302")):
        fields = {"name": name, "owner": "agent", "phones": [{"number": phone}], "occupation": name[:80], "type": "A"}
        made = await boss(
            "POST", "customers?accept_duplicate=true", fields | {"taboos": "对青霉素过敏", "remarks": name}
        )
        assert made.status == 201, made.body
        found.append(made.json["id"])
    async with house.db.read() as session:
        agent = await organization.actor_by_name(session, "agent")
        plain = await session.get_one(Customer, ids.parse(found[0]))
    await add_call(house.db, agent=agent, customer=plain, number="13800138300")
    return [f"/customers/{one}" for one in found]


async def _serious(page: Page) -> list[str]:
    return [
        f"{one['id']}: {[(node['target'], node['html'][:160]) for node in one['nodes'][:2]]}"
        for one in (await Axe().run(page, options={"preload": False})).response["violations"]
        if one["impact"] in ("serious", "critical")
    ]


async def _faults(page: Page, address: str) -> list[str]:
    """What a reader would stumble over."""
    answer = await page.goto(address)
    assert answer is not None and answer.status == 200, (address, answer and answer.status)
    beyond = await page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    heads = await page.locator("h1").count()
    title = await page.title()
    return [
        *([f"{beyond} px wider than the screen"] if beyond > 0 else []),
        *([f"{heads} main headings"] if heads != 1 else []),
        *([f"the title is {title}"] if title.startswith(" ·") else []),
    ]


def test_the_list_of_pages_is_whole() -> None:
    addresses = {route.path for table in ROUTES for route in table if getattr(route, "method", "") == "GET"}
    plain = {address for address in addresses if "{" not in address}
    assert plain - ELSEWHERE == {page for page in PAGES if "?" not in page}


@on_sqlite
@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_axe_finds_nothing_serious_and_nothing_runs_off_the_screen(
    house: House, opened: Opened, theme: str
) -> None:
    cards = await _customers(house)
    page = await opened(theme=theme)
    wrong: dict[str, Any] = {}
    for path in (*PAGES, *(cards[0] + part for part in OF_A_CUSTOMER), *(cards[1] + part for part in OF_A_CUSTOMER)):
        faults = await _faults(page, house.base + path) + await _serious(page)
        if faults:
            wrong[path] = faults
    assert not wrong


@on_sqlite
@pytest.mark.parametrize("language", ["zh", "en"])
async def test_card_search_and_timeline_fit_a_telephone(house: House, opened: Opened, language: str) -> None:
    cards = await _customers(house)
    page = await opened("agent", language=language, width=390)
    wrong = {}
    for path in ("/customers", "/customers?q=欧阳", *cards, *(f"{card}/timeline" for card in cards)):
        if faults := await _faults(page, house.base + path):
            wrong[path] = faults
    assert not wrong


@on_sqlite
async def test_a_customer_is_found_opened_and_noted_by_keyboard_alone(house: House, opened: Opened) -> None:
    await _customers(house)
    page = await opened("agent")
    await page.goto(house.base + "/customers")
    await page.keyboard.press("/")
    await expect(page.locator("#q")).to_be_focused()
    await page.keyboard.type("zgl")
    await page.keyboard.press("Enter")
    await expect(page.locator("h1")).to_have_text("张桂兰")
    note = page.locator('[data-panel="timeline"] [name="text"]')
    for _ in range(60):
        await page.keyboard.press("Tab")
        if await note.evaluate("element => element === document.activeElement"):
            break
    await expect(note).to_be_focused()
    await page.keyboard.type("喜欢喝茶")
    await page.keyboard.press("Enter")
    await expect(page.locator(".c-timeline li").first).to_contain_text("喜欢喝茶")


@on_sqlite
async def test_the_story_is_cut_by_kind_and_read_on_without_leaving_the_card(house: House, opened: Opened) -> None:
    (card, *_) = await _customers(house)
    page = await opened("agent")
    await page.goto(house.base + card)
    for n in range(21):
        answer = await page.request.post(
            f"{house.base}{card}/notes",
            form={
                "text": f"note {n}",
                "csrf_token": await page.locator('[name="csrf-token"]').get_attribute("content"),
            },
        )
        assert answer.ok
    await page.goto(house.base + card)
    items = page.locator(".c-timeline li")
    await expect(items).to_have_count(20)
    await page.get_by_role("link", name="更早").or_(page.locator(".c-story-more a")).first.click()
    await expect(items).to_have_count(24)  # and the call, the record's beginning and its type
    await page.locator(".c-story-kinds a").nth(1).click()
    await expect(items).to_have_count(1)
    await expect(page).to_have_url(house.base + card)
