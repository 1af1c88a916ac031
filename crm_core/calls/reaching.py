"""What calls teach about a customer: when somebody last spoke with him, and which of his numbers nobody answers."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import or_, update

from crm_core.calls.events import CallEnded
from crm_core.calls.facts import CallStatus, Direction
from crm_core.customers.models import Customer
from crm_core.customers.phones import note_try
from crm_core.db.uow import UnitOfWork
from crm_core.db.upsert import table_of
from crm_core.kernel.events import DomainEvent
from crm_core.organization import queries as organization

_IN_VAIN = (CallStatus.MISSED, CallStatus.FAILED)  # a busy line is alive
_customers = table_of(Customer)


async def after_call(uow: UnitOfWork, event: DomainEvent) -> None:
    """For each call that is over, once; a call inside the house teaches nothing."""
    assert isinstance(event, CallEnded)  # noqa: S101 - narrows the type
    if event.direction == Direction.INTERNAL:
        return
    spoke = event.status == CallStatus.ANSWERED
    in_vain = event.direction == Direction.OUTBOUND and event.status in _IN_VAIN
    if event.customer_e164 is not None and (spoke or in_vain):
        tries = (await organization.preferences(uow.session)).intake.tries
        await note_try(uow, event.customer_e164, reached=spoke, unreachable_after=int(tries))
    if spoke and event.customer_id is not None:
        await _spoke(uow, event.customer_id, datetime.fromisoformat(event.ended_at or event.started_at))


async def _spoke(uow: UnitOfWork, customer_id: int, at: datetime) -> None:
    """Past the version: who edits the customer at this moment loses nothing by it."""
    c = _customers.c
    earlier = or_(c.last_contact_at.is_(None), c.last_contact_at < at)
    await uow.session.execute(update(_customers).where(c.id == customer_id, earlier).values(last_contact_at=at))
