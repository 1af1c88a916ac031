"""Whose number is it: the reads behind the screen-pop, by index only, whatever the size of the base."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.kinds import Calendar, CustomerKind, PhoneKind, PhoneState, Sex
from crm_core.customers.models import Customer, Phone
from crm_core.db.types import AnyRow, AnySelect
from crm_core.db.upsert import table_of
from crm_core.organization.models import User

_SUFFIX = 7  # the shortest local number: what two spellings of one landline surely share
_MOST = 20  # a household or a switchboard; more say nothing
_WIDEST = "9" * 40

_customers, _phones, _users = table_of(Customer), table_of(Phone), table_of(User)


@dataclass(frozen=True, slots=True)
class NumberMatch:
    """A customer that a number leads to, with all that the pop shows of him before any further read."""

    customer_id: int
    account_number: str
    name: str
    kind: CustomerKind
    form_of_address: str | None
    sex: Sex | None
    birth_calendar: Calendar | None
    birth_year: int | None
    birth_month: int | None
    birth_day: int | None
    birth_leap: bool
    type: str | None
    membership: str | None
    owner_id: int | None
    owner_name: str | None
    owner_display_name: str | None
    department_id: int | None
    city: str | None
    taboos: str | None
    do_not_call: bool
    remarks: str | None
    household_key: str | None
    version: int
    number: str | None  # None only for a customer without any, asked for by id
    e164: str | None
    digits: str
    phone_kind: PhoneKind | None
    phone_state: PhoneState | None
    primary: bool
    exact: bool


def _brief() -> AnySelect:
    c, p, u = _customers.c, _phones.c, _users.c
    return (
        select(
            c.id, c.account_number, c.name, c.kind, c.form_of_address, c.sex,
            c.birth_calendar, c.birth_year, c.birth_month, c.birth_day, c.birth_leap,
            c.type, c.membership, c.owner_id, u.name, u.display_name, c.department_id, c.city,
            c.taboos, c.do_not_call, c.remarks, c.household_key, c.version,
            p.number, p.e164, p.reversed_digits, p.kind, p.state, p.position,
        )
    )  # fmt: skip


def _of_numbers() -> AnySelect:
    found = _brief().join_from(_phones, _customers, _customers.c.id == _phones.c.customer_id)
    return found.outerjoin(_users, _users.c.id == _customers.c.owner_id)


# Built once: SQLAlchemy's statement cache then compiles each once per database.
_EXACT = (
    _of_numbers().where(_phones.c.e164 == bindparam("e164")).order_by(_phones.c.position, _customers.c.id).limit(_MOST)
)
_ENDS_LIKE = (
    _of_numbers()
    .where(_phones.c.reversed_digits.between(bindparam("low"), bindparam("high")))
    .order_by(_phones.c.position, _customers.c.id)
    .limit(_MOST * 5)
)
_ONLY = (
    select(_phones.c.e164, func.min(_phones.c.customer_id).label("customer_id"))
    .where(_phones.c.e164.in_(bindparam("numbers", expanding=True)))
    .group_by(_phones.c.e164)
    .having(func.min(_phones.c.customer_id) == func.max(_phones.c.customer_id))
)
_BY_ID = (
    _brief()
    .join_from(_customers, _phones, _customers.c.id == _phones.c.customer_id, isouter=True)
    .outerjoin(_users, _users.c.id == _customers.c.owner_id)
    .where(_customers.c.id == bindparam("id"))
    .order_by(case((_phones.c.e164 == bindparam("e164"), 0), else_=1), _phones.c.position)
    .limit(1)
)


def look_up(connection: Connection, e164: str | None, digits: str) -> list[NumberMatch]:
    """Customers with exactly this number; when there are none, those whose number ends like it.

    ``digits`` are the digits as ``PhoneNumber.digits`` gives them. The second step finds landlines that are stored,
    or were sent, without their area code: one must be the end of the other.
    """
    if e164 is not None:
        rows = connection.execute(_EXACT, {"e164": e164}).all()
        if rows:
            return _each_once(_match(row, exact=True) for row in rows)
    if len(digits) < _SUFFIX:
        return []
    low = digits[::-1][:_SUFFIX]
    rows = connection.execute(_ENDS_LIKE, {"low": low, "high": low + _WIDEST}).all()
    found = (_match(row, exact=False) for row in rows)
    return _each_once(match for match in found if _same_end(match.digits, digits))


async def lookup_by_number(session: AsyncSession, e164: str | None, digits: str) -> list[NumberMatch]:
    """``look_up`` for those who have a session."""
    return await (await session.connection()).run_sync(look_up, e164, digits)


async def match_of(session: AsyncSession, customer_id: int, e164: str | None = None) -> NumberMatch | None:
    """The same brief for a customer known by id, with the number ``e164`` if it is his, else with the primary one."""
    connection = await session.connection()
    row = (await connection.execute(_BY_ID, {"id": customer_id, "e164": e164 or ""})).one_or_none()
    return None if row is None else _match(row, exact=True)


async def only_customer_of(session: AsyncSession, e164: Collection[str]) -> dict[str, int]:
    """For each number that exactly one customer has, that customer's id."""
    if not e164:
        return {}
    rows = await session.execute(_ONLY, {"numbers": sorted(e164)})
    return {row.e164: row.customer_id for row in rows}


def _match(row: AnyRow, *, exact: bool) -> NumberMatch:
    *plain, reversed_digits, phone_kind, phone_state, position = tuple(row)
    values: tuple[Any, ...] = (*plain, (reversed_digits or "")[::-1], phone_kind, phone_state, position == 0, exact)
    return NumberMatch(*values)


def _same_end(stored: str, asked: str) -> bool:
    return stored.endswith(asked) or asked.endswith(stored)


def _each_once(matches: Iterable[NumberMatch]) -> list[NumberMatch]:
    found: dict[int, NumberMatch] = {}
    for match in matches:
        found.setdefault(match.customer_id, match)
    return list(found.values())[:_MOST]
