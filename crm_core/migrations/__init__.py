"""The one chain of migrations; runs from code, so an installed product needs no alembic.ini.

Alembic is loaded by what changes tables alone: a service whose tables are right only asks for their revision.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import inspect, text

from crm_core.db.database import Database

if TYPE_CHECKING:
    from alembic.config import Config

_FOLDER = Path(__file__).parent


def config(connection: Any = None) -> Config:
    """Alembic's settings; ``connection`` is the open connection to work on."""
    from alembic.config import Config

    settings = Config()
    settings.set_main_option("script_location", str(_FOLDER))
    settings.attributes["connection"] = connection
    return settings


async def upgrade(db: Database, revision: str = "head") -> None:
    """Brings the schema up to ``revision`` in one transaction."""
    from alembic import command

    await db.alter(lambda connection: command.upgrade(config(connection), revision))


async def downgrade(db: Database, revision: str) -> None:
    from alembic import command

    await db.alter(lambda connection: command.downgrade(config(connection), revision))


async def current(db: Database) -> str | None:
    """The revision of the schema; None for an empty database."""

    def read(connection: Any) -> str | None:
        if not inspect(connection).has_table("alembic_version"):
            return None
        revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return revision

    found: str | None = await db.glance(read)  # waits for no writer
    return found


def head() -> str:
    """The newest revision that this code knows: its files are numbered in their order."""
    numbers = [file.name[:4] for file in (_FOLDER / "versions").glob("[0-9][0-9][0-9][0-9]_*.py")]
    if not numbers:
        raise RuntimeError("the product was installed without its migrations")
    return max(numbers)
