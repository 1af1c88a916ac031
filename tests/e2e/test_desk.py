"""The agent's desk in a real browser, with real calls on a real Asterisk."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.e2e.asterisk.call import PhoneCall
from tests.e2e.centre import Centre, log_in
from tests.e2e.product import eventually
from tests.e2e.screens import Screen

pytestmark = [
    pytest.mark.real,
    pytest.mark.xdist_group("asterisk"),
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(120),
]
HOSTILE = '<b>"x"</b><script>window.alerted = 1</script><img src=x onerror="window.alerted = 1">'
HOSTILE_CALLER = "<b>x</b><script>window.alerted = 1</script>"


async def call_of(centre: Centre, number: str) -> dict[str, Any]:
    """The newest call of this number, over or not."""

    async def look() -> dict[str, Any] | None:
        items = (await centre.product.ok("GET", f"/api/v1/calls?number={number}"))["items"]
        return items[0] if items else None

    return await eventually(look)


async def ended_call(centre: Centre, number: str) -> dict[str, Any]:
    async def look() -> dict[str, Any] | None:
        call = await call_of(centre, number)
        return await centre.product.ok("GET", f"/api/v1/calls/{call['id']}") if call["ended_at"] else None

    return await eventually(look)


async def talk(centre: Centre, desk: Screen, number: str, extension: str = "1001") -> tuple[PhoneCall, PhoneCall]:
    """A customer calls and is answered: (customer's side, agent's side)."""
    caller = await centre.stage.customer(extension, number)
    agent = await centre.stage.rings(extension)
    await expect(desk.card()).to_have_count(1)
    await agent.answer()
    await caller.answered()
    await desk.state("talking")
    return caller, agent


def wrap(page: Page) -> Any:
    return page.locator("form[data-wrap]:visible")


async def focused(page: Page, name: str) -> bool:
    answer: bool = await page.evaluate(f"document.activeElement.name?.startsWith('{name}') ?? false")
    return answer


async def test_a_known_customer_is_on_the_screen_before_the_answer_and_noted_by_keyboard_alone(centre: Centre) -> None:
    taboos = "对青霉素过敏；不喝凉水"
    customer = await centre.customer("张桂兰", "13800138000", taboos=taboos, form_of_address="张阿姨", type="A")
    desk = await centre.stranger()
    await log_in(desk, "agent1001")
    await expect(desk.page).to_have_url(f"{desk.url}/desk")
    await desk.connected()

    caller = await centre.stage.customer("1001", "13800138000")
    agent = await centre.stage.rings("1001")
    await expect(desk.card().get_by_role("heading", name="张桂兰")).to_be_visible()
    await desk.state("ringing")
    assert not caller.up.is_set(), "nobody has answered yet"
    taboo = desk.card().locator(".c-taboo")
    await expect(taboo).to_contain_text(taboos)
    red, green, blue = await taboo.evaluate("e => getComputedStyle(e).color.match(/\\d+/g).slice(0, 3).map(Number)")
    assert red > 2 * green
    assert red > 2 * blue
    await desk.shot("desk-ringing")

    await agent.answer()
    await desk.state("talking")
    timer = desk.card().locator('time[data-f="timer"]')
    await expect(timer).not_to_have_text("0:00")
    await desk.shot("desk-talking")
    await agent.hold()
    await desk.state("held")
    await agent.resume()
    await desk.state("talking")
    await caller.hang_up()
    await desk.state("ended")

    page = desk.page
    await page.keyboard.press("Alt+n")
    await page.keyboard.type("下周三上午再打，带上报告")
    for _ in range(3):
        await page.keyboard.press("Alt+p")
    await expect(wrap(page).get_by_role("radio", checked=True)).to_have_value("75")
    await page.keyboard.press("Tab")
    assert await focused(page, "disposition")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowDown")
    await expect(wrap(page).locator("[name=disposition]")).to_have_value("follow_up")
    await desk.shot("desk-ended-with-note")
    await page.keyboard.press("Control+Enter")
    await expect(desk.card()).to_have_count(0)

    await desk.open(f"/customers/{customer}")
    newest = page.locator(".c-timeline li").filter(has_text="75%").first  # above it: the number is known to work now
    for text in ("75%", "约定再联系", "下周三上午再打，带上报告", "王伟"):
        await expect(newest).to_contain_text(text)
    await desk.shot("customer-card")
    await desk.open("/calls?number=13800138000")
    row = page.locator("tr[data-call]")
    await expect(row).to_have_count(1)
    await expect(row).to_contain_text("75%")
    await row.locator("[data-expand]").first.click()
    await expect(page.locator(".c-expanded")).to_contain_text("下周三上午再打，带上报告")
    await expect(page.locator(".c-expanded")).to_contain_text("约定再联系")


async def test_an_unknown_caller_becomes_a_customer_whose_call_it_is(centre: Centre) -> None:
    desk = await centre.desk("1001")
    caller, _agent = await talk(centre, desk, "13900139001")
    card = desk.card()
    await expect(card.locator("[name=number]")).to_have_value("139 0013 9001")
    await desk.shot("desk-unknown")
    await card.locator("[name=name]").fill("李秀英")
    await desk.page.keyboard.press("Enter")
    await expect(card.get_by_role("heading", name="李秀英")).to_be_visible()
    await caller.hang_up()
    call = await ended_call(centre, "13900139001")
    assert call["customer"]["name"] == "李秀英"
    made = await centre.product.ok("GET", f"/api/v1/customers/{call['customer']['id']}")
    assert [phone["number"] for phone in made["phones"]] == ["13900139001"]
    assert made["owner"] == "agent1001"


async def test_a_hidden_number_is_said_to_be_hidden(centre: Centre) -> None:
    desk = await centre.desk("1001")
    await centre.stage.customer("1001", "anonymous", name="Anonymous", host="anonymous.invalid")
    await centre.stage.rings("1001")
    await expect(desk.card()).to_contain_text("号码隐藏")
    await expect(desk.card().locator("[data-find] input")).to_be_visible()
    await desk.shot("desk-hidden")


async def test_of_two_customers_with_one_number_the_chosen_one_is_remembered(centre: Centre) -> None:
    await centre.customer("陈建国", "13800138020")
    await centre.customer("陈小红", "13800138020", owner="agent1002")
    desk = await centre.desk("1001")
    caller, _agent = await talk(centre, desk, "13800138020")
    offers = desk.card().locator(".c-matches li")
    await expect(offers).to_have_count(2)
    await expect(offers.first).to_contain_text("陈建国")
    await expect(offers.first).to_contain_text("您负责的客户")
    await desk.shot("desk-two-matches")
    await desk.page.keyboard.press("Alt+2")
    await expect(desk.card().get_by_role("heading", name="陈小红")).to_be_visible()
    await caller.hang_up()
    assert (await ended_call(centre, "13800138020"))["customer"]["name"] == "陈小红"
    await desk.state("ended")
    await desk.card().get_by_role("button", name="关闭").click()

    await centre.stage.customer("1001", "13800138020")
    await centre.stage.rings("1001")
    await desk.state("ringing")
    await expect(offers.first).to_contain_text("陈小红")
    await expect(offers.first).to_contain_text("此号码曾选过")


async def test_two_calls_at_once_are_two_cards(centre: Centre) -> None:
    await centre.customer("赵国强", "13800138031")
    desk = await centre.desk("1001")
    caller, _agent = await talk(centre, desk, "13800138030")
    await desk.page.keyboard.press("Alt+n")
    await desk.page.keyboard.type("第一个电话")
    await centre.stage.customer("1001", "13800138031")
    second = await centre.stage.rings("1001")
    await expect(desk.card()).to_have_count(2)
    await expect(desk.card("138 0013 8030")).to_have_attribute("data-active", "true")
    assert await focused(desk.page, "note"), "the second call does not take the keyboard away"
    await desk.page.keyboard.press("Alt+ArrowDown")
    await expect(desk.card("赵国强")).to_have_attribute("data-active", "true")
    await expect(wrap(desk.page).locator("textarea")).to_have_value("")
    await desk.shot("desk-two-calls")
    second.refuse(486)
    await expect(desk.card("赵国强")).to_contain_text("话机正忙")
    await caller.hang_up()
    await desk.state("ended", "138 0013 8030")


async def test_a_ring_that_a_colleague_takes_is_taken_back_with_the_reason(centre: Centre) -> None:
    first, second = await centre.desk("1001"), await centre.desk("1002")
    caller = await centre.stage.customer("8002", "13800138040")
    await centre.stage.rings("1002")
    agent = await centre.stage.rings("1001")
    await first.state("ringing")
    await second.state("ringing")
    await expect(second.card()).to_contain_text("service")
    await agent.answer()
    await first.state("talking")
    await second.state("lost")
    await expect(second.card()).to_contain_text("王伟 已接听")
    await second.shot("desk-taken-by-colleague")
    await caller.hang_up()


async def test_a_blind_transfer_says_who_passed_the_customer_on(centre: Centre) -> None:
    await centre.customer("孙丽华", "13800138050")
    first, second = await centre.desk("1001"), await centre.desk("1002")
    _caller, agent = await talk(centre, first, "13800138050")
    await agent.refer("1002")
    await expect(second.card()).to_contain_text("孙丽华")
    await expect(second.card().locator(".c-banner")).to_contain_text("王伟")
    await second.shot("desk-transferred")
    taken = await centre.stage.rings("1002")
    await taken.answer()
    await second.state("talking")
    await expect(first.card()).to_have_attribute("data-state", "ended")


async def test_a_number_is_dialled_from_the_desk(centre: Centre) -> None:
    await centre.customer("周建华", "13900139060")
    desk = await centre.desk("1001")
    await desk.page.keyboard.press("Alt+d")
    await desk.page.keyboard.type("13900139060")
    await desk.page.keyboard.press("Enter")
    agent = await centre.stage.rings("1001")
    await expect(desk.card()).to_have_count(1)
    await agent.answer()
    customer = await centre.stage.rings("trunk")
    await customer.answer()
    await desk.state("talking")
    await expect(desk.card().get_by_role("heading", name="周建华")).to_be_visible()
    await desk.card().get_by_role("button", name="挂断").click()
    await customer.over()
    await desk.state("ended")
    call = await ended_call(centre, "13900139060")
    assert (call["direction"], call["status"], call["customer"]["name"]) == ("outbound", "answered", "周建华")


async def test_a_missed_call_is_claimed_and_called_back(centre: Centre) -> None:
    caller = await centre.stage.customer("1004", "13800138070")
    await centre.stage.rings("1004")
    await caller.cancel()
    await ended_call(centre, "13800138070")
    desk, colleague = await centre.desk("1004"), await centre.screen("agent1002")
    await desk.state("lost")
    await expect(desk.card()).to_contain_text("主叫已挂断")
    await desk.page.reload()
    await desk.connected()
    await expect(desk.card()).to_have_count(0)
    # An agent sees the numbers of lists masked, and calls back all the same.
    line = desk.page.locator("[data-missed]").filter(has_text="138 **** 8070")
    await line.get_by_role("button", name="认领").click()
    await expect(line.get_by_role("button", name="回拨")).to_be_visible()
    await colleague.open("/missed")
    await expect(colleague.page.locator("tr").filter(has_text="138 **** 8070")).to_contain_text("陈静")
    await line.get_by_role("button", name="回拨").click()
    await (await centre.stage.rings("1004")).answer()
    customer = await centre.stage.rings("trunk")
    await customer.answer()
    await desk.state("talking")
    await customer.hang_up()
    await desk.state("ended")

    async def returned() -> bool:
        waiting = (await centre.product.ok("GET", "/api/v1/missed-calls"))["items"]
        return "13800138070" not in [item["call"]["caller_number"] for item in waiting]

    await eventually(returned)


async def test_several_tabs_show_one_call_each_and_ring_once_together(centre: Centre) -> None:
    first = await centre.desk("1001")
    tabs = [first, await centre.tab(first), await centre.tab(first)]
    for tab in tabs[1:]:
        await tab.live("/desk")
    assert centre.wire.connections == 1, "the tabs share one socket"
    await centre.stage.customer("1001", "13800138080")
    await centre.stage.rings("1001")
    for tab in tabs:
        await tab.state("ringing")
        await expect(tab.card()).to_have_count(1)
    shown = [note for tab in tabs for note in await tab.notified()]
    assert [note["tag"] for note in shown] == [f"call-{await tabs[0].card().get_attribute('data-call-id')}"]


async def test_a_line_that_was_dead_for_a_while_has_lost_no_pop(centre: Centre) -> None:
    desk = await centre.desk("1001")
    desk.away_expected = True
    centre.wire.cut()
    await expect(desk.page.locator("[data-offline]")).to_be_visible()
    await expect(desk.page.locator("[data-link=connected]")).to_have_count(0)
    await desk.shot("desk-offline")
    await centre.stage.customer("1001", "13800138090")
    agent = await centre.stage.rings("1001")
    centre.wire.mend()
    await desk.connected()
    await desk.state("ringing")
    await expect(desk.page.locator("[data-offline]")).to_be_hidden()
    centre.wire.cut()
    await expect(desk.page.locator("[data-link=connected]")).to_have_count(0)
    await agent.answer()
    centre.wire.mend()
    await desk.state("talking")
    await expect(desk.card()).to_have_count(1)
    assert len(await desk.notified()) == 1


async def test_an_open_desk_comes_back_by_itself_when_the_service_restarts(centre: Centre) -> None:
    desk = await centre.desk("1001")
    desk.away_expected = True
    caller, _agent = await talk(centre, desk, "13800138100")
    await centre.product.stop()
    await expect(desk.page.locator("[data-link=connected]")).to_have_count(0)
    await centre.product.start()
    await desk.connected(30)
    await desk.state("talking")
    await caller.hang_up()
    await desk.state("ended")
    await desk.card().get_by_role("button", name="关闭").click()
    await centre.stage.customer("1001", "13800138101")
    await centre.stage.rings("1001")
    await desk.state("ringing", "138 0013 8101")


async def test_what_callers_and_agents_write_is_shown_and_never_run(centre: Centre) -> None:
    customer = await centre.customer(HOSTILE, "13800138110", taboos=HOSTILE)
    desk = await centre.desk("1001")
    caller, _agent = await talk(centre, desk, "13800138110")
    await expect(desk.card().get_by_role("heading", name=HOSTILE)).to_be_visible()
    await desk.page.keyboard.press("Alt+n")
    await desk.page.keyboard.insert_text(HOSTILE)
    await caller.hang_up()
    await desk.state("ended")
    await desk.page.keyboard.press("Control+Enter")
    await expect(desk.card()).to_have_count(0)
    unknown = await centre.stage.customer("1001", "13800138111", name=HOSTILE_CALLER)
    await centre.stage.rings("1001")
    await expect(desk.card()).to_contain_text("138 0013 8111")
    await unknown.cancel()
    await ended_call(centre, "13800138111")
    await centre.stage.customer("1001", "13800138110")
    await centre.stage.rings("1001")

    boss = await centre.screen("boss")
    for path in ("/board", f"/customers/{customer}", "/calls?number=1380013811", "/customers", "/missed"):
        await boss.open(path)
        await expect(boss.page.locator("main")).to_contain_text(HOSTILE_CALLER if path == "/missed" else HOSTILE)
    await boss.open("/calls?number=13800138110")
    await boss.page.locator("tr[data-call]").last.locator("[data-expand]").first.click()  # the first is the ringing one
    await expect(boss.page.locator(".c-expanded")).to_contain_text(HOSTILE)
    for screen in (desk, boss):
        assert await screen.page.evaluate("window.alerted") is None
        assert await screen.page.locator("main b:text('x')").count() == 0
