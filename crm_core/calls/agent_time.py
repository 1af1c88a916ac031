"""The agents' working time: a chain of spans without holes, at most one open for each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, update

from crm_core.calls import recorder_queries
from crm_core.calls.models import AgentSpan, AgentStatus
from crm_core.db.uow import UnitOfWork
from crm_core.db.upsert import table_of
from crm_core.kernel.ids import new_id

_spans = table_of(AgentSpan)
_CLOSE = update(_spans).where(_spans.c.id == bindparam("span")).values(ended_at=bindparam("end"))


@dataclass(frozen=True, slots=True)
class AgentChange:
    """An agent is in this state from now on."""

    user_id: int
    status: AgentStatus
    reason: str | None
    at: datetime


async def store_agent_changes(uow: UnitOfWork, changes: Sequence[AgentChange]) -> None:
    """Closes what was open and opens what follows, for any number of changes in at most three statements."""
    if not changes:
        return
    rows: dict[int, dict[str, Any]] = {}
    closed: list[dict[str, Any]] = []
    done: list[dict[str, Any]] = []
    for span in await recorder_queries.open_spans(uow.session, {change.user_id for change in changes}):
        rows[span.user_id] = {**span._mapping, "stored": True}
    for change in sorted(changes, key=lambda one: one.at):
        current = rows.get(change.user_id)
        if current is not None and (current["status"], current["reason"]) == (change.status, change.reason):
            continue
        if current is not None:
            end = max(change.at, current["started_at"])  # the PBX's clock may have been set back
            if current["stored"]:
                closed.append({"span": current["id"], "end": end})
            elif end > current["started_at"]:
                done.append({**_plain(current), "ended_at": end})
        rows[change.user_id] = _opened(change, current)
    await _write(uow, closed, [*done, *(_plain(row) for row in rows.values() if not row["stored"])])


async def end_all_spans(uow: UnitOfWork, user_ids: Iterable[int], at: datetime) -> None:
    """Nothing more is known of these agents from ``at`` on (the link to the PBX is gone)."""
    spans = await recorder_queries.open_spans(uow.session, set(user_ids))
    await _write(uow, [{"span": span.id, "end": max(at, span.started_at)} for span in spans], [])


def _opened(change: AgentChange, before: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "id": new_id(),
        "user_id": change.user_id,
        "status": change.status,
        "reason": change.reason[:80] if change.reason else None,
        "started_at": max(change.at, before["started_at"]) if before else change.at,
        "ended_at": None,
        "stored": False,
    }


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "stored"}


async def _write(uow: UnitOfWork, closed: list[dict[str, Any]], new: list[dict[str, Any]]) -> None:
    connection = await uow.session.connection()
    if closed:
        await connection.execute(_CLOSE, closed)
    if new:
        await connection.execute(insert(_spans), new)
