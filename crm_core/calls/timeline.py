"""What the story of a customer is made of; pure, for queries, API and pages alike."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from crm_core.calls.views import CallView, NoteView


class TimelineKind(StrEnum):
    """What may have happened; of one instant the kind that stands further up comes first."""

    CALL = "call"
    NOTE = "note"
    TRANSFER = "transfer"
    CLASSIFICATION = "classification"
    ATTITUDE = "attitude"
    CONSENT = "consent"
    PHONE = "phone"
    EDIT = "edit"
    CHECK = "check"
    REVEAL = "reveal"
    UNMERGE = "unmerge"
    MERGE = "merge"
    IMPORT = "import"
    REGISTRATION = "registration"
    CREATED = "created"


@dataclass(frozen=True, slots=True)
class TimelineItem:
    """One thing that happened. ``by`` is a user's name, None when a rule or the PBX did it.

    ``about`` is what it happened to (a field, a channel, a number as the reader may see it, an account number, a
    file), ``old`` and ``new`` are from what to what, ``text`` is the reason or the remark, ``fields`` what was edited.
    """

    at: datetime
    id: int
    kind: TimelineKind
    by: str | None = None
    about: str | None = None
    old: str | None = None
    new: str | None = None
    text: str | None = None
    fields: tuple[str, ...] = ()
    call: CallView | None = None
    notes: tuple[NoteView, ...] = ()
