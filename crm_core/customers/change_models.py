"""The table of what was done to a customer's record, line by line of the timeline."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db.base import Base, Id
from crm_core.db.types import Json, UtcDateTime, text_enum


class ChangeKind(StrEnum):
    """Fields were changed, somebody asked whether all is still right, or a number's state turned."""

    EDITED = "edited"
    VERIFIED = "verified"
    PHONE = "phone"


class CustomerChange(Base):
    """Which fields somebody changed, never what was in them: that is for the audit, sealed fields and masks included.

    Of a number that turned from one state to another ``old`` and ``new`` are the states.
    """

    __tablename__ = "customer_changes"
    __table_args__ = (Index(None, "customer_id", "kind", "at"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    kind: Mapped[ChangeKind] = mapped_column(text_enum(ChangeKind, "kind"))
    by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    fields: Mapped[list[str]] = mapped_column(Json, default=list)
    phone_id: Mapped[int | None] = mapped_column(Id)  # no key: the line outlives the number
    old: Mapped[str | None] = mapped_column(String(20))
    new: Mapped[str | None] = mapped_column(String(20))
