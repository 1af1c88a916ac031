"""What happened to a customer, for those who react to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from crm_core.kernel.events import DomainEvent


@dataclass(frozen=True, slots=True)
class CustomerCreated(DomainEvent):
    type: ClassVar[str] = "customers.created"
    customer_id: int
    by_user_id: int | None


@dataclass(frozen=True, slots=True)
class CustomerChanged(DomainEvent):
    """``fields`` names what changed, never the values."""

    type: ClassVar[str] = "customers.changed"
    customer_id: int
    by_user_id: int | None
    fields: list[str]


@dataclass(frozen=True, slots=True)
class PhonesChanged(DomainEvent):
    """Numbers were added, changed or taken away: look-ups that remember numbers forget them.

    Which ones it does not say: events are kept, and a person who is forgotten must not stand in them.
    """

    type: ClassVar[str] = "customers.phones_changed"
    customer_id: int


@dataclass(frozen=True, slots=True)
class CustomerTransferred(DomainEvent):
    type: ClassVar[str] = "customers.transferred"
    customer_id: int
    from_user_id: int | None
    to_user_id: int | None
    by_user_id: int | None
