"""Average talk time by agent and day against what is normal: the chart, its table, and the way to the calls."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any, Final

from aiohttp import web

from crm_core.calls import report_queries
from crm_core.calls.report_queries import TalkTime
from crm_core.calls.rules import band
from crm_core.kernel.errors import Rejected
from crm_core.organization import queries
from crm_core.organization.access import Action
from web import i18n
from web.auth import actor_of
from web.context import context_of
from web.i18n import gettext as _
from web.pages.calls import address, day
from web.pages.frame import html, said
from web.pages.preferred import preferred

routes = web.RouteTableDef()
_FEWEST: Final = 3  # fewer calls on a day say nothing


def normal() -> SimpleNamespace:
    """The normal average talk time, as set, and how many calls a day needs to be judged."""
    low, high = preferred().normal_talk
    return SimpleNamespace(low=low, high=high, calls=_FEWEST)


@routes.get("/talktime")
async def talk_time(request: web.Request) -> web.StreamResponse:
    actor, context = actor_of(request, Action.REPORT_TALK_TIME), context_of(request)
    zone = context.settings.timezone
    today = context.clock.now().astimezone(zone).date()
    fields = {name: request.query[name] for name in ("from", "to") if request.query.get(name)}
    wrong, rows, extensions = None, list[TalkTime](), dict[int, str]()
    first, last = today - timedelta(days=6), today
    async with context.db.read() as session:
        try:
            first, last = day(fields.get("from")) or first, day(fields.get("to")) or last
            usual = preferred().normal_talk
            rows = await report_queries.talk_time(session, actor, first=first, last=last, zone=zone, normal=usual)
            phones = await queries.extensions(session)
            extensions = {person.user_id: extension for (_pbx, extension), person in phones.items()}
        except Rejected as error:
            wrong = said(error)
    days = sorted({row.day for row in rows})
    return html(
        request,
        "talktime.html",
        agents=_table(rows, days, extensions),
        chart=_chart(rows, days),
        day_columns=[(_short(one), "data-num") for one in days],
        normal=normal(),
        filter=fields or {"from": first.isoformat(), "to": last.isoformat()},
        presets=_presets(today, first, last),
        wrong=wrong,
    )


def _presets(today: date, first: date, last: date) -> list[tuple[str, str, bool]]:
    wishes = [
        (_("Today"), today, today),
        (_("7 days"), today - timedelta(days=6), today),
        (_("30 days"), today - timedelta(days=29), today),
    ]
    return [
        (text, address("/talktime", {"from": start.isoformat(), "to": end.isoformat()}), (start, end) == (first, last))
        for text, start, end in wishes
    ]


def _short(of: date) -> str:
    return f"{of.month}/{of.day}" if i18n.language() == "zh" else f"{of:%d %b}"


def judgement(row: TalkTime) -> str:
    """The band of the day's average, unless there were too few calls to say anything."""
    return "few" if row.calls < _FEWEST else row.band


def _table(rows: Sequence[TalkTime], days: Sequence[date], extensions: dict[int, str]) -> list[SimpleNamespace]:
    agents: dict[int, list[TalkTime]] = {}
    for row in rows:
        agents.setdefault(row.user_id, []).append(row)
    return [_agent(own, days, extensions.get(user_id)) for user_id, own in agents.items()]


def _agent(own: Sequence[TalkTime], days: Sequence[date], extension: str | None) -> SimpleNamespace:
    calls, total = sum(row.calls for row in own), sum(row.total for row in own)
    average = total / calls
    by_day = {row.day: row for row in own}
    return SimpleNamespace(
        name=own[0].display_name or own[0].name,
        extension=extension or "",
        calls=calls,
        average=average,
        outliers=sum(row.outliers for row in own),
        judgement="few" if calls < _FEWEST else band(average, preferred().normal_talk),
        days=[_cell(by_day[one], extension) if one in by_day else None for one in days],
    )


def _cell(row: TalkTime, extension: str | None) -> SimpleNamespace:
    fields = {"from": row.day.isoformat(), "to": row.day.isoformat(), "status": "answered"}
    if extension:
        fields["agent"] = extension
    href = address("/calls", fields)
    return SimpleNamespace(
        average=row.average, calls=row.calls, judgement=judgement(row), outliers=row.outliers, href=href
    )


def _chart(rows: Sequence[TalkTime], days: Sequence[date]) -> dict[str, Any]:
    return {
        "days": [one.isoformat() for one in days],
        "day_texts": [_short(one) for one in days],
        "low": preferred().normal_talk[0],
        "high": preferred().normal_talk[1],
        "points": [
            {
                "day": row.day.isoformat(),
                "day_text": _short(row.day),
                "name": row.display_name or row.name,
                "average": round(row.average, 1),
                "calls": row.calls,
                "judgement": judgement(row),
            }
            for row in rows
        ],
    }
