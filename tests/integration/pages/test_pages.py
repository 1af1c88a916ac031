"""Every page on the real core: who gets in, what stands there, what a form changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from crm_core.calls import queries as calls
from crm_core.calls.facts import CallState
from crm_core.kernel import ids
from crm_core.kernel.ids import derived_id
from crm_core.organization.models import Role
from tests.factories import add_customer
from tests.integration.api.conftest import House
from tests.integration.api.stored import answered, many, missed, store
from tests.integration.pages.conftest import Browser, texts
from web.pages.navigation import NAVIGATION, entries
from web.ports import Finding, Severity

Visit = Callable[[str], Any]
HOSTILE = "<script>alert(1)</script>\"'&"
AGENT = "1000"  # the fixture numbers roles in their order; agents come first


@pytest.mark.parametrize("role", list(Role))
async def test_a_page_opens_for_whom_the_menu_shows_it_and_for_nobody_else(
    house: House, visit: Visit, role: Role
) -> None:
    browser: Browser = await visit(role.value)
    actor = house.actors[role.value]
    allowed = {entry.href for entry in entries(actor)}
    assert not [entry.href for entry in entries(actor) if entry.unless is not None and actor.may(entry.unless)]
    # What the menu leaves out because it stands elsewhere opens all the same.
    allowed |= {entry.href for entry in NAVIGATION if entry.unless is not None and actor.may(entry.unless)}
    for entry in NAVIGATION:
        answer = await browser.get(entry.href)
        assert answer.status == (200 if entry.href in allowed else 403), (role, entry.href, answer.body[-500:])
    assert (await browser.get("/")).headers["Location"] in allowed


async def test_pages_show_what_was_stored(house: House, visit: Visit) -> None:
    await store(house, *many(60, AGENT), missed("lost", AGENT))
    browser: Browser = await visit("admin")
    log = await browser.page("/calls")
    assert log.count("<tr data-call=") == 50
    assert 'rel="next"' in log
    call_id = ids.show(derived_id("many1"))
    for path in (f"/calls/{call_id}", f"/calls/{call_id}/detail"):
        assert "0:40" in await browser.page(path)
    assert "139 0013 9000" in await browser.page("/missed")
    assert "0:40" in texts(await browser.page("/talktime?from=2026-11-21&to=2026-11-21"))
    assert "61" in texts(await browser.page("/board/today"))
    assert "22.10.1" in await browser.page("/admin/pbx")
    assert "数据库" in await browser.page("/admin/pbx/doctor")


async def test_a_filter_cuts_the_log_and_a_bad_one_is_said(house: House, visit: Visit) -> None:
    await store(house, answered("one", AGENT), missed("two", AGENT))
    browser: Browser = await visit("admin")
    assert (await browser.page("/calls?status=abandoned")).count("<tr data-call=") == 1
    assert (await browser.page("/calls?from=2026-11-22")).count("<tr data-call=") == 0
    assert "日期格式" in await browser.page("/calls?from=tomorrow")


async def test_names_are_never_run(house: House, visit: Visit) -> None:
    customer = await add_customer(house.db, HOSTILE, phones=["13800138000"], remarks=HOSTILE, taboos=HOSTILE)
    await store(house, answered("one", AGENT))
    browser: Browser = await visit("admin")
    shown = ids.show(customer.id)
    for path in ("/customers", f"/customers/{shown}", f"/customers/{shown}/edit", "/calls", "/desk"):
        page = await browser.page(path)
        assert "<script>alert" not in page, path


async def test_masked_numbers_never_reach_the_browser_of_an_agent(house: House, visit: Visit) -> None:
    actor = house.actors["agent"]
    customer = await add_customer(house.db, "张桂兰", phones=["13800138000"], owner=actor)
    await store(house, answered("one", AGENT), missed("two", AGENT))
    browser: Browser = await visit("agent")
    call_id, shown = ids.show(derived_id("one")), ids.show(customer.id)
    paths = ("/desk", "/calls", f"/calls/{call_id}", "/missed", "/customers", f"/customers/{shown}")
    for path in (*paths, f"/customers/{shown}/edit", "/desk/find?q=张", f"/desk/calls/{call_id}/customers/{shown}"):
        answer = await browser.get(path)
        assert answer.status in (200, 303), path
        for number in ("13800138000", "138 0013 8000", "13900139000", "139 0013 9000"):
            assert number not in answer.body.decode(), (path, number)


async def test_what_the_agent_notes_is_stored_in_one_go(house: House, visit: Visit) -> None:
    await store(house, answered("one", AGENT))
    browser: Browser = await visit("agent")
    path = f"/desk/calls/{ids.show(derived_id('one'))}/wrapup"
    fields = {"progress": "75", "disposition": "follow_up", "note": "月底再联系", "next_at": "2026-11-28T09:30"}
    assert (await browser.post(path, fields)).status == 204
    async with house.db.read() as session:
        detail = await calls.call(session, house.actors["agent"], derived_id("one"))
    assert (detail.call.progress, detail.call.disposition) == (75, "follow_up")
    assert detail.call.next_at is not None
    assert detail.call.next_at.isoformat() == "2026-11-28T01:30:00+00:00"
    assert [note.text for note in detail.notes] == ["月底再联系"]
    refused = await browser.post(path, {"progress": "33"}, Accept="application/json")
    assert (refused.status, refused.json["code"]) == (422, "progress_unknown")
    assert (await browser.post(path, {"disposition": "stolen"})).status == 422


async def test_a_write_without_the_sessions_token_is_refused(house: House, visit: Visit) -> None:
    await store(house, answered("one", AGENT))
    browser: Browser = await visit("agent")
    browser.csrf = "wrong"
    assert (await browser.post(f"/desk/calls/{ids.show(derived_id('one'))}/wrapup", {"note": "x"})).status == 403


async def test_an_unknown_number_becomes_a_customer_with_the_number_of_the_call(house: House, visit: Visit) -> None:
    await store(house, answered("one", AGENT))
    browser: Browser = await visit("agent")
    path = f"/desk/calls/{ids.show(derived_id('one'))}/new-customer"
    made = await browser.post(path, {"name": "李秀英", "number": "138****8000"}, Accept="application/json")
    assert made.status == 200, made.body
    async with house.db.read() as session:
        detail = await calls.call(session, house.actors["admin"], derived_id("one"))
    assert detail.call.customer is not None
    assert detail.call.customer.name == "李秀英"
    assert "138 0013 8000" in await (await visit("admin")).page(f"/customers/{made.json['id']}")
    card = await browser.page(f"/desk/calls/{ids.show(derived_id('one'))}/customers/{made.json['id']}")
    assert "李秀英" in card


async def test_a_colleagues_customer_on_the_line_is_shown_in_brief_only(house: House, visit: Visit) -> None:
    customer = await add_customer(
        house.db, "张桂兰", phones=["13800138000"], owner=house.actors["supervisor"], taboos="糖尿病", remarks="秘密"
    )
    other = await add_customer(house.db, "陈淑芬", phones=["13700137000"], owner=house.actors["supervisor"])
    await store(house, answered("one", AGENT))
    browser: Browser = await visit("agent")
    base = f"/desk/calls/{ids.show(derived_id('one'))}/customers"
    page = await browser.page(f"{base}/{ids.show(customer.id)}?reason=exact")
    assert "糖尿病" in page
    assert "秘密" not in page
    assert "号码完全匹配" in page
    assert (await browser.get(f"{base}/{ids.show(other.id)}")).status == 404
    assert (await browser.get(f"/customers/{ids.show(customer.id)}")).status == 404


async def test_choosing_one_of_several_links_the_call(house: House, visit: Visit) -> None:
    customer = await add_customer(house.db, "张桂兰", phones=["13800138000"], owner=house.actors["agent"])
    await add_customer(house.db, "李建华", phones=["13800138000"])
    await store(house, answered("one", AGENT))
    browser: Browser = await visit("agent")
    path = f"/desk/calls/{ids.show(derived_id('one'))}/customer"
    assert (await browser.post(path, {"customer": ids.show(customer.id)})).status == 204
    assert "张桂兰" in await browser.page("/calls")


async def test_a_missed_call_is_claimed_once_and_called_back_without_seeing_the_number(
    house: House, visit: Visit
) -> None:
    await store(house, missed("two", AGENT))
    browser: Browser = await visit("agent")
    call_id = ids.show(derived_id("two"))
    assert "认领" in await browser.page("/missed")
    assert (await browser.post(f"/missed/{call_id}/claim")).headers["Location"] == "/missed"
    assert "data-call-back" in await browser.page("/missed")
    late = await (await visit("service_agent")).post(f"/missed/{call_id}/claim")
    assert late.headers["Location"] == "/missed?late=1"
    dialled = await browser.post("/dial", {"call_id": call_id}, Accept="application/json")
    assert dialled.status == 200, dialled.body
    assert house.telephony.asked == [("dial", "agent", "13900139000", None)]
    assert "13900139000" not in dialled.body.decode()


async def test_a_customer_is_dialled_by_id(house: House, visit: Visit) -> None:
    customer = await add_customer(house.db, "张桂兰", phones=["13800138000"], owner=house.actors["agent"])
    browser: Browser = await visit("agent")
    assert (await browser.post("/dial", {"customer_id": ids.show(customer.id)})).status == 200
    assert house.telephony.asked == [("dial", "agent", "13800138000", customer.id)]
    assert (await browser.post("/dial", {})).status == 422


async def test_customers_are_added_and_changed_with_their_errors_at_the_field(house: House, visit: Visit) -> None:
    browser: Browser = await visit("admin")
    wrong = await browser.post("/customers/new", {"name": "", "phone": "13800138000"})
    assert wrong.status == 422
    assert "data-wrong" in wrong.body.decode()
    made = await browser.post("/customers/new", {"name": "李秀英", "phone": "13800138000", "taboos": "不要糖"})
    assert made.status == 303, made.body[-900:]
    path = made.headers["Location"]
    page = await browser.page(f"{path}/edit")
    assert "不要糖" in page
    changed = await browser.post(f"{path}/edit", {"name": "李秀瑛", "phone": "13800138000", "version": "1"})
    assert changed.status == 303, changed.body[-900:]
    stale = await browser.post(f"{path}/edit", {"name": "李", "phone": "13800138000", "version": "1"})
    assert stale.status == 422
    assert "其间他人已修改" in stale.body.decode()
    assert (await browser.post(f"{path}/notes", {"text": "喜欢早上"})).status == 303
    assert "喜欢早上" in await browser.page(path)


async def test_users_are_added_changed_disabled_and_given_tokens(house: House, visit: Visit) -> None:
    browser: Browser = await visit("admin")
    fields = {"name": "wangwei", "display_name": "王薇", "role": "agent", "extension": "1200", "language": "zh"}
    weak = await browser.post("/admin/users/new", {**fields, "password": "short"})
    assert weak.status == 422
    assert "密码太短" in weak.body.decode()
    made = await browser.post("/admin/users/new", {**fields, "password": "green-door-7-river"})
    assert made.status == 303, made.body[-900:]
    path = made.headers["Location"]
    taken = await browser.post(path, {**fields, "extension": AGENT})
    assert taken.status == 422
    assert "此分机已属于他人" in taken.body.decode()
    assert (await browser.post(path, {**fields, "role": "supervisor"})).status == 303
    token = await browser.post(f"{path}/tokens", {"label": "报表"})
    assert "cc_" in token.body.decode()
    assert (await browser.post(f"{path}/password", {"password": "blue-lamp-9-bridge"})).status == 303
    assert (await browser.post(f"{path}/disable")).status == 303
    assert "已停用" in await browser.page("/admin/users")


async def test_departments_and_centres_are_added(house: House, visit: Visit) -> None:
    browser: Browser = await visit("admin")
    assert (await browser.post("/admin/centres", {"kind": "service", "name": "上海服务"})).status == 303
    assert (await browser.post("/admin/departments", {"name": "销售一部"})).status == 303
    assert (await browser.post("/admin/departments", {"name": "销售一部"})).status == 422
    page = await browser.page("/admin/organization")
    assert "销售一部" in page
    assert "上海服务" in page


async def test_what_is_not_there_is_said_in_the_look_of_the_pages(house: House, visit: Visit) -> None:
    browser: Browser = await visit("agent")
    answer = await browser.get("/calls/zzzzzzzzzzzzz")
    assert answer.status == 404
    assert "您无权查看" in answer.body.decode()
    assert (await browser.get("/nowhere")).status == 404


async def test_the_doctor_speaks_the_readers_language(house: House, visit: Visit) -> None:
    house.telephony.findings = [
        Finding(
            "ami_link_down",
            Severity.ERROR,
            "pbx main",
            "The PBX %(pbx)s at %(host)s:%(port)s cannot be used: %(reason)s.",
            "In %(file)s: %(lines)s",
            {"pbx": "main", "host": "h", "port": "5038", "reason": "the PBX cannot be reached: Connection refused",
             "file": "manager.conf", "lines": "enabled = yes"},
        )
    ]  # fmt: skip
    browser: Browser = await visit("admin")
    assert "话务平台 main" in (shown := texts(await browser.page("/admin/pbx/doctor")))
    assert "话务平台 main（h:5038）不可用：无法连接话务平台：连接被拒绝。" in shown
    assert "在 manager.conf 中：enabled = yes" in shown


async def test_a_live_call_runs_and_its_row_is_fetched_again(house: House, visit: Visit) -> None:
    live = replace(answered("one", AGENT), state=CallState.TALKING, status=None, ended_at=None, talk_seconds=0.0)
    await store(house, live)
    browser: Browser = await visit("admin")
    call_id = ids.show(live.id)
    for path in ("/calls", f"/calls/{call_id}/row"):
        page = await browser.page(path)
        assert f'hx-get="/calls/{call_id}/row"' in page
        assert "<time data-since=" in page
    await store(house, answered("one", AGENT))
    assert "hx-get" not in await browser.page(f"/calls/{call_id}/row")
