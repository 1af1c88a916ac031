"""The table of merges: who went into whom, and the sealed record by which it can be undone."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db.base import Base, Id
from crm_core.db.types import UtcDateTime


class CustomerMerge(Base):
    """``customer_id`` went into ``into_id``; ``survivor_id`` is where both are now, after further merges too.

    While it is not undone the old id is an alias of the survivor. ``sealed`` holds the old row and all that moved.
    """

    __tablename__ = "customer_merges"
    __table_args__ = (Index(None, "customer_id"), Index(None, "survivor_id", "at"), Index(None, "at", "id"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    # No foreign keys: the row of ``customer_id`` is gone while the merge stands.
    customer_id: Mapped[int] = mapped_column(Id)
    into_id: Mapped[int] = mapped_column(Id)
    survivor_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"))
    account_number: Mapped[str] = mapped_column(String(20))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by_user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    undone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    undone_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
