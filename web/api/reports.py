"""Figures: talk time by agent and day against the normal one, and the day so far."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from crm_core.calls import report_queries
from crm_core.kernel import ids
from crm_core.organization import queries as organization
from crm_core.organization.access import Action
from web.api.asked import Asked
from web.api.settings import NormalTalkAnswer
from web.api.values import Day, Id, Input, Seconds, Time, time_text
from web.registry import Routes

routes = Routes("reports")
CalendarDay = Annotated[date, Field(ge=date(1970, 1, 1), lt=date(2200, 1, 1))]
Band = Literal["short", "normal", "long"]


class AgentAnswer(TypedDict):
    id: Id
    name: str
    display_name: str


class TalkTimeAnswer(TypedDict):
    """One agent's talk with customers on one business day; `outliers` are single calls far from normal."""

    agent: AgentAnswer
    day: Day
    calls: int
    total_seconds: Seconds
    average_seconds: Seconds
    median_seconds: Seconds
    shortest_seconds: Seconds
    longest_seconds: Seconds
    within_normal: int
    outliers: int
    band: Band


class TalkTimeReport(TypedDict):
    normal: NormalTalkAnswer
    items: list[TalkTimeAnswer]


class PeriodQuery(Input):
    first: Annotated[CalendarDay | None, Field(alias="from", description="first business day, default today")] = None
    last: Annotated[CalendarDay | None, Field(alias="to", description="last business day, default today")] = None


class TodayReport(TypedDict):
    """Inbound calls that wanted a person, since midnight; rates are 0 to 1, null without calls."""

    since: Time
    offered: int
    answered: int
    abandoned: int
    missed: int
    outbound: int
    answered_rate: float | None
    service_level: float | None
    average_wait_seconds: Seconds | None
    average_talk_seconds: Seconds | None
    to_return: int


@routes.route("GET", "/reports/talk-time", "Talk time by agent and day", right=Action.REPORT_TALK_TIME)
async def talk_time(asked: Asked, query: PeriodQuery) -> TalkTimeReport:
    """At most 92 days. A call counts on the day on which it began, for each who spoke."""
    zone = asked.context.settings.timezone
    today = asked.context.clock.now().astimezone(zone).date()
    last = query.last or max(today, query.first or today)
    first = query.first or min(today, last)
    async with asked.read() as session:
        normal = (await organization.preferences(session)).normal_talk
        rows = await report_queries.talk_time(session, asked.actor, first=first, last=last, zone=zone, normal=normal)
    return {"normal": {"low": normal[0], "high": normal[1]}, "items": [_row(row) for row in rows]}


def _row(row: report_queries.TalkTime) -> TalkTimeAnswer:
    band: Band = "short" if row.band == "short" else "long" if row.band == "long" else "normal"
    return {
        "agent": {"id": ids.show(row.user_id), "name": row.name, "display_name": row.display_name},
        "day": row.day.isoformat(),
        "calls": row.calls,
        "total_seconds": row.total,
        "average_seconds": row.average,
        "median_seconds": row.median,
        "shortest_seconds": row.shortest,
        "longest_seconds": row.longest,
        "within_normal": row.within_normal,
        "outliers": row.outliers,
        "band": band,
    }


@routes.route("GET", "/reports/today", "The day so far", right=Action.BOARD_WATCH)
async def today(asked: Asked) -> TodayReport:
    zone = asked.context.settings.timezone
    day = asked.context.clock.now().astimezone(zone).date()
    midnight = datetime.combine(day, time.min, tzinfo=zone)
    async with asked.read() as session:
        targets = (await organization.preferences(session)).targets
        in_time = targets.service_level_seconds
        numbers = await report_queries.board(session, asked.actor, since=midnight, in_time=in_time)
    return {
        "since": time_text(midnight, zone) or "",
        "offered": numbers.offered,
        "answered": numbers.answered,
        "abandoned": numbers.abandoned,
        "missed": numbers.missed,
        "outbound": numbers.outbound,
        "answered_rate": numbers.answered_rate,
        "service_level": numbers.service_level,
        "average_wait_seconds": numbers.average_wait,
        "average_talk_seconds": numbers.average_talk,
        "to_return": numbers.to_return,
    }
