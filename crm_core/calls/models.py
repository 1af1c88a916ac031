"""Tables of the call log, its journal and the agents' working time."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, SmallInteger, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm_core.calls.facts import (
    CallState,
    CallStatus,
    Certainty,
    Direction,
    EndedBy,
    LegOutcome,
    Transfer,
)
from crm_core.db.base import Base, Id
from crm_core.db.types import Json, UtcDateTime, text_enum


class RecordingState(StrEnum):
    """What became of a recording's file."""

    RECORDING = "recording"
    PENDING = "pending"
    READY = "ready"
    EMPTY = "empty"
    MISSING = "missing"
    DAMAGED = "damaged"


class AgentStatus(StrEnum):
    OFFLINE = "offline"
    AVAILABLE = "available"
    RINGING = "ringing"
    TALKING = "talking"
    HOLD = "hold"
    WRAP_UP = "wrap_up"
    PAUSED = "paused"


# A call may end unseen: then it is over (its state says so) though nobody knows when.
LIVE = text("state <> 'ended'")
_OPEN = text("ended_at IS NULL")
_PROMISED = text("next_at IS NOT NULL")
# Also the condition of the queries, word for word: only so does SQLite use the partial index.
WAITS = text("returned_at IS NULL AND direction = 'inbound' AND status IN ('missed', 'abandoned')")


class Call(Base):
    """One customer's contact, whatever queues, transfers or consultations lie between."""

    __tablename__ = "calls"
    __table_args__ = (
        Index(None, "started_at", "id"),
        Index(None, "customer_id", "started_at"),
        Index(None, "customer_e164", "started_at"),
        Index(None, "status", "started_at"),
        Index(None, "queue", "started_at"),
        Index(None, "owner_id", "started_at"),
        Index(None, "department_id", "started_at"),
        Index("ix_calls_open", "pbx", "id", postgresql_where=LIVE, sqlite_where=LIVE),
        Index(
            "ix_calls_to_return",
            "customer_e164",
            "started_at",
            postgresql_where=WAITS,
            sqlite_where=WAITS,
        ),
        Index("ix_calls_due", "owner_id", "next_at", postgresql_where=_PROMISED, sqlite_where=_PROMISED),
        CheckConstraint("progress IN (15, 50, 75, 100)", name="progress"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    pbx: Mapped[str] = mapped_column(String(40))
    uniqueid: Mapped[str] = mapped_column(String(150))
    direction: Mapped[Direction] = mapped_column(text_enum(Direction, "direction"))
    state: Mapped[CallState] = mapped_column(text_enum(CallState, "state"))
    status: Mapped[CallStatus | None] = mapped_column(text_enum(CallStatus, "status"))
    caller_number: Mapped[str | None] = mapped_column(String(80))
    caller_name: Mapped[str | None] = mapped_column(String(200))
    called_number: Mapped[str | None] = mapped_column(String(80))
    customer_number: Mapped[str | None] = mapped_column(String(80))
    customer_e164: Mapped[str | None] = mapped_column(String(20))
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id", ondelete="SET NULL"))
    # The agent who spoke last (or was rung last) and that agent's department: what scopes are judged by.
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    department_id: Mapped[int | None] = mapped_column(ForeignKey("departments.id"))
    queue: Mapped[str | None] = mapped_column(String(80))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    wait_seconds: Mapped[float | None] = mapped_column()
    talk_seconds: Mapped[float | None] = mapped_column()
    hold_seconds: Mapped[float | None] = mapped_column()
    agents: Mapped[list[str]] = mapped_column(Json, default=list)
    transferred: Mapped[Transfer | None] = mapped_column(text_enum(Transfer, "transferred"))
    ended_by: Mapped[EndedBy | None] = mapped_column(text_enum(EndedBy, "ended_by"))
    certainty: Mapped[Certainty] = mapped_column(text_enum(Certainty, "certainty"), default=Certainty.COMPLETE)
    queues: Mapped[list[dict[str, Any]]] = mapped_column(Json, default=list)
    holds: Mapped[list[dict[str, Any]]] = mapped_column(Json, default=list)
    # What the agent adds; the recorder never touches these.
    progress: Mapped[int | None] = mapped_column(SmallInteger)
    disposition: Mapped[str | None] = mapped_column(String(40))
    next_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    claimed_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    claimed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    returned_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    legs: Mapped[list[Leg]] = relationship(lazy="raise", order_by="Leg.rang_at, Leg.id", passive_deletes=True)
    recordings: Mapped[list[Recording]] = relationship(
        lazy="raise", order_by="Recording.started_at", passive_deletes=True
    )
    notes: Mapped[list[CallNote]] = relationship(lazy="raise", order_by="CallNote.at", passive_deletes=True)


class Leg(Base):
    """One ring of one extension."""

    __tablename__ = "call_legs"
    __table_args__ = (
        Index(None, "call_id"),
        Index(None, "extension", "rang_at"),
        Index(None, "user_id", "answered_at"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    call_id: Mapped[int] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"))
    extension: Mapped[str] = mapped_column(String(40))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    channel: Mapped[str] = mapped_column(String(200))
    rang_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    outcome: Mapped[LegOutcome | None] = mapped_column(text_enum(LegOutcome, "outcome"))
    talk_seconds: Mapped[float | None] = mapped_column()
    hold_seconds: Mapped[float | None] = mapped_column()
    queue: Mapped[str | None] = mapped_column(String(80))
    transferred_from: Mapped[str | None] = mapped_column(String(40))


class CallParty(Base):
    """Somebody of ours who had to do with a call: rang, spoke, dialled or claimed it. What "own calls" are found by.

    ``as_agent`` is true for those who spoke or, when nobody did, whose phone rang: what the agent filter means.
    """

    __tablename__ = "call_parties"
    __table_args__ = (
        Index(None, "user_id", "started_at", "call_id"),
        Index(
            "ix_call_parties_agent",
            "extension",
            "started_at",
            "call_id",
            postgresql_where=text("as_agent"),
            sqlite_where=text("as_agent = 1"),  # as the queries say it there
        ),
    )

    call_id: Mapped[int] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True)
    extension: Mapped[str] = mapped_column(String(40), primary_key=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)  # of the call
    as_agent: Mapped[bool] = mapped_column()
    spoke_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # None: did not speak with the other side
    talk_seconds: Mapped[float | None] = mapped_column()


class CallAlias(Base):
    """A call that turned out to be part of another: who still holds the old id is led to the one that lives on."""

    __tablename__ = "call_aliases"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    call_id: Mapped[int] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"), index=True)


class Recording(Base):
    """One recording; ``file`` is a base name inside the PBX's recordings folder, never a path from outside."""

    __tablename__ = "recordings"
    __table_args__ = (Index(None, "call_id"), Index(None, "state", "started_at"))

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    call_id: Mapped[int] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"))
    pbx: Mapped[str] = mapped_column(String(40))
    file: Mapped[str] = mapped_column(String(255))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    stopped_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    state: Mapped[RecordingState] = mapped_column(text_enum(RecordingState, "state"))
    seconds: Mapped[float | None] = mapped_column()
    size: Mapped[int | None] = mapped_column(Id)
    peaks: Mapped[bytes | None] = mapped_column(LargeBinary)
    pauses: Mapped[list[Any]] = mapped_column(Json, default=list)


class CallNote(Base):
    """What an agent wrote about a call."""

    __tablename__ = "call_notes"
    __table_args__ = (Index(None, "call_id", "at"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    call_id: Mapped[int] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    author_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    text: Mapped[str] = mapped_column(Text)


class CallEvents(Base):
    """A stretch of the PBX events of one call, zlib-compressed: answers "why", and the call can be rebuilt from it."""

    __tablename__ = "call_events"
    __table_args__ = (Index(None, "call_id", "id"), Index(None, "at"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    call_id: Mapped[int] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    events: Mapped[bytes] = mapped_column(LargeBinary)


class JournalPosition(Base):
    """How far the journal file of a PBX is in the database; moves in the same transaction as the calls."""

    __tablename__ = "journal_positions"

    pbx: Mapped[str] = mapped_column(String(40), primary_key=True)
    segment: Mapped[str] = mapped_column(String(80))
    offset: Mapped[int] = mapped_column(Id)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class AgentSpan(Base):
    """A stretch of one agent's working day in one state."""

    __tablename__ = "agent_spans"
    __table_args__ = (
        Index(None, "user_id", "started_at"),
        Index("ix_agent_spans_open", "user_id", postgresql_where=_OPEN, sqlite_where=_OPEN, unique=True),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    status: Mapped[AgentStatus] = mapped_column(text_enum(AgentStatus, "status"))
    reason: Mapped[str | None] = mapped_column(String(80))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class NumberChoice(Base):
    """Which of several matches the agents chose for a number: the next pop ranks it higher."""

    __tablename__ = "number_choices"

    e164: Mapped[str] = mapped_column(String(20), primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True)
    times: Mapped[int] = mapped_column(default=1)
    last_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
