"""Reads of an export: how many rows, and the rows in batches, within the asker's reach and masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from crm_core.customers import queries, sealed
from crm_core.customers.models import Customer
from crm_core.customers.protection.columns import Source
from crm_core.customers.protection.conditions import compiled
from crm_core.db.types import AnyRow, AnySelect
from crm_core.kernel.sealing import KeyRing
from crm_core.organization.access import Action, Actor, Mask
from crm_core.organization.models import Department, User

_Clerk = aliased(User)


def _within(rows: AnySelect, actor: Actor, where: Mapping[str, Any] | None) -> AnySelect:
    rows = rows.outerjoin(User, User.id == Customer.owner_id)
    rows = rows.outerjoin(Department, Department.id == Customer.department_id).where(compiled(where))
    seen = queries.visible_to(actor, Action.CUSTOMER_EXPORT)
    return rows if seen is None else rows.where(seen)


async def count(session: AsyncSession, actor: Actor, where: Mapping[str, Any] | None) -> int:
    """How many customers an export would hold. Raises Denied, Rejected for a wrong condition."""
    rows = _within(select(func.count()).select_from(Customer), actor, where)
    return int((await session.execute(rows)).scalar_one())


async def batch(
    session: AsyncSession, actor: Actor, where: Mapping[str, Any] | None, *, after: int, size: int
) -> Sequence[AnyRow]:
    """The next rows by id."""
    c = Customer
    rows = select(
        c.id, c.account_number, c.name, c.kind, c.sex, c.birth_calendar, c.birth_year, c.birth_month, c.birth_day,
        c.province, c.city, c.district, c.community, c.street, c.postcode, User.name.label("owner"),
        Department.name.label("department"), c.type, c.source, c.membership, c.grade, c.purchase_state,
        c.retention_state, c.record_state, c.occupation, c.best_time, c.do_not_call, c.remarks, c.custom,
        c.collected_at, c.collected_by, _Clerk.name.label("entered_by"), c.created_at, c.id_card_sealed,
    ).outerjoin(_Clerk, _Clerk.id == c.entered_by_id)  # fmt: skip
    rows = _within(rows, actor, where).where(c.id > after).order_by(c.id).limit(size)
    return (await session.execute(rows)).all()


async def sources(
    session: AsyncSession, actor: Actor, rows: Sequence[AnyRow], zone: tzinfo, *, with_id_card: bool
) -> list[Source]:
    """The rows with their numbers and, when asked for, ID cards."""
    phones = await queries.phones_of(session, actor, [row.id for row in rows])
    ring: KeyRing = session.info["keyring"]
    found = []
    for row in rows:
        number = sealed.open_id_card(ring, row.id, row.id_card_sealed) if with_id_card else None
        if number is not None and actor.masks(Mask.ID_CARD):
            number = sealed.masked_id_card(number)
        found.append(Source(row, tuple(phones.get(row.id, ())), number, zone))
    return found
