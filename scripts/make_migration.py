"""Writes the next migration from what the models say beyond the newest: ``make_migration.py "what it does"``."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from alembic import command

from crm_core import migrations
from crm_core.db.database import Database


async def main(message: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        db = Database(f"sqlite+aiosqlite:///{Path(folder) / 'empty.db'}")
        if list((Path(migrations.__file__).parent / "versions").glob("*.py")):
            await migrations.upgrade(db)
        number = len(list((Path(migrations.__file__).parent / "versions").glob("0*.py"))) + 1
        await db.run_sync(
            lambda connection: command.revision(
                migrations.config(connection), message, autogenerate=True, rev_id=f"{number:04d}"
            )
        )
        await db.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
