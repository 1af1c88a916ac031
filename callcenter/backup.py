"""Copies of the embedded database: taken while the service runs, put back while it does not."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from pathlib import Path

from sqlalchemy.engine import make_url

from callcenter.settings import Settings
from crm_core.kernel.errors import Rejected, Unavailable

OK = 0
_PAGES = 4096  # copied at a time; between two steps writers get their turn
_SIDE_FILES = ("-wal", "-shm")


async def backup(settings: Settings, file: str) -> int:
    """A consistent copy; the target appears only when it is whole. Raises Rejected, Unavailable."""
    size = await asyncio.to_thread(_copy, _database_file(settings), Path(file))
    sys.stderr.write(f"The database was copied to {file} ({size >> 10} KB).\n")
    return OK


async def restore(settings: Settings, file: str) -> int:
    """Replaces the database by a backup; the one before is kept beside it. Raises Rejected, Unavailable."""
    await asyncio.to_thread(_put_back, Path(file), _database_file(settings, must_exist=False))
    sys.stderr.write(f"The database was restored from {file}.\n")
    return OK


def _database_file(settings: Settings, *, must_exist: bool = True) -> Path:
    url = make_url(settings.database_url)
    if url.get_backend_name() != "sqlite" or not url.database:
        raise Rejected("not_embedded", "This is for the embedded database; use pg_dump and pg_restore for PostgreSQL.")
    path = Path(url.database)
    if must_exist and not path.is_file():
        raise Rejected("no_database", f"There is no database {path}.")
    return path


def _copy(source: Path, target: Path) -> int:
    if target.exists():
        raise Rejected("backup_exists", f"{target} exists already; name another file.")
    partial = target.with_name(f"{target.name}.partial")
    try:
        with sqlite3.connect(source) as read, sqlite3.connect(partial) as write:
            read.backup(write, pages=_PAGES)
        read.close()
        write.close()
        _check(partial)
        partial.chmod(0o600)
        partial.replace(target)
        return target.stat().st_size
    except (sqlite3.Error, OSError) as error:
        partial.unlink(missing_ok=True)
        raise Unavailable("backup_failed", f"The copy failed: {error}.") from None


def _check(file: Path) -> None:
    if not file.is_file():
        raise Rejected("no_backup", f"There is no file {file}.")
    connection = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)
    try:
        (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as error:
        raise Rejected("bad_backup", f"{file} is no backup of this product: {error}.") from None
    finally:
        connection.close()
    if verdict != "ok":
        raise Rejected("bad_backup", f"{file} is damaged: {verdict}.")


def _put_back(source: Path, target: Path) -> None:
    _check(source)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            _refuse_when_in_use(target)
            target.replace(target.with_name(f"{target.name}.before-restore"))
        for suffix in _SIDE_FILES:
            target.with_name(target.name + suffix).unlink(missing_ok=True)
        with sqlite3.connect(source) as read, sqlite3.connect(target) as write:
            read.backup(write)
        read.close()
        write.close()
    except (sqlite3.Error, OSError) as error:
        raise Unavailable("restore_failed", f"Restoring failed: {error}.") from None


def _refuse_when_in_use(target: Path) -> None:
    connection = sqlite3.connect(target, timeout=0.5)
    try:
        # Only the last one out may leave WAL mode: fails while the service has the file open.
        connection.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.OperationalError:
        raise Rejected("in_use", "The service uses the database; stop it first.") from None
    finally:
        connection.close()
