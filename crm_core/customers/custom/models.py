"""The table of own fields; their values stay with the record, in its column ``custom`` by code."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, SmallInteger, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.customers.custom.kinds import FieldSubject, FieldType
from crm_core.db.base import Base, Id
from crm_core.db.types import Json, UtcDateTime, text_enum


class CustomField(Base):
    """One own field. It is retired, never deleted: what was entered stays readable."""

    __tablename__ = "custom_fields"
    __table_args__ = (UniqueConstraint("subject", "code"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    subject: Mapped[FieldSubject] = mapped_column(text_enum(FieldSubject, "subject"))
    code: Mapped[str] = mapped_column(String(40))
    type: Mapped[FieldType] = mapped_column(text_enum(FieldType, "type"))
    zh: Mapped[str] = mapped_column(String(60), default="")
    en: Mapped[str] = mapped_column(String(60), default="")
    group: Mapped[str] = mapped_column("field_group", String(60), default="")
    required: Mapped[bool] = mapped_column(default=False)
    active: Mapped[bool] = mapped_column(default=True)
    position: Mapped[int] = mapped_column(SmallInteger, default=0)
    choices: Mapped[list[dict[str, Any]]] = mapped_column(Json, default=list)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own name and form
