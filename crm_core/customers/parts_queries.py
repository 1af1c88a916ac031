"""What a customer has several of: family, memorial days, relations, attitudes, an organisation's contacts."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any, TypeVar

from sqlalchemy import case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers import details, identity
from crm_core.customers.detail_models import Attitude, CustomerRelation, MemorialDay, OrganizationContact
from crm_core.customers.kinds import CustomerKind
from crm_core.customers.models import Customer, FamilyMember
from crm_core.customers.queries import masked_number, visible_to
from crm_core.customers.views import AttitudeView, BirthView, ContactView, FamilyView, MemorialDayView, RelationView
from crm_core.kernel.errors import NotFound
from crm_core.organization.access import SYSTEM, Action, Actor, Mask
from crm_core.organization.models import User

MOST = 100  # of a kind on one customer
PartRow = FamilyMember | MemorialDay | CustomerRelation | Attitude | OrganizationContact
P = TypeVar("P", FamilyMember, MemorialDay, CustomerRelation, Attitude, OrganizationContact)


async def family(session: AsyncSession, actor: Actor, customer_id: int, *, today: date) -> list[FamilyView]:
    """In the order in which they were noted; the caller has made sure that the customer may be seen (as below)."""
    f, c = FamilyMember, Customer
    rows = select(f, c.account_number).outerjoin(c, c.id == f.member_id).where(f.customer_id == customer_id)
    return [
        FamilyView(
            id=one.id,
            relation=one.relation,
            name=one.name,
            member_id=one.member_id,
            sex=one.sex,
            birth=_birth(one, today),
            education=one.education,
            school=one.school,
            occupation=one.occupation,
            phone=_number(one.phone, actor),
            blood_type=one.blood_type,
            hobbies=one.hobbies,
            remarks=one.remarks,
            member_account=account,
        )
        for one, account in (await session.execute(rows.order_by(f.id).limit(MOST))).all()
    ]


async def memorial_days(session: AsyncSession, customer_id: int, *, today: date) -> list[MemorialDayView]:
    """In the order of the year."""
    m = MemorialDay
    rows = select(m).where(m.customer_id == customer_id).order_by(m.month, m.day, m.id).limit(MOST)
    return [_memorial_day(one, today) for one in (await session.scalars(rows)).all()]


def _memorial_day(one: MemorialDay, today: date) -> MemorialDayView:
    next_on = identity.next_kept(one.calendar, one.month, one.day, one.leap, today)
    on = BirthView(one.calendar, one.year, one.month, one.day, one.leap, next_on)
    return MemorialDayView(one.id, one.title, on, one.remarks)


async def relations(session: AsyncSession, customer_id: int, actor: Actor = SYSTEM) -> list[RelationView]:
    """Those noted here and those noted on the other's card; who is out of the actor's reach is not named."""
    r, c = CustomerRelation, Customer
    inverse = r.other_id == customer_id
    other = case((inverse, r.customer_id), else_=r.other_id)
    rows = (
        select(r.id, c.id, c.name, c.account_number, r.relation, inverse, r.remarks, c.owner_id, c.department_id)
        .join(c, c.id == other)
        .where(or_(r.customer_id == customer_id, inverse))
        .order_by(r.id)
        .limit(MOST)
    )
    found = []
    for row_id, other_id, name, account, relation, inverse_, remarks, owner, department in await session.execute(rows):
        seen = actor.reaches(Action.CUSTOMER_READ, owner_id=owner, department_id=department)
        shown = (name, account) if seen else (f"{name[:1]}**", "")
        found.append(RelationView(row_id, other_id, *shown, relation, bool(inverse_), remarks))
    return found


async def referred(session: AsyncSession, actor: Actor, customer_id: int) -> list[tuple[int, str]]:
    """Id and name of those whom this customer brought, the newest first; only whom the actor may see."""
    rows = select(Customer.id, Customer.name).where(Customer.referred_by_id == customer_id)
    seen = visible_to(actor)
    rows = rows if seen is None else rows.where(seen)
    return [(row.id, row.name) for row in await session.execute(rows.order_by(Customer.id.desc()).limit(MOST))]


async def attitudes(session: AsyncSession, customer_id: int) -> list[AttitudeView]:
    """The newest first."""
    a = Attitude
    rows = (
        select(a.id, a.kind, a.subject, a.score, a.value, a.noted_on, a.source, User.name, a.noted_at)
        .outerjoin(User, User.id == a.noted_by_id)
        .where(a.customer_id == customer_id)
        .order_by(a.noted_on.desc(), a.id.desc())
        .limit(MOST)
    )
    return [AttitudeView(*row) for row in (await session.execute(rows)).all()]


async def contacts(session: AsyncSession, actor: Actor, customer_id: int, *, today: date) -> list[ContactView]:
    """Key people first."""
    o, c = OrganizationContact, Customer
    rows = select(o, c.account_number).outerjoin(c, c.id == o.person_id).where(o.customer_id == customer_id)
    rows = rows.order_by(o.key_person.desc(), o.id).limit(MOST)
    return [
        ContactView(
            id=one.id,
            name=one.name,
            position=one.position,
            department=one.department,
            key_person=one.key_person,
            phone=_number(one.phone, actor),
            masked=one.phone is not None and actor.masks(Mask.PHONE),
            email=one.email,
            wechat=one.wechat,
            sex=one.sex,
            birth=_birth(one, today),
            education=one.education,
            personality=one.personality,
            hobbies=one.hobbies,
            family=one.family,
            abilities=one.abilities,
            remarks=one.remarks,
            person_id=one.person_id,
            person_account=account,
        )
        for one, account in (await session.execute(rows)).all()
    ]


async def counts(session: AsyncSession, customer_id: int) -> dict[type[PartRow], int]:
    """How many of each kind there are, in one look; relations count on both cards."""
    tables: tuple[type[PartRow], ...] = (FamilyMember, MemorialDay, CustomerRelation, Attitude, OrganizationContact)
    own = {table: table.customer_id == customer_id for table in tables}
    own[CustomerRelation] = or_(own[CustomerRelation], CustomerRelation.other_id == customer_id)
    looks = [select(func.count()).select_from(table).where(test).scalar_subquery() for table, test in own.items()]
    return dict(zip(tables, (await session.execute(select(*looks))).one(), strict=True))


async def part(session: AsyncSession, table: type[P], customer_id: int, part_id: int) -> P:
    """One row to change. Raises NotFound when it is not this customer's."""
    row = await session.get(table, part_id)
    if row is None or row.customer_id != customer_id:
        raise NotFound("part_not_found", "There is no such entry on this customer.")
    return row


async def count(session: AsyncSession, table: type[P], customer_id: int) -> int:
    rows = select(func.count()).select_from(table).where(table.customer_id == customer_id)
    return (await session.execute(rows)).scalar_one()


async def details_of_many(session: AsyncSession, ids: Collection[int], kind: CustomerKind) -> dict[int, dict[str, Any]]:
    """The details of the kind by customer and name; nothing for those who have none."""
    if not ids:
        return {}
    table: Any = details.TABLES[kind]
    rows: Any = await session.scalars(select(table).where(table.customer_id.in_(ids)))
    return {row.customer_id: {name: getattr(row, name) for name in details.FIELDS[kind]} for row in rows}


async def with_contacts(session: AsyncSession, ids: Collection[int]) -> set[int]:
    """Which of the organisations have somebody to talk to."""
    if not ids:
        return set()
    of = OrganizationContact.customer_id
    return set(await session.scalars(select(of).where(of.in_(ids)).distinct()))


def _birth(row: Any, today: date) -> BirthView:
    parts = {name: getattr(row, name) for name in identity.PARTS}
    calendar, year, month, day, leap = parts.values()
    return BirthView(calendar, year, month, day, leap, identity.next_birthday(parts, today))


def _number(number: str | None, actor: Actor) -> str | None:
    return masked_number(number, None) if number and actor.masks(Mask.PHONE) else number
