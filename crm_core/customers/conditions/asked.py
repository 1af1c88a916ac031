"""One test of one field as SQL with bound values, checked by the field's kind and the asker's masks."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, and_, false, func, not_, or_

from crm_core.customers.conditions import birthdays, periods
from crm_core.customers.conditions.fields import OPERATORS, Field, Kind
from crm_core.customers.conditions.tree import MOST_VALUES, FieldTest, Op, wrong
from crm_core.customers.sealed import id_card_index
from crm_core.customers.search.queries import Now
from crm_core.kernel import ids
from crm_core.kernel.errors import NotFound, Rejected
from crm_core.kernel.id_card import parse as parse_id_card
from crm_core.kernel.phone import recognise
from crm_core.kernel.sealing import KeyRing
from crm_core.organization.access import Actor, Mask

T = TypeVar("T")
_MOST_GUESSES: Final = 3
_LONGEST: Final = 200
_COMPARED: Final[Mapping[Op, Callable[[Any, Any], ColumnElement[bool]]]] = {
    Op.EQ: lambda column, value: column == value,
    Op.GT: lambda column, value: column > value,
    Op.GTE: lambda column, value: column >= value,
    Op.LT: lambda column, value: column < value,
    Op.LTE: lambda column, value: column <= value,
}
_MASKS: Final = {Kind.PHONE: Mask.PHONE, Kind.ID_CARD: Mask.ID_CARD}


@dataclass(slots=True)
class Asking:
    """Who asks, when, with which keys; ``guesses`` counts whole numbers that a masked asker has tried."""

    actor: Actor
    now: Now
    ring: KeyRing
    guesses: int = field(default=0)


def tested(test: FieldTest, of: Field, asking: Asking) -> ColumnElement[bool]:
    """Raises Rejected ``where_invalid`` naming operator or value."""
    if test.op not in OPERATORS[of.kind]:
        raise wrong(f"{test.place}.op", f"does not fit this field; what fits: {', '.join(sorted(OPERATORS[of.kind]))}")
    if test.op is Op.EMPTY:
        return of.empty()
    if test.op is Op.NOT_EMPTY:
        return not_(of.empty())
    if test.op is Op.BEFORE_LAST:
        # Never counts as not since.
        return or_(_positive(test, of, asking), of.empty())
    if test.op in (Op.NE, Op.NOT_IN):
        same = FieldTest(test.place, test.field, Op.EQ if test.op is Op.NE else Op.IN, test.value)
        return absent(_positive(same, of, asking))
    return _positive(test, of, asking)


def absent(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """What is not known is not so: "not type A" holds for who has no type."""
    return not_(func.coalesce(condition, false()))


def _positive(test: FieldTest, of: Field, asking: Asking) -> ColumnElement[bool]:
    if of.kind in (Kind.YEARLY, Kind.AGE):
        return _checked(test, lambda: birthdays.tested(of.column, of.kind, test.op, test.value, asking.now))
    if of.kind in _MASKS:
        return _secret(test, of, asking)
    if test.op in (Op.WITHIN_LAST, Op.WITHIN_NEXT, Op.BEFORE_LAST, Op.IN_PERIOD):
        return _relative(test, of, asking.now)
    if test.op is Op.ANNIVERSARY_IN:
        return _checked(test, lambda: birthdays.yearly(of.column, of.kind, test.value, asking.now))
    if test.op is Op.IN:
        values = [_read(test, of, one, asking.now, n) for n, one in enumerate(_several(test))]
        return of.holds(lambda column: or_(*(_same(of, column, value) for value in values)))
    if test.op is Op.BETWEEN:
        low, high = (_read(test, of, one, asking.now, n) for n, one in enumerate(_two(test)))
        return of.holds(lambda column: and_(column >= _first(low), column <= _last(of, high)))
    value = _read(test, of, test.value, asking.now)
    if test.op is Op.CONTAINS and of.kind is Kind.CHOICES:
        return of.holds(lambda column: _same(of, column, value))
    if test.op is Op.CONTAINS:
        return of.holds(lambda column: column.contains(value, autoescape=True))
    if test.op is Op.STARTS_WITH:
        return of.holds(lambda column: column.startswith(value, autoescape=True))
    return _compared(test.op, of, value)


def _compared(op: Op, of: Field, value: Any) -> ColumnElement[bool]:
    if op is Op.EQ:
        return of.holds(lambda column: _same(of, column, value))
    # Of a whole day's moments: "after" is after its last, "until" includes it.
    bound = _last(of, value) if op in (Op.GT, Op.LTE) else _first(value)
    return of.holds(lambda column: _COMPARED[op](column, bound))


def _same(of: Field, column: Any, value: Any) -> ColumnElement[bool]:
    found: ColumnElement[bool]
    if isinstance(value, _WholeDay):
        found = and_(column >= value.first, column <= value.last)
    elif of.kind is Kind.CHOICES:
        found = column.contains(f'"{value}"', autoescape=True)
    else:
        found = column == value
    return found


@dataclass(frozen=True, slots=True)
class _WholeDay:
    """A day that stands for all its moments."""

    first: datetime
    last: datetime


def _first(value: Any) -> Any:
    return value.first if isinstance(value, _WholeDay) else value


def _last(of: Field, value: Any) -> Any:
    return value.last if isinstance(value, _WholeDay) else value


def _whole_day(day: date, now: Now) -> _WholeDay:
    start = datetime.combine(day, time.min, tzinfo=now.zone)
    after = datetime.combine(day + timedelta(days=1), time.min, tzinfo=now.zone)
    return _WholeDay(start, after - timedelta(microseconds=1))


def _relative(test: FieldTest, of: Field, now: Now) -> ColumnElement[bool]:
    first, last = _checked(test, lambda: _span(test, now.today))

    def within(column: Any) -> ColumnElement[bool]:
        parts = []
        if first is not None:
            parts.append(column >= _bound(of, first, now, end=False))
        if last is not None:
            parts.append(column <= _bound(of, last, now, end=True))
        return and_(*parts)

    return of.holds(within)


def _span(test: FieldTest, today: date) -> tuple[date | None, date | None]:
    if test.op is Op.IN_PERIOD:
        return periods.period(test.value, today)
    if test.op is Op.WITHIN_NEXT:
        return today, periods.moved(today, test.value, back=False)
    since = periods.moved(today, test.value, back=True)
    return (since, today) if test.op is Op.WITHIN_LAST else (None, since - timedelta(days=1))


def _bound(of: Field, day: date, now: Now, *, end: bool) -> Any:
    if of.kind is Kind.INSTANT:
        whole = _whole_day(day, now)
        return whole.last if end else whole.first
    return day.isoformat() if of.kind is Kind.ISO_DAY else day


def _secret(test: FieldTest, of: Field, asking: Asking) -> ColumnElement[bool]:
    """A number that the asker sees masked is found only whole, and only a few are tried in one condition."""
    if asking.actor.masks(_MASKS[of.kind]):
        asking.guesses += len(test.value) if isinstance(test.value, list) else 1
        if test.op not in (Op.EQ, Op.IN) or asking.guesses > _MOST_GUESSES:
            raise wrong(f"{test.place}.op", f"you see these numbers masked: ask for at most {_MOST_GUESSES} whole ones")
    values = _several(test) if test.op is Op.IN else [test.value]
    if of.kind is Kind.ID_CARD:
        blind = _checked(test, lambda: [_id_card(one, asking.ring) for one in values])
        return of.holds(lambda column: column.in_(blind))
    digits = _checked(test, lambda: [_digits(one, test.op) for one in values])
    return of.holds(lambda backwards: or_(*(_phone(backwards, test.op, one) for one in digits)))


def _id_card(value: Any, ring: KeyRing) -> str:
    return id_card_index(ring, parse_id_card(_text(value)).number18)


def _digits(value: Any, op: Op) -> str:
    given = _text(value)
    found = recognise(given) if op in (Op.EQ, Op.IN) else None
    digits = found.digits if found else "".join(c for c in given if c in "0123456789")
    if not digits:
        raise ValueError("must hold digits")
    return digits


def _phone(backwards: Any, op: Op, digits: str) -> ColumnElement[bool]:
    turned = digits[::-1]
    found: ColumnElement[bool]
    if op is Op.CONTAINS:
        found = backwards.contains(turned, autoescape=True)
    elif op is Op.STARTS_WITH:
        # Numbers are kept with 86 before them wherever the area is known.
        plain = digits.removeprefix("0")[::-1]
        found = or_(backwards.endswith(f"{plain}68"), backwards.endswith(turned))
    else:
        found = backwards == turned
    return found


def _checked(test: FieldTest, read: Callable[[], T]) -> T:
    try:
        return read()
    except (Rejected, NotFound, TypeError):
        raise wrong(f"{test.place}.value", "does not fit the field") from None
    except ValueError as error:
        raise wrong(f"{test.place}.value", str(error) or "does not fit the field") from None


def _several(test: FieldTest) -> list[Any]:
    if not isinstance(test.value, list) or not 1 <= len(test.value) <= MOST_VALUES:
        raise wrong(f"{test.place}.value", f"has to be a list of 1 to {MOST_VALUES} values")
    return test.value


def _two(test: FieldTest) -> list[Any]:
    if not isinstance(test.value, list) or len(test.value) != 2:
        raise wrong(f"{test.place}.value", "has to be a list of two values")
    return test.value


def _read(test: FieldTest, of: Field, value: Any, now: Now, place: int | None = None) -> Any:
    try:
        return _READ[of.kind](of, value, now)
    except (ValueError, TypeError, NotFound, OverflowError) as error:
        at = f"{test.place}.value" if place is None else f"{test.place}.value.{place}"
        raise wrong(
            at, str(error) if isinstance(error, ValueError) and str(error) else "does not fit the field"
        ) from None


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST or "\0" in value:
        raise ValueError(f"must be text of at most {_LONGEST} characters")
    return value


def _word(of: Field, value: Any, now: Now) -> str:
    if not isinstance(value, str) or value not in of.words:
        raise ValueError(f"must be one of {', '.join(of.words)}")
    return value


def _flag(of: Field, value: Any, now: Now) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _number(of: Field, value: Any, now: Now) -> float | int:
    """Also as text, as amounts are written."""
    if isinstance(value, str) and len(value) <= 30:
        value = float(value) if value.strip() else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or abs(value) >= 1e15:
        raise ValueError("must be a number")
    return value


def _day(of: Field, value: Any, now: Now) -> date:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError("must be a date, as in 2026-07-20") from None


def _instant(of: Field, value: Any, now: Now) -> datetime | _WholeDay:
    try:
        if isinstance(value, str) and len(value) == len("2026-07-20"):
            return _whole_day(date.fromisoformat(value), now)
        at = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError("must be a date or a time, as in 2026-07-20T09:30:00+08:00") from None
    return at if at.tzinfo else at.replace(tzinfo=now.zone)


_READ: Final[Mapping[Kind, Callable[[Field, Any, Now], Any]]] = {
    Kind.TEXT: lambda of, value, now: _text(value),
    Kind.WORD: _word,
    Kind.CHOICES: _word,
    Kind.FLAG: _flag,
    Kind.NUMBER: _number,
    Kind.DAY: _day,
    Kind.ISO_DAY: lambda of, value, now: _day(of, value, now).isoformat(),
    Kind.INSTANT: _instant,
    Kind.ID: lambda of, value, now: ids.parse(_text(value)),
}
