"""Tables of data protection."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.customers.protection.kinds import (
    Channel,
    ConsentState,
    ConsentWay,
    FileFormat,
    Purpose,
    RequestKind,
    RequestState,
    Secret,
)
from crm_core.db.base import Base, Id
from crm_core.db.types import Json, UtcDateTime, text_enum


class DataRequest(Base):
    """A wish to take data out: who asked and why, who allowed it, how many rows left, when the file was collected."""

    __tablename__ = "data_requests"
    __table_args__ = (
        Index(None, "asked_by_id", "id"),
        Index(None, "state", "expires_at"),
        CheckConstraint("decided_by_id <> asked_by_id", name="second_person"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    kind: Mapped[RequestKind] = mapped_column(text_enum(RequestKind, "kind"))
    state: Mapped[RequestState] = mapped_column(text_enum(RequestState, "state"))
    format: Mapped[FileFormat | None] = mapped_column(text_enum(FileFormat, "format"))
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id", ondelete="SET NULL"), index=True)
    filters: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    columns: Mapped[list[str]] = mapped_column(Json, default=list)
    reason: Mapped[str] = mapped_column(Text)
    # The asker's words for headings and values, because the file is written where there is no catalogue.
    labels: Mapped[dict[str, str]] = mapped_column(Json, default=dict)
    rows_expected: Mapped[int] = mapped_column(default=0)
    rows: Mapped[int | None] = mapped_column()
    needs_approval: Mapped[bool] = mapped_column(default=False)
    asked_by_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decision: Mapped[str | None] = mapped_column(Text)
    job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"), index=True)
    file_id: Mapped[int | None] = mapped_column(Id)
    sha256: Mapped[str | None] = mapped_column(String(64))
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # How often the file was begun to be fetched: only the newest try may finish.
    fetches: Mapped[int] = mapped_column(default=0, server_default="0")
    collected_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failure: Mapped[str | None] = mapped_column(String(80))


class CardRead(Base):
    """Somebody had a customer's card open in an hour: one row however often. ``hour`` counts from the epoch.

    No foreign key to the customer: these rows are written later, and a card that is gone by then was read all the same.
    """

    __tablename__ = "card_reads"
    __table_args__ = (Index(None, "user_id", "hour"),)

    customer_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    hour: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    first_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_at: Mapped[datetime] = mapped_column(UtcDateTime)
    times: Mapped[int] = mapped_column(default=1)


class Reveal(Base):
    """A masked value was shown whole: what the limits count."""

    __tablename__ = "reveals"
    __table_args__ = (Index(None, "user_id", "what", "at"), Index(None, "customer_id", "at"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id", ondelete="SET NULL"))
    what: Mapped[Secret] = mapped_column(text_enum(Secret, "what"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    reason: Mapped[str] = mapped_column(Text)


class Agreement(Base):
    """A user has promised to keep customers' data secret, in this version of the words."""

    __tablename__ = "confidentiality_agreements"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    version: Mapped[str] = mapped_column(String(40), primary_key=True)
    agreed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Consent(Base):
    """What a customer allowed or took back; rows are only added, the newest of a channel and purpose holds."""

    __tablename__ = "consents"
    __table_args__ = (Index(None, "customer_id", "channel", "purpose", "at"), Index(None, "customer_id", "at"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"))
    channel: Mapped[Channel] = mapped_column(text_enum(Channel, "channel"))
    purpose: Mapped[Purpose] = mapped_column(text_enum(Purpose, "purpose"))
    state: Mapped[ConsentState] = mapped_column(text_enum(ConsentState, "state"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    way: Mapped[ConsentWay] = mapped_column(text_enum(ConsentWay, "way"))
    text_version: Mapped[str] = mapped_column(String(80), default="")
    # The proof: where the signed sheet lies, or the call in which it was said (calls are a tier above: no key).
    evidence: Mapped[str] = mapped_column(String(400), default="")
    call_id: Mapped[int | None] = mapped_column(Id)
    noted_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    noted_at: Mapped[datetime] = mapped_column(UtcDateTime)
