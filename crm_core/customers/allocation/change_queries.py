"""Reads of the history of owners: lists with filters, "this week's" of a receiver, and the report of fairness."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from crm_core.customers.allocation import people_queries, rules
from crm_core.customers.allocation.views import Fairness, First, OwnerChangeView, PersonShare
from crm_core.customers.kinds import OwnerChangeKind
from crm_core.customers.models import Customer, OwnerChange
from crm_core.customers.queries import visible_to
from crm_core.db.types import AnySelect
from crm_core.kernel.pages import (
    Page,
    checked_limit,
    page_of,
    parse_text_cursor,
    parse_time_cursor,
    text_cursor,
    time_cursor,
)
from crm_core.organization.access import Action, Actor
from crm_core.organization.models import User

_From, _To, _By = aliased(User), aliased(User), aliased(User)

# What the report counts as transferred: from somebody to somebody, in number or on the card.
GIVEN_ON: Final = (OwnerChangeKind.TRANSFER, OwnerChangeKind.EDIT)


@dataclass(frozen=True, slots=True)
class ChangeFilter:
    """``since`` is included, ``until`` is not."""

    to_user_id: int | None = None
    from_user_id: int | None = None
    customer_id: int | None = None
    batch_id: int | None = None
    kind: OwnerChangeKind | None = None
    kinds: tuple[OwnerChangeKind, ...] = ()  # any of these; empty: all
    since: datetime | None = None
    until: datetime | None = None
    type: str | None = None
    source: str | None = None


def _changes() -> AnySelect:
    o = OwnerChange
    return (
        select(
            o.id, o.at, o.customer_id, Customer.name.label("customer"), Customer.account_number, Customer.type,
            _From.name.label("from_user"), _To.name.label("to_user"), _By.name.label("by_user"), o.kind, o.reason,
            o.batch_id,
        )
        .join(Customer, Customer.id == o.customer_id)
        .outerjoin(_From, _From.id == o.from_user_id)
        .outerjoin(_To, _To.id == o.to_user_id)
        .outerjoin(_By, _By.id == o.by_user_id)
    )  # fmt: skip


def _cut(where: ChangeFilter) -> list[ColumnElement[bool]]:
    o = OwnerChange
    equal = {
        o.to_user_id: where.to_user_id, o.from_user_id: where.from_user_id, o.customer_id: where.customer_id,
        o.batch_id: where.batch_id, o.kind: where.kind, Customer.type: where.type, Customer.source: where.source,
    }  # fmt: skip
    parts: list[ColumnElement[bool]] = [column == value for column, value in equal.items() if value is not None]
    if where.kinds:
        parts.append(o.kind.in_(where.kinds))
    if where.since is not None:
        parts.append(o.at >= where.since)
    if where.until is not None:
        parts.append(o.at < where.until)
    return parts


def _seen_by(actor: Actor) -> ColumnElement[bool] | None:
    """Moves of customers that the actor may read, which for an agent are those that he still has."""
    return visible_to(actor, Action.CUSTOMER_READ)


async def changes(
    session: AsyncSession,
    actor: Actor,
    where: ChangeFilter,
    *,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[OwnerChangeView]:
    """Newest first, within the actor's reach."""
    checked_limit(limit)
    rows = _changes().where(*_cut(where))
    seen = _seen_by(actor)
    rows = rows if seen is None else rows.where(seen)
    o = OwnerChange
    if cursor is not None:
        at, last = parse_time_cursor(cursor)
        rows = rows.where(or_(o.at < at, and_(o.at == at, o.id < last)))
    found = await session.execute(rows.order_by(o.at.desc(), o.id.desc()).limit(limit + 1))
    views = [OwnerChangeView(**row._mapping) for row in found]
    return page_of(views, limit, lambda one: time_cursor(one.at, one.id))


async def moved_since(session: AsyncSession, ids: Sequence[int], mark: int | None, batch_id: int) -> set[int]:
    """Those of ``ids`` that changed hands after ``mark`` (an id: they rise with time) by another act than this one."""
    if mark is None or not ids:
        return set()
    o = OwnerChange
    rows = select(o.customer_id).where(o.customer_id.in_(ids), o.id > mark, o.batch_id.is_distinct_from(batch_id))
    return set((await session.scalars(rows)).all())


async def last_moves(session: AsyncSession, ids: Sequence[int]) -> dict[int, First]:
    """The last change of owner of each; those without one are missing."""
    if not ids:
        return {}
    o = OwnerChange
    last = select(func.max(o.id)).where(o.customer_id.in_(ids)).group_by(o.customer_id)
    rows = (
        select(o.customer_id, o.at, _By.name, _To.name)
        .outerjoin(_By, _By.id == o.by_user_id)
        .outerjoin(_To, _To.id == o.to_user_id)
        .where(o.id.in_(last))
    )
    return {customer_id: First(at, by, to) for customer_id, at, by, to in await session.execute(rows)}


async def received_count(session: AsyncSession, actor: Actor, since: datetime) -> int:
    """How many customers the actor was given since then and still has."""
    o = OwnerChange
    rows = (
        select(func.count(func.distinct(o.customer_id)))
        .join(Customer, Customer.id == o.customer_id)
        .where(o.to_user_id == actor.user_id, o.at >= since, Customer.owner_id == actor.user_id)
    )
    return int((await session.execute(rows)).scalar_one())


async def batch_customers(
    session: AsyncSession, actor: Actor, batch_id: int, *, limit: int, cursor: str | None = None
) -> Page[tuple[int, int]]:
    """The customers of one batch that the actor may read, as (id of the change, of the customer)."""
    o = OwnerChange
    rows = select(o.id, o.customer_id).join(Customer, Customer.id == o.customer_id).where(o.batch_id == batch_id)
    seen = _seen_by(actor)
    rows = rows if seen is None else rows.where(seen)
    if cursor is not None:
        rows = rows.where(o.id > parse_text_cursor(cursor)[1])
    found = [(row.id, row.customer_id) for row in await session.execute(rows.order_by(o.id).limit(limit + 1))]
    return page_of(found, limit, lambda pair: text_cursor("", pair[0]))


async def fairness(
    session: AsyncSession, user_ids: Iterable[int], *, since: datetime, until: datetime, now: datetime, zone: tzinfo
) -> Fairness:
    """Who was given what in the period, and how evenly; ``until`` is not included."""
    people = list(user_ids)
    standings = await people_queries.standings(session, people, now=now, zone=zone)
    counts = await _counts(session, people, since, until)
    lines = []
    for user_id, one in standings.items():
        of = [(kind, type_, source, n) for user, kind, type_, source, n in counts if user == user_id]
        lines.append(
            PersonShare(
                user_id=user_id,
                name=one.name,
                display_name=one.display_name,
                department_id=one.department_id,
                new=one.new,
                allocated=sum(n for kind, _t, _s, n in of if kind is OwnerChangeKind.ALLOCATION),
                transferred=sum(n for kind, _t, _s, n in of if kind in GIVEN_ON),
                open=one.open,
                cap=one.cap,
                types=_tally((type_ or "", n) for kind, type_, _s, n in of if kind is OwnerChangeKind.ALLOCATION),
                sources=_tally((source or "", n) for kind, _t, source, n in of if kind is OwnerChangeKind.ALLOCATION),
            )
        )
    return _fairness(sorted(lines, key=lambda line: (-line.allocated, line.name)))


def _tally(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, count in pairs:
        found[name] = found.get(name, 0) + count
    return found


def _fairness(lines: list[PersonShare]) -> Fairness:
    settled = [line.allocated for line in lines if not line.new]
    coefficient = rules.gini(settled)
    return Fairness(
        lines=tuple(lines),
        total=sum(line.allocated for line in lines),
        gini=coefficient,
        evenness=rules.evenness(coefficient),
        least=min(settled, default=0),
        most=max(settled, default=0),
        average=sum(settled) / len(settled) if settled else 0.0,
    )


async def _counts(
    session: AsyncSession, user_ids: list[int], since: datetime, until: datetime
) -> list[tuple[int, OwnerChangeKind, str | None, str | None, int]]:
    o = OwnerChange
    rows = (
        select(o.to_user_id, o.kind, Customer.type, Customer.source, func.count())
        .join(Customer, Customer.id == o.customer_id)
        .where(o.to_user_id.in_(user_ids), o.at >= since, o.at < until)
        .group_by(o.to_user_id, o.kind, Customer.type, Customer.source)
    )
    return [(user, kind, type_, source, n) for user, kind, type_, source, n in await session.execute(rows) if user]
