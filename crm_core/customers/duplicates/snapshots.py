"""The record by which a merge can be undone, as one text: what JSON does not know keeps its type; pure."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import orjson

Row = dict[str, Any]
Key = list[Any]
_TAG, _VALUE = "~", "="


@dataclass(slots=True)
class Moved:
    """Rows of ``table`` whose ``column`` led to the one and leads to the other now; ``keys`` as they are now."""

    table: str
    column: str
    old: int
    new: int
    keys: list[Key]


@dataclass(slots=True)
class Changed:
    """A row of ``table`` that took something over: column to (before, after)."""

    table: str
    key: Key
    columns: dict[str, list[Any]]


@dataclass(slots=True)
class Snapshot:
    """``row`` is the merged customer; ``survivor`` what changed on the other; ``dropped`` rows had no place there."""

    row: Row = field(default_factory=dict)
    survivor: dict[str, list[Any]] = field(default_factory=dict)
    moved: list[Moved] = field(default_factory=list)
    dropped: list[tuple[str, Row]] = field(default_factory=list)
    changed: list[Changed] = field(default_factory=list)
    phones: list[Row] = field(default_factory=list)
    pairs: list[Row] = field(default_factory=list)


def text_of(snapshot: Snapshot) -> str:
    return orjson.dumps(_packed(asdict(snapshot)), option=orjson.OPT_NON_STR_KEYS).decode()


def snapshot_of(text: str) -> Snapshot:
    plain: dict[str, Any] = _unpacked(orjson.loads(text))
    return Snapshot(
        row=plain["row"],
        survivor=plain["survivor"],
        moved=[Moved(**one) for one in plain["moved"]],
        dropped=[(table, row) for table, row in plain["dropped"]],
        changed=[Changed(**one) for one in plain["changed"]],
        phones=plain["phones"],
        pairs=plain["pairs"],
    )


def _packed(value: Any) -> Any:
    if isinstance(value, Mapping):
        plain = {name: _packed(one) for name, one in value.items()}
        return {_TAG: "map", _VALUE: plain} if _TAG in plain else plain
    if isinstance(value, list | tuple):
        return [_packed(one) for one in value]
    if isinstance(value, Enum):
        return value.value
    for tag, kind, write, _ in _KINDS:
        if isinstance(value, kind):
            return {_TAG: tag, _VALUE: write(value)}
    return value


def _unpacked(value: Any) -> Any:
    if isinstance(value, list):
        return [_unpacked(one) for one in value]
    if not isinstance(value, dict):
        return value
    if _TAG not in value:
        return {name: _unpacked(one) for name, one in value.items()}
    if value[_TAG] == "map":
        return {name: _unpacked(one) for name, one in value[_VALUE].items()}
    return next(read for tag, _, _, read in _KINDS if tag == value[_TAG])(value[_VALUE])


# datetime before date: it is one.
_KINDS: tuple[tuple[str, type, Any, Any], ...] = (
    ("time", datetime, datetime.isoformat, datetime.fromisoformat),
    ("day", date, date.isoformat, date.fromisoformat),
    ("number", Decimal, str, Decimal),
    ("bytes", bytes, lambda value: base64.b64encode(value).decode(), base64.b64decode),
)
