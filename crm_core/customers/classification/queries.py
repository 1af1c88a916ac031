"""Reads of classifications: the history of one customer, changes of a period, grades as they would be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers import queries as customers
from crm_core.customers.classification import rules
from crm_core.customers.classification.kinds import ClassField
from crm_core.customers.classification.models import ClassificationChange
from crm_core.customers.classification.rules import Grading, Settings
from crm_core.customers.models import Customer
from crm_core.db.types import AnyRow, AnySelect
from crm_core.kernel.pages import Page, checked_limit, page_of, parse_time_cursor, time_cursor
from crm_core.organization import queries as organization
from crm_core.organization.access import Action, Actor
from crm_core.organization.models import User

SETTING = "customers.classification"
_c = ClassificationChange


@dataclass(frozen=True, slots=True)
class ChangeView:
    """One change with the names that people read; ``by`` None: a rule did it."""

    id: int
    customer_id: int
    customer: str
    account_number: str
    at: datetime
    field: ClassField
    old: str | None
    new: str | None
    rule: str
    params: Mapping[str, Any]
    by: str | None


@dataclass(frozen=True, slots=True)
class ChangeCount:
    """How many customers went this way in the period; one who went twice counts twice."""

    field: ClassField
    old: str | None
    new: str | None
    count: int


@dataclass(frozen=True, slots=True)
class Period:
    """From ``start`` on, before ``end``; of one field or of all."""

    start: datetime
    end: datetime
    field: ClassField | None = None


async def settings(session: AsyncSession) -> Settings:
    """What the administrator has set; the defaults where nothing is."""
    return rules.parsed(await organization.setting(session, SETTING, None))


async def history(
    session: AsyncSession, customer_id: int, *, limit: int, cursor: str | None = None
) -> Page[ChangeView]:
    """All changes of one customer, newest first. The caller has checked that the asker reaches the customer."""
    return await _page(session, _changes().where(_c.customer_id == customer_id), limit, cursor)


async def reasons(session: AsyncSession, customer_id: int) -> dict[ClassField, ChangeView]:
    """The last change of each classification: the rule, or who, that set what stands there now."""
    newest = func.row_number().over(partition_by=_c.field, order_by=(_c.at.desc(), _c.id.desc())).label("newest")
    ranked = select(_c.id, newest).where(_c.customer_id == customer_id).subquery()
    wanted = _changes().join(ranked, ranked.c.id == _c.id).where(ranked.c.newest == 1)
    found = [_view(row) for row in await session.execute(wanted)]
    return {one.field: one for one in found}


async def changes(
    session: AsyncSession, actor: Actor, period: Period, *, limit: int, cursor: str | None = None
) -> Page[ChangeView]:
    """The changes of the period that the asker may see, newest first."""
    return await _page(session, _changes().where(*_within(actor, period)), limit, cursor)


async def counts(session: AsyncSession, actor: Actor, period: Period) -> list[ChangeCount]:
    """How many went from which value to which, the most frequent first."""
    number = func.count().label("number")
    rows = await session.execute(
        select(_c.field, _c.old, _c.new, number)
        .join(Customer, Customer.id == _c.customer_id)
        .where(*_within(actor, period))
        .group_by(_c.field, _c.old, _c.new)
        .order_by(number.desc(), _c.field, _c.old, _c.new)
    )
    return [ChangeCount(row.field, row.old, row.new, row.number) for row in rows]


async def states(session: AsyncSession, customer_ids: Sequence[int]) -> Sequence[AnyRow]:
    """The derived columns of these customers as they are stored."""
    c = Customer
    columns = (c.id, c.purchase_state, c.retention_state, c.grade, c.rfm_recency_days, c.rfm_frequency, c.rfm_monetary)
    wanted: AnySelect = select(*columns).where(c.id.in_(customer_ids)).order_by(c.id)
    return (await session.execute(wanted)).all()


async def ids_after(session: AsyncSession, after: int, limit: int) -> Sequence[int]:
    """The next customers in the order of their ids."""
    return (
        await session.scalars(select(Customer.id).where(Customer.id > after).order_by(Customer.id).limit(limit))
    ).all()


async def how_many(session: AsyncSession) -> int:
    """All customers."""
    return await session.scalar(select(func.count()).select_from(Customer)) or 0


async def grades_now(session: AsyncSession) -> dict[str | None, int]:
    """How many customers have each grade; None: no grade."""
    rows = await session.execute(select(Customer.grade, func.count()).group_by(Customer.grade))
    return {row[0]: row[1] for row in rows}


async def grades_by(session: AsyncSession, grading: Grading) -> dict[str | None, int]:
    """How many customers each grade would have under these thresholds; nothing is changed.

    It counts on the figures of the last pass: those of another window come with the next one.
    """
    found = _grade_of(grading).label("found")
    rows = await session.execute(select(found, func.count()).group_by(found))
    return {row[0]: row[1] for row in rows}


def _grade_of(grading: Grading) -> ColumnElement[str | None]:
    c = Customer
    score: ColumnElement[int] = literal(3)
    for limit in grading.recency:
        score = score + case((c.rfm_recency_days <= limit, 1), else_=0)
    for orders in grading.frequency:
        score = score + case((c.rfm_frequency >= orders, 1), else_=0)
    for amount in grading.monetary:
        score = score + case((c.rfm_monetary >= amount, 1), else_=0)
    steps = [(and_(c.rfm_recency_days.is_not(None), score >= one.at_least), one.code) for one in grading.grades]
    return case(*steps, else_=None)


def _changes() -> AnySelect:
    return (
        select(
            _c.id, _c.customer_id, Customer.name.label("customer"), Customer.account_number, _c.at, _c.field, _c.old,
            _c.new, _c.rule, _c.params, User.name.label("by"),
        )
        .join(Customer, Customer.id == _c.customer_id)
        .outerjoin(User, User.id == _c.by_id)
    )  # fmt: skip


def _within(actor: Actor, period: Period) -> list[ColumnElement[bool]]:
    found = [_c.at >= period.start, _c.at < period.end]
    if period.field is not None:
        found.append(_c.field == period.field)
    visible = customers.visible_to(actor, Action.REPORT_CUSTOMERS)
    return found if visible is None else [*found, visible]


async def _page(session: AsyncSession, wanted: AnySelect, limit: int, cursor: str | None) -> Page[ChangeView]:
    checked_limit(limit)
    if cursor is not None:
        at, last = parse_time_cursor(cursor)
        wanted = wanted.where(or_(_c.at < at, and_(_c.at == at, _c.id < last)))
    rows = await session.execute(wanted.order_by(_c.at.desc(), _c.id.desc()).limit(limit + 1))
    return page_of([_view(row) for row in rows], limit, lambda one: time_cursor(one.at, one.id))


def _view(row: AnyRow) -> ChangeView:
    return ChangeView(*row)
