"""Writes of classifications: the history of what people set, and what the rules derive."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import bindparam, insert, update

from crm_core.customers.classification import queries, rules
from crm_core.customers.classification.kinds import DERIVED, ENTERED, IMPORTED, ClassField
from crm_core.customers.classification.models import ClassificationChange
from crm_core.customers.classification.rules import Derived, Ruling, Settings
from crm_core.customers.classification.sources import NO_FACTS, FactSource
from crm_core.customers.models import Customer
from crm_core.db.bulk import insert_rows
from crm_core.db.types import AnyRow
from crm_core.db.uow import UnitOfWork
from crm_core.db.upsert import table_of
from crm_core.kernel.ids import new_id
from crm_core.organization import service as organization
from crm_core.organization.access import Action, Actor

_customers, _history = table_of(Customer), table_of(ClassificationChange)
_FIELDS = tuple(name.value for name in ClassField)
_HISTORY = ("id", "customer_id", "at", "field", "new", "rule", "params", "by_id")


def record_change(
    uow: UnitOfWork,
    customer_id: int,
    field: str,
    old: str | None,
    new: str | None,
    rule: str = ENTERED,
    by: Actor | None = None,
    *,
    params: Mapping[str, Any] | None = None,
) -> None:
    """Keeps one change; nothing when nothing changed. ``by`` None: a rule did it, not a person."""
    row = _change(uow, customer_id, field, old, new, rule, params or {})
    if row is not None:
        uow.session.add(ClassificationChange(**row, by_id=None if by is None else by.user_id))


def _change(
    uow: UnitOfWork,
    customer_id: int,
    field: str,
    old: str | None,
    new: str | None,
    rule: str,
    params: Mapping[str, Any],
) -> dict[str, Any] | None:
    """The row of one change; None when nothing changed."""
    before, after = _text(old), _text(new)
    if before == after:
        return None
    return {
        "id": new_id(),
        "customer_id": customer_id,
        "at": uow.clock.now(),
        "field": ClassField(field),
        "old": before,
        "new": after,
        "rule": rule,
        "params": dict(params),
    }


def record_changes(
    uow: UnitOfWork,
    customer_id: int,
    changes: Mapping[str, tuple[Any, Any]],
    rule: str = ENTERED,
    by: Actor | None = None,
) -> None:
    """Keeps those of the changes (old and new value by field) that are classifications."""
    for name in ClassField:
        if name in changes:
            record_change(uow, customer_id, name, *changes[name], rule, by)


async def record_new(
    uow: UnitOfWork, given: Iterable[tuple[int, Mapping[str, Any]]], rule: str = IMPORTED, by: Actor | None = None
) -> None:
    """What very many new customers (id and fields) were classified as from the start, in one statement."""
    by_id = None if by is None else by.user_id
    rows = await asyncio.to_thread(_rows_of_new, list(given), uow.clock.now(), rule, by_id)
    await insert_rows(uow.session, _history, _HISTORY, rows)


def _rows_of_new(
    given: Sequence[tuple[int, Mapping[str, Any]]], at: datetime, rule: str, by_id: int | None
) -> list[tuple[Any, ...]]:
    return [
        (new_id(), customer_id, at, name, after, rule, {}, by_id)
        for customer_id, fields in given
        for name in _FIELDS
        if name in fields and (after := _text(fields[name])) is not None
    ]


async def change_settings(uow: UnitOfWork, changes: Mapping[str, Any], *, by: Actor) -> Settings:
    """Sets the named thresholds; they hold from the next pass on. Raises Denied, Rejected with every wrong one."""
    by.require(Action.SETTING_WRITE)
    now = await queries.settings(uow.session)
    wanted = rules.checked(changes, now)
    if wanted != now:
        await organization.put_setting(uow, queries.SETTING, rules.plain(wanted), by=by)
    return wanted


async def rederive(
    uow: UnitOfWork, customer_ids: Sequence[int], *, source: FactSource = NO_FACTS, today: date | None = None
) -> int:
    """Derives purchase state, retention state and grade anew and keeps each change; answers how many customers changed.

    ``today`` is the business day; without it that of UTC. The version of the customers stays: nobody edited them.
    """
    if not customer_ids:
        return 0
    day = today or uow.clock.now().date()
    settings = await queries.settings(uow.session)
    facts = await source.facts(uow.session, customer_ids, settings, day)
    changed: list[dict[str, Any]] = []
    kept: list[dict[str, Any]] = []
    for row in await queries.states(uow.session, customer_ids):
        derived = rules.derive(facts.get(row.id, rules.NOTHING), settings, day)
        values = _values(derived)
        if any(getattr(row, name) != value for name, value in values.items()):
            changed.append({"key": row.id, **values})
        kept += _moves(uow, row, derived)
    await _write(uow, changed, kept)
    return len({move["customer_id"] for move in kept})


async def _write(uow: UnitOfWork, changed: Sequence[Mapping[str, Any]], kept: Sequence[Mapping[str, Any]]) -> None:
    # Two statements for all of them: the writer of the embedded database is held for a moment only.
    connection = await uow.session.connection()
    if changed:
        names = [name for name in changed[0] if name != "key"]
        statement = update(_customers).where(_customers.c.id == bindparam("key"))
        await connection.execute(statement.values({name: bindparam(name) for name in names}), list(changed))
    if kept:
        await connection.execute(insert(_history), list(kept))


def _values(derived: Derived) -> dict[str, Any]:
    return {
        "purchase_state": derived.purchase_state.value,
        "retention_state": derived.retention_state.value,
        "grade": derived.grade.value,
        "rfm_recency_days": derived.recency_days,
        "rfm_frequency": derived.frequency,
        "rfm_monetary": derived.monetary,
    }


def _moves(uow: UnitOfWork, row: AnyRow, derived: Derived) -> list[dict[str, Any]]:
    """What changed of one customer, as rows of the history."""
    rulings: list[tuple[str, Ruling]] = [(name, getattr(derived, name)) for name in DERIVED]
    moves = [_change(uow, row.id, name, getattr(row, name), one.value, one.rule, one.params) for name, one in rulings]
    return [move for move in moves if move is not None]


def _text(value: object) -> str | None:
    if value is None or value == "":
        return None
    return value.value if isinstance(value, StrEnum) else str(value)
