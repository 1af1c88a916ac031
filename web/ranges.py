"""HTTP byte ranges (pure): what part of a file an answer holds (RFC 9110, section 14)."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ONE = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes ``start`` up to, without, ``end``; ``partial`` when the asker wanted a range."""

    start: int
    end: int
    partial: bool

    @property
    def length(self) -> int:
        return self.end - self.start


def wanted(header: str | None, size: int) -> Part | None:
    """The part that a Range header names; everything for none, several or unknown ones; None when it lies outside."""
    found = _ONE.fullmatch(header) if header is not None else None
    if found is None or found.group(0) == "" or (not found.group(1) and not found.group(2)):
        return Part(0, size, partial=False)
    first, last = found.group(1), found.group(2)
    if not first:  # the last N bytes
        length = min(int(last), size)
        return Part(size - length, size, partial=True) if length else None
    start = int(first)
    if last and int(last) < start:
        return Part(0, size, partial=False)  # "5-3" is no range at all, so it is ignored
    end = min(int(last) + 1, size) if last else size
    return Part(start, end, partial=True) if start < size else None


def still_valid(if_range: str | None, etag: str, modified: str) -> bool:
    """Whether a Range may be served: the asker's copy has to be of this very file."""
    return if_range is None or if_range.strip() in (etag, modified)


def matches(if_none_match: str | None, etag: str) -> bool:
    """Whether the asker has the file already."""
    if if_none_match is None:
        return False
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in tags or etag in tags
