"""Reads of an export: how many rows, and the rows in batches, within the asker's reach and masks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from crm_core.customers import queries, sealed
from crm_core.customers.conditions.queries import condition
from crm_core.customers.models import Customer
from crm_core.customers.protection.chosen import Chosen
from crm_core.customers.protection.columns import Source
from crm_core.customers.search import queries as search
from crm_core.customers.search.queries import Now
from crm_core.db.types import AnyRow, AnySelect
from crm_core.kernel.errors import Rejected
from crm_core.kernel.pages import LARGEST_PAGE
from crm_core.kernel.sealing import KeyRing
from crm_core.organization.access import Action, Actor, Mask
from crm_core.organization.models import Department, User

_Clerk = aliased(User)
_MOST_FOUND = 100_000


async def _within(session: AsyncSession, rows: AnySelect, actor: Actor, chosen: Chosen, now: Now) -> AnySelect:
    rows = rows.where(await condition(session, actor, chosen.where, now=now))
    rows = rows.where(*search.conditions(chosen.filters, now))
    seen = queries.visible_to(actor, Action.CUSTOMER_EXPORT)
    return rows if seen is None else rows.where(seen)


async def count(session: AsyncSession, actor: Actor, chosen: Chosen, now: Now) -> int:
    """How many customers an export would hold. Raises Denied, Rejected for a wrong condition, or for too many."""
    if chosen.text:
        return await _count_found(session, actor, chosen, now)
    rows = await _within(session, select(func.count()).select_from(Customer), actor, chosen, now)
    return int((await session.execute(rows)).scalar_one())


async def _count_found(session: AsyncSession, actor: Actor, chosen: Chosen, now: Now) -> int:
    """What is found by text can only be counted by going through it."""
    found, cursor = 0, None
    while True:
        ids, cursor = await found_by_text(session, actor, chosen, now, cursor)
        if ids:
            rows = select(func.count()).select_from(Customer).where(Customer.id.in_(ids))
            found += int((await session.execute(await _within(session, rows, actor, chosen, now))).scalar_one())
        if found > _MOST_FOUND:
            why = f"finds more than {_MOST_FOUND} customers: look more closely, or use filters"
            raise Rejected("export_invalid", "The text finds too many customers.", errors={"q": why})
        if cursor is None:
            return found


async def found_by_text(
    session: AsyncSession, actor: Actor, chosen: Chosen, now: Now, cursor: str | None
) -> tuple[Sequence[int], str | None]:
    """The next customers of the text, and where to go on; None at the end."""
    wanted = search.Wanted(chosen.text, chosen.filters)
    page = await search.find_ids(session, actor, wanted, now=now, limit=LARGEST_PAGE, cursor=cursor)
    return page.items, page.next


async def batch(
    session: AsyncSession,
    actor: Actor,
    chosen: Chosen,
    now: Now,
    *,
    after: int = 0,
    size: int = LARGEST_PAGE,
    only: Sequence[int] | None = None,
) -> Sequence[AnyRow]:
    """The next rows by id; with ``only`` those of these customers."""
    c = Customer
    rows: AnySelect = select(
        c.id, c.account_number, c.name, c.kind, c.sex, c.birth_calendar, c.birth_year, c.birth_month, c.birth_day,
        c.province, c.city, c.district, c.community, c.street, c.postcode, User.name.label("owner"),
        Department.name.label("department"), c.type, c.source, c.membership, c.grade, c.purchase_state,
        c.retention_state, c.record_state, c.occupation, c.best_time, c.do_not_call, c.remarks, c.custom,
        c.collected_at, c.collected_by, _Clerk.name.label("entered_by"), c.created_at, c.id_card_sealed,
    )  # fmt: skip
    rows = rows.outerjoin(_Clerk, _Clerk.id == c.entered_by_id).outerjoin(User, User.id == c.owner_id)
    rows = rows.outerjoin(Department, Department.id == c.department_id)
    rows = await _within(session, rows, actor, chosen, now)
    rows = rows.where(c.id > after) if only is None else rows.where(c.id.in_(only))
    return (await session.execute(rows.order_by(c.id).limit(size))).all()


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
