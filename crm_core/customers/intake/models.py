"""Tables of the intake: what was handed in, its sheets, and the tries to verify a number."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm_core.customers.intake.kinds import CheckResult, EntryState
from crm_core.customers.models import Phone
from crm_core.db.base import Base, Id
from crm_core.db.types import UtcDateTime, text_enum
from crm_core.db.upsert import table_of


class Registration(Base):
    """A stack of sheets handed in at once. ``business_day`` is the day in the company's time zone."""

    __tablename__ = "registrations"
    __table_args__ = (
        Index(None, "handed_in_at", "id"),
        Index(None, "business_day", "department_id"),
        CheckConstraint("sheets BETWEEN 1 AND 500", name="sheets"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    sheets: Mapped[int] = mapped_column(SmallInteger)
    handed_in_at: Mapped[datetime] = mapped_column(UtcDateTime)
    business_day: Mapped[date] = mapped_column()
    handed_in_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)
    collected_by: Mapped[str] = mapped_column(String(80))
    collected_at: Mapped[date | None] = mapped_column()
    department_id: Mapped[int | None] = mapped_column(ForeignKey("departments.id"), index=True)
    source: Mapped[str | None] = mapped_column(String(40))
    remarks: Mapped[str | None] = mapped_column(Text)
    scan_id: Mapped[int | None] = mapped_column(Id)  # the file of the scanned sheets
    registered_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    registered_at: Mapped[datetime] = mapped_column(UtcDateTime)

    entries: Mapped[list[RegistrationEntry]] = relationship(
        back_populates="registration", lazy="raise", order_by="RegistrationEntry.position"
    )


class RegistrationEntry(Base):
    """One sheet. Whose it is: ``claimed_by_id`` until ``claimed_until``; afterwards anybody's again."""

    __tablename__ = "registration_entries"
    __table_args__ = (
        Index(None, "registration_id", "position"),
        # The queue: what waits, in order of hand-in. A small part of the table however old the base.
        Index(
            "ix_registration_entries_open",
            "handed_in_at",
            "registration_id",
            "position",
            sqlite_where=text("state IN ('waiting', 'parked')"),
            postgresql_where=text("state IN ('waiting', 'parked')"),
        ),
        Index(None, "finished_by_id", "finished_at"),
        Index(None, "finished_at"),
        Index(None, "claimed_by_id"),
        Index(None, "customer_id", "finished_at"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    registration_id: Mapped[int] = mapped_column(ForeignKey("registrations.id", ondelete="CASCADE"))
    handed_in_at: Mapped[datetime] = mapped_column(UtcDateTime)
    position: Mapped[int] = mapped_column(SmallInteger)
    name: Mapped[str | None] = mapped_column(String(120))
    phone: Mapped[str | None] = mapped_column(String(40))
    note: Mapped[str | None] = mapped_column(String(400))
    state: Mapped[EntryState] = mapped_column(text_enum(EntryState, "state"), default=EntryState.WAITING)
    claimed_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    claimed_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reason: Mapped[str | None] = mapped_column(String(400))  # of parking or rejecting
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id", ondelete="SET NULL"))
    existed: Mapped[bool] = mapped_column(default=False)  # the customer was known; the sheet was added to him
    finished_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    registration: Mapped[Registration] = relationship(back_populates="entries", lazy="raise")


class PhoneCheck(Base):
    """One try to verify a number, kept with who tried and what came of it."""

    __tablename__ = "phone_checks"
    __table_args__ = (Index(None, "phone_id", "at"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    phone_id: Mapped[int] = mapped_column(ForeignKey("customer_phones.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by_user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    result: Mapped[CheckResult] = mapped_column(text_enum(CheckResult, "result"))
    note: Mapped[str | None] = mapped_column(String(400))


# The list of numbers to verify walks along this one; verified numbers are not in it.
Index(
    "ix_customer_phones_unverified",
    table_of(Phone).c.id,
    sqlite_where=text("state = 'unverified'"),
    postgresql_where=text("state = 'unverified'"),
)
