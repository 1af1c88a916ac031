"""Writing and verifying the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import queries
from crm_core.audit.models import AuditLine
from crm_core.audit.rules import GENESIS, instant, line_hash
from crm_core.db.uow import UnitOfWork

_LOCK_KEY = 0x617564697400  # "audit": one chain, one appender at a time


class Someone(Protocol):
    """Whoever acts: a signed-in user, or the system itself."""

    @property
    def user_id(self) -> int | None: ...
    @property
    def name(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an act came from; set by the transport for the time of a request."""

    address: str | None = None
    request_id: str | None = None


origin: ContextVar[Origin] = ContextVar("audit_origin", default=Origin())  # noqa: B039 - frozen, shared safely


@dataclass(frozen=True, slots=True)
class _Entry:
    at: datetime
    actor_id: int | None
    actor_name: str
    action: str
    object_type: str
    object_id: int | None
    detail: dict[str, Any]
    address: str | None
    request_id: str | None


def record(
    uow: UnitOfWork,
    by: Someone,
    action: str,
    object_type: str,
    object_id: int | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Adds a line to this transaction's audit. ``detail`` holds JSON values, never secrets or masked values."""
    entries: list[_Entry] = uow.session.info.setdefault("audit", [])
    where = origin.get()
    entries.append(
        _Entry(
            uow.clock.now(),
            by.user_id,
            by.name,
            action,
            object_type,
            object_id,
            dict(detail or {}),
            where.address,
            where.request_id,
        )
    )
    # Chained at the very end, so the lock on the chain's tip is held only while the transaction commits.
    uow.before_commit("audit", lambda: _append(uow.session, entries))


async def _append(session: AsyncSession, entries: list[_Entry]) -> None:
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK_KEY})"))
    tip = await queries.last(session)
    seq, previous = (tip.seq, tip.hash) if tip else (0, GENESIS)
    for entry in entries:
        seq += 1
        line = AuditLine(
            seq=seq,
            at=entry.at,
            actor_id=entry.actor_id,
            actor_name=entry.actor_name,
            action=entry.action,
            object_type=entry.object_type,
            object_id=entry.object_id,
            detail=entry.detail,
            address=entry.address,
            request_id=entry.request_id,
            previous=previous,
        )
        line.hash = previous = line_hash(previous, _hashed(line))
        session.add(line)
    entries.clear()


def _hashed(line: AuditLine) -> dict[str, Any]:
    return {
        "seq": line.seq,
        "at": instant(line.at),
        "actor": [line.actor_id, line.actor_name],
        "action": line.action,
        "object": [line.object_type, line.object_id],
        "detail": line.detail,
        "from": [line.address, line.request_id],
    }


async def verify(session: AsyncSession) -> tuple[int, str | None]:
    """Walks the whole chain: how many lines are good, and what is wrong with the first bad one (None: nothing)."""
    previous, expected = GENESIS, 1
    async for line in queries.in_order(session):
        if line.seq != expected:
            return expected - 1, f"line {expected} is missing"
        if line.previous != previous or line.hash != line_hash(previous, _hashed(line)):
            return expected - 1, f"line {line.seq} was changed"
        previous, expected = line.hash, expected + 1
    return expected - 1, None
