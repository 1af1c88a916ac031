"""What happened to whole batches of customers, for those who react to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from crm_core.kernel.events import DomainEvent


@dataclass(frozen=True, slots=True)
class CustomersReceived(DomainEvent):
    """Somebody was given so many customers by one act: one notice for all of them."""

    type: ClassVar[str] = "customers.received"
    user_id: int
    count: int
    batch_id: int
    kind: str


@dataclass(frozen=True, slots=True)
class ReclaimAnnounced(DomainEvent):
    """So many of the owner's customers go back to the pool on ``due_on`` (ISO date) unless something happens."""

    type: ClassVar[str] = "customers.reclaim_announced"
    user_id: int
    count: int
    due_on: str
