"""Reads of the call log: pages, one call, what the recorder and a restart need to know."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, func, literal, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, aliased

from crm_core.calls.facts import CallStatus, Direction
from crm_core.calls.models import (
    Call,
    CallAlias,
    CallEvents,
    CallNote,
    CallParty,
    Leg,
    Recording,
)
from crm_core.calls.views import CallDetail, CallView, LegView, NoteView, RecordingView, Reference
from crm_core.customers.models import Customer
from crm_core.db.types import AnyRow, AnySelect, UtcDateTime
from crm_core.kernel.errors import NotFound
from crm_core.kernel.pages import Page, checked_limit, page_of, parse_time_cursor, time_cursor
from crm_core.kernel.phone import mask, recognise
from crm_core.organization.access import Action, Actor, Mask, Scope
from crm_core.organization.models import User


@dataclass(frozen=True, slots=True)
class CallFilter:
    """What a list of calls is cut by; ``agent`` is an extension, ``number`` a number or a part of one."""

    started_from: datetime | None = None
    started_to: datetime | None = None
    status: CallStatus | None = None
    direction: Direction | None = None
    agent: str | None = None
    queue: str | None = None
    number: str | None = None
    customer_id: int | None = None


_At = InstrumentedAttribute[datetime]
_CallId = InstrumentedAttribute[int]
_Owner, _Claimer = aliased(User), aliased(User)
# Its own alias: a list that walks along the parties itself must not swallow it. Made once, as it copies every column.
_Party = aliased(CallParty)
_COLUMNS = (
    Call.id,
    Call.pbx,
    Call.uniqueid,
    Call.direction,
    Call.state,
    Call.status,
    Call.caller_number,
    Call.caller_name,
    Call.called_number,
    Call.customer_number,
    Call.customer_id,
    Customer.name.label("customer_name"),
    Call.owner_id,
    _Owner.name.label("owner_name"),
    Call.queue,
    Call.started_at,
    Call.answered_at,
    Call.ended_at,
    Call.wait_seconds,
    Call.talk_seconds,
    Call.hold_seconds,
    Call.agents,
    Call.transferred,
    Call.ended_by,
    Call.certainty,
    Call.progress,
    Call.disposition,
    Call.next_at,
    Call.claimed_by_id,
    _Claimer.name.label("claimer_name"),
    Call.claimed_at,
    Call.returned_at,
)


def call_rows(*more: Any) -> AnySelect:
    """The columns of a CallView with the names that belong to them; other modules add their conditions."""
    return (
        select(*_COLUMNS, *more)
        .outerjoin(Customer, Customer.id == Call.customer_id)
        .outerjoin(_Owner, _Owner.id == Call.owner_id)
        .outerjoin(_Claimer, _Claimer.id == Call.claimed_by_id)
    )


def visible_to(actor: Actor, action: Action) -> ColumnElement[bool] | None:
    """Which calls the right reaches; None is all. Raises Denied without the right.

    A call that nobody of ours was rung for belongs to nobody: whoever reaches a department sees those of the own PBX.
    """
    scope = actor.require(action)
    if scope is Scope.ALL:
        return None
    # With the time, that one look into the index (user, time, call) answers it.
    own = exists().where(
        _Party.user_id == actor.user_id, _Party.started_at == Call.started_at, _Party.call_id == Call.id
    )
    if scope is Scope.OWN:
        return own
    nobodys = and_(Call.owner_id.is_(None), Call.department_id.is_(None), Call.pbx == actor.pbx)
    departments = actor.departments(action) or frozenset()
    return or_(Call.department_id.in_(departments), nobodys, own)


async def calls(
    session: AsyncSession, actor: Actor, where: CallFilter, *, limit: int = 50, cursor: str | None = None
) -> Page[CallView]:
    """The call log, newest first. Three statements, whatever the number of rows."""
    checked_limit(limit)
    rows, at, identifier = _walked(actor, where)
    rows = _filtered(rows, where, at)
    if cursor is not None:
        until, last = parse_time_cursor(cursor)
        rows = rows.where(tuple_(at, identifier) < tuple_(literal(until, UtcDateTime), literal(last)))
    found = (await session.execute(rows.order_by(at.desc(), identifier.desc()).limit(limit + 1))).all()
    page = page_of(found, limit, lambda row: time_cursor(row.started_at, row.id))
    return Page(await views(session, actor, page.items), page.next)


@dataclass(frozen=True, slots=True)
class CallTotals:
    """How many calls, how long one was talked on average (None without a talk; seconds), how many closed a sale."""

    calls: int
    average_talk: float | None
    closed: int


async def totals(session: AsyncSession, actor: Actor, where: CallFilter) -> CallTotals:
    """Of all calls that ``calls`` would list page by page."""
    rows, at, _identifier = _walked(actor, where)
    talked = func.avg(case((Call.talk_seconds > 0, Call.talk_seconds)))
    figures = (func.count(), talked, func.count(case((Call.progress == 100, 1))))
    count, average, closed = (await session.execute(_filtered(rows, where, at).with_only_columns(*figures))).one()
    return CallTotals(count, None if average is None else float(average), closed)


def _walked(actor: Actor, where: CallFilter) -> tuple[AnySelect, _At, _CallId]:
    """The calls within reach, and the columns whose index leads through them in order of time.

    One's own calls and those of one agent are walked along their parties: a filter over all calls would look at
    everybody's until it has found enough.
    """
    rows, seen = call_rows(), visible_to(actor, Action.CALL_READ)
    own = actor.scope(Action.CALL_READ) is Scope.OWN
    if not own and where.agent is None:
        return rows if seen is None else rows.where(seen), Call.started_at, Call.id
    party = CallParty.user_id == actor.user_id if own else _is_agent(CallParty, where.agent)
    rows = rows.join(CallParty, CallParty.call_id == Call.id).where(party)
    if own and where.agent is not None:
        rows = rows.where(exists().where(_Party.call_id == Call.id, _is_agent(_Party, where.agent)))
    elif seen is not None and not own:
        rows = rows.where(seen)
    return rows, CallParty.started_at, CallParty.call_id


def _is_agent(party: type[CallParty], extension: str | None) -> ColumnElement[bool]:
    return and_(party.extension == extension, party.as_agent)


def _filtered(rows: AnySelect, where: CallFilter, at: _At) -> AnySelect:
    if where.started_from is not None:
        rows = rows.where(at >= where.started_from)
    if where.started_to is not None:
        rows = rows.where(at < where.started_to)
    for column, value in ((Call.status, where.status), (Call.direction, where.direction), (Call.queue, where.queue)):
        if value is not None:
            rows = rows.where(column == value)
    if where.customer_id is not None:
        rows = rows.where(Call.customer_id == where.customer_id)
    return rows if where.number is None else rows.where(_number_is(where.number))


def _number_is(number: str) -> ColumnElement[bool]:
    """A customer's whole number goes by its index, in every form; a part is looked for inside what the PBX sent."""
    known = recognise(number)
    if known is not None and known.e164 is not None:
        return Call.customer_e164 == known.e164
    part = "".join(c for c in number if c.isdigit()) or number
    return or_(Call.caller_number.contains(part, autoescape=True), Call.called_number.contains(part, autoescape=True))


async def call(session: AsyncSession, actor: Actor, call_id: int, action: Action = Action.CALL_READ) -> CallDetail:
    """One call with everything. Raises NotFound when the right does not reach it."""
    row = (await session.execute(_one(actor, call_id, action, Call.queues, Call.holds))).one_or_none()
    if row is None:
        raise no_call()
    (view,) = await views(session, actor, [row])
    return CallDetail(view, await notes(session, row.id), tuple(row.queues or ()), tuple(row.holds or ()))


def _one(actor: Actor, call_id: int, action: Action, *more: Any) -> AnySelect:
    """By id, or by the id that it had before it became part of another."""
    merged = select(CallAlias.call_id).where(CallAlias.id == call_id).scalar_subquery()
    rows = call_rows(*more).where(or_(Call.id == call_id, Call.id == merged))
    seen = visible_to(actor, action)
    return rows if seen is None else rows.where(seen)


async def call_to_change(session: AsyncSession, actor: Actor, call_id: int, action: Action) -> Call:
    """The call itself, locked against another change at the same time. Raises NotFound."""
    merged = select(CallAlias.call_id).where(CallAlias.id == call_id).scalar_subquery()
    rows = select(Call).where(or_(Call.id == call_id, Call.id == merged)).with_for_update()
    seen = visible_to(actor, action)
    found = (await session.scalars(rows if seen is None else rows.where(seen))).one_or_none()
    if found is None:
        raise no_call()
    return found


def no_call() -> NotFound:
    return NotFound("call_not_found", "There is no such call.")


async def views(session: AsyncSession, actor: Actor, rows: Sequence[AnyRow]) -> list[CallView]:
    """Rows of ``call_rows`` with their legs and recordings: two more statements."""
    ids = [row.id for row in rows]
    legs = await legs_of(session, ids)
    sound = await recordings_of(session, ids)
    masked = actor.masks(Mask.PHONE)
    return [_view(row, masked, tuple(legs.get(row.id, ())), tuple(sound.get(row.id, ()))) for row in rows]


def _view(row: AnyRow, masked: bool, legs: tuple[LegView, ...], recordings: tuple[RecordingView, ...]) -> CallView:
    caller, called, name = row.caller_number, row.called_number, row.caller_name
    if masked:
        caller = mask(caller) if row.direction is Direction.INBOUND else caller
        called = mask(called) if row.direction is Direction.OUTBOUND else called
        name = mask(name) if name and sum(c.isdigit() for c in name) >= 7 else name
    return CallView(
        id=row.id,
        pbx=row.pbx,
        uniqueid=row.uniqueid,
        direction=row.direction,
        state=row.state,
        status=row.status,
        caller_number=caller,
        caller_name=name,
        called_number=called,
        customer_number=mask(row.customer_number) if masked else row.customer_number,
        customer=_reference(row.customer_id, row.customer_name),
        owner=_reference(row.owner_id, row.owner_name),
        queue=row.queue,
        started_at=row.started_at,
        answered_at=row.answered_at,
        ended_at=row.ended_at,
        wait_seconds=row.wait_seconds,
        talk_seconds=row.talk_seconds,
        hold_seconds=row.hold_seconds,
        agents=tuple(row.agents or ()),
        transferred=row.transferred,
        ended_by=row.ended_by,
        certainty=row.certainty,
        progress=row.progress,
        disposition=row.disposition,
        next_at=row.next_at,
        claimed_by=_reference(row.claimed_by_id, row.claimer_name),
        claimed_at=row.claimed_at,
        returned_at=row.returned_at,
        legs=legs,
        recordings=recordings,
    )


def _reference(identifier: int | None, name: str | None) -> Reference | None:
    return None if identifier is None else Reference(identifier, name or "")


_LEG = (
    Leg.call_id,
    Leg.id,
    Leg.extension,
    Leg.user_id,
    Leg.rang_at,
    Leg.answered_at,
    Leg.ended_at,
    Leg.outcome,
    Leg.talk_seconds,
    Leg.hold_seconds,
    Leg.queue,
    Leg.transferred_from,
)


async def legs_of(session: AsyncSession, call_ids: Iterable[int]) -> dict[int, list[LegView]]:
    """In the order in which they rang."""
    rows = await session.execute(select(*_LEG).where(Leg.call_id.in_(list(call_ids))).order_by(Leg.rang_at, Leg.id))
    found: dict[int, list[LegView]] = {}
    for call_id, *rest in rows:
        found.setdefault(call_id, []).append(LegView(*rest))
    return found


RECORDING_COLUMNS = (
    Recording.id,
    Recording.call_id,
    Recording.pbx,
    Recording.file,
    Recording.started_at,
    Recording.stopped_at,
    Recording.state,
    Recording.seconds,
    Recording.size,
    Recording.pauses,
)


async def recordings_of(session: AsyncSession, call_ids: Iterable[int]) -> dict[int, list[RecordingView]]:
    rows = await session.execute(
        select(*RECORDING_COLUMNS)
        .where(Recording.call_id.in_(list(call_ids)))
        .order_by(Recording.started_at, Recording.id)
    )
    found: dict[int, list[RecordingView]] = {}
    for row in rows:
        found.setdefault(row.call_id, []).append(recording_view(row))
    return found


def recording_view(row: AnyRow) -> RecordingView:
    *plain, pauses = tuple(row)
    values: tuple[Any, ...] = (*plain, tuple((start, end) for start, end in pauses or ()))
    return RecordingView(*values)


async def recording(session: AsyncSession, actor: Actor, recording_id: int) -> RecordingView:
    """Raises NotFound when the right to listen does not reach its call."""
    rows = select(*RECORDING_COLUMNS).join(Call, Call.id == Recording.call_id).where(Recording.id == recording_id)
    seen = visible_to(actor, Action.RECORDING_PLAY)
    row = (await session.execute(rows if seen is None else rows.where(seen))).one_or_none()
    if row is None:
        raise NotFound("recording_not_found", "There is no such recording.")
    return recording_view(row)


async def notes(session: AsyncSession, call_id: int) -> tuple[NoteView, ...]:
    """Oldest first, as a conversation is read."""
    rows = await session.execute(
        select(CallNote.id, CallNote.at, User.name, CallNote.text)
        .outerjoin(User, User.id == CallNote.author_id)
        .where(CallNote.call_id == call_id)
        .order_by(CallNote.at, CallNote.id)
    )
    return tuple(NoteView(*row) for row in rows)


async def events(session: AsyncSession, call_id: int) -> list[bytes]:
    """The call's chunks of the journal, oldest first, as ``rules.unpack_events`` reads them."""
    merged = select(CallAlias.call_id).where(CallAlias.id == call_id).scalar_subquery()
    rows = select(CallEvents.events).where(or_(CallEvents.call_id == call_id, CallEvents.call_id == merged))
    return list(await session.scalars(rows.order_by(CallEvents.at, CallEvents.id)))
