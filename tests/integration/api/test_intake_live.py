"""What a second clerk sees of the queue at once, scans over REST, and the exact query of the desks."""

from __future__ import annotations

from typing import Any

import aiohttp
from sqlalchemy import select

from callcenter.notices import Notices
from callcenter.push.hub import Hub, Message
from callcenter.push.session import INTAKE
from crm_core.customers.intake.events import IntakeChanged
from crm_core.db.outbox import OutboxRow
from tests.integration.api.conftest import Client, House
from tests.integration.api.test_customer_record import entered, id_card
from tests.integration.api.test_errors import is_problem
from tests.integration.api.test_registrations import handed_in

PDF = b"%PDF-1.7 two sheets"


def form(content: bytes) -> aiohttp.FormData:
    data = aiohttp.FormData()
    data.add_field("file", content, filename="x.exe", content_type="text/html")
    return data


class Listener:
    def __init__(self) -> None:
        self.heard: list[Message] = []

    def deliver(self, message: Message) -> None:
        self.heard.append(message)


async def test_each_step_of_a_sheet_is_told_to_who_looks_at_the_queue(house: House) -> None:
    clerk = house.as_user("data_clerk")
    stack = await handed_in(house.as_user("agent"), sheets=3)
    first, second, third = (f"registration-entries/{one['id']}" for one in stack["entries"])
    await clerk("POST", "registrations/next")
    await clerk("POST", f"{first}/claim")  # kept longer: nothing new for others
    await clerk("DELETE", f"{first}/claim")
    await clerk("POST", f"{first}/customer", {"name": "李秀英", "department": "one"})
    await clerk("POST", f"{second}/park", {"reason": "x"})
    await clerk("POST", f"{third}/reject", {"reason": "x"})
    rows = select(OutboxRow.payload).where(OutboxRow.type == IntakeChanged.type).order_by(OutboxRow.id)
    async with house.db.read() as session:
        told = [payload["what"] for payload in await session.scalars(rows)]
    assert told == ["handed_in", "claim", "release", "claim", "enter", "park", "reject"]


async def test_a_change_of_the_queue_is_published_for_its_department(house: House) -> None:
    hub, listener = Hub(), Listener()
    hub.subscribe(listener, INTAKE)
    notices = Notices(hub, None, house.clock)  # type: ignore[arg-type]
    event = IntakeChanged(registration_id=7, department_id=house.departments["one"], what="claim", by_user_id=1)
    async with house.db.uow() as uow:
        await notices.intake_changed(uow, event)
    (message,) = listener.heard
    assert (message.type, message.department) == ("intake.changed", house.departments["one"])
    assert message.data["what"] == "claim"


async def test_a_scan_is_attached_over_rest_and_given_back(house: House) -> None:
    agent = house.as_user("agent")
    stack = await handed_in(agent)
    path = f"registrations/{stack['id']}/scan"
    assert is_problem(await agent("GET", path), 404, "file_not_found")
    kept = await agent("POST", path, data=form(PDF))
    assert (kept.status, kept.json["scanned"]) == (200, True), kept.body
    given = await agent("GET", path)
    assert given.body == PDF
    assert given.headers["Content-Type"] == "application/octet-stream"
    assert given.headers["Content-Disposition"].startswith("attachment")
    assert is_problem(await agent("POST", path, data=form(b"<script>")), 422, "scan_unknown")
    assert (await agent("GET", path)).body == PDF
    assert (await house.as_user("stranger")("GET", path)).status == 404
    assert (await house.as_user("stranger")("POST", path, data=form(PDF))).status == 404


async def test_one_whole_item_finds_its_customer(house: House, boss: Client) -> None:
    made = await entered(boss, owner="agent", phones=[{"number": "13800138000"}], id_card=id_card())
    await entered(boss, name="李秀英子", phones=[{"number": "13800138001"}])

    async def hits(client: Client, text: str) -> list[tuple[str, Any]]:
        found = await client.get("customers/exact", params={"q": text})
        return [(one["by"], one["customer"]["id"]) for one in found["items"]]

    items = {
        "account_number": made["account_number"].lower(),
        "phone": "+86 138 0013 8000",
        "id_card": id_card().lower(),
        "name": "李秀英",
    }
    for client in (boss, house.as_user("agent")):
        for item, text in items.items():
            assert await hits(client, text) == [(item, made["id"])], (item, text)
    for part in ("李", "1380013800", "8000", made["account_number"][:-1]):
        assert await hits(boss, part) == []
    assert await hits(house.as_user("stranger"), "13800138000") == []


async def test_a_history_of_classification_says_why_in_the_readers_language(house: House, boss: Client) -> None:
    made = await entered(boss, type="A")
    path = f"customers/{made['id']}/classification"
    answer = await boss.get(path)
    now = {one["field"]: one for one in answer["now"]}
    assert (now["type"]["value"], now["type"]["rule"], now["type"]["by"]) == ("A", "entered", "admin")
    assert (now["purchase_state"]["rule"], now["purchase_state"]["params"]) == ("purchase.none", {})
    assert now["purchase_state"]["why"] == "Nothing was bought yet."
    assert all(one["params"] == {} for one in answer["items"])
    chinese = await boss.get(path, headers={"Accept-Language": "zh-CN"})
    why = {one["field"]: one["why"] for one in chinese["now"]}["purchase_state"]
    assert why
    assert not why.isascii()
