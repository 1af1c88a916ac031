"""Lists in pages: the cursor says where the last one ended, so pages stay right while rows are added."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

from crm_core.kernel.errors import Rejected

T = TypeVar("T")
LARGEST_PAGE = 500
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items and the cursor of the next page; None when there is none."""

    items: Sequence[T]
    next: str | None


def page_of(rows: Sequence[T], limit: int, cursor: Callable[[T], str]) -> Page[T]:
    """``rows`` were asked for with one more than ``limit``: that one only says that there is a next page."""
    items = rows[:limit]
    return Page(items, cursor(items[-1]) if len(rows) > limit else None)


def checked_limit(limit: int) -> int:
    """Raises Rejected unless it is 1 to 500."""
    if not 1 <= limit <= LARGEST_PAGE:
        raise Rejected(
            "limit_out_of_range",
            f"A page holds 1 to {LARGEST_PAGE} items.",
            errors={"limit": f"1 to {LARGEST_PAGE}"},
        )
    return limit


def time_cursor(at: datetime, identifier: int) -> str:
    """The cursor of lists by time and id."""
    micros = (at - _EPOCH) // timedelta(microseconds=1)
    return text_cursor(f"{micros}", identifier)


def parse_time_cursor(cursor: str) -> tuple[datetime, int]:
    """Raises Rejected for anything that is no such cursor."""
    text, identifier = parse_text_cursor(cursor)
    try:
        return _EPOCH + timedelta(microseconds=int(text)), identifier
    except (ValueError, OverflowError):
        raise bad_cursor() from None


def text_cursor(text: str, identifier: int) -> str:
    """The cursor of lists by a text (a name) and id."""
    return base64.urlsafe_b64encode(f"{identifier}:{text}".encode()).decode().rstrip("=")


def parse_text_cursor(cursor: str) -> tuple[str, int]:
    """Raises Rejected for anything that is no such cursor."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
        identifier, _, text = raw.partition(":")
        number = int(identifier)
    except (binascii.Error, UnicodeError, ValueError):
        raise bad_cursor() from None
    if "\0" in text or not 0 <= number < 1 << 63:
        raise bad_cursor()
    return text, number


def bad_cursor() -> Rejected:
    """For anything that the list did not give out itself."""
    return Rejected(
        "cursor_invalid", "This cursor was not given out by this list.", errors={"cursor": "not a cursor of this list"}
    )
