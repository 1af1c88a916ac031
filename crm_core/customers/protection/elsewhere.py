"""What other tiers keep about a person: asked for when all of it is handed out, and when it is wiped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.db.uow import UnitOfWork

Facts = Mapping[str, Sequence[Mapping[str, Any]]]


class Elsewhere(Protocol):
    """A tier above the customers that keeps facts about them; handed in by the service."""

    async def gather(self, session: AsyncSession, customer_id: int) -> Facts:
        """Plain JSON values by subject."""
        ...

    async def erase(self, uow: UnitOfWork, customer_id: int, numbers: Sequence[str]) -> Mapping[str, int]:
        """Wipes what names the person, keeps figures; ``numbers`` are his, as E.164. Says how many rows of what."""
        ...
