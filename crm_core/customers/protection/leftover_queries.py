"""Where a person's number or name may stand outside the tables about customers: wishes, long work, kept answers."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, String, cast, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.models import Customer
from crm_core.customers.protection.kinds import RequestKind, RequestState
from crm_core.customers.protection.models import DataRequest
from crm_core.jobs.models import Job
from crm_core.kernel import ids
from crm_core.kernel.phone import national
from crm_core.organization.models import IdempotencyKey


async def words_of(session: AsyncSession, customer_id: int, numbers: Sequence[str]) -> list[str]:
    """The texts by which the person could be known in a wish: his name and his numbers."""
    name = (await session.scalars(select(Customer.name).where(Customer.id == customer_id))).one()
    return [name, *numbers, *(national(number) for number in numbers)]


async def requests_with(session: AsyncSession, words: Sequence[str]) -> Sequence[DataRequest]:
    """Wishes whose condition or text names the person."""
    told = cast(DataRequest.filters, String)
    return (await session.scalars(select(DataRequest).where(_any(told, words)))).all()


async def jobs_with(session: AsyncSession, words: Sequence[str]) -> Sequence[Job]:
    """Long work that was asked for with such a text."""
    return (await session.scalars(select(Job).where(_any(cast(Job.params, String), words)))).all()


async def answers_with(session: AsyncSession, customer_id: int) -> Sequence[IdempotencyKey]:
    """Answers kept for a repeated request that are about the customer."""
    told = cast(IdempotencyKey.body, String)
    return (await session.scalars(select(IdempotencyKey).where(told.contains(ids.show(customer_id))))).all()


async def waiting_files(session: AsyncSession, customer_id: int) -> Sequence[DataRequest]:
    """Files not fetched yet in which the person may stand: all about him, and every list."""
    r = DataRequest
    mine = or_(r.kind == RequestKind.LIST, r.customer_id == customer_id)
    return (await session.scalars(select(r).where(r.state == RequestState.READY, mine))).all()


def _any(told: ColumnElement[str], words: Sequence[str]) -> ColumnElement[bool]:
    # JSON of both databases writes other letters than ASCII as they are, or as \uXXXX.
    parts = [part for word in words for part in {word, word.encode("unicode_escape").decode()}]
    return or_(*(told.contains(part, autoescape=True) for part in parts))
