"""Which customers are meant: a tree of conditions over a customer's own fields, as data, compiled with bound values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from typing import Any, Final

from sqlalchemy import ColumnElement, String, and_, false, func, not_, or_, true, type_coerce
from sqlalchemy.orm import InstrumentedAttribute

from crm_core.customers.models import Customer
from crm_core.kernel import ids
from crm_core.kernel.errors import NotFound, Rejected
from crm_core.organization.models import Department, User

_DEEPEST: Final = 8
_MOST_NODES: Final = 200
_MOST_VALUES: Final = 500

_TEXTS: Final[Mapping[str, InstrumentedAttribute[Any]]] = {
    "account_number": Customer.account_number,
    "name": Customer.name,
    "kind": Customer.kind,
    "sex": Customer.sex,
    "type": Customer.type,
    "source": Customer.source,
    "membership": Customer.membership,
    "grade": Customer.grade,
    "record_state": Customer.record_state,
    "purchase_state": Customer.purchase_state,
    "retention_state": Customer.retention_state,
    "occupation": Customer.occupation,
    "address.province": Customer.province,
    "address.city": Customer.city,
    "address.district": Customer.district,
    "address.community": Customer.community,
    "collected_by": Customer.collected_by,
    "owner": User.name,
    "department": Department.name,
}
_TIMES: Final = {"created_at": Customer.created_at, "allocated_at": Customer.allocated_at}
_DAYS: Final = {"collected_at": Customer.collected_at}
_ORDER: Final[Mapping[str, Callable[[Any, Any], ColumnElement[bool]]]] = {
    "gt": lambda column, value: column > value,
    "gte": lambda column, value: column >= value,
    "lt": lambda column, value: column < value,
    "lte": lambda column, value: column <= value,
}
FIELDS: Final = ("id", "do_not_call", *_TEXTS, *_TIMES, *_DAYS)


def compiled(tree: Mapping[str, Any] | None) -> ColumnElement[bool]:
    """The condition for a query that has joined owner and department. Raises Rejected ``where_invalid``."""
    if not tree:
        return true()
    left = [_MOST_NODES]
    return _node(tree, "where", 0, left)


def _node(node: Any, place: str, depth: int, left: list[int]) -> ColumnElement[bool]:
    left[0] -= 1
    if depth > _DEEPEST or left[0] < 0:
        raise _wrong(place, "is too large a condition")
    if not isinstance(node, Mapping):
        raise _wrong(place, "has to be an object")
    for name, join in (("all", and_), ("any", or_)):
        if set(node) == {name}:
            parts = node[name]
            if not isinstance(parts, list) or not parts:
                raise _wrong(f"{place}.{name}", "has to be a list of conditions")
            return join(*(_node(part, f"{place}.{name}.{n}", depth + 1, left) for n, part in enumerate(parts)))
    if set(node) == {"not"}:
        # What is not known is not so: "not type A" holds for who has no type.
        return not_(func.coalesce(_node(node["not"], f"{place}.not", depth + 1, left), false()))
    if "field" not in node or not set(node) <= {"field", "op", "value"}:
        raise _wrong(place, "is no condition that this list knows")
    return _test(node, place)


def _test(node: Mapping[str, Any], place: str) -> ColumnElement[bool]:
    name, op, value = node["field"], node.get("op", "eq"), node.get("value")
    column, read = _field(name, place)
    if op in ("empty", "not_empty"):
        return _true(column.is_(None) if op == "empty" else column.is_not(None))
    if op in ("in", "not_in"):
        if not isinstance(value, list) or not 1 <= len(value) <= _MOST_VALUES:
            raise _wrong(f"{place}.value", f"has to be a list of 1 to {_MOST_VALUES} values")
        found = column.in_([_read(read, one, place) for one in value])
        return _true(found if op == "in" else or_(not_(found), column.is_(None)))
    if op == "between":
        if not isinstance(value, list) or len(value) != 2:
            raise _wrong(f"{place}.value", "has to be a list of two values")
        return _true(column.between(_read(read, value[0], place), _read(read, value[1], place)))
    given = _read(read, value, place)
    if op in ("eq", "ne"):
        return _true(column == given if op == "eq" else or_(column != given, column.is_(None)))
    if op in ("contains", "starts_with") and isinstance(given, str):
        return _true((column.contains if op == "contains" else column.startswith)(given, autoescape=True))
    if op in _ORDER:
        return _ORDER[op](column, given)
    raise _wrong(f"{place}.op", "is not known for this field")


def _true(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return condition


def _field(name: Any, place: str) -> tuple[Any, Callable[[Any], Any]]:
    if name == "id":
        return Customer.id, ids.parse
    if name == "do_not_call":
        return Customer.do_not_call, _flag
    if isinstance(name, str) and name in _TEXTS:
        # As plain text: a word that a state does not have is then equal to nothing, and no error.
        return type_coerce(_TEXTS[name], String), _text
    if isinstance(name, str) and name in _TIMES:
        return _TIMES[name], _instant
    if isinstance(name, str) and name in _DAYS:
        return _DAYS[name], date.fromisoformat
    raise _wrong(f"{place}.field", "is not known")


def _read(read: Callable[[Any], Any], value: Any, place: str) -> Any:
    try:
        return read(value)
    except (ValueError, TypeError, NotFound):
        raise _wrong(f"{place}.value", "does not fit the field") from None


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 200 or "\0" in value:
        raise ValueError
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError
    return value


def _instant(value: Any) -> datetime:
    if isinstance(value, str) and len(value) == 10:
        return datetime.combine(date.fromisoformat(value), time(), UTC)
    at = datetime.fromisoformat(value)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _wrong(place: str, why: str) -> Rejected:
    return Rejected("where_invalid", "The condition cannot be used; see errors.", errors={place: why})
