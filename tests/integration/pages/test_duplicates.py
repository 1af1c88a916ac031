"""The pages of duplicates: the list, two side by side, merging by choice, undoing."""

from __future__ import annotations

import re
from typing import Any

import pytest

from crm_core.customers.duplicates.jobs import HANDLERS
from crm_core.customers.models import Customer
from crm_core.jobs.runner import run_one
from crm_core.kernel import ids
from tests.factories import add_customer
from tests.integration.api.conftest import House
from tests.integration.pages.conftest import Visit, texts

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


async def _two(house: House) -> tuple[str, str]:
    made = []
    for name, occupation, city in (("李秀英", "教师", None), ("李秀瑛", "医生", "上海")):
        one = await add_customer(house.db, name, phones=["13800138000"], occupation=occupation, city=city)
        made.append(ids.show(one.id))
    return made[0], made[1]


def _location(answer: Any) -> str:
    assert answer.status == 303, (answer.status, answer.body[-800:])
    return str(answer.headers["Location"])


async def test_an_empty_list_says_how_to_fill_it(visit: Visit) -> None:
    page = texts(await (await visit("data_clerk")).page("/duplicates"))
    assert "Search the whole base" in page or "全库" in page


async def test_the_search_is_started_and_its_pairs_are_listed(house: House, visit: Visit) -> None:
    await _two(house)
    clerk = await visit("admin")
    place = _location(await clerk.post("/duplicates/search"))
    assert place.startswith("/jobs/")
    assert await run_one(house.db, HANDLERS)
    await clerk.page(place)
    page = await clerk.page("/duplicates")
    assert "李秀英" in page
    assert "李秀瑛" in page
    assert "/duplicates/compare?" in page


async def test_two_are_merged_field_by_field_and_separated_again(house: House, visit: Visit) -> None:
    into, other = await _two(house)
    boss = await visit("admin")
    page = await boss.page(f"/duplicates/compare?into={into}&other={other}")
    assert set(re.findall(r'name="choose-(\w+)"', page)) == {"name", "occupation"}
    form = {"into": into, "other": other, "choose-name": "into", "choose-occupation": "other"}
    place = _location(await boss.post("/duplicates/merge", form))
    done = await boss.page(place)
    (undo,) = re.findall(r'action="(/merges/\w+/undo)"', done)
    async with house.db.read() as session:
        kept = await session.get_one(Customer, ids.parse(into))
        assert (kept.name, kept.occupation, kept.city) == ("李秀英", "医生", "上海")
    assert undo in await boss.page("/duplicates?state=merged")
    await boss.page(_location(await boss.post(undo)))
    assert (await boss.post(undo)).status == 409
    assert "医生" in await boss.page(f"/duplicates/compare?into={into}&other={other}")


async def test_a_pair_that_is_none_leaves_the_list_and_can_be_opened_again(house: House, visit: Visit) -> None:
    await _two(house)
    boss = await visit("admin")
    await boss.post("/duplicates/search")
    assert await run_one(house.db, HANDLERS)
    (decide,) = re.findall(r'action="(/duplicates/\w+/decide)"', await boss.page("/duplicates"))
    _location(await boss.post(decide, {"state": "not_duplicate"}))
    assert decide not in await boss.page("/duplicates")
    assert decide in await boss.page("/duplicates?state=not_duplicate")
    _location(await boss.post(decide, {"state": "open"}))
    assert decide in await boss.page("/duplicates")


async def test_who_may_not_merge_does_not_see_the_pages(house: House, visit: Visit) -> None:
    into, other = await _two(house)
    agent = await visit("agent")
    for path in ("/duplicates", f"/duplicates/compare?into={into}&other={other}"):
        assert (await agent.get(path)).status == 403
    assert (await (await visit("supervisor")).get(f"/duplicates/compare?into={into}&other={other}")).status == 404
