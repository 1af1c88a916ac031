"""Tables of the customer database."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, Numeric, SmallInteger, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm_core.customers.kinds import (
    Calendar,
    CustomerKind,
    MaritalState,
    OwnerChangeKind,
    PhoneKind,
    PhoneState,
    PurchaseState,
    RecordState,
    RetentionState,
    Sex,
    UseState,
)
from crm_core.db.base import Base, Id
from crm_core.db.types import Json, UtcDateTime, text_enum


class Customer(Base):
    """A person or an organisation. ``version`` rises with each change and guards against lost updates."""

    __tablename__ = "customers"
    __table_args__ = (
        Index(None, "owner_id", "id"),
        Index(None, "department_id", "id"),
        Index(None, "name"),
        Index(None, "referred_by_id"),
        Index(None, "created_at"),
        Index(None, "birth_calendar", "birth_month", "birth_day"),
        Index(None, "verified_at"),
        Index(None, "last_contact_at"),
        # How many open ones somebody has, without a look at the rows: asked before each giving.
        Index(None, "owner_id", "retention_state"),
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

    # The number itself is sealed; the keyed index finds an equal one, and two customers never have the same.
    id_card_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    id_card_index: Mapped[str | None] = mapped_column(String(64), index=True, unique=True)
    # JSON of ``details.MEDICAL``, and what must not be sold or served; both only for those with the medical right.
    medical_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    contraindications_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    ethnicity: Mapped[str | None] = mapped_column(String(40))
    origin: Mapped[str | None] = mapped_column(String(80))
    education: Mapped[str | None] = mapped_column(String(40))
    position: Mapped[str | None] = mapped_column(String(80))
    marital_state: Mapped[MaritalState | None] = mapped_column(text_enum(MaritalState, "marital_state"))
    economic_state: Mapped[str | None] = mapped_column(String(40))
    wedding_day: Mapped[date | None]
    email: Mapped[str | None] = mapped_column(String(200))
    wechat: Mapped[str | None] = mapped_column(String(80))
    qq: Mapped[str | None] = mapped_column(String(20))
    best_way: Mapped[str | None] = mapped_column(String(80))
    use_state: Mapped[UseState | None] = mapped_column(text_enum(UseState, "use_state"))
    record_state: Mapped[RecordState] = mapped_column(
        text_enum(RecordState, "record_state"), default=RecordState.NEW, server_default=RecordState.NEW
    )
    purchase_state: Mapped[PurchaseState] = mapped_column(
        text_enum(PurchaseState, "purchase_state"), default=PurchaseState.NONE, server_default=PurchaseState.NONE
    )
    retention_state: Mapped[RetentionState | None] = mapped_column(text_enum(RetentionState, "retention_state"))
    grade: Mapped[str | None] = mapped_column(String(20))
    rfm_recency_days: Mapped[int | None]
    rfm_frequency: Mapped[int | None]
    rfm_monetary: Mapped[Decimal | None] = mapped_column(Numeric(14, 2))
    # None: the centre of the department; set only where a customer differs from it.
    sales_centre_id: Mapped[int | None] = mapped_column(ForeignKey("centres.id"), index=True)
    profit_centre_id: Mapped[int | None] = mapped_column(ForeignKey("centres.id"), index=True)
    service_centre_id: Mapped[int | None] = mapped_column(ForeignKey("centres.id"), index=True)
    collected_department: Mapped[str | None] = mapped_column(String(80))
    allocated_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    last_contact_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # When somebody last asked the customer whether all this is still right.
    verified_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    verified_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    completeness: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")

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
    # Tries in a row that nobody answered; a talk sets it back to 0.
    failed_tries: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    tried_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reached_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

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
    __table_args__ = (Index(None, "birth_calendar", "birth_month", "birth_day"),)

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
    sex: Mapped[Sex | None] = mapped_column(text_enum(Sex, "sex"))
    education: Mapped[str | None] = mapped_column(String(40))
    school: Mapped[str | None] = mapped_column(String(120))
    occupation: Mapped[str | None] = mapped_column(String(80))
    phone: Mapped[str | None] = mapped_column(String(40))
    blood_type: Mapped[str | None] = mapped_column(String(10))
    hobbies: Mapped[str | None] = mapped_column(String(400))


class AccountNumber(Base):
    """Every account number ever given: never given again, even when its customer is gone."""

    __tablename__ = "account_numbers"

    number: Mapped[str] = mapped_column(String(20), primary_key=True)
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id", ondelete="SET NULL"), index=True)
    given_at: Mapped[datetime] = mapped_column(UtcDateTime)


class OwnerChange(Base):
    """A customer's move from one owner to another, with who did it and why."""

    __tablename__ = "owner_changes"
    __table_args__ = (
        Index(None, "customer_id", "at"),
        Index(None, "to_user_id", "at"),
        Index(None, "from_user_id", "at"),
        Index(None, "batch_id", "id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    from_user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    to_user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    by_user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    reason: Mapped[str] = mapped_column(Text)
    kind: Mapped[OwnerChangeKind] = mapped_column(
        text_enum(OwnerChangeKind, "kind"), default=OwnerChangeKind.EDIT, server_default=OwnerChangeKind.EDIT
    )
    # All that were moved by one act.
    batch_id: Mapped[int | None] = mapped_column(Id)
