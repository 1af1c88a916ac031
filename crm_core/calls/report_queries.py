"""Figures of calls: talk time by agent and business day, and today's numbers for the live board."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from sqlalchemy import ColumnElement, Double, and_, case, cast, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from crm_core.calls.facts import CallStatus, Direction, LegOutcome
from crm_core.calls.missed_queries import count_to_return
from crm_core.calls.models import Call, CallParty, Leg
from crm_core.calls.queries import visible_to
from crm_core.calls.rules import band, day_bounds
from crm_core.db.types import AnySelect
from crm_core.kernel.errors import Rejected
from crm_core.organization.access import Action, Actor, Scope
from crm_core.organization.models import User
from crm_core.organization.preferences import NORMAL_TALK, Targets

LONGEST_REPORT = timedelta(days=92)


@dataclass(frozen=True, slots=True)
class TalkTime:
    """One agent's talk with customers on one business day, in seconds.

    ``band`` compares the average with the normal one: short, normal or long. ``outliers`` are single calls under half
    the normal or over twice of it.
    """

    user_id: int
    name: str
    display_name: str
    day: date
    calls: int
    total: float
    average: float
    median: float
    shortest: float
    longest: float
    within_normal: int
    outliers: int
    band: str


@dataclass(frozen=True, slots=True)
class BoardNumbers:
    """Inbound calls that wanted a person, since the start of the day; rates are 0 to 1, None without calls."""

    offered: int
    answered: int
    abandoned: int
    missed: int
    outbound: int
    answered_rate: float | None
    service_level: float | None
    average_wait: float | None
    average_talk: float | None
    to_return: int


@dataclass(frozen=True, slots=True)
class AgentNumbers:
    """One agent's day so far; ``not_taken`` counts rings that he let go by."""

    user_id: int
    name: str
    display_name: str
    extension: str | None
    calls: int
    talk_seconds: float
    average_talk: float | None
    not_taken: int


def _people(actor: Actor, action: Action) -> ColumnElement[bool] | None:
    """Whose figures the actor may see; None is all."""
    scope = actor.require(action)
    if scope is Scope.ALL:
        return None
    own = User.id == actor.user_id
    departments = actor.departments(action)
    return or_(own, User.department_id.in_(departments)) if departments else own


async def talk_time(
    session: AsyncSession,
    actor: Actor,
    *,
    first: date,
    last: date,
    zone: tzinfo,
    normal: tuple[float, float] = NORMAL_TALK,
) -> list[TalkTime]:
    """By name and day, in one statement; a call counts on the day on which it began, for each who spoke.

    Raises Rejected for more than 92 days.
    """
    days = _days(first, last)
    bounds = [day_bounds(day, zone) for day in days]
    which = case(*((Call.started_at < end, index) for index, (_, end) in enumerate(bounds)), else_=len(bounds))
    talk = CallParty.talk_seconds
    talks = (
        select(CallParty.user_id, which.label("day"), talk.label("talk"))
        .join(Call, Call.id == CallParty.call_id)
        .join(User, User.id == CallParty.user_id)
        .where(Call.started_at >= bounds[0][0], Call.started_at < bounds[-1][1])
        .where(CallParty.spoke_at.is_not(None), talk.is_not(None), Call.direction != Direction.INTERNAL)
    )
    people = _people(actor, Action.REPORT_TALK_TIME)
    spoken = (talks if people is None else talks.where(people)).subquery()
    place = func.row_number().over(partition_by=(spoken.c.user_id, spoken.c.day), order_by=spoken.c.talk)
    many = func.count().over(partition_by=(spoken.c.user_id, spoken.c.day))
    ordered = select(spoken, place.label("place"), many.label("many")).subquery()
    found = await session.execute(_talk_figures(ordered, normal))
    return [_figures(tuple(row), days, normal) for row in found]


def _figures(row: tuple[Any, ...], days: list[date], normal: tuple[float, float]) -> TalkTime:
    *person, day, calls, total, average = row[:7]
    values: tuple[Any, ...] = (*person, days[day], calls, total, average, *row[7:], band(average, normal))
    return TalkTime(*values)


def _talk_figures(ordered: Any, normal: tuple[float, float]) -> AnySelect:
    talk, low, high = ordered.c.talk, *normal
    # The one or two in the middle: the median without a function that only one database has.
    middle = func.abs(ordered.c.place * 2 - ordered.c.many - 1) <= 1
    inside = case((talk.between(low, high), 1), else_=0)
    outside = case((or_(talk < low / 2, talk > high * 2), 1), else_=0)
    return (
        select(
            User.id,
            User.name,
            User.display_name,
            ordered.c.day,
            func.count().label("calls"),
            func.sum(talk),
            func.avg(talk).label("average"),
            func.avg(case((middle, talk))),
            func.min(talk),
            func.max(talk),
            func.sum(inside),
            func.sum(outside),
        )
        .join(User, User.id == ordered.c.user_id)
        .group_by(User.id, User.name, User.display_name, ordered.c.day)
        .order_by(User.name, ordered.c.day)
    )


def _days(first: date, last: date) -> list[date]:
    span = last - first
    if not timedelta(0) <= span < LONGEST_REPORT:
        raise Rejected(
            "period_invalid",
            f"The period must end after its start and span at most {LONGEST_REPORT.days} days.",
            errors={"to": "out of range"},
        )
    return [first + timedelta(days=n) for n in range(span.days + 1)]


async def board(
    session: AsyncSession,
    actor: Actor,
    *,
    since: datetime,
    missed_since: datetime | None = None,
    in_time: float = Targets().service_level_seconds,
) -> BoardNumbers:
    """Two statements; callers who met only machines or gave up before any queue or phone do not count.

    The service level is the share that was answered within ``in_time`` seconds.
    """
    answered = and_(Call.direction == Direction.INBOUND, Call.status == CallStatus.ANSWERED)
    lost = and_(Call.direction == Direction.INBOUND, Call.status == CallStatus.ABANDONED)
    missed = and_(Call.direction == Direction.INBOUND, Call.status == CallStatus.MISSED)
    rows = select(
        _count(answered),
        _count(lost),
        _count(missed),
        _count(Call.direction == Direction.OUTBOUND),
        _count(and_(answered, Call.wait_seconds <= in_time)),
        func.avg(case((answered, Call.wait_seconds))),
        func.avg(case((answered, Call.talk_seconds))),
    ).where(Call.started_at >= since)
    seen = visible_to(actor, Action.BOARD_WATCH)
    numbers = (await session.execute(rows if seen is None else rows.where(seen))).one()
    took, left, unanswered, outbound, quickly, wait, talk = numbers
    offered = took + left + unanswered
    return BoardNumbers(
        offered=offered,
        answered=took,
        abandoned=left,
        missed=unanswered,
        outbound=outbound,
        answered_rate=took / offered if offered else None,
        service_level=quickly / offered if offered else None,
        average_wait=wait,
        average_talk=talk,
        to_return=await count_to_return(session, actor, since=missed_since or since),
    )


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


async def agents_today(session: AsyncSession, actor: Actor, *, since: datetime) -> list[AgentNumbers]:
    """By name; every active user with a phone, also those without a call. One statement."""
    speaker = aliased(User)
    today = and_(CallParty.user_id == speaker.id, CallParty.started_at >= since)
    spoken = (
        select(speaker.id.label("user_id"), func.count().label("calls"), func.sum(CallParty.talk_seconds).label("talk"))
        .join(CallParty, today)
        .where(CallParty.spoke_at.is_not(None))
        .group_by(speaker.id)
        .subquery()
    )
    # Not the bare column: to group in its index's order SQLite would read every ring there ever was.
    rung = func.coalesce(Leg.user_id, 0)
    let_go = (
        select(rung.label("user_id"), func.count().label("rings"))
        .join(Call, Call.id == Leg.call_id)
        .where(Call.started_at >= since)
        .where(or_(Leg.outcome == LegOutcome.NO_ANSWER, Leg.outcome == LegOutcome.DECLINED))
        .group_by(rung)
        .subquery()
    )
    calls, talk = func.coalesce(spoken.c.calls, 0), func.coalesce(spoken.c.talk, 0.0)
    rows = (
        select(
            User.id,
            User.name,
            User.display_name,
            User.extension,
            calls,
            talk,
            case((spoken.c.calls > 0, cast(spoken.c.talk, Double) / spoken.c.calls)),
            func.coalesce(let_go.c.rings, literal(0)),
        )
        .outerjoin(spoken, spoken.c.user_id == User.id)
        .outerjoin(let_go, let_go.c.user_id == User.id)
        .where(User.extension.is_not(None), User.active)
        .order_by(User.name)
    )
    people = _people(actor, Action.BOARD_WATCH)
    return [AgentNumbers(*row) for row in await session.execute(rows if people is None else rows.where(people))]
