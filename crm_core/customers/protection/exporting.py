"""The job that writes an export: batch by batch in flat memory, checked against the asker's rights of now."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from datetime import tzinfo
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol

from crm_core.audit import service as audit
from crm_core.customers.protection import export_queries, queries
from crm_core.customers.protection.chosen import Chosen, read
from crm_core.customers.protection.columns import Cell, Column, Source, column_of
from crm_core.customers.protection.kinds import FileFormat, RequestState
from crm_core.customers.protection.models import DataRequest
from crm_core.customers.protection.service import file_life
from crm_core.customers.protection.sheets import Mark, Sheet, sheet
from crm_core.customers.search.queries import Now
from crm_core.db.types import AnyRow
from crm_core.jobs.runner import Cancelled, LostLease, Work
from crm_core.kernel import ids
from crm_core.kernel.errors import Conflict, Unavailable
from crm_core.kernel.texts import N_

_PIECE: Final = 1 << 20
NOTE: Final = N_("Taken by %(asker)s on %(at)s for: %(reason)s (request %(request)s). For internal use only.")


class Files(Protocol):
    """Where files wait to be collected; ``path`` is the finished one, ``create`` opens one that nobody finds yet."""

    def path(self, file_id: int) -> Path: ...

    def create(self, file_id: int) -> BinaryIO: ...

    def publish(self, file_id: int) -> None: ...


class ExportJob:
    """Called by the runner. A crash begins the file anew: half a file is of no use to anybody."""

    def __init__(self, files: Files, zone: tzinfo) -> None:
        self._files = files
        self._zone = zone

    async def __call__(self, work: Work) -> Mapping[str, Any]:
        return await attempted(work, self._written(work))

    async def _written(self, work: Work) -> Mapping[str, Any]:
        found = await request_of(work)
        file_id = await begin_file(work, self._files)
        mark = _mark(found, work, self._zone)
        columns = [column for code in found.columns if (column := column_of(code)) is not None]
        headings = [found.labels.get(column.title, column.title) for column in columns]
        folder = self._files.path(file_id).parent
        file = await asyncio.to_thread(self._files.create, file_id)
        try:
            table = await asyncio.to_thread(sheet, found.format or FileFormat.XLSX, file, headings, mark, folder)
            rows = await self._fill(work, found, table, columns)
            await asyncio.to_thread(table.close)
        except BaseException:
            self._files.path(file_id).with_suffix(".part").unlink(missing_ok=True)
            raise
        finally:
            file.close()
        await finish_file(work, self._files, file_id, rows)
        return {"request": ids.show(found.id), "rows": rows}

    async def _fill(self, work: Work, found: DataRequest, table: Sheet, columns: Sequence[Column]) -> int:
        rows, with_id_card = 0, "id_card" in found.columns
        async with work.db.read() as session:
            limits = await queries.limits(session)
        # What was allowed was a number of rows: a list that has grown since needs a new word.
        most = max(limits.approval_rows, found.rows_expected + found.rows_expected // 10 + 100)
        chosen = read(found.filters)
        async for batch in self._batches(work, chosen):
            async with work.db.read() as session:
                given = await export_queries.sources(session, work.actor, batch, self._zone, with_id_card=with_id_card)
            rows += len(batch)
            if rows > most:
                raise Conflict("export_grew", "The list has grown since it was asked for; ask again.")
            await asyncio.to_thread(table.write, [_cells(source, columns, found.labels) for source in given])
            async with work.step() as step:
                step.done = rows
        return rows

    async def _batches(self, work: Work, chosen: Chosen) -> AsyncIterator[Sequence[AnyRow]]:
        """By id, or of what a text finds in the order of the list."""
        now, after, cursor = Now(work.db.clock.now().astimezone(self._zone).date(), self._zone), 0, None
        while True:
            async with work.db.read() as session:
                only = None
                if chosen.text:
                    only, cursor = await export_queries.found_by_text(session, work.actor, chosen, now, cursor)
                batch = await export_queries.batch(session, work.actor, chosen, now, after=after, only=only)
            if batch:
                yield batch
                after = batch[-1].id
            if cursor is None and (only is not None or not batch):
                return


def _cells(source: Source, columns: Sequence[Column], labels: Mapping[str, str]) -> list[Cell]:
    cells: list[Cell] = []
    for column in columns:
        value = column.value(source)
        cells.append(labels.get(value, value) if column.words and isinstance(value, str) else value)
    return cells


def _mark(found: DataRequest, work: Work, zone: tzinfo) -> Mark:
    at = found.asked_at.astimezone(zone).strftime("%Y-%m-%d %H:%M")
    asker = work.actor.display_name or work.actor.name
    asker = asker if asker == work.actor.name else f"{asker} ({work.actor.name})"
    values = {"asker": asker, "at": at, "reason": found.reason, "request": ids.show(found.id)}
    return Mark(
        found.labels.get("Customers", "Customers"),
        found.labels.get(NOTE, NOTE) % values,
        asker,
        ids.show(found.id),
    )


async def attempted(work: Work, written: Awaitable[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The work's result; when it fails for good, the request says so too."""
    try:
        return await written
    except (Unavailable, LostLease):
        raise  # the runner, or another one, goes on with it
    except Exception as error:
        await give_up(work, "cancelled" if isinstance(error, Cancelled) else getattr(error, "code", "internal"))
        raise


async def request_of(work: Work) -> DataRequest:
    """The request that this job fulfils. Raises Conflict when it is no longer to be."""
    async with work.db.read() as session:
        found = await queries.request_to_change(session, int(work.params["request"]))
    if found.state is not RequestState.RUNNING:
        raise Conflict("export_decided", "This request is no longer under way.")
    return found


async def begin_file(work: Work, files: Files) -> int:
    """A file of this try; what an earlier one left half-written goes."""
    old = work.position.get("file")
    if old is not None:
        await asyncio.to_thread(files.path(int(old)).with_suffix(".part").unlink, True)
    file_id = ids.new_id()
    async with work.step() as step:
        step.position, step.done = {"file": str(file_id)}, 0
    return file_id


async def finish_file(work: Work, files: Files, file_id: int, rows: int) -> None:
    """From here on the asker can fetch it."""
    await asyncio.to_thread(files.publish, file_id)
    digest = await asyncio.to_thread(_digest, files.path(file_id))
    async with work.step() as step:
        found = await queries.request_to_change(step.uow.session, int(work.params["request"]))
        limits = await queries.limits(step.uow.session)
        found.state, found.rows, found.file_id, found.sha256 = RequestState.READY, rows, file_id, digest
        found.expires_at = step.uow.clock.now() + file_life(limits)
        audit.record(step.uow, work.actor, "export.write", "export", found.id, {"rows": rows, "sha256": digest})


async def give_up(work: Work, code: str) -> None:
    """Writes down on the request why its job ended without a file."""
    async with work.db.uow() as uow:
        found = await queries.request_to_change(uow.session, int(work.params["request"]))
        if found.state is RequestState.RUNNING:
            found.state, found.failure = RequestState.FAILED, code[:80]
            audit.record(uow, work.actor, "export.fail", "export", found.id, {"why": code})


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        found = hashlib.sha256()
        while piece := file.read(_PIECE):
            found.update(piece)
    return found.hexdigest()
