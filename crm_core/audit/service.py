"""Writing and verifying the audit log, and taking a person's data out of it without breaking the chain."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import queries
from crm_core.audit.models import AuditLine
from crm_core.audit.rules import GENESIS, detail_digest, instant, line_hash
from crm_core.db.uow import UnitOfWork

_LOCK_KEY = 0x617564697400  # "audit": one chain, one appender at a time
ERASED: Final = {"erased": True}
ERASURE: Final = "audit.erased"  # names in its detail the lines whose detail was taken out


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
        salt = secrets.token_hex(16)
        line = AuditLine(
            seq=seq,
            at=entry.at,
            actor_id=entry.actor_id,
            actor_name=entry.actor_name,
            action=entry.action,
            object_type=entry.object_type,
            object_id=entry.object_id,
            detail=entry.detail,
            detail_digest=detail_digest(salt, entry.detail),
            detail_salt=salt,
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
        "detail": line.detail if line.detail_digest is None else {"digest": line.detail_digest},
        "from": [line.address, line.request_id],
    }


@dataclass(frozen=True, slots=True)
class Tip:
    """The last line of a chain: written down elsewhere, it shows later whether lines were cut off the end."""

    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """``lines`` are good; ``trouble`` says what is wrong with the first bad one (None: nothing)."""

    lines: int
    trouble: str | None
    tip: Tip | None
    unprovable: int = 0  # erased lines from before there were digests: their text is gone, their hash cannot be remade


async def verify(session: AsyncSession, known: Tip | None = None) -> Verdict:
    """Walks the whole chain. ``known`` is a tip that was written down earlier: the chain has to hold it still."""
    previous, expected = GENESIS, 1
    erased, owned_up, unprovable = set[int](), set[int](), 0
    tip = None
    async for line in queries.in_order(session):
        trouble = _trouble(line, expected, previous)
        if trouble is None and known is not None and line.seq == known.seq and line.hash != known.hash:
            trouble = f"line {line.seq} is not the one that was there when the tip was written down"
        if trouble is not None:
            return Verdict(expected - 1, trouble, tip, unprovable)
        if line.detail == ERASED:
            erased.add(line.seq)
            unprovable += line.detail_digest is None
        if line.action == ERASURE:
            owned_up.update(line.detail.get("lines", ()))
        previous, expected, tip = line.hash, expected + 1, Tip(line.seq, line.hash)
    if known is not None and known.seq >= expected:
        return Verdict(expected - 1, f"lines {expected} to {known.seq} were cut off the end", tip, unprovable)
    if erased - owned_up:
        hidden = min(erased - owned_up)
        return Verdict(hidden - 1, f"line {hidden} was emptied, and no line says by whom", tip, unprovable)
    return Verdict(expected - 1, None, tip, unprovable)


def _trouble(line: AuditLine, expected: int, previous: str) -> str | None:
    if line.seq != expected:
        return f"line {expected} is missing"
    if line.previous != previous:
        return f"line {line.seq} was changed"
    if line.detail == ERASED and line.detail_salt is None:
        # Of an old line only its place is left to check: that somebody owned up to it is checked at the end.
        whole = line.detail_digest is None or line.hash == line_hash(previous, _hashed(line))
        return None if whole else f"line {line.seq} was changed"
    if line.hash != line_hash(previous, _hashed(line)):
        return f"line {line.seq} was changed"
    if line.detail_digest is not None and line.detail_digest != detail_digest(line.detail_salt or "", line.detail):
        return f"the detail of line {line.seq} was changed"
    return None


async def erase_details(uow: UnitOfWork, object_type: str, object_ids: Sequence[int], *, by: Someone) -> int:
    """Empties the detail of every line about these objects and records that. Gives the number of lines.

    Who did what to which object and when stays and stays provable; nobody can bring the text back.
    """
    lines = await queries.about(uow.session, object_type, object_ids)
    gone = [line.seq for line in lines if line.detail and line.detail != ERASED]
    for line in lines:
        if line.detail and line.detail != ERASED:
            line.detail, line.detail_salt = dict(ERASED), None
    if gone:
        record(uow, by, ERASURE, object_type, None, {"lines": gone})
    return len(gone)
