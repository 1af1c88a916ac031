"""The time, injected: no code of ours asks the system for it directly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, Protocol
from zoneinfo import ZoneInfo

HOME: Final = ZoneInfo("Asia/Shanghai")  # where the business's days are counted unless the settings say otherwise


class Clock(Protocol):
    """Gives the present instant as an aware UTC datetime."""

    def now(self) -> datetime: ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class FixedClock:
    """A clock for tests and rehearsals: stands still until told to move."""

    def __init__(self, at: datetime) -> None:
        self._at = at.astimezone(UTC)

    def now(self) -> datetime:
        return self._at

    def move(self, by: timedelta) -> None:
        self._at += by


def from_epoch(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
