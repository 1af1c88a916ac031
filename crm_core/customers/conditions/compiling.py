"""From a checked tree to one condition on customers: joins, negations and tests of related facts."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, func, or_

from crm_core.customers.conditions.asked import Asking, absent, tested
from crm_core.customers.conditions.fields import Field, Kind
from crm_core.customers.conditions.related_queries import ENCRYPTED, FIELDS, RELATED, Related
from crm_core.customers.conditions.tree import FieldTest, Joined, Measure, Negated, Node, Op, RelatedTest, wrong

_COMPARED: Final[Mapping[Op, Callable[[Any, Any], Any]]] = {
    Op.EQ: operator.eq,
    Op.NE: operator.ne,
    Op.GT: operator.gt,
    Op.GTE: operator.ge,
    Op.LT: operator.lt,
    Op.LTE: operator.le,
}
_LATE: Final = (Kind.INSTANT, Kind.DAY)


class Compiler:
    """For one asker; ``own`` are the own fields by ``custom.<code>``."""

    def __init__(self, asking: Asking, own: Mapping[str, Field]) -> None:
        self._asking = asking
        self._fields: Mapping[str, Field] = {**FIELDS, **own}

    def condition(self, node: Node) -> ColumnElement[bool]:
        """Raises Rejected ``where_invalid`` naming the node that cannot be."""
        return self._of(node, self._fields, "customers")

    def _of(self, node: Node, fields: Mapping[str, Field], what: str) -> ColumnElement[bool]:
        if isinstance(node, Joined):
            return (and_ if node.every else or_)(*(self._of(part, fields, what) for part in node.parts))
        if isinstance(node, Negated):
            return absent(self._of(node.part, fields, what))
        if isinstance(node, FieldTest):
            return tested(node, _field(node, fields, what), self._asking)
        if what != "customers":
            raise wrong(f"{node.place}.related", f"cannot stand inside a condition on {what}")
        return self._related(node)

    def _related(self, node: RelatedTest) -> ColumnElement[bool]:
        related = RELATED.get(node.related)
        if related is None:
            raise wrong(f"{node.place}.related", f"is not kept here; known are {', '.join(sorted(RELATED))}")
        where = None if node.where is None else self._of(node.where, related.fields, node.related)
        found = self._some(related, node, where)
        return absent(found) if node.none else found

    def _some(self, related: Related, node: RelatedTest, where: ColumnElement[bool] | None) -> ColumnElement[bool]:
        if node.measure is None:
            return related.customers(where)
        if node.measure.what == "last":
            return self._last(related, node.measure, node.related, where)
        compared, nothing_fits = _figure(related, node.measure, node.related)
        if nothing_fits:
            # Who has none at all fits too: so everybody but those whose figure does not fit.
            return absent(related.measured(where, ~compared))
        return related.measured(where, compared)

    def _last(
        self, related: Related, measure: Measure, what: str, where: ColumnElement[bool] | None
    ) -> ColumnElement[bool]:
        test = measure.test
        of = _field(test, related.fields, what)
        if of.kind not in _LATE:
            raise wrong(f"{test.place}.field", "is no time")
        latest = Field(of.kind, func.max(of.column, type_=of.column.type))
        if test.op is Op.EMPTY:
            return absent(related.customers(where))
        if test.op is Op.BEFORE_LAST:
            # Never counts as not since: everybody but those with something since then.
            since = FieldTest(test.place, test.field, Op.BEFORE_LAST, test.value)
            return absent(related.measured(where, absent(tested(since, latest, self._asking))))
        return related.measured(where, tested(test, latest, self._asking))


def _field(test: FieldTest, fields: Mapping[str, Field], what: str) -> Field:
    found = fields.get(test.field)
    if found is not None:
        return found
    if test.field in ENCRYPTED:
        raise wrong(f"{test.place}.field", "is kept encrypted and cannot be looked for")
    raise wrong(f"{test.place}.field", f"is no field of {what}")


def _figure(related: Related, measure: Measure, what: str) -> tuple[ColumnElement[bool], bool]:
    """How the count or sum has to be, and whether 0 is so."""
    test, value = measure.test, measure.test.value
    if test.op not in _COMPARED and test.op is not Op.BETWEEN:
        raise wrong(f"{test.place}.op", f"does not fit a figure; what fits: {', '.join([*_COMPARED, Op.BETWEEN])}")
    if measure.what == "count":
        figure: Any = func.count()
    else:
        of = _field(test, related.fields, what)
        if of.kind is not Kind.NUMBER:
            raise wrong(f"{test.place}.field", "is no number")
        figure = func.coalesce(func.sum(of.column), 0)
    if test.op is Op.BETWEEN:
        if not isinstance(value, list) or len(value) != 2:
            raise wrong(f"{test.place}.value", "has to be a list of two values")
        low, high = (_number(test, one) for one in value)
        return figure.between(low, high), low <= 0 <= high
    number, compare = _number(test, value), _COMPARED[test.op]
    return compare(figure, number), bool(compare(0, number))


def _number(test: FieldTest, value: Any) -> float:
    try:
        number = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else None
    except ValueError:
        number = None
    if number is None or not abs(number) < 1e15:
        raise wrong(f"{test.place}.value", "must be a number")
    return int(number) if number.is_integer() else number
