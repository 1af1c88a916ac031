"""What happens in the organisation that others react to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from crm_core.kernel.events import DomainEvent


@dataclass(frozen=True, slots=True)
class RightsChanged(DomainEvent):
    """A user's role, department, extension or activity changed: live connections check again."""

    type: ClassVar[str] = "organization.rights_changed"
    user_id: int
    rights_version: int
