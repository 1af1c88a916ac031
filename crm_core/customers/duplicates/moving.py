"""Moves all that leads to one row over to another, and back: over every foreign key that the metadata knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table, delete, insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.duplicates import reference_queries as references
from crm_core.customers.duplicates.reference_queries import ENDED, REBUILT, Reference, customers
from crm_core.customers.duplicates.snapshots import Changed, Key, Moved, Row, Snapshot
from crm_core.db.base import Base

_COUNTED = "times"  # of two rows for one thing, the survivor's gets both counts


async def move_all(session: AsyncSession, target: Table, old: int, new: int, into: Snapshot) -> None:
    """Everything that leads to ``old`` leads to ``new`` afterwards, or lies in the snapshot; nothing is forgotten."""
    for reference in references.references_to(target):
        if reference.table.name in REBUILT:
            continue
        if reference.table.name in ENDED:
            for row in await references.rows_leading_to(session, reference, old):
                await _drop(session, reference.table, row, into)
        elif reference.unique or not reference.alone or reference.table is customers:
            await _move_each(session, reference, old, new, into)
        else:
            keys = await references.keys_leading_to(session, reference, old)
            await _lead(session, reference, old, new, keys)
            _note(into, reference, old, new, keys)


async def _move_each(session: AsyncSession, reference: Reference, old: int, new: int, into: Snapshot) -> None:
    """Row by row: one may say the same as a row of the other, or lead from the one to the other."""
    column, table = reference.column.name, reference.table
    there = await references.rows_leading_to(session, reference, new) if reference.unique else []
    for row in await references.rows_leading_to(session, reference, old):
        moved = {**row, column: new}
        if table is customers and row["id"] == new:  # he would have recommended himself
            await _set(session, table, [new], {column: None}, {column: old}, into)
        elif _leads_to_itself(reference, moved):
            await _drop(session, table, row, into)
        elif (twin := _twin(reference, moved, there)) is not None:
            await _follow(session, table, row, twin, into)
            await _fill(session, table, twin, row, into)
            await _drop(session, table, row, into)
        else:
            where = references.has_key(table, references.key_of(table, row))
            await session.execute(update(table).where(where).values({column: new}))
            _note(into, reference, old, new, [references.key_of(table, moved)])


def _leads_to_itself(reference: Reference, moved: Row) -> bool:
    if reference.table is customers:
        return False
    others = [one.column.name for one in references.references_to(_target(reference)) if one.table is reference.table]
    return any(moved[name] == moved[reference.column.name] for name in others if name != reference.column.name)


def _target(reference: Reference) -> Table:
    return next(iter(reference.column.foreign_keys)).column.table


def _twin(reference: Reference, moved: Row, there: Sequence[Row]) -> Row | None:
    for names in reference.unique:
        values = [moved[name] for name in names]
        for row in there:
            if None not in values and [row[name] for name in names] == values:
                return row
    return None


async def _follow(session: AsyncSession, table: Table, gone: Row, kept: Row, into: Snapshot) -> None:
    """What hangs on a row that has no place hangs on its twin from now on."""
    key = references.key_columns(table)
    if len(key) == 1:
        await move_all(session, table, gone[key[0].name], kept[key[0].name], into)


async def take_over(session: AsyncSession, table: Table, gone: Row, kept: Row, into: Snapshot) -> None:
    """``gone`` says the same as ``kept``: what hangs on it and what only it knows goes over."""
    await _follow(session, table, gone, kept, into)
    await _fill(session, table, kept, gone, into)
    await _drop(session, table, gone, into)


async def _fill(session: AsyncSession, table: Table, kept: Row, gone: Row, into: Snapshot) -> None:
    new = {name: value for name, value in gone.items() if value is not None and kept[name] is None}
    if _COUNTED in kept:
        new[_COUNTED] = kept[_COUNTED] + gone[_COUNTED]
    if new:
        before = {name: kept[name] for name in new}
        await _set(session, table, references.key_of(table, kept), new, before, into)
        kept.update(new)


async def _set(session: AsyncSession, table: Table, key: Key, values: Row, before: Row, into: Snapshot) -> None:
    await session.execute(update(table).where(references.has_key(table, key)).values(values))
    columns = {str(name): [before[name], value] for name, value in values.items()}
    into.changed.append(Changed(str(table.name), key, columns))


async def set_noted(session: AsyncSession, table: Table, row: Row, values: Row, into: Snapshot) -> None:
    """Changes a row so that the undoing knows what it was."""
    await _set(session, table, references.key_of(table, row), values, row, into)


async def _drop(session: AsyncSession, table: Table, row: Row, into: Snapshot) -> None:
    await session.execute(delete(table).where(references.has_key(table, references.key_of(table, row))))
    into.dropped.append((str(table.name), row))


async def _lead(session: AsyncSession, reference: Reference, old: int, new: int, keys: Sequence[Key]) -> int:
    """How many rows followed."""
    count = 0
    for block in references.key_blocks(keys):
        where = references.has_one_of(reference.table, block)
        change = update(reference.table).where(where, reference.column == old).values({reference.column.name: new})
        result: Any = await session.execute(change)
        count += result.rowcount
    return count


def _note(into: Snapshot, reference: Reference, old: int, new: int, keys: list[Key]) -> None:
    if keys:
        into.moved.append(Moved(str(reference.table.name), str(reference.column.name), old, new, keys))


async def put_back(session: AsyncSession, snapshot: Snapshot) -> set[str]:
    """Undoes ``move_all``, the last step first. Says in which tables a person did something since; that is kept."""
    kept: set[str] = set()
    for name, row in reversed(snapshot.dropped):
        if not await _insert_again(session, Base.metadata.tables[name], row):
            kept.add(name)
    for moved in reversed(snapshot.moved):
        table = Base.metadata.tables[moved.table]
        if await _lead(session, _reference(table, moved.column), moved.new, moved.old, moved.keys) < len(moved.keys):
            kept.add(moved.table)
    for change in reversed(snapshot.changed):
        if not await _restore(session, change):
            kept.add(change.table)
    return kept


async def _insert_again(session: AsyncSession, table: Table, row: Row) -> bool:
    """False when it cannot be: somebody made the same again, or what it led to is no more."""
    if await references.row_with_key(session, table, references.key_of(table, row)) is not None:
        return False
    for column in table.columns:
        for foreign in column.foreign_keys:
            target, value = foreign.column.table, row[column.name]
            if value is not None and not await references.rows_of(session, target, foreign.column == value):
                return False
    await session.execute(insert(table).values(row))
    return True


async def _restore(session: AsyncSession, change: Changed) -> bool:
    table = Base.metadata.tables[change.table]
    row = await references.row_with_key(session, table, change.key)
    if row is None:
        return False
    back = {name: before for name, (before, after) in change.columns.items() if row[name] == after}
    if back:
        await session.execute(update(table).where(references.has_key(table, change.key)).values(back))
    return len(back) == len(change.columns)


def _reference(table: Table, column: str) -> Reference:
    return Reference(table, table.c[column], (), alone=True)
