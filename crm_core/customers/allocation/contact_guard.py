"""Not contacting too often: how many contacts a customer has had in the house's period, and when that is too many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.allocation.queries import policy


class ContactSource(Protocol):
    """How often customers were contacted; a context that calls, writes or visits implements it."""

    async def counts(
        self, session: AsyncSession, customer_ids: Sequence[int], since: datetime
    ) -> Mapping[int, int]: ...


@dataclass(frozen=True, slots=True)
class Contacted:
    """``count`` contacts in ``days`` days; ``most`` None is without limit."""

    count: int
    days: int
    most: int | None

    @property
    def too_often(self) -> bool:
        """Whether one more would be too many."""
        return self.most is not None and self.count >= self.most


async def contacted(
    session: AsyncSession, customer_ids: Sequence[int], *, now: datetime, sources: Iterable[ContactSource]
) -> dict[int, Contacted]:
    """Each customer with the contacts of the period over all sources."""
    house = await policy(session)
    counts = dict.fromkeys(customer_ids, 0)
    for source in sources:
        found = await source.counts(session, customer_ids, now - timedelta(days=house.contacts_days))
        for customer_id, count in found.items():
            counts[customer_id] += count
    return {one: Contacted(count, house.contacts_days, house.contacts_most) for one, count in counts.items()}
