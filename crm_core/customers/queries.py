"""Reads of customers: one, a page of a search, phones, notes; each within the asker's reach and masks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased, selectinload

from crm_core.customers import rules
from crm_core.customers.models import AccountNumber, Customer, CustomerNote, FamilyMember, Phone
from crm_core.customers.pinyin import query_key
from crm_core.customers.views import CustomerNoteView, CustomerView, FamilyView, PhoneView
from crm_core.db.types import AnyRow, AnySelect
from crm_core.kernel.errors import NotFound
from crm_core.kernel.pages import Page, checked_limit, page_of, parse_text_cursor, text_cursor
from crm_core.kernel.phone import mask, national, recognise
from crm_core.kernel.regions import region_of
from crm_core.organization.access import Action, Actor, Mask, Scope
from crm_core.organization.models import Department, User

_Owner, _Clerk, _Referrer = aliased(User), aliased(User), aliased(Customer)
_SHORTEST_FRAGMENT = 3
_HIGHEST = "9" * 20
_ACCOUNT_LETTERS = "KH"


def _columns() -> AnySelect:
    c = Customer
    return (
        select(
            c.id, c.account_number, c.kind, c.name, c.form_of_address, c.sex, c.birth_calendar, c.birth_year,
            c.birth_month, c.birth_day, c.birth_leap, c.occupation, c.province, c.city, c.district, c.community,
            c.street, c.postcode, c.owner_id, _Owner.name.label("owner"), c.department_id,
            Department.name.label("department"), c.type, c.source, c.membership, c.referred_by_id,
            _Referrer.name.label("referred_by"), c.best_time, c.taboos, c.do_not_call, c.remarks, c.custom,
            c.created_at, c.updated_at, c.collected_at, c.collected_by, _Clerk.name.label("entered_by"), c.version,
        )
        .outerjoin(_Owner, _Owner.id == c.owner_id)
        .outerjoin(_Clerk, _Clerk.id == c.entered_by_id)
        .outerjoin(_Referrer, _Referrer.id == c.referred_by_id)
        .outerjoin(Department, Department.id == c.department_id)
    )  # fmt: skip


def visible_to(actor: Actor, action: Action = Action.CUSTOMER_READ) -> ColumnElement[bool] | None:
    """Which customers the right reaches; None is all. Raises Denied without the right."""
    scope = actor.require(action)
    if scope is Scope.ALL:
        return None
    own = Customer.owner_id == actor.user_id
    departments = actor.departments(action)
    return or_(own, Customer.department_id.in_(departments)) if departments else own


async def customer(
    session: AsyncSession, actor: Actor, customer_id: int, *, today: date, action: Action = Action.CUSTOMER_READ
) -> CustomerView:
    """One customer with phones. Raises NotFound when the right does not reach it."""
    rows = _columns().where(Customer.id == customer_id)
    seen = visible_to(actor, action)
    row = (await session.execute(rows if seen is None else rows.where(seen))).one_or_none()
    if row is None:
        raise no_customer()
    (view,) = await _views(session, actor, [row], today)
    return view


async def customers(
    session: AsyncSession, actor: Actor, text: str = "", *, today: date, limit: int = 50, cursor: str | None = None
) -> Page[CustomerView]:
    """The quick search, newest first: name, pinyin, initials, beginning or end of a number, account number."""
    checked_limit(limit)
    rows = _columns()
    seen = visible_to(actor)
    if seen is not None:
        rows = rows.where(seen)
    if text.strip():
        rows = rows.where(_found_by(text.strip()))
    if cursor is not None:
        rows = rows.where(Customer.id < parse_text_cursor(cursor)[1])
    found = (await session.execute(rows.order_by(Customer.id.desc()).limit(limit + 1))).all()
    page = page_of(found, limit, lambda row: text_cursor("", row.id))
    return Page(await _views(session, actor, page.items, today), page.next)


def _found_by(text: str) -> ColumnElement[bool]:
    """Numbers by index from either end; names by what they hold; Latin letters by pinyin and initials too."""
    digits = "".join(c for c in text if c.isdigit())
    if len(digits) >= _SHORTEST_FRAGMENT and not any(c.isalpha() for c in text):
        return or_(Customer.account_number == f"{_ACCOUNT_LETTERS}{digits:0>8}", _has_number(text, digits))
    named = Customer.name.icontains(text, autoescape=True)
    key = query_key(text)
    if not key.isascii() or not key:
        return named
    return or_(
        named,
        Customer.account_number == text.upper(),
        Customer.pinyin.startswith(key, autoescape=True),
        Customer.pinyin.contains(" " + key, autoescape=True),
        Customer.initials.startswith(key, autoescape=True),
        Customer.initials.contains(" " + key, autoescape=True),
    )


def _has_number(text: str, digits: str) -> ColumnElement[bool]:
    known = recognise(text)
    if known is not None and known.e164 is not None:
        return Customer.id.in_(select(Phone.customer_id).where(Phone.e164 == known.e164))
    backwards, forwards = digits[::-1], "+86" + digits.removeprefix("0")
    return Customer.id.in_(
        select(Phone.customer_id)
        .where(Phone.reversed_digits.between(backwards, backwards + _HIGHEST))
        .union(select(Phone.customer_id).where(Phone.e164.between(forwards, forwards + _HIGHEST)))
    )


async def _views(session: AsyncSession, actor: Actor, rows: Sequence[AnyRow], today: date) -> list[CustomerView]:
    phones = await phones_of(session, actor, [row.id for row in rows])
    return [_view(row, tuple(phones.get(row.id, ())), today) for row in rows]


def _view(row: AnyRow, phones: tuple[PhoneView, ...], today: date) -> CustomerView:
    values: dict[str, Any] = dict(row._mapping)
    solar = values["birth_calendar"] != "lunar"
    month, day = (values["birth_month"], values["birth_day"]) if solar else (None, None)
    age = rules.age(values["birth_year"], month, day, today)
    return CustomerView(**values, age=age, phones=phones)


async def phones_of(session: AsyncSession, actor: Actor, customer_ids: Iterable[int]) -> dict[int, list[PhoneView]]:
    """The numbers of each customer, the primary first, masked when the actor's role says so."""
    rows = await session.execute(
        select(Phone.customer_id, Phone.id, Phone.number, Phone.e164, Phone.kind, Phone.state, Phone.position)
        .where(Phone.customer_id.in_(list(customer_ids)))
        .order_by(Phone.customer_id, Phone.position, Phone.id)
    )
    masked = actor.masks(Mask.PHONE)
    found: dict[int, list[PhoneView]] = {}
    for row in rows:
        region = region_of(row.e164)
        found.setdefault(row.customer_id, []).append(
            PhoneView(
                id=row.id,
                number=masked_number(row.number, row.e164) if masked else row.number,
                kind=row.kind,
                primary=row.position == 0,
                state=row.state,
                masked=masked,
                region=region.chinese if region else None,
                carrier=region.carrier if region else None,
            )
        )
    return found


def masked_number(number: str, e164: str | None) -> str:
    return mask(national(e164) if e164 else number) or ""


async def customer_to_change(session: AsyncSession, actor: Actor, customer_id: int, action: Action) -> Customer:
    """The customer itself with phones, locked against another change at the same time. Raises NotFound."""
    rows = select(Customer).where(Customer.id == customer_id).options(selectinload(Customer.phones))
    seen = visible_to(actor, action)
    rows = (rows if seen is None else rows.where(seen)).with_for_update(of=Customer)
    found = (await session.scalars(rows)).one_or_none()
    if found is None:
        raise no_customer()
    return found


def no_customer() -> NotFound:
    return NotFound("customer_not_found", "There is no such customer.")


async def dial_number(session: AsyncSession, actor: Actor, customer_id: int, phone_id: int | None = None) -> str:
    """The full number to dial (the primary unless ``phone_id`` says which), even where it is shown masked.

    Raises NotFound when the right to dial does not reach the customer or there is no number.
    """
    rows = select(Phone.number, Phone.e164).join(Customer).where(Customer.id == customer_id).order_by(Phone.position)
    seen = visible_to(actor)
    rows = rows if seen is None else rows.where(seen)
    if phone_id is not None:
        rows = rows.where(Phone.id == phone_id)
    row = (await session.execute(rows.limit(1))).one_or_none()
    if row is None:
        raise NotFound("number_not_found", "This customer has no such number.")
    return national(row.e164) if row.e164 else str(row.number)


async def notes(session: AsyncSession, customer_id: int, *, limit: int = 100) -> list[CustomerNoteView]:
    """Newest first; the caller has made sure that the customer may be seen."""
    rows = await session.execute(
        select(CustomerNote.id, CustomerNote.at, User.name, CustomerNote.text)
        .outerjoin(User, User.id == CustomerNote.author_id)
        .where(CustomerNote.customer_id == customer_id)
        .order_by(CustomerNote.at.desc(), CustomerNote.id.desc())
        .limit(limit)
    )
    return [CustomerNoteView(*row) for row in rows]


async def family(session: AsyncSession, customer_id: int) -> list[FamilyView]:
    """In the order in which they were noted; the caller has made sure that the customer may be seen."""
    m = FamilyMember
    rows = select(m.id, m.relation, m.name, m.birth_year, m.member_id).where(m.customer_id == customer_id)
    return [FamilyView(*row) for row in await session.execute(rows.order_by(m.id).limit(100))]


async def same_person(session: AsyncSession, name: str, e164: Iterable[str]) -> list[AnyRow]:
    """Customers of this very name with one of these numbers, as rows (id, name, account_number)."""
    rows = (
        select(Customer.id, Customer.name, Customer.account_number)
        .join(Phone, Phone.customer_id == Customer.id)
        .where(Phone.e164.in_(list(e164)), Customer.name == name)
        .order_by(Customer.id)
        .distinct()
        .limit(10)
    )
    return list((await session.execute(rows)).all())


async def highest_account_number(session: AsyncSession, low: str, high: str) -> str | None:
    rows = select(func.max(AccountNumber.number)).where(AccountNumber.number.between(low, high))
    return (await session.execute(rows)).scalar_one()
