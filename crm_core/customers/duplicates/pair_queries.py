"""Reads of the duplicate list: pairs of which the asker may merge both, the likeliest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from crm_core.customers.duplicates.models import DuplicatePair, PairState
from crm_core.customers.duplicates.snapshots import Row
from crm_core.customers.merge_models import CustomerMerge
from crm_core.customers.models import Customer
from crm_core.db.types import AnyRow, AnySelect
from crm_core.db.upsert import table_of
from crm_core.kernel.errors import NotFound, Rejected
from crm_core.kernel.pages import (
    Page,
    checked_limit,
    page_of,
    parse_text_cursor,
    parse_time_cursor,
    text_cursor,
    time_cursor,
)
from crm_core.organization.access import Action, Actor, Scope
from crm_core.organization.models import User

_First, _Second = aliased(Customer), aliased(Customer)
_pairs = table_of(DuplicatePair)


@dataclass(frozen=True, slots=True)
class End:
    """One of a pair, as the list shows it."""

    id: int
    account_number: str
    name: str
    owner: str | None


@dataclass(frozen=True, slots=True)
class PairView:
    """``reasons`` as words of ``rules.Reason``; ``decided_by`` is a user's name."""

    id: int
    first: End
    second: End
    score: float
    reasons: tuple[str, ...]
    state: PairState
    found_at: datetime
    decided_at: datetime | None
    decided_by: str | None


@dataclass(frozen=True, slots=True)
class MergeView:
    """A merge: ``account_number`` is the one that leads to the survivor now; ``can_undo`` while its record is kept."""

    id: int
    customer_id: int
    account_number: str
    survivor_id: int
    survivor: str
    survivor_account_number: str
    owner: str | None
    at: datetime
    by: str | None
    undone_at: datetime | None
    can_undo: bool


def _reached(actor: Actor, who: type[Customer]) -> ColumnElement[bool] | None:
    scope = actor.require(Action.CUSTOMER_MERGE)
    if scope is Scope.ALL:
        return None
    own = who.owner_id == actor.user_id
    departments = actor.departments(Action.CUSTOMER_MERGE)
    return or_(own, who.department_id.in_(departments)) if departments else own


async def pairs(
    session: AsyncSession,
    actor: Actor,
    *,
    state: PairState = PairState.OPEN,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[PairView]:
    """The likeliest first. A merged pair is no longer two: those are in ``merges``."""
    checked_limit(limit)
    p = DuplicatePair
    rows = _pair_rows(actor).where(p.state == state)
    if cursor is not None:
        text, after = parse_text_cursor(cursor)
        score = _score(text)
        rows = rows.where(or_(p.score < score, (p.score == score) & (p.id < after)))
    found = (await session.execute(rows.order_by(p.score.desc(), p.id.desc()).limit(limit + 1))).all()
    page = page_of(found, limit, lambda row: text_cursor(repr(row.score), row.id))
    return Page([_pair_view(row) for row in page.items], page.next)


def _score(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise Rejected("cursor_invalid", "This cursor was not given out by this list.") from None


def _pair_rows(actor: Actor) -> AnySelect:
    p, first_owner, second_owner, decider = DuplicatePair, aliased(User), aliased(User), aliased(User)
    rows = (
        select(
            p.id, p.first_id, p.second_id, p.score, p.reasons, p.state, p.found_at, p.decided_at,
            _First.account_number.label("first_account"), _First.name.label("first_name"),
            _Second.account_number.label("second_account"), _Second.name.label("second_name"),
            first_owner.name.label("first_owner"), second_owner.name.label("second_owner"),
            decider.name.label("decided_by"),
        )
        .join(_First, _First.id == p.first_id)
        .join(_Second, _Second.id == p.second_id)
        .outerjoin(first_owner, first_owner.id == _First.owner_id)
        .outerjoin(second_owner, second_owner.id == _Second.owner_id)
        .outerjoin(decider, decider.id == p.decided_by_id)
    )  # fmt: skip
    for who in (_First, _Second):
        seen = _reached(actor, who)
        rows = rows if seen is None else rows.where(seen)
    return rows


def _pair_view(row: AnyRow) -> PairView:
    return PairView(
        id=row.id,
        first=End(row.first_id, row.first_account, row.first_name, row.first_owner),
        second=End(row.second_id, row.second_account, row.second_name, row.second_owner),
        score=row.score,
        reasons=tuple(row.reasons),
        state=row.state,
        found_at=row.found_at,
        decided_at=row.decided_at,
        decided_by=row.decided_by,
    )


async def pair(session: AsyncSession, actor: Actor, pair_id: int) -> PairView:
    """Raises NotFound unless both may be merged by the asker."""
    row = (await session.execute(_pair_rows(actor).where(DuplicatePair.id == pair_id))).one_or_none()
    if row is None:
        raise _no_pair()
    return _pair_view(row)


async def pair_to_change(session: AsyncSession, actor: Actor, pair_id: int) -> DuplicatePair:
    """The pair itself, locked. Raises NotFound."""
    await pair(session, actor, pair_id)
    found = await session.get(DuplicatePair, pair_id, with_for_update=True)
    if found is None:
        raise _no_pair()
    return found


def _no_pair() -> NotFound:
    return NotFound("pair_not_found", "There is no such pair.")


async def pair_of(session: AsyncSession, one: int, other: int) -> int | None:
    """The id of the pair of these two, if the search found them."""
    p = DuplicatePair
    rows = select(p.id).where(p.first_id == min(one, other), p.second_id == max(one, other))
    return (await session.execute(rows)).scalar_one_or_none()


async def open_pairs(session: AsyncSession, actor: Actor, at_most: int = 1000) -> int:
    """How many wait for a decision; counting ends at ``at_most``."""
    rows = _pair_rows(actor).where(DuplicatePair.state == PairState.OPEN).limit(at_most).subquery()
    return (await session.execute(select(func.count()).select_from(rows))).scalar_one()


async def rows_with(session: AsyncSession, customer_id: int) -> list[Row]:
    """Every pair of a customer, as rows."""
    mine = or_(_pairs.c.first_id == customer_id, _pairs.c.second_id == customer_id)
    rows = select(_pairs).where(mine).order_by(_pairs.c.id)
    return [{str(name): value for name, value in row.items()} for row in (await session.execute(rows)).mappings()]


async def merges(session: AsyncSession, actor: Actor, *, limit: int = 50, cursor: str | None = None) -> Page[MergeView]:
    """Merges whose survivor the asker may merge, newest first."""
    checked_limit(limit)
    m = CustomerMerge
    rows = _merge_rows(actor)
    if cursor is not None:
        at, before = parse_time_cursor(cursor)
        rows = rows.where(or_(m.at < at, (m.at == at) & (m.id < before)))
    found = (await session.execute(rows.order_by(m.at.desc(), m.id.desc()).limit(limit + 1))).all()
    page = page_of(found, limit, lambda row: time_cursor(row.at, row.id))
    return Page([MergeView(*row) for row in page.items], page.next)


def _merge_rows(actor: Actor) -> AnySelect:
    m, owner = CustomerMerge, aliased(User)
    rows = (
        select(
            m.id, m.customer_id, m.account_number, m.survivor_id, Customer.name, Customer.account_number, owner.name,
            m.at, User.name, m.undone_at, m.sealed.is_not(None) & (m.survivor_id == m.into_id),
        )
        .join(Customer, Customer.id == m.survivor_id)
        .outerjoin(owner, owner.id == Customer.owner_id)
        .outerjoin(User, User.id == m.by_user_id)
    )  # fmt: skip
    seen = _reached(actor, Customer)
    return rows if seen is None else rows.where(seen)


async def merge(session: AsyncSession, actor: Actor, merge_id: int) -> MergeView:
    """Raises NotFound unless the survivor may be merged by the asker."""
    row = (await session.execute(_merge_rows(actor).where(CustomerMerge.id == merge_id))).one_or_none()
    if row is None:
        raise no_merge()
    return MergeView(*row)


async def merge_to_undo(session: AsyncSession, merge_id: int) -> CustomerMerge | None:
    """The merge itself, locked."""
    return await session.get(CustomerMerge, merge_id, with_for_update=True)


def no_merge() -> NotFound:
    return NotFound("merge_not_found", "There is no such merge.")
