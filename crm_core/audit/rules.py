"""The hash of an audit line (pure)."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

import orjson

GENESIS = "0" * 64


def line_hash(previous: str, fields: dict[str, Any]) -> str:
    """SHA-256 over the hash before and the line's fields in canonical JSON (sorted keys, UTC microseconds)."""
    canonical = orjson.dumps(fields, default=_plain, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(previous.encode() + b"\n" + canonical).hexdigest()


def detail_digest(salt: str, detail: dict[str, Any]) -> str:
    """What stands for the detail in the chain. Without the salt nobody can find the text out by trying."""
    canonical = orjson.dumps(detail, default=_plain, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(salt.encode() + b"\n" + canonical).hexdigest()


def instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _plain(value: object) -> str:
    return instant(value) if isinstance(value, datetime) else str(value)
