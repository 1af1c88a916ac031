"""Everything that is stored about one person, table by table: also what a later step adds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import LargeBinary, Table, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit.models import AuditLine
from crm_core.customers.models import Customer, Phone
from crm_core.customers.protection import personal
from crm_core.db.types import AnyRow
from crm_core.organization.models import User

_MOST_ROWS = 20_000
_UNTOLD = frozenset({"id_card_index", "household_key", "reversed_digits", "pinyin", "initials", "version"})


async def facts(session: AsyncSession, customer_id: int) -> dict[str, list[dict[str, Any]]]:
    """Rows by table, as JSON values, with people by their names; without keys, look-up tokens and sealed bytes."""
    people = {row.id: row.name for row in await session.execute(select(User.id, User.name))}
    own = personal.table("customers")
    found = {"customers": await _rows(session, own, [own.c.id], customer_id, people)}
    for name, columns in personal.tables().items():
        if name in personal.DERIVED or name in personal.UNTOLD:
            continue
        table = personal.table(name)
        rows = await _rows(session, table, columns, customer_id, people)
        if rows:
            found[name] = rows
    return found


async def _rows(
    session: AsyncSession, table: Table, columns: Sequence[Any], customer_id: int, people: dict[int, str]
) -> list[dict[str, Any]]:
    told = [c for c in table.columns if c.name not in _UNTOLD and not isinstance(c.type, LargeBinary)]
    where = or_(*(column == customer_id for column in columns))
    order = list(table.primary_key.columns)
    rows = await session.execute(select(*told).where(where).order_by(*order).limit(_MOST_ROWS))
    of_people = {c.name for c in told if any(key.column.table.name == "users" for key in c.foreign_keys)}
    return [_told(row, of_people, people) for row in rows]


def _told(row: AnyRow, of_people: set[str], people: dict[int, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in row._mapping.items():
        name = str(key)  # SQLAlchemy's own kind of text, which JSON does not take
        if value is None or value in ("", [], {}):
            continue
        if name in of_people:
            found[name.removesuffix("_id")] = people.get(value)
        else:
            found[name] = plain(value)
    return found


def plain(value: Any) -> Any:
    """As JSON holds it; whole numbers beyond a double's reach as text."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return value
    return str(value) if isinstance(value, Decimal) or abs(value) > 1 << 53 else value


async def sealed_of(session: AsyncSession, customer_id: int) -> Any:
    """The sealed columns of the customer."""
    c = Customer
    rows = select(c.id_card_sealed, c.medical_sealed, c.contraindications_sealed).where(c.id == customer_id)
    return (await session.execute(rows)).one()


async def audited(session: AsyncSession, customer_id: int) -> list[dict[str, Any]]:
    """Who did what with this customer's data, when."""
    a = AuditLine
    rows = select(a.at, a.actor_name, a.action).where(a.object_type == "customer", a.object_id == customer_id)
    found = await session.execute(rows.order_by(a.seq).limit(_MOST_ROWS))
    return [{"at": at.isoformat(), "by": name, "what": action} for at, name, action in found]


async def numbers(session: AsyncSession, customer_id: int) -> list[str]:
    """The person's numbers as E.164."""
    rows = select(Phone.e164).where(Phone.customer_id == customer_id, Phone.e164.is_not(None))
    return [number for number in (await session.scalars(rows)).all() if number]
