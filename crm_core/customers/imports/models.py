"""Tables of imports: one batch, its rows, remembered mappings."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, SmallInteger, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.customers.imports.kinds import Stage, Undone, Verdict
from crm_core.db.base import Base, Id
from crm_core.db.types import Json, UtcDateTime, text_enum


class CustomerImport(Base):
    """One file and all that was done with it. ``sample_sealed`` holds its first rows: personal data."""

    __tablename__ = "customer_imports"
    __table_args__ = (Index(None, "created_by_id", "id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    file_id: Mapped[int | None] = mapped_column(Id)
    file_name: Mapped[str] = mapped_column(String(200))
    headers: Mapped[list[Any]] = mapped_column(Json)
    sample_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    total: Mapped[int] = mapped_column(default=0)
    mapping: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    options: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    stage: Mapped[Stage] = mapped_column(text_enum(Stage, "stage"), default=Stage.UPLOADED)
    job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"), index=True)
    run_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    undone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ImportRow(Base):
    """What became of a row; ``kept_sealed`` holds the cells of a failed one, what an update replaced of the others."""

    __tablename__ = "customer_import_rows"
    __table_args__ = (Index(None, "import_id", "verdict", "number"), Index(None, "customer_id"))

    import_id: Mapped[int] = mapped_column(ForeignKey("customer_imports.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    verdict: Mapped[Verdict] = mapped_column(text_enum(Verdict, "verdict"))
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id", ondelete="SET NULL"))
    score: Mapped[int | None] = mapped_column(SmallInteger)  # of a duplicate, 0 to 100
    reasons: Mapped[list[Any]] = mapped_column(Json, default=list)
    warned: Mapped[bool] = mapped_column(default=False)
    kept_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    version: Mapped[int | None] = mapped_column()  # the customer's, right after the import
    undone: Mapped[Undone | None] = mapped_column(text_enum(Undone, "undone"))


class ImportKey(Base):
    """What a row is known by (a number of 63 bits each), so that the same person twice in one file is noticed."""

    __tablename__ = "customer_import_keys"

    import_id: Mapped[int] = mapped_column(ForeignKey("customer_imports.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(Id)


class ImportPreset(Base):
    """A remembered mapping: of one user, or, without ``user_id``, everybody's."""

    __tablename__ = "customer_import_presets"
    __table_args__ = (UniqueConstraint("user_id", "name"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(80))
    mapping: Mapped[dict[str, Any]] = mapped_column(Json)  # header to field
    options: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
