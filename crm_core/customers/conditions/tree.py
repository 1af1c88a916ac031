"""The tree of a condition as it came, made sure of its shape (pure); each refusal names the place that is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from crm_core.kernel.errors import Rejected

DEEPEST: Final = 8
MOST_NODES: Final = 200
MOST_VALUES: Final = 500
_MEASURES: Final = ("count", "sum", "last")


class Op(StrEnum):
    """What a field can be asked."""

    EQ = "eq"
    NE = "ne"
    IN = "in"
    NOT_IN = "not_in"
    CONTAINS = "contains"
    STARTS_WITH = "starts_with"
    EMPTY = "empty"
    NOT_EMPTY = "not_empty"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    BETWEEN = "between"
    WITHIN_LAST = "within_last"
    WITHIN_NEXT = "within_next"
    BEFORE_LAST = "before_last"
    IN_PERIOD = "in_period"
    ANNIVERSARY_IN = "anniversary_in"


@dataclass(frozen=True, slots=True)
class FieldTest:
    """``place`` is where it stands in the tree, for a refusal."""

    place: str
    field: str
    op: Op
    value: Any


@dataclass(frozen=True, slots=True)
class Measure:
    """What is counted, summed or looked at last, and how it has to be."""

    what: str
    test: FieldTest


@dataclass(frozen=True, slots=True)
class RelatedTest:
    place: str
    related: str
    none: bool
    where: Node | None
    measure: Measure | None


@dataclass(frozen=True, slots=True)
class Joined:
    """``every``: all parts have to hold, else one is enough."""

    every: bool
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Negated:
    part: Node


Node = FieldTest | RelatedTest | Joined | Negated


def wrong(place: str, why: str) -> Rejected:
    return Rejected("where_invalid", "The condition cannot be used; see errors.", errors={place: why})


def parsed(tree: Any, place: str = "where") -> Node:
    """Raises Rejected ``where_invalid`` that names the node."""
    return _Parser().node(tree, place, 0)


class _Parser:
    """Counts the nodes: a condition is bounded as a whole."""

    def __init__(self) -> None:
        self._left = MOST_NODES

    def node(self, given: Any, place: str, depth: int) -> Node:
        self._left -= 1
        if depth > DEEPEST or self._left < 0:
            raise wrong(place, f"is too large a condition: at most {MOST_NODES} tests, {DEEPEST} levels deep")
        if not isinstance(given, Mapping):
            raise wrong(place, "has to be an object")
        for name in ("all", "any"):
            if name in given:
                return self._joined(given, name, place, depth)
        if "not" in given:
            _only(given, ("not",), place)
            return Negated(self.node(given["not"], f"{place}.not", depth + 1))
        if "related" in given:
            return self._related(given, place, depth)
        if "field" in given:
            return _field_test(given, place)
        raise wrong(place, "is no condition: it needs all, any, not, field or related")

    def _joined(self, given: Mapping[str, Any], name: str, place: str, depth: int) -> Joined:
        _only(given, (name,), place)
        parts = given[name]
        if not isinstance(parts, list) or not parts:
            raise wrong(f"{place}.{name}", "has to be a list of conditions")
        nodes = tuple(self.node(part, f"{place}.{name}.{n}", depth + 1) for n, part in enumerate(parts))
        return Joined(name == "all", nodes)

    def _related(self, given: Mapping[str, Any], place: str, depth: int) -> RelatedTest:
        _only(given, ("related", "has", "where", *_MEASURES), place)
        related, has = given["related"], given.get("has", "some")
        if not isinstance(related, str):
            raise wrong(f"{place}.related", "has to be a text")
        if has not in ("some", "none"):
            raise wrong(f"{place}.has", "has to be some or none")
        measured = [name for name in _MEASURES if name in given]
        if len(measured) > 1:
            raise wrong(f"{place}.{measured[1]}", "only one of count, sum and last")
        where = given.get("where")
        return RelatedTest(
            place,
            related,
            has == "none",
            None if not where else self.node(where, f"{place}.where", depth + 1),
            _measure(given, measured[0], place) if measured else None,
        )


def _measure(given: Mapping[str, Any], what: str, place: str) -> Measure:
    place, test = f"{place}.{what}", given[what]
    if not isinstance(test, Mapping):
        raise wrong(place, "has to be an object")
    if what != "count":
        return Measure(what, _field_test(test, place))
    _only(test, ("op", "value"), place)
    return Measure(what, FieldTest(place, "", _op(test, place), test.get("value")))


def _field_test(given: Mapping[str, Any], place: str) -> FieldTest:
    _only(given, ("field", "op", "value"), place)
    if not isinstance(given.get("field"), str):
        raise wrong(f"{place}.field", "has to be the name of a field")
    return FieldTest(place, given["field"], _op(given, place), given.get("value"))


def _op(given: Mapping[str, Any], place: str) -> Op:
    try:
        return Op(given.get("op", Op.EQ))
    except ValueError:
        raise wrong(f"{place}.op", f"is not known; known are {', '.join(Op)}") from None


def _only(given: Mapping[str, Any], known: tuple[str, ...], place: str) -> None:
    for name in given:
        if name not in known:
            raise wrong(f"{place}.{name}", "is not known here")
