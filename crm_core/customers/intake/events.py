"""What happened to the queue of registrations, for those who look at it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from crm_core.kernel.events import DomainEvent


@dataclass(frozen=True, slots=True)
class IntakeChanged(DomainEvent):
    """A stack came, or one of its sheets was taken, given back, entered, laid aside or refused."""

    type: ClassVar[str] = "customers.intake_changed"
    registration_id: int
    department_id: int | None
    what: str
    by_user_id: int | None
