"""Counts SQL statements: the number a page needs must not grow with its rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from crm_core.db.database import Database

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
        yield seen
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", see)
