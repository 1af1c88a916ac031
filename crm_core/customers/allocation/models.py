"""Tables of allocation: runs with their people and results, personal limits, applications, the pool, notices."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.customers.allocation.kinds import (
    ApplicationKind,
    ApplicationState,
    Method,
    NoticeState,
    ReclaimRule,
    RunState,
    UnfitState,
    Verdict,
)
from crm_core.db.base import Base, Id
from crm_core.db.types import Json, UtcDateTime, text_enum


class Allocation(Base):
    """One sharing-out of customers without an owner: what was asked for, who approved, who carried it out."""

    __tablename__ = "allocations"
    __table_args__ = (Index(None, "state", "id"), Index(None, "department_id", "id"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    state: Mapped[RunState] = mapped_column(text_enum(RunState, "state"))
    method: Mapped[Method] = mapped_column(text_enum(Method, "method"))
    # Whose customers and whose people: the department of the receivers.
    department_id: Mapped[int | None] = mapped_column(ForeignKey("departments.id"))
    # ``choosing.plain``: ids, or the queue cut by a filter, with the most to take.
    choice: Mapped[dict[str, Any]] = mapped_column(Json)
    reason: Mapped[str] = mapped_column(Text)
    requested_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    requested_at: Mapped[datetime] = mapped_column(UtcDateTime)
    approved_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    approved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    executed_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    executed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    job_id: Mapped[int | None] = mapped_column(Id)
    answer: Mapped[str | None] = mapped_column(Text)  # why it was refused
    given: Mapped[int] = mapped_column(default=0)
    refused: Mapped[int] = mapped_column(default=0)


class AllocationPerson(Base):
    """Who takes part in a run; ``regions`` and ``types`` are what he is given when the method matches."""

    __tablename__ = "allocation_people"
    __table_args__ = (CheckConstraint("weight BETWEEN 1 AND 100", name="weight"),)

    allocation_id: Mapped[int] = mapped_column(ForeignKey("allocations.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger)
    weight: Mapped[int] = mapped_column(SmallInteger, default=1)
    regions: Mapped[list[str]] = mapped_column(Json, default=list)
    types: Mapped[list[str]] = mapped_column(Json, default=list)


class AllocationResult(Base):
    """What became of one customer of a run, with the reason where he was not given."""

    __tablename__ = "allocation_results"
    __table_args__ = (Index(None, "allocation_id", "verdict", "position"), Index(None, "customer_id"))

    allocation_id: Mapped[int] = mapped_column(ForeignKey("allocations.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    verdict: Mapped[Verdict] = mapped_column(text_enum(Verdict, "verdict"))
    reason: Mapped[str] = mapped_column(String(40), default="")


class AllocationLimit(Base):
    """One person's own cap and quota where they differ from the house's."""

    __tablename__ = "allocation_limits"
    __table_args__ = (
        CheckConstraint("cap >= 0", name="cap"),
        CheckConstraint("quota >= 0", name="quota"),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    cap: Mapped[int | None] = mapped_column()
    quota: Mapped[int | None] = mapped_column()
    changed_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class QuotaApplication(Base):
    """Somebody asks for more; a manager decides on the facts and until when it holds."""

    __tablename__ = "quota_applications"
    __table_args__ = (
        Index(None, "user_id", "state", "valid_until"),
        Index(None, "state", "id"),
        CheckConstraint("wanted BETWEEN 1 AND 100000", name="wanted"),
        CheckConstraint("granted >= 0", name="granted"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    kind: Mapped[ApplicationKind] = mapped_column(text_enum(ApplicationKind, "kind"))
    state: Mapped[ApplicationState] = mapped_column(text_enum(ApplicationState, "state"))
    wanted: Mapped[int] = mapped_column()
    reason: Mapped[str] = mapped_column(Text)
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    granted: Mapped[int | None] = mapped_column()
    valid_until: Mapped[date | None] = mapped_column()
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    note: Mapped[str | None] = mapped_column(Text)
    # What the decision was made on: open customers, contacts, talk time.
    facts: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)


class PoolEntry(Base):
    """A customer that came back from somebody and waits to be allocated again."""

    __tablename__ = "pool_entries"
    __table_args__ = (Index(None, "since"),)

    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True)
    from_user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    rule: Mapped[ReclaimRule] = mapped_column(text_enum(ReclaimRule, "rule"))


class ReclaimNotice(Base):
    """The owner was told that the customer goes back to the pool on ``due_on`` unless something happens."""

    __tablename__ = "reclaim_notices"
    __table_args__ = (
        Index(None, "customer_id", "state"),
        Index(None, "state", "due_on"),
        Index(None, "owner_id", "state"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"))
    owner_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    rule: Mapped[ReclaimRule] = mapped_column(text_enum(ReclaimRule, "rule"))
    state: Mapped[NoticeState] = mapped_column(text_enum(NoticeState, "state"))
    announced_at: Mapped[datetime] = mapped_column(UtcDateTime)
    due_on: Mapped[date] = mapped_column()
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Why it was kept: ``contacted``, ``owner_changed`` or the reason of an exemption.
    outcome: Mapped[str | None] = mapped_column(String(40))


class UnfitCustomer(Base):
    """Somebody who should perhaps not be in the base: why, who says so (None: the search), and what was decided."""

    __tablename__ = "unfit_customers"
    __table_args__ = (Index(None, "state", "customer_id"),)

    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True)
    state: Mapped[UnfitState] = mapped_column(text_enum(UnfitState, "state"))
    reasons: Mapped[list[str]] = mapped_column(Json, default=list)
    note: Mapped[str | None] = mapped_column(Text)
    marked_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    found_at: Mapped[datetime] = mapped_column(UtcDateTime)
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    answer: Mapped[str | None] = mapped_column(Text)
