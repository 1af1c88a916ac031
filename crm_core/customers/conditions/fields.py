"""What a condition can ask about: columns and what kind of value each holds, people and centres by their names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Float, String, cast, or_, type_coerce

from crm_core.customers.conditions.tree import Op
from crm_core.customers.custom.kinds import FieldType
from crm_core.customers.custom.rules import PREFIX, Definition
from crm_core.customers.models import Customer

Test = Callable[[Any], ColumnElement[bool]]


class Kind(StrEnum):
    """What a field holds; it decides which operators fit."""

    TEXT = "text"
    WORD = "word"  # one of a fixed list
    CHOICES = "choices"  # several of a list
    FLAG = "flag"
    NUMBER = "number"
    DAY = "day"
    ISO_DAY = "iso_day"  # a day kept as text
    YEARLY = "yearly"  # a birthday, solar or lunar
    AGE = "age"
    INSTANT = "instant"
    ID = "id"
    PHONE = "phone"
    ID_CARD = "id_card"


_EQUAL: Final = frozenset({Op.EQ, Op.NE, Op.IN, Op.NOT_IN})
_KNOWN: Final = frozenset({Op.EMPTY, Op.NOT_EMPTY})
_ORDER: Final = frozenset({Op.GT, Op.GTE, Op.LT, Op.LTE, Op.BETWEEN})
_PART: Final = frozenset({Op.CONTAINS, Op.STARTS_WITH})
_TIMES: Final = frozenset({Op.WITHIN_LAST, Op.WITHIN_NEXT, Op.BEFORE_LAST, Op.IN_PERIOD})
OPERATORS: Final[Mapping[Kind, frozenset[Op]]] = {
    Kind.TEXT: _EQUAL | _KNOWN | _PART | _ORDER,
    Kind.WORD: _EQUAL | _KNOWN,
    Kind.CHOICES: _EQUAL | _KNOWN | {Op.CONTAINS},
    Kind.FLAG: frozenset({Op.EQ, Op.NE}) | _KNOWN,
    Kind.NUMBER: _EQUAL | _KNOWN | _ORDER,
    Kind.DAY: _EQUAL | _KNOWN | _ORDER | _TIMES | {Op.ANNIVERSARY_IN},
    Kind.ISO_DAY: _EQUAL | _KNOWN | _ORDER | _TIMES | {Op.ANNIVERSARY_IN},
    Kind.YEARLY: frozenset({Op.EQ, Op.NE, Op.ANNIVERSARY_IN}) | _KNOWN | _ORDER | _TIMES,
    Kind.AGE: _EQUAL | _KNOWN | _ORDER,
    Kind.INSTANT: _EQUAL | _KNOWN | _ORDER | _TIMES,
    Kind.ID: _EQUAL | _KNOWN,
    # By their order or a part somebody could feel his way to what the mask hides.
    Kind.PHONE: _EQUAL | _KNOWN | _PART,
    Kind.ID_CARD: _EQUAL | _KNOWN,
}


@dataclass(frozen=True, slots=True)
class Field:
    """``through`` turns a test of the value into one of the row where the value lies in another table."""

    kind: Kind
    column: Any
    words: tuple[str, ...] = ()
    through: Callable[[Test], ColumnElement[bool]] | None = None
    missing: Callable[[], ColumnElement[bool]] | None = None

    def holds(self, test: Test) -> ColumnElement[bool]:
        return test(self.column) if self.through is None else self.through(test)

    def empty(self) -> ColumnElement[bool]:
        if self.missing is not None:
            return self.missing()
        nothing = self.column.is_(None)
        return or_(nothing, self.column == "") if self.kind is Kind.TEXT else nothing


@dataclass(frozen=True, slots=True)
class Birth:
    """The columns of a day of birth; ``YEARLY`` fields have it for their column."""

    calendar: Any
    year: Any
    month: Any
    day: Any
    leap: Any

    def is_(self, nothing: None) -> ColumnElement[bool]:
        """Nothing at all is known of it."""
        found: ColumnElement[bool] = self.year.is_(nothing) & self.month.is_(nothing)
        return found


def birth_of(model: Any) -> Birth:
    return Birth(model.birth_calendar, model.birth_year, model.birth_month, model.birth_day, model.birth_leap)


def word(column: Any, kind: type[StrEnum]) -> Field:
    return Field(Kind.WORD, type_coerce(column, String), tuple(kind))


def text(column: Any) -> Field:
    return Field(Kind.TEXT, column)


_CUSTOM: Final[Mapping[FieldType, Kind]] = {
    FieldType.TEXT: Kind.TEXT,
    FieldType.NUMBER: Kind.NUMBER,
    FieldType.MONEY: Kind.NUMBER,
    FieldType.DATE: Kind.ISO_DAY,
    FieldType.CHOICE: Kind.WORD,
    FieldType.MULTI_CHOICE: Kind.CHOICES,
    FieldType.FLAG: Kind.FLAG,
    FieldType.USER: Kind.TEXT,
}


def own_fields(definitions: tuple[Definition, ...]) -> dict[str, Field]:
    """The own fields by ``custom.<code>``."""
    return {PREFIX + one.code: _own(one) for one in definitions}


def _own(one: Definition) -> Field:
    stored = Customer.custom[one.code]
    column: Any = stored.as_string()
    if one.type is FieldType.NUMBER:
        column = stored.as_float()
    elif one.type is FieldType.FLAG:
        column = stored.as_boolean()
    elif one.type is FieldType.MONEY:
        # Kept as text with two places: equal texts are equal numbers, also as floats.
        column = cast(column, Float)
    return Field(_CUSTOM[one.type], column, tuple(choice.code for choice in one.choices))
