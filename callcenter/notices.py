"""Tells people live what durable events mean for them; who is not there finds it on his pages."""

from __future__ import annotations

from typing import Any

from callcenter.people import People
from callcenter.push.hub import Hub, agent_topic
from callcenter.push.session import INTAKE
from crm_core.customers.allocation.events import CustomersReceived, ReclaimAnnounced
from crm_core.customers.intake.events import IntakeChanged
from crm_core.customers.protection.reveals import RevealsRefused
from crm_core.db.uow import UnitOfWork
from crm_core.kernel import ids
from crm_core.kernel.clock import Clock
from crm_core.kernel.events import DomainEvent
from crm_core.organization import queries as organization


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

    async def reveals_refused(self, uow: UnitOfWork, event: DomainEvent) -> None:
        """To those who watch over the person: he wanted to see more whole values than the house allows."""
        if not isinstance(event, RevealsRefused):
            return
        name, watchers = await organization.watchers(uow.session, event.user_id)
        href = "/opened-cards"
        for user_id in watchers:
            self._tell(user_id, {"code": "reveals_refused", "user": name, "what": event.what, "href": href})

    async def intake_changed(self, _: UnitOfWork, event: DomainEvent) -> None:
        """``intake.changed`` to all who look at the queue: which stack, and what happened; they read it anew."""
        if isinstance(event, IntakeChanged):
            data = {"registration": ids.show(event.registration_id), "what": event.what}
            at = self._clock.now().timestamp()
            self._hub.publish(INTAKE, "intake.changed", data, at, department=event.department_id)

    def _tell(self, user_id: int, data: dict[str, Any]) -> None:
        at = self._clock.now().timestamp()
        for (pbx, extension), person in self._people.by_extension.items():
            if person.user_id == user_id:
                self._hub.publish(agent_topic(pbx, extension), "notice", {"href": "/allocation/received"} | data, at)
