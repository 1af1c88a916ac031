"""Tables of the customer database."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm_core.customers.kinds import Calendar, CustomerKind, PhoneKind, PhoneState, Sex
from crm_core.db.base import Base, Id
from crm_core.db.types import Json, UtcDateTime, text_enum


class Customer(Base):
    """A person or an organisation. ``version`` rises with each change and guards against lost updates."""

    __tablename__ = "customers"
    __table_args__ = (
        Index(None, "owner_id", "id"),
        Index(None, "department_id", "id"),
        Index(None, "name"),
        Index(None, "pinyin"),
        Index(None, "initials"),
        Index(None, "household_key"),
        Index(None, "referred_by_id"),
        Index(None, "created_at"),
        CheckConstraint("birth_month BETWEEN 1 AND 12", name="birth_month"),
        CheckConstraint("birth_day BETWEEN 1 AND 31", name="birth_day"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    account_number: Mapped[str] = mapped_column(String(20), unique=True)
    kind: Mapped[CustomerKind] = mapped_column(text_enum(CustomerKind, "kind"), default=CustomerKind.PERSON)
    name: Mapped[str] = mapped_column(String(120))
    # Space-separated readings and initials, every reading of a many-voiced surname included.
    pinyin: Mapped[str] = mapped_column(String(400), default="")
    initials: Mapped[str] = mapped_column(String(80), default="")
    form_of_address: Mapped[str | None] = mapped_column(String(40))
    sex: Mapped[Sex | None] = mapped_column(text_enum(Sex, "sex"))
    birth_calendar: Mapped[Calendar | None] = mapped_column(text_enum(Calendar, "birth_calendar"))
    birth_year: Mapped[int | None] = mapped_column(SmallInteger)
    birth_month: Mapped[int | None] = mapped_column(SmallInteger)
    birth_day: Mapped[int | None] = mapped_column(SmallInteger)
    birth_leap: Mapped[bool] = mapped_column(default=False)
    occupation: Mapped[str | None] = mapped_column(String(80))
    province: Mapped[str | None] = mapped_column(String(40))
    city: Mapped[str | None] = mapped_column(String(40))
    district: Mapped[str | None] = mapped_column(String(40))
    community: Mapped[str | None] = mapped_column(String(80))
    street: Mapped[str | None] = mapped_column(String(200))
    postcode: Mapped[str | None] = mapped_column(String(10))
    household_key: Mapped[str | None] = mapped_column(String(64))
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    department_id: Mapped[int | None] = mapped_column(ForeignKey("departments.id"))
    type: Mapped[str | None] = mapped_column(String(40))
    source: Mapped[str | None] = mapped_column(String(40))
    membership: Mapped[str | None] = mapped_column(String(40))
    referred_by_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"))
    best_time: Mapped[str | None] = mapped_column(String(120))
    # What must not be said, sold or served to this person: shown in red on the pop.
    taboos: Mapped[str | None] = mapped_column(Text)
    do_not_call: Mapped[bool] = mapped_column(default=False)
    remarks: Mapped[str | None] = mapped_column(Text)
    custom: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    collected_at: Mapped[date | None] = mapped_column()
    collected_by: Mapped[str | None] = mapped_column(String(80))
    entered_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own name and form

    phones: Mapped[list[Phone]] = relationship(
        back_populates="customer", lazy="raise", cascade="all, delete-orphan", order_by="Phone.position"
    )


class Phone(Base):
    """One number: as it was given, as E.164 for matching, and its digits backwards for suffix look-ups."""

    __tablename__ = "customer_phones"
    __table_args__ = (
        Index(None, "e164"),
        Index(None, "reversed_digits"),
        Index(None, "customer_id", "position"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"))
    number: Mapped[str] = mapped_column(String(40))
    e164: Mapped[str | None] = mapped_column(String(20))
    reversed_digits: Mapped[str] = mapped_column(String(40))
    kind: Mapped[PhoneKind] = mapped_column(text_enum(PhoneKind, "kind"))
    state: Mapped[PhoneState] = mapped_column(text_enum(PhoneState, "state"), default=PhoneState.UNVERIFIED)
    position: Mapped[int] = mapped_column(SmallInteger, default=0)  # 0 is the primary number

    customer: Mapped[Customer] = relationship(back_populates="phones", lazy="raise")


class CustomerNote(Base):
    """A remark on a customer, kept as written; the timeline shows it in its place."""

    __tablename__ = "customer_notes"
    __table_args__ = (Index(None, "customer_id", "at"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    author_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    text: Mapped[str] = mapped_column(Text)


class FamilyMember(Base):
    """Somebody of the customer's family; may be a customer too."""

    __tablename__ = "family_members"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"), index=True)
    relation: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(120))
    member_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"), index=True)
    birth_calendar: Mapped[Calendar | None] = mapped_column(text_enum(Calendar, "birth_calendar"))
    birth_year: Mapped[int | None] = mapped_column(SmallInteger)
    birth_month: Mapped[int | None] = mapped_column(SmallInteger)
    birth_day: Mapped[int | None] = mapped_column(SmallInteger)
    birth_leap: Mapped[bool] = mapped_column(default=False)
    remarks: Mapped[str | None] = mapped_column(Text)


class AccountNumber(Base):
    """Every account number ever given: never given again, even when its customer is gone."""

    __tablename__ = "account_numbers"

    number: Mapped[str] = mapped_column(String(20), primary_key=True)
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id", ondelete="SET NULL"), index=True)
    given_at: Mapped[datetime] = mapped_column(UtcDateTime)


class OwnerChange(Base):
    """A customer's move from one owner to another, with who did it and why."""

    __tablename__ = "owner_changes"
    __table_args__ = (Index(None, "customer_id", "at"), Index(None, "to_user_id", "at"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    from_user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    to_user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    by_user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    reason: Mapped[str] = mapped_column(Text)
