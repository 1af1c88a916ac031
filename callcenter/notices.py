"""Tells people live what durable events mean for them; who is not there finds it on his pages."""

from __future__ import annotations

from typing import Any

from callcenter.people import People
from callcenter.push.hub import Hub, agent_topic
from crm_core.customers.allocation.events import CustomersReceived, ReclaimAnnounced
from crm_core.db.uow import UnitOfWork
from crm_core.kernel.clock import Clock
from crm_core.kernel.events import DomainEvent


class Notices:
    """Publishes ``notice`` to the one it concerns: ``code`` says what, ``href`` where to look."""

    def __init__(self, hub: Hub, people: People, clock: Clock) -> None:
        self._hub = hub
        self._people = people
        self._clock = clock

    async def customers_received(self, _: UnitOfWork, event: DomainEvent) -> None:
        if isinstance(event, CustomersReceived):
            self._tell(event.user_id, {"code": "customers_received", "count": event.count})

    async def reclaim_announced(self, _: UnitOfWork, event: DomainEvent) -> None:
        if isinstance(event, ReclaimAnnounced):
            self._tell(event.user_id, {"code": "reclaim_announced", "count": event.count, "due_on": event.due_on})

    def _tell(self, user_id: int, data: dict[str, Any]) -> None:
        at = self._clock.now().timestamp()
        for (pbx, extension), person in self._people.by_extension.items():
            if person.user_id == user_id:
                self._hub.publish(agent_topic(pbx, extension), "notice", data | {"href": "/allocation/received"}, at)
