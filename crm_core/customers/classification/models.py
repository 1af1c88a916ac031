"""The table of changes of classification: written once, never changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.customers.classification.kinds import ClassField
from crm_core.db.base import Base, Id
from crm_core.db.types import Json, UtcDateTime, text_enum


class ClassificationChange(Base):
    """One classification of one customer went from ``old`` to ``new``, by which rule with which figures, or by whom."""

    __tablename__ = "classification_changes"
    __table_args__ = (Index(None, "customer_id", "at"), Index(None, "at", "id"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    field: Mapped[ClassField] = mapped_column(text_enum(ClassField, "field"))
    old: Mapped[str | None] = mapped_column(String(40))
    new: Mapped[str | None] = mapped_column(String(40))
    rule: Mapped[str] = mapped_column(String(60))
    params: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
