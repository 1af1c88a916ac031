"""Reads of customers: one, phones, notes; each within the asker's reach and masks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased, selectinload

from crm_core.customers import completeness, details, identity, sealed
from crm_core.customers.detail_models import OrganizationContact
from crm_core.customers.kinds import CustomerKind
from crm_core.customers.merge_queries import survivor_of
from crm_core.customers.models import AccountNumber, Customer, CustomerNote, Phone
from crm_core.customers.views import CustomerNoteView, CustomerView, PhoneView
from crm_core.db.types import AnyRow, AnySelect
from crm_core.kernel.errors import NotFound
from crm_core.kernel.phone import mask, national
from crm_core.kernel.regions import region_of
from crm_core.kernel.sealing import KeyRing
from crm_core.organization.access import Action, Actor, Mask, Scope
from crm_core.organization.models import Centre, Department, User

_Owner, _Clerk, _Verifier, _Referrer = aliased(User), aliased(User), aliased(User), aliased(Customer)
_Sales, _Profit, _Service = aliased(Centre), aliased(Centre), aliased(Centre)
_SEALED = ("id_card_sealed", "medical_sealed", "contraindications_sealed")
_MOST_OF_A_NUMBER = 50


def columns() -> AnySelect:
    """What ``shown`` needs of each customer, without any condition yet."""
    c = Customer
    return (
        select(
            c.id, c.account_number, c.kind, c.name, c.form_of_address, c.sex, c.birth_calendar, c.birth_year,
            c.birth_month, c.birth_day, c.birth_leap, c.occupation, c.province, c.city, c.district, c.community,
            c.street, c.postcode, c.owner_id, _Owner.name.label("owner"), c.department_id,
            Department.name.label("department"), c.type, c.source, c.membership, c.referred_by_id,
            _Referrer.name.label("referred_by"), c.best_time, c.taboos, c.do_not_call, c.remarks, c.custom,
            c.created_at, c.updated_at, c.collected_at, c.collected_by, _Clerk.name.label("entered_by"), c.version,
            c.ethnicity, c.origin, c.education, c.position, c.marital_state, c.economic_state, c.wedding_day, c.email,
            c.wechat, c.qq, c.best_way, c.use_state, c.record_state, c.purchase_state, c.retention_state, c.grade,
            c.rfm_recency_days, c.rfm_frequency, c.rfm_monetary, _Sales.name.label("centre"),
            _Profit.name.label("profit_centre"), _Service.name.label("service_centre"), c.collected_department,
            c.allocated_at, c.last_contact_at, c.verified_at, _Verifier.name.label("verified_by"), c.completeness,
            _Referrer.owner_id.label("referrer_owner_id"), _Referrer.department_id.label("referrer_department_id"),
            *(getattr(c, name) for name in _SEALED),
        )
        .outerjoin(_Owner, _Owner.id == c.owner_id)
        .outerjoin(_Clerk, _Clerk.id == c.entered_by_id)
        .outerjoin(_Referrer, _Referrer.id == c.referred_by_id)
        .outerjoin(_Verifier, _Verifier.id == c.verified_by_id)
        .outerjoin(Department, Department.id == c.department_id)
        .outerjoin(_Sales, _Sales.id == func.coalesce(c.sales_centre_id, Department.sales_centre_id))
        .outerjoin(_Profit, _Profit.id == func.coalesce(c.profit_centre_id, Department.profit_centre_id))
        .outerjoin(_Service, _Service.id == func.coalesce(c.service_centre_id, Department.service_centre_id))
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
    """One customer with phones; the id of a merged one leads to the survivor. Raises NotFound when out of reach."""
    rows = columns().where(Customer.id == customer_id)
    seen = visible_to(actor, action)
    row = (await session.execute(rows if seen is None else rows.where(seen))).one_or_none()
    if row is None:
        survivor = await _survivor_of(session, customer_id)
        return await customer(session, actor, survivor, today=today, action=action)
    phones = await phones_of(session, actor, [customer_id])
    more = await details_of(session, customer_id, row.kind)
    contacts = await _has_contacts(session, customer_id) if row.kind is CustomerKind.ORGANIZATION else False
    known = completeness.known({**row._mapping, **more}, phone=bool(phones), contacts=contacts)
    view = shown(session, actor, row, tuple(phones.get(customer_id, ())), today)
    return replace(view, details=more, missing=completeness.missing(row.kind, known))


def shown(session: AsyncSession, actor: Actor, row: AnyRow, phones: tuple[PhoneView, ...], today: date) -> CustomerView:
    """A row of ``columns`` as this actor may see it: the ID card masked, medical fields only with their right."""
    values: dict[str, Any] = dict(row._mapping)
    id_card, medical, contraindications = (values.pop(name) for name in _SEALED)
    referrer = {name: values.pop(f"referrer_{name}") for name in ("owner_id", "department_id")}
    if not actor.reaches(Action.CUSTOMER_READ, **referrer):
        values["referred_by"] = None  # that there is somebody is known, who it is not
    ring: KeyRing = session.info["keyring"]
    reach = {"owner_id": row.owner_id, "department_id": row.department_id}
    hidden = not actor.reaches(Action.CUSTOMER_MEDICAL_READ, **reach)
    number = sealed.open_id_card(ring, row.id, id_card)
    masked = number is not None and actor.masks(Mask.ID_CARD)
    solar = identity.solar_birthday(values)
    values |= sealed.NO_MEDICAL if hidden else sealed.open_medical(ring, row.id, medical, contraindications)
    return CustomerView(
        **values,
        medical_hidden=hidden,
        id_card=sealed.masked_id_card(number) if number is not None and masked else number,
        id_card_masked=masked,
        solar_birthday=solar,
        lunar_birthday=identity.lunar_birthday(solar),
        next_birthday=identity.next_birthday(values, today),
        age=identity.age(values, solar, today),
        phones=phones,
    )


async def reachable(session: AsyncSession, actor: Actor, customer_id: int) -> int:
    """The id of a customer that may be read, the survivor's for a merged one. Raises NotFound."""
    rows, seen = select(Customer.id).where(Customer.id == customer_id), visible_to(actor)
    found = (await session.execute(rows if seen is None else rows.where(seen))).scalar_one_or_none()
    return found if found is not None else await reachable(session, actor, await _survivor_of(session, customer_id))


async def details_of(session: AsyncSession, customer_id: int, kind: CustomerKind) -> dict[str, Any]:
    """All details of the kind by name, None for what is not known."""
    row = await session.get(details.TABLES[kind], customer_id)
    return {name: getattr(row, name, None) for name in details.FIELDS[kind]}


async def _has_contacts(session: AsyncSession, customer_id: int) -> bool:
    rows = select(OrganizationContact.id).where(OrganizationContact.customer_id == customer_id).limit(1)
    return (await session.execute(rows)).first() is not None


async def phones_of(session: AsyncSession, actor: Actor, customer_ids: Iterable[int]) -> dict[int, list[PhoneView]]:
    """The numbers of each customer, the primary first, masked when the actor's role says so."""
    rows = await session.execute(
        select(
            Phone.customer_id,
            Phone.id,
            Phone.number,
            Phone.e164,
            Phone.kind,
            Phone.state,
            Phone.position,
            Phone.failed_tries,
            Phone.tried_at,
            Phone.reached_at,
        )
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
                failed_tries=row.failed_tries,
                tried_at=row.tried_at,
                reached_at=row.reached_at,
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
        return await customer_to_change(session, actor, await _survivor_of(session, customer_id), action)
    return found


async def _survivor_of(session: AsyncSession, customer_id: int) -> int:
    """Raises NotFound when this id was never merged into another."""
    survivor = await survivor_of(session, customer_id)
    if survivor is None or survivor == customer_id:
        raise no_customer()
    return survivor


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


async def phones_with(session: AsyncSession, e164: str) -> Sequence[Phone]:
    """Every customer's phone of this number, to be changed."""
    rows = select(Phone).where(Phone.e164 == e164).order_by(Phone.id).limit(_MOST_OF_A_NUMBER)
    return (await session.scalars(rows)).all()


async def id_of_account(session: AsyncSession, account_number: str) -> int | None:
    """The customer who has this account number now, also under a number that came to him by a merge."""
    number = account_number.strip().upper()
    rows = select(AccountNumber.customer_id).where(AccountNumber.number.in_({number, account_number.strip()}))
    return (await session.execute(rows.limit(1))).scalar_one_or_none()


async def account_of(session: AsyncSession, customer_id: int) -> str | None:
    rows = select(Customer.account_number).where(Customer.id == customer_id)
    return (await session.execute(rows)).scalar_one_or_none()


async def with_id_card(session: AsyncSession, index: str) -> int | None:
    """The id of the customer whose ID card has this look-up token."""
    return (await session.execute(select(Customer.id).where(Customer.id_card_index == index))).scalar_one_or_none()


async def highest_account_number(session: AsyncSession, low: str, high: str) -> str | None:
    rows = select(func.max(AccountNumber.number)).where(AccountNumber.number.between(low, high))
    return (await session.execute(rows)).scalar_one()


async def names(session: AsyncSession, actor: Actor, ids: Iterable[int]) -> dict[int, tuple[str, str]]:
    """Name and account number of those that the actor may see; the others are missing."""
    rows = select(Customer.id, Customer.name, Customer.account_number).where(Customer.id.in_(list(ids)))
    seen = visible_to(actor)
    found = await session.execute(rows if seen is None else rows.where(seen))
    return {row.id: (row.name, row.account_number) for row in found}
