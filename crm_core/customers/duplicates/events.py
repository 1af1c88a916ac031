"""What happened to two customers who were one, for those who react to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from crm_core.kernel.events import DomainEvent


@dataclass(frozen=True, slots=True)
class CustomersMerged(DomainEvent):
    """``customer_id`` is an alias of ``into_id`` from now on."""

    type: ClassVar[str] = "customers.merged"
    merge_id: int
    customer_id: int
    into_id: int
    by_user_id: int | None


@dataclass(frozen=True, slots=True)
class MergeUndone(DomainEvent):
    type: ClassVar[str] = "customers.merge_undone"
    merge_id: int
    customer_id: int
    from_id: int
    by_user_id: int | None
