"""Notices reach the phone of the one whom they concern, and nobody else."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from callcenter.notices import Notices
from callcenter.people import People
from callcenter.push.hub import Hub, Message, agent_topic
from crm_core.customers.allocation.events import CustomersReceived, ReclaimAnnounced
from crm_core.kernel.clock import FixedClock
from crm_core.organization.queries import ExtensionUser


class Heard:
    def __init__(self) -> None:
        self.messages: list[Message] = []

    def deliver(self, message: Message) -> None:
        self.messages.append(message)


async def test_who_was_given_customers_hears_of_it_and_nobody_else(clock: FixedClock) -> None:
    hub, mine, others = Hub(), Heard(), Heard()
    people = {
        ("main", "1001"): ExtensionUser(7, "agent", "Agent", "1001", None),
        ("main", "1002"): ExtensionUser(8, "other", "Other", "1002", None),
    }
    hub.subscribe(mine, agent_topic("main", "1001"))
    hub.subscribe(others, agent_topic("main", "1002"))
    notices = Notices(hub, cast("People", SimpleNamespace(by_extension=people)), clock)
    uow = cast("Any", None)
    await notices.customers_received(uow, CustomersReceived(user_id=7, count=3, batch_id=1, kind="transfer"))
    await notices.reclaim_announced(uow, ReclaimAnnounced(user_id=7, count=2, due_on="2026-11-28"))
    assert [message.type for message in mine.messages] == ["notice", "notice"]
    assert others.messages == []
