"""Tables of the duplicate check and of merges."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, SmallInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db.base import Base, Id
from crm_core.db.types import Json, UtcDateTime, text_enum


class MatchKey(Base):
    """One key of one customer (``keys.KeyKind`` in the top bits): whoever shares one may be the same person."""

    __tablename__ = "match_keys"
    __table_args__ = (Index(None, "customer_id"), {"sqlite_with_rowid": False})

    key: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    customer_id: Mapped[int] = mapped_column(
        ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )


class MatchRecord(Base):
    """A customer as the whole search compares him (``features``), so that it reads a million in seconds.

    ``made_by`` is the version of the rules that made it and the keys: an older one is made anew by the next search.
    """

    __tablename__ = "match_records"

    customer_id: Mapped[int] = mapped_column(
        ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    made_by: Mapped[int] = mapped_column(SmallInteger)
    facts: Mapped[bytes] = mapped_column(LargeBinary)


class PairState(StrEnum):
    OPEN = "open"
    MERGED = "merged"
    NOT_DUPLICATE = "not_duplicate"


class DuplicatePair(Base):
    """Two customers who may be one, and what a person decided. ``first_id`` is the lower of the two ids."""

    __tablename__ = "duplicate_pairs"
    __table_args__ = (
        UniqueConstraint("first_id", "second_id"),
        Index(None, "second_id"),
        Index(None, "state", "score", "id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    # No foreign keys: a merged pair outlives one of its two, and a purged customer's pairs fall out of every join.
    first_id: Mapped[int] = mapped_column(Id)
    second_id: Mapped[int] = mapped_column(Id)
    score: Mapped[float] = mapped_column()
    reasons: Mapped[list[Any]] = mapped_column(Json)
    state: Mapped[PairState] = mapped_column(text_enum(PairState, "state"), default=PairState.OPEN)
    found_at: Mapped[datetime] = mapped_column(UtcDateTime)
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
