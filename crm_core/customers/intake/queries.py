"""Reads of the intake: the queue, one stack, the backlog and the day's clock; each within the asker's reach."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, tzinfo
from enum import StrEnum

from sqlalchemy import Boolean, ColumnElement, case, func, literal, literal_column, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from crm_core.customers.intake.kinds import EntryState
from crm_core.customers.intake.models import Registration, RegistrationEntry
from crm_core.customers.intake.rules import business_day, due_day
from crm_core.customers.intake.views import BacklogRow, ClerkDay, Clock, Counts, EntryView, RegistrationView
from crm_core.customers.models import Customer
from crm_core.customers.queries import masked_number
from crm_core.db.types import AnyRow, AnySelect, UtcDateTime
from crm_core.kernel.errors import NotFound
from crm_core.kernel.pages import Page, checked_limit, page_of, parse_time_cursor, time_cursor
from crm_core.kernel.phone import recognise
from crm_core.organization.access import Action, Actor, Mask, Scope
from crm_core.organization.models import Department, User
from crm_core.organization.preferences import IntakeRules

_Bringer, _Registrar, _Holder, _Finisher = aliased(User), aliased(User), aliased(User), aliased(User)
_R, _E = Registration, RegistrationEntry
# Word by word as in the partial index, or the databases would not use it.
OPEN_ENTRY: ColumnElement[bool] = literal_column("registration_entries.state IN ('waiting', 'parked')", Boolean)
_MOST_ROWS = 500


class Show(StrEnum):
    """Which stacks: with sheets that are not entered yet, with parked ones, or all of them, newest first."""

    OPEN = "open"
    PARKED = "parked"
    ALL = "all"


def visible_to(actor: Actor, action: Action = Action.INTAKE_HAND_IN) -> ColumnElement[bool] | None:
    """Which stacks the right reaches; None is all. Raises Denied without the right."""
    scope = actor.require(action)
    if scope is Scope.ALL:
        return None
    own = _R.handed_in_by_id == actor.user_id
    departments = actor.departments(action)
    return or_(own, _R.department_id.in_(departments)) if departments else own


def _rows() -> AnySelect:
    return (
        select(
            _R.id, _R.sheets, _R.handed_in_at, _R.business_day, _Bringer.name.label("handed_in_by"), _R.collected_by,
            _R.collected_at, _R.department_id, Department.name.label("department"), _R.source, _R.remarks, _R.scan_id,
            _Registrar.name.label("registered_by"), _R.registered_at,
        )
        .outerjoin(_Bringer, _Bringer.id == _R.handed_in_by_id)
        .outerjoin(_Registrar, _Registrar.id == _R.registered_by_id)
        .outerjoin(Department, Department.id == _R.department_id)
    )  # fmt: skip


async def registrations(
    session: AsyncSession,
    actor: Actor,
    *,
    today: date,
    rules: IntakeRules,
    show: Show = Show.OPEN,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[RegistrationView]:
    """Those with open sheets in order of hand-in, all of them newest first."""
    checked_limit(limit)
    rows, place = _rows(), tuple_(_R.handed_in_at, _R.id)
    seen = visible_to(actor)
    rows = rows if seen is None else rows.where(seen)
    if show is not Show.ALL:
        open_ones = select(_E.registration_id).where(OPEN_ENTRY)
        if show is Show.PARKED:
            open_ones = open_ones.where(_E.state == EntryState.PARKED)
        rows = rows.where(_R.id.in_(open_ones))
    if cursor is not None:
        at, last = parse_time_cursor(cursor)
        bound = tuple_(literal(at, UtcDateTime), literal(last))
        rows = rows.where(place < bound if show is Show.ALL else place > bound)
    order = (_R.handed_in_at.desc(), _R.id.desc()) if show is Show.ALL else (_R.handed_in_at, _R.id)
    found = (await session.execute(rows.order_by(*order).limit(limit + 1))).all()
    page = page_of(found, limit, lambda row: time_cursor(row.handed_in_at, row.id))
    return Page(await _views(session, page.items, today, rules), page.next)


async def registration(
    session: AsyncSession,
    actor: Actor,
    registration_id: int,
    *,
    now: datetime,
    today: date,
    rules: IntakeRules,
    action: Action = Action.INTAKE_HAND_IN,
) -> RegistrationView:
    """One stack with its sheets. Raises NotFound when the right does not reach it."""
    rows, seen = _rows().where(_R.id == registration_id), visible_to(actor, action)
    row = (await session.execute(rows if seen is None else rows.where(seen))).one_or_none()
    if row is None:
        raise no_registration()
    sheets = await _entries(session, actor, _E.registration_id == registration_id, now)
    (view,) = await _views(session, [row], today, rules, {registration_id: tuple(sheets)})
    return view


async def entry(
    session: AsyncSession, actor: Actor, entry_id: int, *, now: datetime, action: Action = Action.INTAKE_HAND_IN
) -> EntryView:
    """One sheet. Raises NotFound when the right does not reach its stack."""
    found = await _entries(session, actor, _E.id == entry_id, now, action)
    if not found:
        raise no_entry()
    return found[0]


async def _entries(
    session: AsyncSession,
    actor: Actor,
    where: ColumnElement[bool],
    now: datetime,
    action: Action = Action.INTAKE_HAND_IN,
) -> list[EntryView]:
    rows = (
        select(_E, Customer.account_number, _Holder.name.label("claimed_by"), _Finisher.name.label("finished_by"))
        .join(_R, _R.id == _E.registration_id)
        .outerjoin(Customer, Customer.id == _E.customer_id)
        .outerjoin(_Holder, _Holder.id == _E.claimed_by_id)
        .outerjoin(_Finisher, _Finisher.id == _E.finished_by_id)
        .where(where)
    )
    seen = visible_to(actor, action)
    rows = (rows if seen is None else rows.where(seen)).order_by(_E.position).limit(_MOST_ROWS)
    masked = actor.masks(Mask.PHONE)
    return [_entry_view(row, now, masked) for row in await session.execute(rows)]


def _entry_view(row: AnyRow, now: datetime, masked: bool) -> EntryView:
    sheet: RegistrationEntry = row[0]
    held = sheet.claimed_until is not None and sheet.claimed_until > now
    known = recognise(sheet.phone) if masked and sheet.phone else None
    hidden = masked_number(sheet.phone, known.e164 if known else None) if masked and sheet.phone else sheet.phone
    return EntryView(
        id=sheet.id,
        registration_id=sheet.registration_id,
        position=sheet.position,
        name=sheet.name,
        phone=hidden,
        masked=masked and bool(sheet.phone),
        note=sheet.note,
        state=sheet.state,
        claimed_by_id=sheet.claimed_by_id if held else None,
        claimed_by=row.claimed_by if held else None,
        claimed_until=sheet.claimed_until if held else None,
        reason=sheet.reason,
        customer_id=sheet.customer_id,
        account_number=row.account_number,
        existed=sheet.existed,
        finished_by=row.finished_by,
        finished_at=sheet.finished_at,
    )


async def _views(
    session: AsyncSession,
    rows: Sequence[AnyRow],
    today: date,
    rules: IntakeRules,
    sheets: dict[int, tuple[EntryView, ...]] | None = None,
) -> list[RegistrationView]:
    counts = await _counts(session, [row.id for row in rows])
    volumes = await sheets_by_day(session, {row.business_day for row in rows})
    views = []
    for row in rows:
        count = counts.get(row.id, Counts())
        due = due_day(row.business_day, volumes.get(row.business_day, 0), rules)
        views.append(
            RegistrationView(
                **row._mapping,
                due_on=due,
                overdue=due < today and count.open > 0,
                counts=count,
                entries=(sheets or {}).get(row.id, ()),
            )
        )
    return views


async def _counts(session: AsyncSession, registration_ids: Iterable[int]) -> dict[int, Counts]:
    rows = (
        select(_E.registration_id, _E.state, func.count())
        .where(_E.registration_id.in_(list(registration_ids)))
        .group_by(_E.registration_id, _E.state)
    )
    found: dict[int, dict[str, int]] = {}
    for registration_id, state, count in await session.execute(rows):
        found.setdefault(registration_id, {})[state.value] = count
    return {registration_id: Counts(**states) for registration_id, states in found.items()}


async def sheets_by_day(session: AsyncSession, days: Iterable[date]) -> dict[date, int]:
    """How many sheets the whole company handed in on each of these days: what allows a delay."""
    rows = select(_R.business_day, func.sum(_R.sheets)).where(_R.business_day.in_(list(days)))
    return {day: int(count) for day, count in await session.execute(rows.group_by(_R.business_day))}


async def backlog(session: AsyncSession, actor: Actor, *, today: date, rules: IntakeRules) -> list[BacklogRow]:
    """What is not entered yet by day, department and collector, the oldest day first; at most 500 lines."""
    rows = (
        select(
            _R.business_day,
            Department.name.label("department"),
            _R.collected_by,
            func.sum(case((_E.state == EntryState.WAITING, 1), else_=0)).label("waiting"),
            func.sum(case((_E.state == EntryState.PARKED, 1), else_=0)).label("parked"),
            func.min(_E.handed_in_at).label("oldest_at"),
        )
        .select_from(_E)
        .join(_R, _R.id == _E.registration_id)
        .outerjoin(Department, Department.id == _R.department_id)
        .where(OPEN_ENTRY)
        .group_by(_R.business_day, Department.name, _R.collected_by)
        .order_by(_R.business_day, Department.name, _R.collected_by)
        .limit(_MOST_ROWS)
    )
    seen = visible_to(actor)
    found = (await session.execute(rows if seen is None else rows.where(seen))).all()
    volumes = await sheets_by_day(session, {row.business_day for row in found})
    lines = []
    for row in found:
        due = due_day(row.business_day, volumes.get(row.business_day, 0), rules)
        lines.append(BacklogRow(**row._mapping, due_on=due, overdue=due < today))
    return lines


async def day_clock(session: AsyncSession, actor: Actor, *, now: datetime, zone: tzinfo, rules: IntakeRules) -> Clock:
    """Where the day stands."""
    today = business_day(now, zone)
    lines = await backlog(session, actor, today=today, rules=rules)
    handed_in = select(func.coalesce(func.sum(_R.sheets), 0)).where(_R.business_day == today)
    start, end = _bounds(today, zone)
    finished = (
        select(func.count())
        .select_from(_E)
        .join(_R, _R.id == _E.registration_id)
        .where(_E.finished_at >= start, _E.finished_at < end)
    )
    seen = visible_to(actor)
    if seen is not None:
        handed_in, finished = handed_in.where(seen), finished.where(seen)
    return Clock(
        today=today,
        handed_in=int((await session.execute(handed_in)).scalar_one()),
        finished=(await session.execute(finished)).scalar_one(),
        waiting=sum(line.waiting for line in lines),
        parked=sum(line.parked for line in lines),
        due_today=sum(line.waiting + line.parked for line in lines if line.due_on == today),
        overdue=sum(line.waiting + line.parked for line in lines if line.overdue),
        oldest_at=min((line.oldest_at for line in lines), default=None),
    )


async def clerks_of(session: AsyncSession, actor: Actor, day: date, zone: tzinfo) -> list[ClerkDay]:
    """Who entered how many sheets on that day, most first."""
    start, end = _bounds(day, zone)
    done = _E.state == EntryState.DONE
    rows = (
        select(
            _Finisher.name,
            func.sum(case((done & ~_E.existed, 1), else_=0)),
            func.sum(case((done & _E.existed, 1), else_=0)),
            func.sum(case((_E.state == EntryState.REJECTED, 1), else_=0)),
        )
        .select_from(_E)
        .join(_R, _R.id == _E.registration_id)
        .outerjoin(_Finisher, _Finisher.id == _E.finished_by_id)
        .where(_E.finished_at >= start, _E.finished_at < end)
        .group_by(_Finisher.name)
        .order_by(func.count().desc(), _Finisher.name)
        .limit(_MOST_ROWS)
    )
    seen = visible_to(actor)
    found = await session.execute(rows if seen is None else rows.where(seen))
    return [ClerkDay(*row) for row in found]


def _bounds(day: date, zone: tzinfo) -> tuple[datetime, datetime]:
    start = datetime.combine(day, time.min, tzinfo=zone)
    return start, datetime.combine(date.fromordinal(day.toordinal() + 1), time.min, tzinfo=zone)


async def stack_to_change(session: AsyncSession, actor: Actor, registration_id: int) -> Registration:
    """The stack, locked. Raises NotFound when the right to hand in does not reach it."""
    rows, seen = select(_R).where(_R.id == registration_id).with_for_update(), visible_to(actor)
    found = (await session.scalars(rows if seen is None else rows.where(seen))).one_or_none()
    if found is None:
        raise no_registration()
    return found


async def next_to_enter(session: AsyncSession, actor: Actor, now: datetime) -> RegistrationEntry | None:
    """The oldest sheet that nobody has, locked; one that a colleague is being given at this moment is passed over."""
    rows = (
        select(_E)
        .join(_R, _R.id == _E.registration_id)
        .where(
            OPEN_ENTRY,
            _E.state == EntryState.WAITING,
            or_(_E.claimed_until.is_(None), _E.claimed_until <= now, _E.claimed_by_id == actor.user_id),
        )
        # One's own comes first: after a crash the clerk goes on where he was.
        .order_by(
            case((_E.claimed_by_id == actor.user_id, 0), else_=1), _E.handed_in_at, _E.registration_id, _E.position
        )
        .limit(1)
        .with_for_update(of=_E, skip_locked=True)
    )
    seen = visible_to(actor, Action.INTAKE_ENTER)
    return (await session.scalars(rows if seen is None else rows.where(seen))).one_or_none()


async def entry_to_change(session: AsyncSession, actor: Actor, entry_id: int) -> RegistrationEntry:
    """The sheet, locked against a colleague. Raises NotFound when the right does not reach it."""
    rows = select(_E).join(_R, _R.id == _E.registration_id).where(_E.id == entry_id).with_for_update(of=_E)
    seen = visible_to(actor, Action.INTAKE_ENTER)
    found = (await session.scalars(rows if seen is None else rows.where(seen))).one_or_none()
    if found is None:
        raise no_entry()
    return found


def no_registration() -> NotFound:
    return NotFound("registration_not_found", "There is no such registration.")


def no_entry() -> NotFound:
    return NotFound("registration_entry_not_found", "There is no such sheet.")
