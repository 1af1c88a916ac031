"""The long tail of a customer's fields: which there are for which kind, as the tables say, and how they are checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Date, Numeric, String, Text

from crm_core.customers import rules
from crm_core.customers.detail_models import OrganizationDetails, PersonDetails
from crm_core.customers.kinds import CustomerKind
from crm_core.db.upsert import table_of
from crm_core.kernel import credit_code
from crm_core.kernel.errors import Rejected

PROSE: Final = 4000  # characters of a longer text
_LARGEST: Final = (1 << 31) - 1
_WRONG_CODE: Final = {
    "credit_code_length": "has 18 digits and letters",
    "credit_code_characters": "holds a character that no credit code has",
    "credit_code_check": "its last character does not fit the others: one of them is wrong",
}
DetailsRow = PersonDetails | OrganizationDetails
TABLES: Final[Mapping[CustomerKind, type[DetailsRow]]] = {
    CustomerKind.PERSON: PersonDetails,
    CustomerKind.ORGANIZATION: OrganizationDetails,
}


class ValueKind(StrEnum):
    LINE = "line"
    PROSE = "prose"
    WHOLE = "whole"
    DECIMAL = "decimal"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Detail:
    """One field: ``most`` is characters of a text, the largest value of a number; ``places`` are its decimals."""

    name: str
    kind: ValueKind
    most: int = 0
    places: int = 0


def _detail(name: str, kind: Any) -> Detail:
    if isinstance(kind, Text):
        return Detail(name, ValueKind.PROSE, PROSE)
    if isinstance(kind, String):
        return Detail(name, ValueKind.LINE, kind.length or 0)
    if isinstance(kind, Numeric):
        places = kind.scale or 0
        return Detail(name, ValueKind.DECIMAL, int(10 ** ((kind.precision or 0) - places)) - 1, places)
    if isinstance(kind, Date):
        return Detail(name, ValueKind.DAY)
    return Detail(name, ValueKind.WHOLE, 100 if name == "children" else _LARGEST)


def _of(table: type[DetailsRow]) -> dict[str, Detail]:
    columns = table_of(table).columns
    return {column.name: _detail(column.name, column.type) for column in columns if column.name != "customer_id"}


FIELDS: Final[Mapping[CustomerKind, Mapping[str, Detail]]] = {kind: _of(table) for kind, table in TABLES.items()}


def checked(kind: CustomerKind, given: Mapping[str, Any]) -> dict[str, Any]:
    """The details cleaned and of the right type. Raises Rejected that names every wrong one as ``details.<name>``."""
    values: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for name, value in given.items():
        field = FIELDS[kind].get(name)
        if field is None:
            errors[f"details.{name}"] = f"is no field of a {kind}"
            continue
        try:
            values[name] = _checked(field, value)
        except ValueError as error:
            errors[f"details.{name}"] = str(error)
    if errors:
        raise Rejected("customer_invalid", f"Please correct: {', '.join(sorted(errors))}.", errors=errors)
    return values


def _checked(field: Detail, value: Any) -> Any:
    if value is None or value == "":
        return None
    if field.kind in (ValueKind.LINE, ValueKind.PROSE):
        if not isinstance(value, str):
            raise ValueError("must be text")
        text = rules.clean(value)
        if field.name == "credit_code" and text:
            return _credit_code(text)
        if len(text) > field.most:
            raise ValueError(f"at most {field.most} characters")
        return text or None
    if field.kind is ValueKind.DAY:
        if not isinstance(value, date):
            raise ValueError("must be a date")
        return value
    return _number(field, value)


def _credit_code(text: str) -> str:
    try:
        return credit_code.parse(text)
    except credit_code.Wrong as wrong:
        raise ValueError(_WRONG_CODE[str(wrong)]) from None


def _number(field: Detail, value: Any) -> int | Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError("must be a number")
    if isinstance(value, Decimal) and (not value.is_finite() or field.kind is ValueKind.WHOLE):
        raise ValueError("must be a whole number" if value.is_finite() else "must be a number")
    if not 0 <= value <= field.most:
        raise ValueError(f"must be 0 to {field.most}")
    return value if field.kind is ValueKind.WHOLE else round(Decimal(value), field.places)
