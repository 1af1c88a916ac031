"""The states and kinds of allocation; pure, for tables and rules alike."""

from __future__ import annotations

from enum import StrEnum


class Method(StrEnum):
    """How customers are shared out among people."""

    ROUND_ROBIN = "round_robin"
    WEIGHTED = "weighted"
    MATCHING = "matching"
    LEAST_OPEN = "least_open"


class RunState(StrEnum):
    """A manager asks or approves, the data department carries out."""

    WAITING = "waiting"
    APPROVED = "approved"
    RUNNING = "running"
    DONE = "done"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class Verdict(StrEnum):
    GIVEN = "given"
    REFUSED = "refused"


class ApplicationKind(StrEnum):
    """What somebody asks to have more of: new customers, or customers at once."""

    QUOTA = "quota"
    CAP = "cap"


class ApplicationState(StrEnum):
    WAITING = "waiting"
    GRANTED = "granted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class ReclaimRule(StrEnum):
    NOT_CONTACTED = "not_contacted"
    NOT_BOUGHT = "not_bought"


class NoticeState(StrEnum):
    """Announced to the owner; then back in the pool, or kept because something has happened since."""

    ANNOUNCED = "announced"
    RECLAIMED = "reclaimed"
    KEPT = "kept"


class Period(StrEnum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class UnfitReason(StrEnum):
    """Why somebody should not be in the base: found by a search, or said by staff."""

    WRONG_NUMBERS = "wrong_numbers"
    NEVER_REACHED = "never_reached"
    FEW_PURCHASES = "few_purchases"
    NO_LOYALTY = "no_loyalty"
    BAD_REPUTATION = "bad_reputation"
    COST = "cost"
    OTHER = "other"


class UnfitState(StrEnum):
    """Waits for a manager; kept in spite of it, or archived: out of allocation, never deleted."""

    PROPOSED = "proposed"
    KEPT = "kept"
    ARCHIVED = "archived"
