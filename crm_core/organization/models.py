"""Tables of the organisation and of signing in."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm_core.db.base import Base, Id
from crm_core.db.types import Json, UtcDateTime, text_enum


class CentreKind(StrEnum):
    """Three independent hierarchies over the same data (销售中心, 利润中心, 服务中心)."""

    SALES = "sales"
    PROFIT = "profit"
    SERVICE = "service"


class Role(StrEnum):
    AGENT = "agent"
    SERVICE_AGENT = "service_agent"
    SUPERVISOR = "supervisor"
    MANAGER = "manager"
    DATA_CLERK = "data_clerk"
    WAREHOUSE = "warehouse"
    FINANCE = "finance"
    ADMIN = "admin"


class Centre(Base):
    __tablename__ = "centres"
    __table_args__ = (UniqueConstraint("kind", "name"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    kind: Mapped[CentreKind] = mapped_column(text_enum(CentreKind, "centre_kind"))
    name: Mapped[str] = mapped_column(String(80))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("centres.id"), index=True)
    # One PBX a centre where there are several; calls of that PBX belong to the centre.
    pbx: Mapped[str | None] = mapped_column(String(40))


class Department(Base):
    """Belongs to at most one centre of each kind."""

    __tablename__ = "departments"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("departments.id"), index=True)
    sales_centre_id: Mapped[int | None] = mapped_column(ForeignKey("centres.id"), index=True)
    profit_centre_id: Mapped[int | None] = mapped_column(ForeignKey("centres.id"), index=True)
    service_centre_id: Mapped[int | None] = mapped_column(ForeignKey("centres.id"), index=True)


class User(Base):
    """Somebody who can sign in. ``rights_version`` rises whenever rights change, so that live connections notice."""

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("failed_logins >= 0", name="failed_logins"),
        UniqueConstraint("pbx", "extension"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(40), unique=True)
    display_name: Mapped[str] = mapped_column(String(80))
    role: Mapped[Role] = mapped_column(text_enum(Role, "role"))
    password_hash: Mapped[str] = mapped_column(String(200))
    extension: Mapped[str | None] = mapped_column(String(20), index=True)
    pbx: Mapped[str] = mapped_column(String(40), default="main")
    department_id: Mapped[int | None] = mapped_column(ForeignKey("departments.id"), index=True)
    language: Mapped[str] = mapped_column(String(8), default="zh")
    active: Mapped[bool] = mapped_column(default=True)
    must_change_password: Mapped[bool] = mapped_column(default=False)
    failed_logins: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    rights_version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    department: Mapped[Department | None] = relationship(lazy="raise")


class UnknownLogin(Base):
    """Wrong log-ins under a name that nobody has: locked like a real one, so that a lock-out tells no names."""

    __tablename__ = "unknown_logins"

    name_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    failed_logins: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class UserSession(Base):
    """A browser's session; only the hash of its token is kept."""

    __tablename__ = "user_sessions"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    csrf_token: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    address: Mapped[str | None] = mapped_column(String(64))
    browser: Mapped[str | None] = mapped_column(String(200))

    user: Mapped[User] = relationship(lazy="raise")


class ApiToken(Base):
    """A token for programs with the rights of its user; only its hash is kept."""

    __tablename__ = "api_tokens"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    label: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    user: Mapped[User] = relationship(lazy="raise")


class PushTicket(Base):
    """Lets one websocket in, once, within a minute; in the database because pages and push may be two processes."""

    __tablename__ = "push_tickets"

    ticket_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    user: Mapped[User] = relationship(lazy="raise")


class IdempotencyKey(Base):
    """The answer that was given for a key, so that a repeated request changes nothing and hears the same."""

    __tablename__ = "idempotency_keys"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(120), primary_key=True)
    request_hash: Mapped[str] = mapped_column(String(64))
    status: Mapped[int | None] = mapped_column()
    body: Mapped[dict[str, Any] | None] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class Setting(Base):
    """A value that an admin changes while the service runs (normal talk time, pause reasons, journal keep, …)."""

    __tablename__ = "settings"
    __table_args__ = (Index(None, "changed_at"),)

    key: Mapped[str] = mapped_column(String(80), primary_key=True)
    value: Mapped[Any] = mapped_column(Json)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_by: Mapped[str] = mapped_column(String(40))
