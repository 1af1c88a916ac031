"""A data clerk with files, who brings lists as the pages do."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from callcenter.files import KeptFiles
from crm_core.customers import queries as customers
from crm_core.customers.duplicates import service as duplicates
from crm_core.customers.imports import queries, service, source
from crm_core.customers.imports.deciding import Options
from crm_core.customers.imports.jobs import handlers
from crm_core.customers.imports.queries import ImportView
from crm_core.customers.models import Customer
from crm_core.customers.views import CustomerView
from crm_core.db.database import Database
from crm_core.jobs import runner
from crm_core.organization.access import Actor
from tests.factories import add_customer

HEADINGS = ["姓名", "性别", "手机号码", "身份证号", "出生日期", "地址", "业务员", "备注"]


class Desk:
    """A data clerk with files; ``bring`` does what the pages do."""

    def __init__(self, db: Database, folder: Path, clerk: Actor) -> None:
        self.db = db
        self.folder = folder
        self.files = KeptFiles(folder / "files")
        self.clerk = clerk

    async def stored(self, name: str, phones: Sequence[str], **fields: Any) -> Customer:
        """A customer of the clerk's department whom the duplicate check knows."""
        if "department" not in fields:
            fields["department_id"] = self.clerk.department_id
        customer = await add_customer(self.db, name, phones=phones, **fields)
        async with self.db.uow() as uow:
            await duplicates.renew(uow, [customer.id])
        return customer

    async def upload(self, rows: Sequence[Sequence[Any]], headings: Sequence[str] = HEADINGS) -> int:
        path = self.folder / "list.csv"
        with path.open("w", encoding="gb18030", newline="") as file:
            csv.writer(file).writerows([headings, *rows])
        return await self.store(path)

    async def store(self, path: Path) -> int:
        content = await asyncio.to_thread(path.read_bytes)

        async def pieces() -> Any:
            yield content

        file_id, _ = await self.files.save(pieces(), limit=1 << 28)
        head = await source.head(self.files.path(file_id))
        async with self.db.uow() as uow:
            batch = await service.upload(uow, file_id=file_id, file_name=path.name, head=head, by=self.clerk)
        return batch.id

    async def check(self, import_id: int, **options: Any) -> ImportView:
        async with self.db.uow() as uow:
            await service.check(uow, import_id, columns=None, options=_options(options), by=self.clerk)
        return await self.worked(import_id)

    async def run(self, import_id: int) -> ImportView:
        async with self.db.uow() as uow:
            await service.run(uow, import_id, by=self.clerk)
        return await self.worked(import_id)

    async def undo(self, import_id: int) -> ImportView:
        async with self.db.uow() as uow:
            await service.undo(uow, import_id, by=self.clerk)
        return await self.worked(import_id)

    async def bring(self, rows: Sequence[Sequence[Any]], headings: Sequence[str] = HEADINGS, **options: Any) -> int:
        import_id = await self.upload(rows, headings)
        await self.check(import_id, **options)
        await self.run(import_id)
        return import_id

    async def worked(self, import_id: int) -> ImportView:
        while await runner.run_one(self.db, handlers(self.files)):
            pass
        async with self.db.read() as session:
            found = await queries.import_view(session, self.clerk, import_id)
        assert found.job_error is None, found.job_error
        return found

    async def rows(self, import_id: int) -> list[queries.RowView]:
        async with self.db.read() as session:
            return list((await queries.rows(session, import_id, limit=500)).items)

    async def customer(self, customer_id: int | None) -> CustomerView:
        assert customer_id is not None
        async with self.db.read() as session:
            return await customers.customer(session, self.clerk, customer_id, today=self.db.clock.now().date())


def _options(given: dict[str, Any]) -> Options:
    return Options(area_code="021", **given)
