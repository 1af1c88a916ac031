"""The value types that the API's inputs and answers are made of."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, tzinfo
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
)

from crm_core.kernel import ids
from crm_core.kernel.errors import NotFound

EXAMPLE_ID: Final = "0drk4w1x8m3te"
EXAMPLE_TIME: Final = "2026-07-20T09:30:00.125000+08:00"
_ID_SCHEMA: Final[dict[str, Any]] = {
    "type": "string",
    "pattern": "^[0-9a-hjkmnp-tv-z]{13}$",
    "examples": [EXAMPLE_ID],
}
_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
# A plus sign that a client forgot to encode arrives as a blank.
_LOST_PLUS: Final = re.compile(r" (?=\d\d:?\d\d$)")
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Input(BaseModel):
    """Base of all inputs: what is not declared is refused."""

    # Worked out when first asked for: a hundred of them at the start would hold it up for what may never come.
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, defer_build=True)


def _known_id(value: object) -> int:
    try:
        return ids.parse(value if isinstance(value, str) else "")
    except NotFound:
        raise ValueError("is no id") from None


def _path_id(value: object) -> int:
    return ids.parse(value if isinstance(value, str) else "")


def _plain_text(value: str) -> str:
    if _CONTROLS.search(value):
        raise ValueError("holds control characters")
    return value.strip()


def _one_line(value: str) -> str:
    if "\n" in value or "\r" in value or "\t" in value:
        raise ValueError("has to be one line")
    return _plain_text(value)


def _in_range(value: datetime) -> datetime:
    if not _EARLIEST <= value < _LATEST:
        raise ValueError("has to lie between 1970 and 2200")
    return value


def _instant(value: object) -> datetime:
    if isinstance(value, datetime):
        return value
    try:
        return datetime.fromisoformat(_LOST_PLUS.sub("+", value if isinstance(value, str) else ""))
    except ValueError:
        raise ValueError("has to be a time with offset, as in 2026-07-20T09:30:00+08:00") from None


# Ids in a path that cannot be one are simply not found; elsewhere they are wrong input.
PathId = Annotated[int, BeforeValidator(_path_id), WithJsonSchema(_ID_SCHEMA)]
ObjectId = Annotated[int, BeforeValidator(_known_id), WithJsonSchema(_ID_SCHEMA)]
Instant = Annotated[
    AwareDatetime,
    BeforeValidator(_instant),
    AfterValidator(_in_range),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": [EXAMPLE_TIME]}),
]
Line = Annotated[str, AfterValidator(_one_line)]
Prose = Annotated[str, AfterValidator(_plain_text), Field(max_length=20_000)]

# In answers.
Id = Annotated[str, WithJsonSchema(_ID_SCHEMA)]
Time = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time", "examples": [EXAMPLE_TIME]})]
Day = Annotated[str, WithJsonSchema({"type": "string", "format": "date"})]
Seconds = Annotated[float, Field(ge=0, description="seconds with fractions")]
Cursor = Annotated[str, Field(description="pass it as `cursor` to get what follows")]


class ById(Input):
    """The path of a single object."""

    id: PathId


class Paging(Input):
    """How much of a list, and from where."""

    limit: Annotated[int, Field(ge=1, le=500)] = 50
    cursor: Annotated[str | None, Field(max_length=400, description="`next` of the page before")] = None


def time_text(at: datetime | None, zone: tzinfo) -> str | None:
    """ISO 8601 with the offset of the business's time zone; fractions are kept."""
    return None if at is None else at.astimezone(zone).isoformat()


def day_text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
