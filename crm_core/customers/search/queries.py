"""Lists of customers: found by the one box, cut by filters, in some order, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, tzinfo
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Subquery, and_, bindparam, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers import queries as customer_queries
from crm_core.customers.kinds import Calendar
from crm_core.customers.models import Customer, OwnerChange
from crm_core.customers.search import line_queries
from crm_core.customers.search.asked import Sight, words_of
from crm_core.customers.search.filters import (
    Filters,
    Sort,
    TimeList,
    YearlyDay,
    lunar_birthdays,
    months_before,
    solar_birthdays,
    week_start,
)
from crm_core.customers.search.lines import CustomerLine
from crm_core.customers.search.quick_queries import Found, Search, Walk
from crm_core.customers.search.statements import Reach
from crm_core.customers.views import CustomerView
from crm_core.db.trips import Spelling, Steps, in_one_trip, spelling_of
from crm_core.db.types import AnySelect
from crm_core.kernel.errors import Rejected
from crm_core.kernel.pages import Page, checked_limit, page_of, parse_text_cursor, text_cursor
from crm_core.kernel.sealing import NO_KEYS
from crm_core.organization.access import Action, Actor, Mask, Scope
from crm_core.organization.models import Department

_NEVER = "never"
_MOST_COUNTED = 10_000
_FEW = 2000  # customers that are sorted sooner than found along an order
_STATES = ("record_state", "purchase_state", "retention_state")
_COLUMNS = ("department_id", "owner_id", "type", "membership", "source", "kind", *_STATES)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: the text of the one box, filters, and the order (of a list without text)."""

    text: str = ""
    filters: Filters = field(default_factory=Filters)
    sort: Sort = Sort.NEWEST


@dataclass(frozen=True, slots=True)
class Now:
    """The business's day and where it is counted."""

    today: date
    zone: tzinfo


async def find(
    session: AsyncSession, actor: Actor, wanted: Wanted, *, now: Now, limit: int = 50, cursor: str | None = None
) -> Page[CustomerView]:
    """A page of what the actor may see. A page of a text may be short and still have a next one: go on with it."""
    page = await find_ids(session, actor, wanted, now=now, limit=limit, cursor=cursor)
    return Page(await views(session, actor, page.items, today=now.today), page.next)


async def find_lines(
    session: AsyncSession, actor: Actor, wanted: Wanted, *, now: Now, limit: int = 50, cursor: str | None = None
) -> Page[CustomerLine]:
    """The same as lines of a list: what columns show, and no more."""
    checked_limit(limit)
    masked, spelling = actor.masks(Mask.PHONE), spelling_of(session)
    if wanted.text.strip():
        walk, before = _walk(session, actor, wanted, now, cursor)
        found, lines = await in_one_trip(session, _lines_of_walk(walk, limit, before, masked, now.today, spelling))
        return Page(lines, None if found.before is None else text_cursor("", found.before))
    page = await in_order(session, _cut(actor, wanted.filters, now), wanted.sort, limit, cursor)
    return Page(await lines_of(session, actor, page.items, today=now.today), page.next)


async def lines_of(session: AsyncSession, actor: Actor, ids: Sequence[int], *, today: date) -> list[CustomerLine]:
    """Lines in the order of ``ids``; without those that are gone. The caller has looked at the right."""
    if not ids:
        return []
    steps = _lines_of_ids(ids, actor.masks(Mask.PHONE), today, spelling_of(session))
    return await in_one_trip(session, steps)


def _lines_of_ids(ids: Sequence[int], masked: bool, today: date, spelling: Spelling) -> Steps[list[CustomerLine]]:
    known = yield from line_queries.known(ids, spelling)
    found = [known[customer_id] for customer_id in ids if customer_id in known]
    return (yield from line_queries.lines(found, spelling, masked=masked, today=today))


def _lines_of_walk(
    walk: Walk, limit: int, before: int | None, masked: bool, today: date, spelling: Spelling
) -> Steps[tuple[Found, list[CustomerLine]]]:
    found = yield from walk.page(limit, before)
    return found, (yield from line_queries.lines(found.known, spelling, masked=masked, today=today))


async def find_ids(
    session: AsyncSession, actor: Actor, wanted: Wanted, *, now: Now, limit: int = 50, cursor: str | None = None
) -> Page[int]:
    """The same without the customers themselves. Raises Rejected for a wrong cursor, Denied without the right."""
    checked_limit(limit)
    if wanted.text.strip():
        walk, before = _walk(session, actor, wanted, now, cursor)
        found = await in_one_trip(session, walk.page(limit, before))
        return Page(found.ids, None if found.before is None else text_cursor("", found.before))
    return await in_order(session, _cut(actor, wanted.filters, now), wanted.sort, limit, cursor)


def _cut(actor: Actor, filters: Filters, now: Now) -> list[ColumnElement[bool]]:
    seen = customer_queries.visible_to(actor)
    return conditions(filters, now) + ([] if seen is None else [seen])


async def count(session: AsyncSession, actor: Actor, filters: Filters, *, now: Now) -> int | None:
    """How many customers the filters leave; None says: more than 10,000, which nobody wants to wait for."""
    some = select(Customer.id).where(*_cut(actor, filters, now)).limit(_MOST_COUNTED + 1).subquery()
    found = (await session.execute(select(func.count()).select_from(some))).scalar_one()
    return None if found > _MOST_COUNTED else found


async def version_of(session: AsyncSession, customer_id: int) -> int | None:
    """The stored version; None when there is no such customer."""
    return (await session.execute(select(Customer.version).where(Customer.id == customer_id))).scalar_one_or_none()


@lru_cache(maxsize=1)
def _whole() -> AnySelect:
    # Made once: putting so long a statement together takes as long as running it.
    return customer_queries.columns().where(Customer.id.in_(bindparam("ids", expanding=True)))


async def views(session: AsyncSession, actor: Actor, ids: Sequence[int], *, today: date) -> list[CustomerView]:
    """The customers in the order of ``ids``; without those that are gone. The caller has looked at the right."""
    if not ids:
        return []
    rows = (await session.execute(_whole(), {"ids": list(ids)})).all()
    phones = await customer_queries.phones_of(session, actor, ids)
    found = {row.id: customer_queries.shown(session, actor, row, tuple(phones.get(row.id, ())), today) for row in rows}
    return [found[customer_id] for customer_id in ids if customer_id in found]


def _walk(session: AsyncSession, actor: Actor, wanted: Wanted, now: Now, cursor: str | None) -> tuple[Walk, int | None]:
    """The search, and before which customer it goes on. Raises Rejected for an order or a wrong cursor."""
    if wanted.sort is not Sort.NEWEST:
        raise Rejected("sort_with_text", "What is found comes newest first.", errors={"sort": "not together with q"})
    spelling, cut = spelling_of(session), conditions(wanted.filters, now)
    search = Search(
        words_of(wanted.text),
        Sight(phones=not actor.masks(Mask.PHONE), id_cards=not actor.masks(Mask.ID_CARD)),
        _reach(actor),
        spelling.condition(and_(*cut)) if cut else None,
        now.today,
        now.zone,
    )
    walk = Walk(search, session.info.get("keyring", NO_KEYS), spelling)
    return walk, None if cursor is None else parse_text_cursor(cursor)[1]


def _reach(actor: Actor) -> Reach | None:
    if actor.require(Action.CUSTOMER_READ) is Scope.ALL:
        return None
    return Reach(actor.user_id, tuple(sorted(actor.departments(Action.CUSTOMER_READ) or ())))


async def in_order(
    session: AsyncSession, conditions: Sequence[ColumnElement[bool]], sort: Sort, limit: int, cursor: str | None
) -> Page[int]:
    """A page of those who hold the conditions, the actor's reach among them."""
    if sort is Sort.LONGEST_SILENT:
        return await _longest_silent(session, conditions, limit, cursor)
    last = None if cursor is None else parse_text_cursor(cursor)
    ordered = sort in (Sort.NAME, Sort.CHANGED)
    few = await _if_few(session, conditions) if ordered and conditions else None
    c: Any = Customer if few is None else few.c
    rows: AnySelect
    if sort is Sort.NAME:
        rows = select(c.id, c.pinyin.label("key")).order_by(c.pinyin, c.id)
        after = None if last is None else tuple_(c.pinyin, c.id) > tuple_(*last)
    elif sort is Sort.CHANGED:
        rows = select(c.id, c.updated_at.label("key")).order_by(c.updated_at.desc(), c.id.desc())
        after = None if last is None else _before(c, _instant(last[0]), last[1])
    else:
        newest = sort is Sort.NEWEST
        rows = select(c.id).order_by(c.id.desc() if newest else c.id)
        after = None if last is None else (c.id < last[1] if newest else c.id > last[1])
    rows = rows if few is not None else rows.where(*conditions)
    found = (await session.execute((rows if after is None else rows.where(after)).limit(limit + 1))).all()
    page = page_of(found, limit, lambda row: text_cursor(_key(row[1]) if len(row) > 1 else "", row.id))
    return Page([row.id for row in page.items], page.next)


async def _if_few(session: AsyncSession, conditions: Sequence[ColumnElement[bool]]) -> Subquery | None:
    """Those who meet the conditions, to be sorted, when they are few: for them a walk along the order never ends."""
    c = Customer
    rows = select(c.id, c.pinyin, c.updated_at).where(*conditions).limit(_FEW + 1)
    found = (await session.execute(select(func.count()).select_from(rows.subquery()))).scalar_one()
    return rows.subquery() if found <= _FEW else None


def _before(c: Any, at: datetime, customer_id: int) -> ColumnElement[bool]:
    return and_(c.updated_at <= at, or_(c.updated_at < at, c.id < customer_id))


async def _longest_silent(
    session: AsyncSession, conditions: Sequence[ColumnElement[bool]], limit: int, cursor: str | None
) -> Page[int]:
    """Those never spoken with first, newest first; then by the last contact. Two reads, because databases put NULL
    in different places."""
    key, last_id = (_NEVER, None) if cursor is None else parse_text_cursor(cursor)
    at, found = Customer.last_contact_at, []
    if key == _NEVER:
        rows = select(Customer.id).where(at.is_(None), *conditions).order_by(Customer.id.desc())
        rows = rows if last_id is None else rows.where(Customer.id < last_id)
        found = [(customer_id, _NEVER) for customer_id in (await session.scalars(rows.limit(limit + 1))).all()]
    if len(found) <= limit:
        later = select(Customer.id, at).where(at.is_not(None), *conditions).order_by(at, Customer.id)
        if key != _NEVER and last_id is not None:
            since = _instant(key)
            later = later.where(and_(at >= since, or_(at > since, Customer.id > last_id)))
        spoken = (await session.execute(later.limit(limit + 1 - len(found)))).all()
        found += [(customer_id, _key(spoke)) for customer_id, spoke in spoken]
    page = page_of(found, limit, lambda one: text_cursor(one[1], one[0]))
    return Page([customer_id for customer_id, _ in page.items], page.next)


def _key(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _instant(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        raise Rejected(
            "cursor_invalid", "This cursor was not given out by this list.", errors={"cursor": "not of this list"}
        ) from None


def conditions(filters: Filters, now: Now) -> list[ColumnElement[bool]]:
    """What the filters ask of customers; all of it has to hold."""
    c = Customer
    values = {name: getattr(filters, name) for name in _COLUMNS}
    found: list[ColumnElement[bool]] = [
        getattr(c, name) == value for name, value in values.items() if value is not None
    ]
    if filters.unowned:
        found.append(c.owner_id.is_(None))
    if filters.centre_id is not None:
        found.append(_of_centre(filters.centre_id))
    if filters.list is not None:
        found.append(_of_list(filters.list, now))
    if filters.not_contacted_months is not None:
        since = datetime.combine(months_before(now.today, filters.not_contacted_months), time.min, tzinfo=now.zone)
        found.append(or_(c.last_contact_at.is_(None), c.last_contact_at < since))
    if filters.birthday_from is not None and filters.birthday_to is not None:
        found.append(_born(filters.birthday_from, filters.birthday_to))
    return found


def _of_centre(centre_id: int) -> ColumnElement[bool]:
    """A customer's own centre of a kind, or where he has none that of his department."""
    d = Department
    pairs = (
        (Customer.sales_centre_id, d.sales_centre_id),
        (Customer.profit_centre_id, d.profit_centre_id),
        (Customer.service_centre_id, d.service_centre_id),
    )
    return or_(
        *(
            or_(own == centre_id, and_(own.is_(None), Customer.department_id.in_(select(d.id).where(of == centre_id))))
            for own, of in pairs
        )
    )


def _of_list(wanted: TimeList, now: Now) -> ColumnElement[bool]:
    monday = week_start(now.today, now.zone)
    if wanted is TimeList.NEW_THIS_WEEK:
        return Customer.created_at >= monday
    return Customer.id.in_(select(OwnerChange.customer_id).where(OwnerChange.at >= monday))


def _born(first: date, last: date) -> ColumnElement[bool]:
    return or_(
        and_(_is_solar(), _on(solar_birthdays(first, last))),
        and_(Customer.birth_calendar == Calendar.LUNAR, _on(lunar_birthdays(first, last))),
    )


def _is_solar() -> ColumnElement[bool]:
    # A birthday without a calendar is meant as a solar one.
    return or_(Customer.birth_calendar == Calendar.SOLAR, Customer.birth_calendar.is_(None))


def _on(days: set[YearlyDay]) -> ColumnElement[bool]:
    """Grouped by leap: a row of pairs is one look into the index."""
    parts: list[ColumnElement[bool]] = []
    for leap in (None, False, True):
        pairs = sorted((one.month, one.day) for one in days if one.leap is leap)
        if pairs:
            on = tuple_(Customer.birth_month, Customer.birth_day).in_(pairs)
            parts.append(on if leap is None else and_(on, Customer.birth_leap.is_(leap)))
    return or_(*parts)
