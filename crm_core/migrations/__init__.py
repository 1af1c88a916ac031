"""The one chain of migrations; runs from code, so an installed product needs no alembic.ini."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from crm_core.db.database import Database


def config(connection: Any = None) -> Config:
    """Alembic's settings; ``connection`` is the open connection to work on."""
    settings = Config()
    settings.set_main_option("script_location", str(Path(__file__).parent))
    settings.attributes["connection"] = connection
    return settings


async def upgrade(db: Database, revision: str = "head") -> None:
    """Brings the schema up to ``revision`` in one transaction."""
    await db.run_sync(lambda connection: command.upgrade(config(connection), revision))


async def downgrade(db: Database, revision: str) -> None:
    await db.run_sync(lambda connection: command.downgrade(config(connection), revision))


async def current(db: Database) -> str | None:
    """The revision of the schema; None for an empty database."""

    def read(connection: Any) -> str | None:
        return MigrationContext.configure(connection).get_current_revision()

    revision: str | None = await db.run_sync(read)
    return revision


def head() -> str:
    """The newest revision that this code knows."""
    revision = ScriptDirectory.from_config(config()).get_current_head()
    if revision is None:
        raise RuntimeError("the product was installed without its migrations")
    return revision
