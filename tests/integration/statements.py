"""Counts SQL statements: the number a page needs must not grow with its rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from crm_core.db import trips
from crm_core.db.database import Database
from crm_core.db.trips import Piece, Steps

_OURS = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")


@contextmanager
def counted(db: Database) -> Iterator[list[str]]:
    """The statements that run inside the block; an executemany counts once."""
    seen: list[str] = []

    def see(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.lstrip().startswith(_OURS):
            seen.append(statement)

    engines = {id(engine): engine.sync_engine for engine in (db._writer, db._reader)}.values()
    for engine in engines:
        event.listen(engine, "before_cursor_execute", see)
    try:
        with in_trips() as pieces:
            yield seen
            seen += [piece.sql for piece in pieces]
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", see)


@contextmanager
def in_trips() -> Iterator[list[Piece]]:
    """The statements that go past SQLAlchemy inside the block."""
    seen: list[Piece] = []

    def watched(steps: Steps[Any]) -> Steps[Any]:
        rows = None
        while True:
            try:
                asked = next(steps) if rows is None else steps.send(rows)
            except StopIteration as end:
                return end.value
            seen.append(asked)
            rows = yield asked

    kept = trips._through, trips._one_by_one
    trips._through = lambda connection, steps: kept[0](connection, watched(steps))
    trips._one_by_one = lambda driver, steps: kept[1](driver, watched(steps))
    try:
        yield seen
    finally:
        trips._through, trips._one_by_one = kept
