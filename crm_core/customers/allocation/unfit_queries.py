"""Reads about customers that should perhaps not be in the base: who looks so, the list, what is archived."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, case, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from crm_core.customers.allocation.kinds import UnfitReason, UnfitState
from crm_core.customers.allocation.models import UnfitCustomer
from crm_core.customers.kinds import PhoneState
from crm_core.customers.models import Customer, Phone
from crm_core.customers.queries import visible_to
from crm_core.db.types import AnyRow
from crm_core.kernel.pages import Page, checked_limit, page_of, parse_text_cursor, text_cursor
from crm_core.organization.access import Action, Actor
from crm_core.organization.models import User

_Owner, _Marker, _Decider = aliased(User), aliased(User), aliased(User)
_DEAD = (PhoneState.WRONG, PhoneState.UNREACHABLE)


@dataclass(frozen=True, slots=True)
class UnfitView:
    """``marked_by`` None: the search found him. ``decided_by`` None: nobody has decided."""

    customer_id: int
    customer: str
    account_number: str
    type: str | None
    owner: str | None
    last_contact_at: datetime | None
    state: UnfitState
    reasons: tuple[str, ...]
    note: str | None
    marked_by: str | None
    found_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    answer: str | None


def archived_condition() -> ColumnElement[bool]:
    """Whether a customer of the query around is out of allocation."""
    return exists().where(UnfitCustomer.customer_id == Customer.id, UnfitCustomer.state == UnfitState.ARCHIVED)


async def archived(session: AsyncSession, ids: Iterable[int]) -> set[int]:
    """Those of ``ids`` that are out of allocation."""
    u = UnfitCustomer
    rows = select(u.customer_id).where(u.customer_id.in_(list(ids)), u.state == UnfitState.ARCHIVED)
    return set((await session.scalars(rows)).all())


async def next_ids(session: AsyncSession, after: int, limit: int) -> Sequence[int]:
    """The next customers by id, whoever has them."""
    return (
        await session.scalars(select(Customer.id).where(Customer.id > after).order_by(Customer.id).limit(limit))
    ).all()


async def by_phone(session: AsyncSession, ids: Sequence[int], tries: int | None) -> dict[int, list[str]]:
    """What the numbers say: all of them wrong or dead, or nobody ever reached after so many tries."""
    p = Phone
    dead = func.sum(case((p.state.in_(_DEAD), 1), else_=0))
    rows = (
        select(p.customer_id, func.count().label("all"), dead.label("dead"), func.sum(p.failed_tries).label("tries"))
        .add_columns(func.max(p.reached_at).label("reached"), Customer.last_contact_at)
        .join(Customer, Customer.id == p.customer_id)
        .where(p.customer_id.in_(ids))
        .group_by(p.customer_id, Customer.last_contact_at)
    )
    found: dict[int, list[str]] = {}
    for row in await session.execute(rows):
        if row.dead == row.all:
            found.setdefault(row.customer_id, []).append(UnfitReason.WRONG_NUMBERS)
        never = row.reached is None and row.last_contact_at is None
        if tries is not None and never and row.tries >= tries:
            found.setdefault(row.customer_id, []).append(UnfitReason.NEVER_REACHED)
    return found


async def known(session: AsyncSession, ids: Iterable[int]) -> dict[int, UnfitCustomer]:
    """What is on the list of these already, locked."""
    u = UnfitCustomer
    rows = select(u).where(u.customer_id.in_(list(ids))).order_by(u.customer_id).with_for_update()
    return {one.customer_id: one for one in await session.scalars(rows)}


async def page(
    session: AsyncSession,
    actor: Actor,
    *,
    state: UnfitState = UnfitState.PROPOSED,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[UnfitView]:
    """The list within the reach of who gives customers away, by customer."""
    checked_limit(limit)
    u = UnfitCustomer
    rows = (
        select(
            u.customer_id, Customer.name.label("customer"), Customer.account_number, Customer.type,
            _Owner.name.label("owner"), Customer.last_contact_at, u.state, u.reasons, u.note,
            _Marker.name.label("marked_by"), u.found_at, _Decider.name.label("decided_by"), u.decided_at, u.answer,
        )
        .join(Customer, Customer.id == u.customer_id)
        .outerjoin(_Owner, _Owner.id == Customer.owner_id)
        .outerjoin(_Marker, _Marker.id == u.marked_by_id)
        .outerjoin(_Decider, _Decider.id == u.decided_by_id)
        .where(u.state == state)
    )  # fmt: skip
    seen = visible_to(actor, Action.CUSTOMER_ASSIGN)
    rows = rows if seen is None else rows.where(seen)
    if cursor is not None:
        rows = rows.where(u.customer_id > parse_text_cursor(cursor)[1])
    found = [_view(row) for row in await session.execute(rows.order_by(u.customer_id).limit(limit + 1))]
    return page_of(found, limit, lambda one: text_cursor("", one.customer_id))


def _view(row: AnyRow) -> UnfitView:
    values: dict[str, object] = dict(row._mapping)
    return UnfitView(**values | {"reasons": tuple(row.reasons)})  # type: ignore[arg-type]


async def of_customer(session: AsyncSession, customer_id: int) -> UnfitCustomer | None:
    """What is on the list of one customer."""
    return await session.get(UnfitCustomer, customer_id)
