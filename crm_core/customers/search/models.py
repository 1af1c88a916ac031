"""Tables of the search: the index, what each customer has in it, the views that people saved."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.customers.models import Customer, OwnerChange
from crm_core.db.base import Base, Id
from crm_core.db.types import Json, UtcDateTime


class SearchToken(Base):
    """A customer has this token (``tokens.py``); the table is its own index, read from the newest customer on.

    No foreign key: its check would need a second index of the same size, and a row that outlives its customer is
    never seen, because every search looks at the customer itself.
    """

    __tablename__ = "search_tokens"
    __table_args__ = ({"sqlite_with_rowid": False},)

    token: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    customer_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)


class SearchEntry(Base):
    """The tokens that a customer has in the index, 4 bytes each, so that a change touches only the difference."""

    __tablename__ = "search_entries"

    customer_id: Mapped[int] = mapped_column(
        ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    tokens: Mapped[bytes] = mapped_column(LargeBinary)


class SavedView(Base):
    """A list that somebody wants to see again: filters, columns and order under a name, for one or for all."""

    __tablename__ = "saved_views"
    __table_args__ = (Index(None, "owner_id", "name", unique=True), Index(None, "shared", "name"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(80))
    shared: Mapped[bool] = mapped_column(default=False)
    filters: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    columns: Mapped[list[str]] = mapped_column(Json, default=list)
    sort: Mapped[str] = mapped_column(String(40), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


# What lists are cut by, each followed by the id: the newest come without sorting.
for _column in ("type", "membership", "source", "record_state", "purchase_state", "retention_state", "kind"):
    Index(f"ix_customers_{_column}_id", Customer.__table__.c[_column], Customer.__table__.c.id)
Index("ix_customers_pinyin_id", Customer.__table__.c.pinyin, Customer.__table__.c.id)
Index("ix_customers_updated_at_id", Customer.__table__.c.updated_at, Customer.__table__.c.id)
Index("ix_owner_changes_at", OwnerChange.__table__.c.at, OwnerChange.__table__.c.customer_id)
