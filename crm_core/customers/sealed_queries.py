"""Reads about the encrypted fields as a whole."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.models import Customer


async def any_sealed(session: AsyncSession) -> bytes | None:
    """Some encrypted value, whichever is found first; None while nothing is encrypted."""
    # The index of the numbers finds one at once; without any, the whole table says so.
    numbered = select(Customer.id_card_sealed).where(Customer.id_card_index.is_not(None)).limit(1)
    found = await session.scalar(numbered)
    if found is not None:
        return found
    medical = func.coalesce(Customer.medical_sealed, Customer.contraindications_sealed)
    return await session.scalar(select(medical).where(medical.is_not(None)).limit(1))
