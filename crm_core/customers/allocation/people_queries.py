"""Reads about the people who get customers: how many they have, may have, and ask for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from crm_core.customers.allocation import queries, rules
from crm_core.customers.allocation.kinds import ApplicationKind, ApplicationState
from crm_core.customers.allocation.models import AllocationLimit, QuotaApplication
from crm_core.customers.allocation.policy import Policy
from crm_core.customers.allocation.views import ApplicationView, Standing
from crm_core.customers.kinds import OwnerChangeKind, RetentionState
from crm_core.customers.models import Customer, CustomerNote, OwnerChange
from crm_core.db.types import AnySelect
from crm_core.kernel.errors import NotFound
from crm_core.kernel.pages import Page, checked_limit, page_of, parse_text_cursor, text_cursor
from crm_core.organization.access import CUSTOMER_WORKERS, Action, Actor
from crm_core.organization.models import User

_Decider = aliased(User)


def is_open() -> ColumnElement[bool]:
    """Which customers count towards a cap: all but the lost ones."""
    return or_(Customer.retention_state.is_(None), Customer.retention_state != RetentionState.LOST)


async def receivers(session: AsyncSession, actor: Actor, department_id: int | None = None) -> list[User]:
    """Active people within the actor's reach whose work is with customers, by name."""
    rows = select(User).where(User.active, User.role.in_(CUSTOMER_WORKERS)).order_by(User.name).limit(500)
    if not queries.carries_out(actor, await queries.policy(session)):
        departments = actor.departments(Action.CUSTOMER_ASSIGN)
        if departments is not None:
            rows = rows.where(User.department_id.in_(departments))
    if department_id is not None:
        rows = rows.where(User.department_id == department_id)
    return list((await session.scalars(rows)).all())


async def departments_of(session: AsyncSession, user_ids: Iterable[int]) -> dict[int, int | None]:
    """Where each of these people works."""
    rows = select(User.id, User.department_id).where(User.id.in_(list(user_ids)))
    return {row.id: row.department_id for row in await session.execute(rows)}


async def with_customers(session: AsyncSession, actor: Actor) -> list[tuple[User, int]]:
    """Everybody within the actor's reach who looks after customers, also who may not sign in any more; most first."""
    actor.require(Action.CUSTOMER_ASSIGN)
    departments = actor.departments(Action.CUSTOMER_ASSIGN)
    counts = select(Customer.owner_id, func.count().label("n")).where(Customer.owner_id.is_not(None))
    counted = counts.group_by(Customer.owner_id).subquery()
    rows = select(User, counted.c.n).join(counted, counted.c.owner_id == User.id).order_by(counted.c.n.desc(), User.id)
    if departments is not None:
        rows = rows.where(User.department_id.in_(departments))
    return [(user, count) for user, count in await session.execute(rows.limit(500))]


async def standings(
    session: AsyncSession, user_ids: Iterable[int], *, now: datetime, zone: tzinfo
) -> dict[int, Standing]:
    """What each has and may still get at this moment; unknown people are missing."""
    wanted = list(dict.fromkeys(user_ids))
    rules_now = await queries.policy(session)
    people = (await session.scalars(select(User).where(User.id.in_(wanted)))).all()
    new = {one.id for one in people if rules.is_new(one.created_at, now, rules_now.new_days)}
    open_now = await open_customers(session, wanted)
    start = rules.period_start(now, rules_now.period, zone)
    used = await _allocated(session, [one for one in wanted if one not in new], start)
    used |= await _allocated(session, list(new), None)
    granted = await _granted(session, wanted, now.astimezone(zone).date())
    limits = {one.user_id: one for one in await session.scalars(_limits(wanted))}
    found = {}
    for one in people:
        found[one.id] = _standing(
            one, rules_now, one.id in new, open_now.get(one.id, 0), used.get(one.id, 0), limits.get(one.id), granted
        )
    return found


def _limits(user_ids: Sequence[int]) -> AnySelect:
    return select(AllocationLimit).where(AllocationLimit.user_id.in_(user_ids))


def _standing(
    user: User,
    policy: Policy,
    new: bool,
    open_now: int,
    used: int,
    limit: AllocationLimit | None,
    granted: dict[tuple[int, ApplicationKind], int],
) -> Standing:
    """The smaller quota of new staff gives way to a personal one; what was granted comes on top."""
    cap = limit.cap if limit is not None and limit.cap is not None else policy.cap
    quota = policy.new_quota if new else policy.quota
    quota = limit.quota if limit is not None and limit.quota is not None else quota
    more_cap, more = granted.get((user.id, ApplicationKind.CAP), 0), granted.get((user.id, ApplicationKind.QUOTA), 0)
    cap = None if cap is None else cap + more_cap
    quota = None if quota is None else quota + more
    left, full = rules.room(open_now=open_now, cap=cap, used=used, quota=quota)
    return Standing(
        user_id=user.id,
        name=user.name,
        display_name=user.display_name,
        department_id=user.department_id,
        active=user.active,
        new=new,
        open=open_now,
        cap=cap,
        used=used,
        quota=quota,
        granted=more + more_cap,
        room=left,
        full=full,
    )


async def open_customers(session: AsyncSession, user_ids: Iterable[int]) -> dict[int, int]:
    """How many open customers each looks after; who has none is missing."""
    rows = select(Customer.owner_id, func.count()).where(Customer.owner_id.in_(list(user_ids)), is_open())
    counts = await session.execute(rows.group_by(Customer.owner_id))
    return {user_id: count for user_id, count in counts if user_id is not None}


async def _allocated(session: AsyncSession, user_ids: Sequence[int], since: datetime | None) -> dict[int, int]:
    if not user_ids:
        return {}
    o = OwnerChange
    rows = select(o.to_user_id, func.count()).where(o.to_user_id.in_(user_ids), o.kind == OwnerChangeKind.ALLOCATION)
    rows = rows if since is None else rows.where(o.at >= since)
    return {user: count for user, count in await session.execute(rows.group_by(o.to_user_id)) if user is not None}


async def _granted(
    session: AsyncSession, user_ids: Sequence[int], today: object
) -> dict[tuple[int, ApplicationKind], int]:
    q = QuotaApplication
    rows = select(q.user_id, q.kind, func.sum(q.granted)).where(
        q.user_id.in_(user_ids), q.state == ApplicationState.GRANTED, q.valid_until >= today
    )
    found = await session.execute(rows.group_by(q.user_id, q.kind))
    return {(user, kind): int(total or 0) for user, kind, total in found}


async def limit_of(session: AsyncSession, user_id: int) -> AllocationLimit | None:
    return await session.get(AllocationLimit, user_id)


def _applications() -> AnySelect:
    q = QuotaApplication
    return (
        select(
            q.id, q.user_id, User.name.label("user"), User.department_id, q.kind, q.state, q.wanted, q.reason,
            q.asked_at, q.granted, q.valid_until, _Decider.name.label("decided_by"), q.decided_at, q.note, q.facts,
        )
        .join(User, User.id == q.user_id)
        .outerjoin(_Decider, _Decider.id == q.decided_by_id)
    )  # fmt: skip


def _applications_seen_by(actor: Actor) -> ColumnElement[bool] | None:
    """One's own; a manager also those of his people."""
    departments: frozenset[int] | None = frozenset()
    if actor.may(Action.CUSTOMER_ASSIGN):
        departments = actor.departments(Action.CUSTOMER_ASSIGN)
    if departments is None:
        return None
    own = QuotaApplication.user_id == actor.user_id
    return or_(own, User.department_id.in_(departments)) if departments else own


async def application(session: AsyncSession, actor: Actor, application_id: int) -> ApplicationView:
    """Raises NotFound."""
    rows = _applications().where(QuotaApplication.id == application_id)
    seen = _applications_seen_by(actor)
    row = (await session.execute(rows if seen is None else rows.where(seen))).one_or_none()
    if row is None:
        raise no_application()
    return ApplicationView(**row._mapping)


async def applications(
    session: AsyncSession,
    actor: Actor,
    *,
    state: ApplicationState | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[ApplicationView]:
    """Newest first."""
    checked_limit(limit)
    rows = _applications()
    seen = _applications_seen_by(actor)
    rows = rows if seen is None else rows.where(seen)
    rows = rows if state is None else rows.where(QuotaApplication.state == state)
    if cursor is not None:
        rows = rows.where(QuotaApplication.id < parse_text_cursor(cursor)[1])
    found = await session.execute(rows.order_by(QuotaApplication.id.desc()).limit(limit + 1))
    views = [ApplicationView(**row._mapping) for row in found]
    return page_of(views, limit, lambda one: text_cursor("", one.id))


async def application_to_change(session: AsyncSession, application_id: int) -> tuple[QuotaApplication, int | None]:
    """The application, locked, and the department of who asks. Raises NotFound."""
    rows = select(QuotaApplication).where(QuotaApplication.id == application_id).with_for_update()
    one = (await session.scalars(rows)).one_or_none()
    if one is None:
        raise no_application()
    return one, await session.scalar(select(User.department_id).where(User.id == one.user_id))


async def waits_already(session: AsyncSession, user_id: int, kind: ApplicationKind) -> bool:
    """Whether an application of this kind waits for a decision."""
    q = QuotaApplication
    rows = select(q.id).where(q.user_id == user_id, q.kind == kind, q.state == ApplicationState.WAITING)
    return (await session.execute(rows.limit(1))).first() is not None


def no_application() -> NotFound:
    return NotFound("application_not_found", "There is no such application.")


async def facts(session: AsyncSession, user_id: int, since: datetime) -> dict[str, int]:
    """What somebody has and has done since then, as this context knows it: open, allocated, notes."""
    notes = select(func.count()).where(CustomerNote.author_id == user_id, CustomerNote.at >= since)
    return {
        "open": (await open_customers(session, [user_id])).get(user_id, 0),
        "allocated": (await _allocated(session, [user_id], since)).get(user_id, 0),
        "notes": int((await session.execute(notes)).scalar_one()),
    }
