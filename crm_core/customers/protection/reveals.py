"""Whole values for who sees them masked: with a reason, limited by hour and day, on record."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Final, TypeVar

from crm_core.audit import service as audit
from crm_core.customers.protection import agreements, queries
from crm_core.customers.protection.kinds import Secret
from crm_core.customers.protection.models import Reveal
from crm_core.customers.protection.rules import REASON_LENGTH, wait_seconds
from crm_core.customers.rules import clean
from crm_core.db.database import Database
from crm_core.db.uow import UnitOfWork
from crm_core.kernel.errors import Rejected, TooMuch
from crm_core.kernel.events import DomainEvent
from crm_core.kernel.ids import new_id
from crm_core.organization.access import Actor

T = TypeVar("T")
_HOUR: Final = 3600.0
_DAY: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class RevealsRefused(DomainEvent):
    """Somebody wanted to see more whole values than the house allows: supervisors should ask why."""

    type: ClassVar[str] = "customers.reveals_refused"
    user_id: int
    what: str


async def reveal(
    db: Database,
    customer_id: int | None,
    what: Secret,
    read: Callable[[UnitOfWork], Awaitable[T]],
    *,
    reason: str,
    by: Actor,
) -> T:
    """What ``read`` gives, counted; it checks the right and keeps the audit line of the value itself.

    Raises TooMuch ``reveal_limit`` (the refusal is on record all the same), Denied ``agreement_missing``, Rejected
    without a reason, and whatever ``read`` raises.
    """
    plain = checked_reason(reason)
    async with db.uow() as uow:
        await agreements.require(uow.session, by)
        wait = await _wait(uow, what, by)
        if wait <= 0:
            value = await read(uow)
            _count(uow, customer_id, what, plain, by)
            return value
        audit.record(uow, by, "reveal.refused", "customer", customer_id, {"what": what, "wait": round(wait)})
        if by.user_id is not None:
            uow.emit(RevealsRefused(user_id=by.user_id, what=what))
    raise TooMuch(
        "reveal_limit",
        "You have seen as many whole values as the house allows for now; ask your supervisor, or wait.",
        extra={"retry_after": round(wait) + 1},
    )


async def _wait(uow: UnitOfWork, what: Secret, by: Actor) -> float:
    if by.user_id is None:
        return 0.0
    limits, now = await queries.limits(uow.session), uow.clock.now()
    shown = await queries.reveals_since(uow.session, by.user_id, what, now - timedelta(days=1))
    ages = [(now - at).total_seconds() for at in shown]
    return max(wait_seconds(ages, limits.reveals_hour, _HOUR), wait_seconds(ages, limits.reveals_day, _DAY))


def _count(uow: UnitOfWork, customer_id: int | None, what: Secret, reason: str, by: Actor) -> None:
    if by.user_id is not None:
        now = uow.clock.now()
        uow.session.add(
            Reveal(id=new_id(), user_id=by.user_id, customer_id=customer_id, what=what, at=now, reason=reason)
        )


def checked_reason(reason: str) -> str:
    """Why somebody needs a whole value. Raises Rejected for none."""
    plain = clean(reason)[:REASON_LENGTH]
    if not plain:
        raise Rejected("reason_missing", "Say why you need the full number.", errors={"reason": "must not be empty"})
    return plain
