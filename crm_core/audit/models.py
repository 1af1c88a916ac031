"""The audit table."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db.base import Base, Id
from crm_core.db.types import Json, UtcDateTime


class AuditLine(Base):
    """One act. ``seq`` has no holes; ``hash`` covers the line and the hash before it.

    The hash covers the salted digest of ``detail``, not its text: a person's data can be taken out of a line, and the
    line still proves who did what and when. Lines without a digest were written before there was one.
    """

    __tablename__ = "audit_log"
    __table_args__ = (
        Index(None, "object_type", "object_id", "seq"),
        Index(None, "actor_name", "seq"),
        Index(None, "action", "seq"),
        Index(None, "at"),
    )

    seq: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor_id: Mapped[int | None] = mapped_column(Id)
    actor_name: Mapped[str] = mapped_column(String(80))
    action: Mapped[str] = mapped_column(String(80))
    object_type: Mapped[str] = mapped_column(String(40))
    object_id: Mapped[int | None] = mapped_column(Id)
    detail: Mapped[dict[str, Any]] = mapped_column(Json)
    detail_digest: Mapped[str | None] = mapped_column(String(64))
    detail_salt: Mapped[str | None] = mapped_column(String(32))  # gone with the detail
    address: Mapped[str | None] = mapped_column(String(64))
    request_id: Mapped[str | None] = mapped_column(String(64))
    previous: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64), unique=True)
