"""``python -m tests.integration.customers.import_process URL FOLDER``: works off one job, to be killed meanwhile."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from callcenter.files import KeptFiles
from crm_core.customers.imports import jobs, stretches
from crm_core.db.database import Database
from crm_core.jobs import runner
from tests.conftest import KEYS


async def main(url: str, folder: str) -> None:
    jobs._CHUNK, stretches._LONG = 100, 200
    db = Database(url, keyring=KEYS)
    await runner.run_one(db, jobs.handlers(KeptFiles(Path(folder))))
    await db.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
