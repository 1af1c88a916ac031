"""A list of customers from Excel, checked, duplicates found, stored: ours against merely reading the same file.

The floor is python-calamine alone, every row as Python values. Ours is the whole run of the job: reading, cleaning,
duplicate check against the base and within the file, customers with numbers, keys, search tokens and audit.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import python_calamine

from bench import customer_list
from bench.figure import Figure, Row, Size, at_most, complete
from callcenter.files import KeptFiles
from callcenter.pauses import Pauses
from crm_core import migrations
from crm_core.customers.imports import queries, service, source
from crm_core.customers.imports.deciding import Options
from crm_core.customers.imports.jobs import handlers
from crm_core.customers.imports.queries import ImportView
from crm_core.db.database import Database
from crm_core.jobs import runner
from crm_core.kernel.sealing import KeyRing
from crm_core.organization.access import SYSTEM

_KEYS = KeyRing({"bench": bytes(range(32))}, "bench")
_TARGET = 8.0


def run(size: Size) -> Figure:
    rows = min(size.customers // 10, 100_000)
    with tempfile.TemporaryDirectory(prefix="callcenter-bench-") as folder:
        path = Path(folder) / "list.xlsx"
        customer_list.write(path, rows)
        began = time.perf_counter()
        read = _read(path)
        floor = time.perf_counter() - began
        checked, ran, grown, view = asyncio.run(_import(Path(folder), path))
    return Figure(
        f"Import of {rows:,} customers from Excel",
        (
            at_most("imported, checked and free of duplicates", ran, floor, _TARGET),
            at_most("dry run: every row's verdict", checked, floor, _TARGET),
            complete("rows with a verdict", sum(view.verdicts.values()), read - 1),
            Row("memory of the service grown by", f"{grown / 2**20:.0f} MiB"),
        ),
        ("Floor: python-calamine reads the same file and does nothing with it.",),
    )


def _own_memory() -> int:
    """Bytes that belong to this process alone: the database's file, which is mapped, is the system's to take back."""
    return int(psutil.Process().memory_full_info().uss)


def _read(path: Path) -> int:
    sheet = python_calamine.load_workbook(path).get_sheet_by_index(0)
    return len(sheet.to_python())


async def _import(folder: Path, path: Path) -> tuple[float, float, int, ImportView]:
    """Seconds of the dry run and of the run, bytes of memory grown, and what became of the rows."""
    db = Database(f"sqlite+aiosqlite:///{folder / 'callcenter.db'}", keyring=_KEYS)
    await migrations.upgrade(db)
    await customer_list.prepare(db)
    files = KeptFiles(folder / "files")
    content = await asyncio.to_thread(path.read_bytes)

    async def pieces() -> AsyncIterator[bytes]:
        yield content

    file_id, _ = await files.save(pieces(), limit=1 << 30)
    head = await source.head(files.path(file_id))
    async with db.uow() as uow:
        batch = await service.upload(uow, file_id=file_id, file_name=path.name, head=head, by=SYSTEM)
    pauses = Pauses(lambda: False)  # as in the service
    pauses.begin()
    before = _own_memory()
    began = time.perf_counter()
    async with db.uow() as uow:
        await service.check(uow, batch.id, columns=None, options=Options(area_code="021"), by=SYSTEM)
    await runner.run_one(db, handlers(files))
    checked = time.perf_counter() - began
    began = time.perf_counter()
    async with db.uow() as uow:
        await service.run(uow, batch.id, by=SYSTEM)
    await runner.run_one(db, handlers(files))
    ran = time.perf_counter() - began
    grown = _own_memory() - before
    pauses.end()
    async with db.read() as session:
        view = await queries.import_view(session, SYSTEM, batch.id)
    await db.close()
    return checked, ran, grown, view
