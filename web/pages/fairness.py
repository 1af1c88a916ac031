"""The report of fairness: who was given how many of which kind, as chart, table and Excel, by department and period."""

from __future__ import annotations

import asyncio
import io
import tempfile
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.allocation import change_queries, people_queries
from crm_core.customers.allocation.views import Fairness, PersonShare
from crm_core.customers.protection import sheets
from crm_core.customers.protection.columns import Cell
from crm_core.customers.protection.kinds import FileFormat
from crm_core.kernel import ids
from crm_core.organization import queries as organization
from crm_core.organization.access import Action, Actor
from web.auth import actor_of
from web.context import context_of
from web.i18n import gettext as _
from web.pages.allocation_shape import day_of, local_now, menu, picked
from web.pages.calls import address
from web.pages.frame import html
from web.pages.words import word

routes = web.RouteTableDef()
_RIGHT = Action.CUSTOMER_ASSIGN
_PATH = "/allocation/fairness"
_BARS = 60  # people of the chart; the table has all


@dataclass(frozen=True, slots=True)
class _Asked:
    """The period by its first and last day, and the department (None: all within reach)."""

    first: date
    last: date
    department_id: int | None

    def fields(self) -> dict[str, str]:
        span = {"from": self.first.isoformat(), "to": self.last.isoformat()}
        return span | ({"department": ids.show(self.department_id)} if self.department_id else {})


def _asked(request: web.Request) -> _Asked:
    today = local_now(request).date()
    first = day_of(request.query.get("from", "")) or today.replace(day=1)
    last = max(first, day_of(request.query.get("to", "")) or max(today, first))
    department = picked([request.query.get("department", "")])
    return _Asked(first, last, department[0] if department else None)


async def _report(request: web.Request, session: AsyncSession, actor: Actor, asked: _Asked) -> Fairness:
    now, zone = local_now(request), context_of(request).settings.timezone
    people = await people_queries.receivers(session, actor, asked.department_id)
    return await change_queries.fairness(
        session,
        [one.id for one in people],
        since=datetime.combine(asked.first, time.min, tzinfo=now.tzinfo),
        until=datetime.combine(asked.last + timedelta(days=1), time.min, tzinfo=now.tzinfo),
        now=now,
        zone=zone,
    )


@routes.get(_PATH)
async def fairness(request: web.Request) -> web.StreamResponse:
    """By default the present month; each figure leads to the customers behind it."""
    actor, asked = actor_of(request, _RIGHT), _asked(request)
    async with context_of(request).db.read() as session:
        found = await _report(request, session, actor, asked)
        reach = {one.department_id for one in await people_queries.receivers(session, actor)}
        departments = {one.id: one.name for one in await organization.departments(session) if one.id in reach}
    rows = [_row(line, found.total, departments, asked) for line in found.lines]
    return html(
        request,
        "allocation/fairness.html",
        menu=menu(actor, _PATH),
        rows=rows,
        found=found,
        filter=asked.fields(),
        departments=[(ids.show(one), name) for one, name in sorted(departments.items(), key=lambda item: item[1])],
        by_department=_by_department(found, departments, asked),
        chart=_chart(rows) if any(row["line"].allocated or row["line"].transferred for row in rows) else None,
        presets=_presets(local_now(request).date(), asked),
        excel=address(f"{_PATH}.xlsx", asked.fields()),
    )


def _row(line: PersonShare, total: int, departments: dict[int, str], asked: _Asked) -> dict[str, Any]:
    fields = {name: value for name, value in asked.fields().items() if name != "department"}
    whose = fields | {"to_user": ids.show(line.user_id)}
    return {
        "line": line,
        "department": departments.get(line.department_id or 0, ""),
        "share": line.allocated / total if total else None,
        "use": line.open / line.cap if line.cap else None,
        "href": address("/allocation/history", whose | {"kind": "allocation"}),
        "moved": address("/allocation/history", whose | {"kind": "given_on"}),
        "open": address("/customers", {"owner_id": ids.show(line.user_id)}),
    }


def _by_department(found: Fairness, departments: dict[int, str], asked: _Asked) -> list[dict[str, Any]]:
    """What each department was given in all and a head, for a report over several."""
    groups: dict[int, list[PersonShare]] = {}
    for line in found.lines:
        groups.setdefault(line.department_id or 0, []).append(line)
    if asked.department_id is not None or len(groups) < 2:
        return []
    return [
        {
            "name": departments.get(department, ""),
            "people": len(lines),
            "allocated": sum(line.allocated for line in lines),
            "each": sum(line.allocated for line in lines) / len(lines),
            "transferred": sum(line.transferred for line in lines),
            "open": sum(line.open for line in lines),
            "href": address(_PATH, asked.fields() | {"department": ids.show(department)}) if department else None,
        }
        for department, lines in sorted(groups.items(), key=lambda item: departments.get(item[0], ""))
    ]


def _chart(rows: list[dict[str, Any]]) -> dict[str, Any]:
    lines = [row["line"] for row in rows[:_BARS]]
    return {
        "names": [line.display_name for line in lines],
        "series": [
            {"name": _("Allocated"), "values": [line.allocated for line in lines]},
            {"name": _("Transferred"), "values": [line.transferred for line in lines]},
        ],
        "links": [row["href"] for row in rows[:_BARS]],
    }


def _presets(today: date, asked: _Asked) -> list[tuple[str, str, bool]]:
    monday, month = today - timedelta(days=today.weekday()), today.replace(day=1)
    before = (month - timedelta(days=1)).replace(day=1)
    spans = [
        (_("This week"), monday, today),
        (_("This month"), month, today),
        (_("Last month"), before, month - timedelta(days=1)),
    ]
    return [
        (
            text,
            address(_PATH, asked.fields() | {"from": first.isoformat(), "to": last.isoformat()}),
            (first, last) == (asked.first, asked.last),
        )
        for text, first, last in spans
    ]


@routes.get(f"{_PATH}.xlsx")
async def excel(request: web.Request) -> web.StreamResponse:
    """The table as it stands on the page."""
    actor, asked = actor_of(request, _RIGHT), _asked(request)
    async with context_of(request).db.read() as session:
        found = await _report(request, session, actor, asked)
        departments = {one.id: one.name for one in await organization.departments(session)}
    title = _("Fairness of allocation")
    period = f"{asked.first.isoformat()} – {asked.last.isoformat()}"
    measure = f"{word('evenness', found.evenness)} ({_('Gini')} {found.gini:.2f})"
    mark = sheets.Mark(title, f"{title} {period} · {measure} · {actor.display_name or actor.name}", actor.name, period)
    cells = [_cells(line, found.total, departments) for line in found.lines]
    body = await asyncio.to_thread(_written, cells, _headings(), mark)
    name = f"allocation-{asked.first.isoformat()}-{asked.last.isoformat()}.xlsx"
    return web.Response(
        body=body,
        content_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


def _headings() -> list[str]:
    return [
        _("Person"), _("Department"), _("New colleague"), _("Allocated"), _("Share"), _("Types"), _("Sources"),
        _("Transferred"), _("Open customers"), _("Cap"),
    ]  # fmt: skip


def _cells(line: PersonShare, total: int, departments: dict[int, str]) -> list[Cell]:
    return [
        line.display_name,
        departments.get(line.department_id or 0, ""),
        _("yes") if line.new else "",
        line.allocated,
        round(line.allocated / total, 4) if total else None,
        ", ".join(f"{name or _('without type')} {count}" for name, count in line.types.items()),
        ", ".join(f"{name or _('without source')} {count}" for name, count in line.sources.items()),
        line.transferred,
        line.open,
        line.cap,
    ]


def _written(rows: list[list[Cell]], headings: list[str], mark: sheets.Mark) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = io.BytesIO()
        table = sheets.sheet(FileFormat.XLSX, file, headings, mark, Path(folder))
        table.write(rows)
        table.close()
        return file.getvalue()
