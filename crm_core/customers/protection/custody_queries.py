"""What a custodian of the data looks through: who takes far more than he used to, and who has promised secrecy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.protection.kinds import RequestKind
from crm_core.customers.protection.models import Agreement, CardRead, DataRequest, Reveal
from crm_core.customers.protection.rules import AGREEMENT, Amounts, unusual
from crm_core.db.types import AnyRow
from crm_core.organization.access import Action, Actor
from crm_core.organization.models import User

_PAST: Final = 4  # earlier periods of the same length that are the own measure
_HOUR: Final = 3600


@dataclass(frozen=True, slots=True)
class CustodyView:
    """What somebody took in the period, and on average in the four before; ``unusual`` names what stands out."""

    user_id: int
    user: str
    now: Amounts
    before: Amounts
    unusual: tuple[str, ...]
    agreed_at: datetime | None


async def custody(session: AsyncSession, actor: Actor, at: datetime, days: int) -> list[CustodyView]:
    """Everybody of the actor's reach who took anything or has yet to agree, the unusual first."""
    actor.require(Action.CUSTOMER_EXPORT)
    taken: dict[tuple[int, int], dict[str, int]] = {}
    for name, rows in (await _taken(session, at, timedelta(days=days))).items():
        for user_id, period, amount in rows:
            taken.setdefault((user_id, min(int(period), 1)), {}).setdefault(name, 0)
            taken[user_id, min(int(period), 1)][name] += int(amount)
    people = select(User.id, User.name, Agreement.agreed_at).where(User.active.is_(True))
    people = people.outerjoin(Agreement, (Agreement.user_id == User.id) & (Agreement.version == AGREEMENT))
    departments = actor.departments(Action.CUSTOMER_EXPORT)
    if departments is not None:
        people = people.where(or_(User.department_id.in_(departments), User.id == actor.user_id))
    found = [_view(row, taken) for row in await session.execute(people)]
    return sorted(found, key=lambda one: (-len(one.unusual), -one.now.cards, -one.now.reveals, one.user))


def _view(row: AnyRow, taken: Mapping[tuple[int, int], Mapping[str, int]]) -> CustodyView:
    now = Amounts(**taken.get((row.id, 0), {}))
    past = taken.get((row.id, 1), {})
    before = Amounts(**{name: -(-amount // _PAST) for name, amount in past.items()})
    return CustodyView(row.id, row.name, now, before, unusual(now, before), row.agreed_at)


async def _taken(session: AsyncSession, at: datetime, span: timedelta) -> dict[str, list[Any]]:
    """By kind: user, how many periods ago, how much."""
    hour, hours = int(at.timestamp()) // _HOUR, int(span.total_seconds()) // _HOUR
    ago = (hour - CardRead.hour) // hours
    cards = select(CardRead.user_id, ago, func.count(CardRead.customer_id.distinct()))
    cards = cards.where(CardRead.hour > hour - hours * (_PAST + 1)).group_by(CardRead.user_id, ago)
    found: dict[str, list[Any]] = {"cards": list(await session.execute(cards)), "reveals": [], "exported": []}
    for period in range(_PAST + 1):
        first, last = at - span * (period + 1), at - span * period
        shown = select(Reveal.user_id, func.count()).where(Reveal.at > first, Reveal.at <= last)
        found["reveals"] += [(*row, period) for row in await session.execute(shown.group_by(Reveal.user_id))]
        r = DataRequest
        files = select(r.asked_by_id, func.sum(r.rows)).where(r.asked_at > first, r.asked_at <= last)
        files = files.where(r.rows.is_not(None), r.kind != RequestKind.ERASURE).group_by(r.asked_by_id)
        found["exported"] += [(*row, period) for row in await session.execute(files)]
    for name in ("reveals", "exported"):
        found[name] = [(user_id, period, amount) for user_id, amount, period in found[name]]
    return found


async def agreed_at(session: AsyncSession, user_id: int) -> datetime | None:
    """When this user promised secrecy in the words of now."""
    rows = select(Agreement.agreed_at).where(Agreement.user_id == user_id, Agreement.version == AGREEMENT)
    return (await session.scalars(rows)).one_or_none()
