"""Where the facts of buying come from: whoever keeps orders answers for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.classification.rules import Facts, Settings


class FactSource(Protocol):
    """Answers for many customers at once; who is left out has bought nothing."""

    async def facts(
        self, session: AsyncSession, customer_ids: Sequence[int], settings: Settings, today: date
    ) -> Mapping[int, Facts]: ...


class NoFacts:
    """A house that keeps no orders: nobody has bought anything."""

    async def facts(
        self, session: AsyncSession, customer_ids: Sequence[int], settings: Settings, today: date
    ) -> Mapping[int, Facts]:
        return {}


NO_FACTS = NoFacts()
