"""The import pages: a list is brought, its columns are looked at, checked, imported, taken back."""

from __future__ import annotations

import aiohttp
import pytest

from crm_core.customers.imports.jobs import handlers
from crm_core.jobs import runner
from tests.integration.pages.conftest import Browser, House, Visit

LIST = "姓名,手机号码,业务员,内部号\n李秀英,13800138000,agent,1\n<b>x</b>,abc,,2\n"


async def brought(browser: Browser, content: str = LIST) -> str:
    """The address of the import's page."""
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("file", content.encode("gbk"), filename="名单.csv")
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    headers = {"Cookie": cookie, "X-CSRF-Token": browser.csrf, "Accept": "application/json"}
    async with browser.house.session.post(f"{browser.house.base}/imports", data=form, headers=headers) as response:
        answer = await response.json()
        assert response.status == 201, answer
    location: str = answer["location"]
    return location


async def worked(house: House) -> None:
    while await runner.run_one(house.db, handlers(house.context.files)):
        pass


async def test_a_list_goes_its_whole_way_through_the_pages(house: House, visit: Visit) -> None:
    browser = await visit("data_clerk")
    assert "名单.csv" not in await browser.page("/imports")
    path = await brought(browser)
    page = await browser.page(path)
    assert "名单.csv" in page
    assert '<option value="mobile" selected>' in page
    assert "13800138000 · abc" in page
    columns = {"column-0": "name", "column-1": "mobile", "column-2": "owner", "column-3": ""}
    answer = await browser.post(f"{path}/check", {**columns, "on_duplicate": "skip", "preset_name": "Fair"})
    assert answer.status == 303
    assert 'data-job-over="no"' in await browser.page(path)
    await worked(house)
    page = await browser.page(path)
    assert "13800138000" in page
    assert "“abc”" in page
    assert f'action="{path}/run"' in page
    assert "errors.xlsx" in page
    assert (await browser.post(f"{path}/run")).status == 303
    await worked(house)
    assert "李秀英" in await browser.page("/customers")
    sheet = await browser.get(f"{path}/errors.xlsx")
    assert sheet.status == 200
    assert (await browser.post(f"{path}/undo")).status == 303
    await worked(house)
    assert "李秀英" not in await browser.page("/customers")
    assert "名单.csv" in await browser.page("/imports")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_mapping_without_a_name_is_shown_again_with_what_is_wrong(house: House, visit: Visit) -> None:
    browser = await visit("data_clerk")
    path = await brought(browser)
    answer = await browser.post(f"{path}/check", {"column-0": "", "column-1": "mobile", "column-2": "mobile"})
    assert answer.status == 422
    assert 'role="alert"' in answer.body.decode()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_remembered_mapping_is_laid_over_the_next_list(house: House, visit: Visit) -> None:
    browser = await visit("data_clerk")
    path = await brought(browser)
    columns = {"column-0": "name", "column-1": "mobile", "column-2": "", "column-3": "remarks"}
    await browser.post(f"{path}/check", {**columns, "preset_name": "Fair"})
    await worked(house)
    path = await brought(browser)
    page = await browser.page(path)
    start = page.index('name="preset"')
    preset = page[page.index('<option value="', start) + 15 :][:13]
    assert (await browser.post(f"{path}/preset", {"preset": preset})).status == 303
    assert '<option value="remarks" selected>' in await browser.page(path)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_agents_have_no_imports(visit: Visit) -> None:
    browser = await visit("agent")
    assert (await browser.get("/imports")).status == 403
