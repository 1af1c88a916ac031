"""Reads of the screen-pop: at most five statements a number, each by index, whatever the size of the base."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, literal_column, null, select, type_coerce, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.calls.models import Call, CallNote, NumberChoice
from crm_core.calls.pop import CallerFacts, EarlierCalls, PopContact
from crm_core.customers.lookup_queries import NumberMatch, look_up
from crm_core.customers.models import Phone
from crm_core.customers.queries import masked_number
from crm_core.db.types import UtcDateTime
from crm_core.db.upsert import table_of
from crm_core.organization.models import User

_LOOKED_AT = 10  # of the last calls: enough to find who spoke last and how far the sale is
_EARLIER_SHOWN = 3

_c, _n, _u = table_of(Call).c, table_of(CallNote).c, table_of(User).c
_x, _p = table_of(NumberChoice).c, table_of(Phone).c

_LAST_NOTE = select(_n.text).where(_n.call_id == _c.id).order_by(_n.at.desc(), _n.id.desc()).limit(1).scalar_subquery()
_CONTACT = (
    _c.id, _c.started_at, _c.direction, _c.status, _c.owner_id, _u.display_name, _c.talk_seconds, _c.progress,
    _c.disposition, _c.next_at, _LAST_NOTE.label("note"),
)  # fmt: skip
_PLACE = func.row_number().over(partition_by=_c.customer_id, order_by=(_c.started_at.desc(), _c.id.desc()))
_RECENT = (
    select(_c.id.label("call_id"), _PLACE.label("place"))
    .where(_c.customer_id.in_(bindparam("customers", expanding=True)))
    .subquery()
)
_CONTACTS = (
    select(_c.customer_id, *_CONTACT)
    .join_from(_RECENT, table_of(Call), _c.id == _RECENT.c.call_id)
    .outerjoin(table_of(User), _u.id == _c.owner_id)
    .where(_RECENT.c.place <= _LOOKED_AT)
    .order_by(_c.customer_id, _c.started_at.desc(), _c.id.desc())
)
# Choices made for this number and follow-ups that are still to come, in one statement.
_HINTS = union_all(
    select(_x.customer_id, _x.times, type_coerce(null(), UtcDateTime()).label("next_at"))
    .where(_x.e164 == bindparam("e164"))
    .where(_x.customer_id.in_(bindparam("customers", expanding=True))),
    select(_c.customer_id, literal_column("0"), func.min(_c.next_at, type_=UtcDateTime()))
    .where(
        _c.customer_id.in_(bindparam("customers", expanding=True)), _c.next_at >= bindparam("now", type_=UtcDateTime())
    )
    .group_by(_c.customer_id),
)
_NUMBERS = (
    select(_p.customer_id, _p.number, _p.e164)
    .where(_p.customer_id.in_(bindparam("customers", expanding=True)))
    .order_by(_p.customer_id, _p.position, _p.id)
)
_EARLIER = (
    select(func.count().over().label("calls"), *_CONTACT)
    .join_from(table_of(Call), table_of(User), _u.id == _c.owner_id, isouter=True)
    .where(_c.customer_e164 == bindparam("e164"), _c.started_at < bindparam("before", type_=UtcDateTime()))
    .order_by(_c.started_at.desc(), _c.id.desc())
    .limit(_EARLIER_SHOWN)
)


NOBODY = CallerFacts((), {}, {}, {}, {})
_NO_CALLS = EarlierCalls(0, ())


def about(connection: Connection, e164: str | None, digits: str, now: datetime) -> tuple[CallerFacts, EarlierCalls]:
    """All that is known of a number: whose it may be or, when it is nobody's, the earlier calls with it."""
    facts = _caller(connection, e164, digits, now)
    return facts, _NO_CALLS if facts.matches or e164 is None else _earlier(connection, e164, now)


async def caller_facts(session: AsyncSession, e164: str | None, digits: str, now: datetime) -> CallerFacts:
    """Whose number it may be; ``pop.ranked`` makes an agent's pop of it. One statement when nobody has it."""
    return await (await session.connection()).run_sync(_caller, e164, digits, now)


async def earlier_calls(session: AsyncSession, e164: str, before: datetime) -> EarlierCalls:
    """Earlier calls from or to a number, whoever's it is."""
    return await (await session.connection()).run_sync(_earlier, e164, before)


def _caller(connection: Connection, e164: str | None, digits: str, now: datetime) -> CallerFacts:
    matches = look_up(connection, e164, digits)
    return _facts_of(connection, matches, e164, now) if matches else NOBODY


def _facts_of(connection: Connection, matches: Sequence[NumberMatch], e164: str | None, now: datetime) -> CallerFacts:
    """The earlier contacts, numbers, follow-ups and choices that belong to these matches: three statements."""
    ids = [match.customer_id for match in matches]
    contacts: dict[int, list[PopContact]] = {}
    for customer_id, *rest in connection.execute(_CONTACTS, {"customers": ids}):
        contacts.setdefault(customer_id, []).append(PopContact(*rest))
    numbers: dict[int, list[str]] = {}
    for customer_id, number, own_e164 in connection.execute(_NUMBERS, {"customers": ids}):
        numbers.setdefault(customer_id, []).append(masked_number(number, own_e164))
    chosen: dict[int, int] = {}
    next_at: dict[int, datetime] = {}
    for customer_id, times, at in connection.execute(_HINTS, {"customers": ids, "e164": e164 or "", "now": now}):
        if at is None:
            chosen[customer_id] = times
        else:
            next_at[customer_id] = at
    return CallerFacts(matches, contacts, numbers, next_at, chosen)


def _earlier(connection: Connection, e164: str, before: datetime) -> EarlierCalls:
    rows = connection.execute(_EARLIER, {"e164": e164, "before": before}).all()
    return EarlierCalls(rows[0].calls if rows else 0, tuple(PopContact(*tuple(row)[1:]) for row in rows))
