"""Reads of allocation: which customers are meant, the runs with their results, who may be moved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, and_, func, not_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from crm_core.customers.allocation.choosing import TEXTS, Choice, Filter, Where
from crm_core.customers.allocation.kinds import RunState, Verdict
from crm_core.customers.allocation.models import Allocation, AllocationPerson, AllocationResult, PoolEntry
from crm_core.customers.allocation.policy import KEY, Policy, parse
from crm_core.customers.allocation.unfit_queries import archived_condition
from crm_core.customers.allocation.views import Person, PlanLine, ResultView, RunView
from crm_core.customers.conditions.queries import condition
from crm_core.customers.models import Customer
from crm_core.customers.queries import visible_to
from crm_core.db.types import AnyRow, AnySelect
from crm_core.kernel.errors import NotFound
from crm_core.kernel.pages import (
    Page,
    checked_limit,
    page_of,
    parse_text_cursor,
    text_cursor,
)
from crm_core.organization import queries as organization
from crm_core.organization.access import SYSTEM, Action, Actor
from crm_core.organization.models import Department, User

_Asker, _Approver, _Executor = aliased(User), aliased(User), aliased(User)
_ALL = Filter()
MOST_COUNTED = 100_000


async def policy(session: AsyncSession) -> Policy:
    """The house's rules as they are now."""
    return parse(await organization.setting(session, KEY, None))


def carries_out(actor: Actor, rules: Policy) -> bool:
    """Whether somebody is of the data department: by its name in the rules, or with the right over everything."""
    if not actor.may(Action.CUSTOMER_ALLOCATE):
        return False
    return actor.departments(Action.CUSTOMER_ALLOCATE) is None or rules.data_department_id in actor.department_ids


def _cut(chosen: Filter) -> list[ColumnElement[bool]]:
    parts = [getattr(Customer, name) == getattr(chosen, name) for name in TEXTS if getattr(chosen, name) is not None]
    if chosen.department_id is not None:
        parts.append(Customer.department_id == chosen.department_id)
    return parts


async def _ownerless(session: AsyncSession, choice: Choice) -> ColumnElement[bool]:
    """Raises Rejected ``where_invalid`` for a tree that cannot be."""
    mine = [Customer.owner_id.is_(None), not_(archived_condition()), *_cut(choice.filter)]
    # Whose condition it is was looked at when the run was asked for: here the house itself reads it.
    mine.append(await condition(session, SYSTEM, choice.tree))
    if choice.departments is not None:
        mine.append(or_(Customer.department_id.is_(None), Customer.department_id.in_(choice.departments)))
    return and_(*mine)


async def chosen_ids(session: AsyncSession, choice: Choice) -> list[int]:
    """The customers of a run in the order of the giving; of a list also those that will be refused."""
    if choice.ids:
        return list(dict.fromkeys(choice.ids))
    rows = (
        select(Customer.id)
        .where(await _ownerless(session, choice))
        .order_by(Customer.id)  # by entry: an index has that order
        .limit(choice.most)
    )
    return list((await session.scalars(rows)).all())


async def waiting(session: AsyncSession, choice: Choice) -> int:
    """How many ownerless customers the choice's filter leaves, counted up to ``MOST_COUNTED``."""
    found = select(Customer.id).where(await _ownerless(session, replace(choice, ids=()))).limit(MOST_COUNTED)
    rows = select(func.count()).select_from(found.subquery())
    return int((await session.execute(rows)).scalar_one())


def _movable() -> AnySelect:
    c = Customer
    return select(
        c.id, c.owner_id, c.department_id, c.province, c.city, c.district, c.type, c.name, c.account_number,
        c.record_state,
    )  # fmt: skip


async def ownerless(
    session: AsyncSession, choice: Choice, ids: Iterable[int], *, lock: bool = False
) -> dict[int, AnyRow]:
    """Those of ``ids`` that nobody has and that the choice may take; ``lock`` keeps others from taking them."""
    mine = await _ownerless(session, replace(choice, filter=Filter(), tree=None))
    rows = _movable().where(Customer.id.in_(list(ids)), mine)
    rows = rows.order_by(Customer.id)  # one order for all, so that two who lock never wait for each other
    if lock:
        rows = rows.with_for_update(key_share=True)
    return {row.id: row for row in await session.execute(rows)}


async def existing(session: AsyncSession, choice: Choice, ids: Iterable[int]) -> set[int]:
    """Those of ``ids`` that are there and within the choice's departments, whoever has them."""
    rows = select(Customer.id).where(Customer.id.in_(list(ids)))
    if choice.departments is not None:
        rows = rows.where(or_(Customer.department_id.is_(None), Customer.department_id.in_(choice.departments)))
    return set((await session.scalars(rows)).all())


async def to_move(session: AsyncSession, actor: Actor, ids: Iterable[int]) -> dict[int, AnyRow]:
    """Those of ``ids`` that the actor may give to others, locked against another move at the same time."""
    rows = _movable().where(Customer.id.in_(list(ids)))
    seen = visible_to(actor, Action.CUSTOMER_ASSIGN)
    rows = rows if seen is None else rows.where(seen)
    found = await session.execute(rows.order_by(Customer.id).with_for_update(key_share=True))
    return {row.id: row for row in found}


async def _found(session: AsyncSession, actor: Actor, where: Where, after: int, until: int | None) -> AnySelect:
    rows: AnySelect = select(Customer.id).where(await condition(session, actor, where.tree))
    rows = rows.where(Customer.id > after, *_cut(where.filter))
    if where.filter.owner_id is not None:
        rows = rows.where(Customer.owner_id == where.filter.owner_id)
    if until is not None:
        rows = rows.where(Customer.id <= until)
    seen = visible_to(actor, Action.CUSTOMER_ASSIGN)
    return rows if seen is None else rows.where(seen)


async def found_ids(
    session: AsyncSession, actor: Actor, where: Where, *, limit: int, after: int = 0, until: int | None = None
) -> list[int]:
    """The next customers by id within the actor's reach that the condition leaves, up to ``until``."""
    rows = (await _found(session, actor, where, after, until)).order_by(Customer.id).limit(limit)
    return list((await session.scalars(rows)).all())


async def found_count(session: AsyncSession, actor: Actor, where: Where, most: int) -> int:
    """How many these are, counted up to ``most``."""
    rows = select(func.count()).select_from((await _found(session, actor, where, 0, None)).limit(most).subquery())
    return int((await session.execute(rows)).scalar_one())


def _owned(actor: Actor, owner_id: int) -> AnySelect:
    rows = _movable().where(Customer.owner_id == owner_id)
    seen = visible_to(actor, Action.CUSTOMER_ASSIGN)
    return rows if seen is None else rows.where(seen)


async def owned_by(session: AsyncSession, actor: Actor, owner_id: int, *, after: int, limit: int) -> Sequence[AnyRow]:
    """The next customers of somebody by id, within the actor's reach."""
    rows = _owned(actor, owner_id).where(Customer.id > after).order_by(Customer.id).limit(limit)
    return (await session.execute(rows)).all()


async def owned_count(session: AsyncSession, actor: Actor, owner_id: int) -> int:
    """How many these are."""
    rows = select(func.count()).select_from(_owned(actor, owner_id).subquery())
    return int((await session.execute(rows)).scalar_one())


async def owners(session: AsyncSession, ids: Iterable[int]) -> dict[int, int | None]:
    """Who has these customers at this moment."""
    rows = select(Customer.id, Customer.owner_id).where(Customer.id.in_(list(ids)))
    return {row.id: row.owner_id for row in await session.execute(rows)}


async def lock_people(session: AsyncSession, user_ids: Iterable[int]) -> None:
    """Whoever else gives to one of these waits: caps and quotas are counted by one at a time."""
    rows = select(User.id).where(User.id.in_(list(user_ids))).order_by(User.id).with_for_update(key_share=True)
    await session.execute(rows)


def place_of(row: Mapping[str, Any]) -> str:
    """Province, city and district as people write them."""
    return "".join(row[part] for part in ("province", "city", "district") if row[part])


async def plan_lines(session: AsyncSession, shares: Mapping[int, tuple[int | None, str]]) -> list[PlanLine]:
    """The lines of a preview in the order of ``shares`` (customer: receiver and reason)."""
    found = await session.execute(_movable().where(Customer.id.in_(list(shares))))
    rows: dict[int, Mapping[str, Any]] = {row.id: dict(row._mapping) for row in found}
    return [
        PlanLine(one, row["name"], row["account_number"], place_of(row), row["type"], *shares[one])
        for one, row in ((one, rows[one]) for one in shares if one in rows)
    ]


def _runs() -> AnySelect:
    a = Allocation
    return (
        select(
            a.id, a.state, a.method, a.department_id, Department.name.label("department"), a.choice, a.reason,
            a.requested_by_id, _Asker.name.label("requested_by"), a.requested_at, _Approver.name.label("approved_by"),
            a.approved_at, _Executor.name.label("executed_by"), a.executed_at, a.job_id, a.answer, a.given, a.refused,
        )
        .outerjoin(Department, Department.id == a.department_id)
        .outerjoin(_Asker, _Asker.id == a.requested_by_id)
        .outerjoin(_Approver, _Approver.id == a.approved_by_id)
        .outerjoin(_Executor, _Executor.id == a.executed_by_id)
    )  # fmt: skip


def _runs_seen_by(actor: Actor, rules: Policy) -> ColumnElement[bool] | None:
    """The data department sees all; a manager those for his own people."""
    actor.require(Action.CUSTOMER_ASSIGN)
    departments = actor.departments(Action.CUSTOMER_ASSIGN)
    if departments is None or carries_out(actor, rules):
        return None
    return or_(Allocation.department_id.in_(departments), Allocation.requested_by_id == actor.user_id)


async def run(session: AsyncSession, actor: Actor, run_id: int) -> RunView:
    """Raises NotFound."""
    rows = _runs().where(Allocation.id == run_id)
    seen = _runs_seen_by(actor, await policy(session))
    row = (await session.execute(rows if seen is None else rows.where(seen))).one_or_none()
    if row is None:
        raise no_run()
    (view,) = await _with_people(session, [row])
    return view


async def runs(
    session: AsyncSession, actor: Actor, *, state: RunState | None = None, limit: int = 50, cursor: str | None = None
) -> Page[RunView]:
    """Newest first."""
    checked_limit(limit)
    rows = _runs()
    seen = _runs_seen_by(actor, await policy(session))
    if seen is not None:
        rows = rows.where(seen)
    if state is not None:
        rows = rows.where(Allocation.state == state)
    if cursor is not None:
        rows = rows.where(Allocation.id < parse_text_cursor(cursor)[1])
    found = (await session.execute(rows.order_by(Allocation.id.desc()).limit(limit + 1))).all()
    page = page_of(found, limit, lambda row: text_cursor("", row.id))
    return Page(await _with_people(session, page.items), page.next)


async def _with_people(session: AsyncSession, rows: Sequence[AnyRow]) -> list[RunView]:
    people = await people_of(session, [row.id for row in rows])
    views = [RunView(**row._mapping) for row in rows]
    return [replace(view, people=tuple(people.get(view.id, ()))) for view in views]


async def people_of(session: AsyncSession, run_ids: Iterable[int]) -> dict[int, list[Person]]:
    """Who takes part in each run, in order."""
    p = AllocationPerson
    rows = select(p).where(p.allocation_id.in_(list(run_ids))).order_by(p.allocation_id, p.position)
    found: dict[int, list[Person]] = {}
    for one in await session.scalars(rows):
        person = Person(one.user_id, one.weight, tuple(one.regions), tuple(one.types))
        found.setdefault(one.allocation_id, []).append(person)
    return found


async def run_to_change(session: AsyncSession, actor: Actor, run_id: int) -> Allocation:
    """The run itself, locked. Raises NotFound."""
    rows = select(Allocation).where(Allocation.id == run_id)
    seen = _runs_seen_by(actor, await policy(session))
    found = await session.scalars((rows if seen is None else rows.where(seen)).with_for_update())
    one = found.one_or_none()
    if one is None:
        raise no_run()
    return one


def no_run() -> NotFound:
    return NotFound("allocation_not_found", "There is no such allocation.")


async def given_so_far(session: AsyncSession, run_id: int) -> dict[int, int]:
    """How many each person was given by the steps of the run that are done."""
    r = AllocationResult
    rows = select(r.user_id, func.count()).where(r.allocation_id == run_id, r.verdict == Verdict.GIVEN)
    return {user_id: count for user_id, count in await session.execute(rows.group_by(r.user_id)) if user_id is not None}


async def results(
    session: AsyncSession, run_id: int, *, verdict: Verdict | None = None, limit: int = 50, cursor: str | None = None
) -> Page[ResultView]:
    """A run's result list in its order; the caller has made sure that the run may be seen."""
    checked_limit(limit)
    r = AllocationResult
    rows = (
        select(r.position, r.customer_id, Customer.name, Customer.account_number, User.name, r.verdict, r.reason)
        .join(Customer, Customer.id == r.customer_id)
        .outerjoin(User, User.id == r.user_id)
        .where(r.allocation_id == run_id)
    )
    if verdict is not None:
        rows = rows.where(r.verdict == verdict)
    if cursor is not None:
        rows = rows.where(r.position > parse_text_cursor(cursor)[1])
    found = [ResultView(*row) for row in await session.execute(rows.order_by(r.position).limit(limit + 1))]
    return page_of(found, limit, lambda one: text_cursor("", one.position))


async def pool_size(session: AsyncSession) -> int:
    """How many customers came back and wait."""
    return int((await session.execute(select(func.count()).select_from(PoolEntry))).scalar_one())


async def queue(
    session: AsyncSession, actor: Actor, chosen: Filter = _ALL, *, limit: int = 50, cursor: str | None = None
) -> Page[Mapping[str, Any]]:
    """Customers that nobody looks after, oldest first: those of the actor's departments and of none."""
    checked_limit(limit)
    actor.require(Action.CUSTOMER_ASSIGN)
    departments = None if carries_out(actor, await policy(session)) else actor.departments(Action.CUSTOMER_ASSIGN)
    choice = Choice(filter=chosen, departments=None if departments is None else tuple(departments))
    came_back = PoolEntry
    rows = (
        _movable()
        .add_columns(Customer.created_at, Customer.source, Department.name.label("department"))
        .add_columns(came_back.since.label("back_since"), came_back.rule, User.name.label("back_from"))
        .outerjoin(Department, Department.id == Customer.department_id)
        .outerjoin(came_back, came_back.customer_id == Customer.id)
        .outerjoin(User, User.id == came_back.from_user_id)
        .where(await _ownerless(session, choice))
    )
    if cursor is not None:
        rows = rows.where(Customer.id > parse_text_cursor(cursor)[1])
    found: list[Mapping[str, Any]] = [
        dict(row._mapping) for row in await session.execute(rows.order_by(Customer.id).limit(limit + 1))
    ]
    return page_of(found, limit, lambda row: text_cursor("", row["id"]))


async def names_of(session: AsyncSession, actor: Actor, ids: Iterable[int]) -> Sequence[AnyRow]:
    """Id, name, account number and owner's name of those that the actor may transfer."""
    rows = select(Customer.id, Customer.name, Customer.account_number, User.name.label("owner"))
    rows = rows.outerjoin(User, User.id == Customer.owner_id).where(Customer.id.in_(list(ids)))
    seen = visible_to(actor, Action.CUSTOMER_ASSIGN)
    return (await session.execute((rows if seen is None else rows.where(seen)).order_by(Customer.id))).all()
