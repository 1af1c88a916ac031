"""Reads of own fields."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.custom.kinds import FieldSubject
from crm_core.customers.custom.models import CustomField
from crm_core.customers.custom.rules import Definition, FieldChoice
from crm_core.kernel.errors import NotFound
from crm_core.organization.models import User


async def definitions(
    session: AsyncSession, subject: str = FieldSubject.CUSTOMER, *, retired: bool = False
) -> tuple[Definition, ...]:
    """The own fields of these records in their order; ``retired`` ones only when asked for."""
    f = CustomField
    wanted = select(f).where(f.subject == FieldSubject(subject)).order_by(f.position, f.group, f.code)
    if not retired:
        wanted = wanted.where(f.active.is_(True))
    return tuple(as_definition(row) for row in await session.scalars(wanted))


async def field(session: AsyncSession, field_id: int) -> CustomField:
    """One of them to be changed. Raises NotFound."""
    found = await session.get(CustomField, field_id)
    if found is None:
        raise NotFound("not_found", "There is no such field.")
    return found


async def user_names(session: AsyncSession) -> frozenset[str]:
    """Who may be chosen in a field of type user."""
    return frozenset(await session.scalars(select(User.name).where(User.active.is_(True))))


def as_definition(row: CustomField) -> Definition:
    """The row as a value that outlives its session."""
    choices = tuple(FieldChoice(**choice) for choice in row.choices)
    return Definition(
        id=row.id,
        subject=row.subject,
        code=row.code,
        type=row.type,
        zh=row.zh,
        en=row.en,
        group=row.group,
        required=row.required,
        active=row.active,
        position=row.position,
        choices=choices,
        version=row.version,
    )
