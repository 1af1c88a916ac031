"""No personal number in a log: whatever looks like a phone or an ID card is masked before a line is written."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import structlog

# Longest first. Times (2026-07-20T…), Asterisk's unique ids (1795226400.12) and ids of ours do not fit any of them.
_NUMBERS: Final = re.compile(
    r"(?<![\w.])(?:"
    r"[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx]"  # ID card, 18
    r"|[1-9]\d{5}\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}"  # ID card, 15
    r"|\+\d{8,15}"  # E.164
    r"|(?:0086|86)?1[3-9]\d{9}"  # mobile
    r"|1[3-9]\d[ -]\d{4}[ -]\d{4}"
    r"|0\d{2,3}[ -]?\d{7,8}"  # landline
    r")(?![\w])"
)
# Values under these names are a person's, whatever they look like.
_PERSONAL: Final = frozenset(
    {"caller_name", "customer_name", "caller_number", "called_number", "customer_number", "phone", "phones", "id_card"}
)
_OURS: Final = frozenset({"timestamp", "request_id", "call_id", "level", "logger"})
_DEPTH: Final = 6


def masked(text: str) -> str:
    """The text with 138****8000 where a whole number was."""
    return _NUMBERS.sub(lambda found: _hidden(found[0]), text)


def _hidden(number: str) -> str:
    return f"{number[:3]}****{number[-4:]}" if len(number) < 15 else f"{number[:3]}****"


def mask_numbers(_logger: Any, _name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """A processor of structlog; runs after exceptions were turned into text."""
    for key, value in event.items():
        if key not in _OURS:
            event[key] = _clean(key, value, 0)
    return event


def _clean(key: str, value: Any, depth: int) -> Any:
    if key in _PERSONAL and value is not None:
        return "****"
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, bool | int | float) or value is None:
        return value
    if depth > _DEPTH:
        return "…"
    if isinstance(value, Mapping):
        return {name: _clean(str(name), one, depth + 1) for name, one in value.items()}
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, bytes | bytearray):
        return [_clean("", one, depth + 1) for one in value]
    return masked(str(value))
