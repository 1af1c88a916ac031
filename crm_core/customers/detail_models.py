"""Tables of the long tail of a customer: one row of details each, and what there may be several of."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, SmallInteger, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.customers.kinds import AttitudeKind, Calendar, Sex
from crm_core.db.base import Base, Id
from crm_core.db.types import UtcDateTime, text_enum

_Text = Mapped[str | None]


class PersonDetails(Base):
    """What is known of a person beyond the columns that lists and searches need."""

    __tablename__ = "person_details"

    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True)
    domicile: _Text = mapped_column(String(200))
    school: _Text = mapped_column(String(120))
    major: _Text = mapped_column(String(120))
    honours: _Text = mapped_column(String(400))
    employer: _Text = mapped_column(String(120))
    yearly_income: Mapped[Decimal | None] = mapped_column(Numeric(14, 2))
    active_income: Mapped[Decimal | None] = mapped_column(Numeric(14, 2))
    passive_income: Mapped[Decimal | None] = mapped_column(Numeric(14, 2))
    income_remarks: _Text = mapped_column(String(400))
    social_accounts: _Text = mapped_column(String(400))
    children: Mapped[int | None] = mapped_column(SmallInteger)
    children_plans: _Text = mapped_column(String(200))
    wedding_celebration: _Text = mapped_column(String(200))
    hobbies: _Text = mapped_column(String(400))
    likes: _Text = mapped_column(String(400))
    smoking: _Text = mapped_column(String(80))
    drinking: _Text = mapped_column(String(80))
    diet: _Text = mapped_column(String(200))
    dishes: _Text = mapped_column(String(200))
    restaurants: _Text = mapped_column(String(200))
    motto: _Text = mapped_column(String(200))
    leisure: _Text = mapped_column(String(200))
    sports: _Text = mapped_column(String(200))
    topics: _Text = mapped_column(String(200))
    media: _Text = mapped_column(String(200))
    books: _Text = mapped_column(String(200))
    clubs: _Text = mapped_column(String(400))
    special_identity: _Text = mapped_column(String(200))
    personality: _Text = mapped_column(Text)
    manner: _Text = mapped_column(String(200))
    relatives: _Text = mapped_column(Text)
    friends: _Text = mapped_column(Text)
    height_cm: Mapped[Decimal | None] = mapped_column(Numeric(4, 1))
    weight_kg: Mapped[Decimal | None] = mapped_column(Numeric(4, 1))
    blood_type: _Text = mapped_column(String(10))
    buys_what: _Text = mapped_column(String(200))
    buys_how: _Text = mapped_column(String(200))
    buys_where: _Text = mapped_column(String(200))
    buys_level: _Text = mapped_column(String(80))
    buys_most: _Text = mapped_column(String(200))
    buys_least: _Text = mapped_column(String(200))


class OrganizationDetails(Base):
    """What is known of an organisation: its form and size, its market and state of business, its credit."""

    __tablename__ = "organization_details"

    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True)
    short_name: _Text = mapped_column(String(80))
    credit_code: _Text = mapped_column(String(18))
    legal_form: _Text = mapped_column(String(80))
    nature: _Text = mapped_column(String(80))
    industry: _Text = mapped_column(String(80))
    head_count: Mapped[int | None]
    assets: Mapped[Decimal | None] = mapped_column(Numeric(16, 2))
    founded_on: Mapped[date | None]
    website: _Text = mapped_column(String(200))
    branches: _Text = mapped_column(Text)
    history: _Text = mapped_column(Text)
    services: _Text = mapped_column(Text)
    service_area: _Text = mapped_column(String(200))
    market: _Text = mapped_column(Text)
    ideas: _Text = mapped_column(Text)
    direction: _Text = mapped_column(Text)
    traits: _Text = mapped_column(Text)
    image: _Text = mapped_column(Text)
    reputation: _Text = mapped_column(Text)
    sales_power: _Text = mapped_column(Text)
    results: _Text = mapped_column(Text)
    potential: _Text = mapped_column(Text)
    problems: _Text = mapped_column(Text)
    measures: _Text = mapped_column(Text)
    trade_terms: _Text = mapped_column(Text)
    credit_terms: _Text = mapped_column(Text)
    credit_limit: Mapped[Decimal | None] = mapped_column(Numeric(16, 2))
    credit_problems: _Text = mapped_column(Text)
    relationship: _Text = mapped_column(String(400))
    attitude: _Text = mapped_column(String(400))
    opinions: _Text = mapped_column(Text)


class MemorialDay(Base):
    """A day of the year that matters to a customer, by either calendar; the year in which it began may be unknown."""

    __tablename__ = "memorial_days"
    __table_args__ = (
        Index(None, "calendar", "month", "day"),
        CheckConstraint("month BETWEEN 1 AND 12", name="month"),
        CheckConstraint("day BETWEEN 1 AND 31", name="day"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"), index=True)
    title: Mapped[str] = mapped_column(String(80))
    calendar: Mapped[Calendar] = mapped_column(text_enum(Calendar, "calendar"))
    year: Mapped[int | None] = mapped_column(SmallInteger)
    month: Mapped[int] = mapped_column(SmallInteger)
    day: Mapped[int] = mapped_column(SmallInteger)
    leap: Mapped[bool] = mapped_column(default=False)
    remarks: _Text = mapped_column(Text)


class CustomerRelation(Base):
    """``other_id`` is what ``relation`` says to ``customer_id``: seen from either card."""

    __tablename__ = "customer_relations"
    __table_args__ = (UniqueConstraint("customer_id", "other_id", "relation"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"))
    other_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"), index=True)
    relation: Mapped[str] = mapped_column(String(40))
    remarks: _Text = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))


class Attitude(Base):
    """What a customer thinks of a product or service, when and where it was learnt, and who noted it."""

    __tablename__ = "customer_attitudes"
    __table_args__ = (
        Index(None, "customer_id", "noted_on"),
        Index(None, "customer_id", "noted_at"),  # the timeline
        CheckConstraint("score BETWEEN 1 AND 5", name="score"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"))
    kind: Mapped[AttitudeKind] = mapped_column(text_enum(AttitudeKind, "kind"))
    subject: _Text = mapped_column(String(120))
    score: Mapped[int | None] = mapped_column(SmallInteger)
    value: _Text = mapped_column(String(400))
    noted_on: Mapped[date]
    source: _Text = mapped_column(String(80))
    noted_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    noted_at: Mapped[datetime] = mapped_column(UtcDateTime)


class OrganizationContact(Base):
    """A person one speaks with at an organisation; may be a customer too."""

    __tablename__ = "organization_contacts"
    __table_args__ = (Index(None, "birth_calendar", "birth_month", "birth_day"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"), index=True)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id", ondelete="SET NULL"), index=True)
    name: Mapped[str] = mapped_column(String(120))
    position: _Text = mapped_column(String(80))
    department: _Text = mapped_column(String(80))
    # The owner, the legal person, who decides: shown first.
    key_person: Mapped[bool] = mapped_column(default=False)
    phone: _Text = mapped_column(String(40))
    email: _Text = mapped_column(String(200))
    wechat: _Text = mapped_column(String(80))
    sex: Mapped[Sex | None] = mapped_column(text_enum(Sex, "sex"))
    birth_calendar: Mapped[Calendar | None] = mapped_column(text_enum(Calendar, "birth_calendar"))
    birth_year: Mapped[int | None] = mapped_column(SmallInteger)
    birth_month: Mapped[int | None] = mapped_column(SmallInteger)
    birth_day: Mapped[int | None] = mapped_column(SmallInteger)
    birth_leap: Mapped[bool] = mapped_column(default=False)
    education: _Text = mapped_column(String(40))
    personality: _Text = mapped_column(String(400))
    hobbies: _Text = mapped_column(String(400))
    family: _Text = mapped_column(String(400))
    abilities: _Text = mapped_column(String(400))
    remarks: _Text = mapped_column(Text)
