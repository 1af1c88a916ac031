"""What a sheet can be on its way into the base; pure, for tables and rules alike."""

from __future__ import annotations

from enum import StrEnum


class EntryState(StrEnum):
    """A parked sheet waits for something that the clerk asked for; done and rejected ones are final."""

    WAITING = "waiting"
    PARKED = "parked"
    DONE = "done"
    REJECTED = "rejected"


class CheckResult(StrEnum):
    """What came of ringing a number up: it is right, nobody was reached this time, it is somebody else's."""

    VALID = "valid"
    UNREACHABLE = "unreachable"
    WRONG = "wrong"


OPEN = (EntryState.WAITING, EntryState.PARKED)
