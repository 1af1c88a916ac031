"""What the live side does about durable events: forget what it remembered, end what is not allowed any more."""

from __future__ import annotations

from callcenter.customer_lookup import CustomerLookup
from callcenter.notices import Notices
from callcenter.people import People
from callcenter.push.gateway import PushGateway
from crm_core.calls.events import CallEnded, CallLinked
from crm_core.calls.reaching import after_call
from crm_core.customers.allocation.events import CustomersReceived, ReclaimAnnounced
from crm_core.customers.events import CustomerChanged, CustomerCreated, CustomerTransferred, PhonesChanged
from crm_core.customers.imports.events import CustomersImported
from crm_core.customers.intake.events import IntakeChanged
from crm_core.customers.protection.reveals import RevealsRefused
from crm_core.db.relay import Subscription
from crm_core.db.uow import UnitOfWork
from crm_core.kernel.events import DomainEvent
from crm_core.organization.events import RightsChanged


def subscriptions(gateway: PushGateway, people: People, lookup: CustomerLookup, notices: Notices) -> list[Subscription]:
    """The names are for ever: they are what tells that a handler has run."""

    async def rights_changed(_: UnitOfWork, event: DomainEvent) -> None:
        if isinstance(event, RightsChanged):
            gateway.rights_changed(event.user_id, event.rights_version)
            people.changed()

    async def forget_numbers(_: UnitOfWork, event: DomainEvent) -> None:
        lookup.forget()

    return [
        Subscription("live.rights", RightsChanged, rights_changed),
        Subscription("live.numbers.created", CustomerCreated, forget_numbers),
        Subscription("live.numbers.changed", CustomerChanged, forget_numbers),
        Subscription("live.numbers.phones", PhonesChanged, forget_numbers),
        Subscription("live.numbers.imported", CustomersImported, forget_numbers),
        Subscription("live.numbers.linked", CallLinked, forget_numbers),
        Subscription("live.numbers.transferred", CustomerTransferred, forget_numbers),
        Subscription("customers.after_call", CallEnded, after_call),
        Subscription("live.notice.received", CustomersReceived, notices.customers_received),
        Subscription("live.notice.reclaim", ReclaimAnnounced, notices.reclaim_announced),
        Subscription("live.notice.reveals", RevealsRefused, notices.reveals_refused),
        Subscription("live.intake", IntakeChanged, notices.intake_changed),
    ]
