"""What imports tell the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from crm_core.kernel.events import DomainEvent


@dataclass(frozen=True, slots=True)
class CustomersImported(DomainEvent):
    """A chunk of customers was made, changed or taken back at once: one event for all of them."""

    type: ClassVar[str] = "customers.imported"
    import_id: int
    customer_ids: list[int]
    by_user_id: int | None
