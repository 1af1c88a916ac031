"""The long work of imports: a chunk of rows is one transaction, so a crash or a stop loses nothing that is done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

from sqlalchemy import delete

from crm_core.customers.imports import matching, queries, source, undoing
from crm_core.customers.imports.cleaning import CleanRow, Manner
from crm_core.customers.imports.deciding import Decider, Decision, Met
from crm_core.customers.imports.keeping import keep_rows, kept_rows
from crm_core.customers.imports.kinds import Verdict
from crm_core.customers.imports.models import ImportKey, ImportRow
from crm_core.customers.imports.preparing import Prepared, Preparer
from crm_core.customers.imports.service import JOB, UNDO_JOB, stored_options
from crm_core.customers.imports.stretches import Stretch
from crm_core.customers.imports.writing import Writer
from crm_core.db.bulk import insert_rows
from crm_core.db.turns import take_turn
from crm_core.db.uow import UnitOfWork
from crm_core.db.upsert import table_of
from crm_core.jobs.runner import Handler, LostLease, Step, Work
from crm_core.kernel.errors import NotFound, Unavailable
from crm_core.organization.access import Action

_CHUNK: Final = 300  # rows of one transaction: it holds the writer for about a tenth of a second
_Chunk = tuple[list[CleanRow], dict[int, Prepared]]
_rows, _keys = table_of(ImportRow), table_of(ImportKey)


class Uploads(Protocol):
    """Where uploaded files lie."""

    def path(self, file_id: int) -> Path: ...

    async def delete(self, file_id: int) -> None: ...


def handlers(uploads: Uploads) -> Mapping[str, Handler]:
    """By kind of job."""

    async def run(work: Work) -> Mapping[str, Any]:
        return await _Import(work, uploads).run()

    return {JOB: run, UNDO_JOB: undoing.run}


class _Import:
    """One run through a file, dry or in earnest."""

    def __init__(self, work: Work, uploads: Uploads) -> None:
        self._work = work
        self._uploads = uploads
        self._id = int(work.params["import_id"])
        self._dry = bool(work.params["dry"])
        self._stretch = Stretch(work, self._id)

    async def run(self) -> Mapping[str, Any]:
        """Who was stored can be found when it ends, whichever way; else the next run makes up for it."""
        try:
            return await self._through()
        except (Unavailable, LostLease):
            raise
        except Exception:
            if not self._dry:
                await self._stretch.write_out()
            raise

    async def _through(self) -> Mapping[str, Any]:
        """Raises Rejected for a file that cannot be read, Denied when the right is gone meanwhile."""
        self._work.actor.require(Action.CUSTOMER_IMPORT)
        async with self._work.db.read() as session:
            batch = await queries.import_view(session, self._work.actor, self._id)
            file_id = await queries.file_of(session, self._id)
            names = await matching.names(session)
        if file_id is None:
            raise NotFound("file_not_found", "This file is not kept any more.")
        options = stored_options(batch.options)
        after = await self._begin()
        decider = Decider(options, names, self._work.actor)
        writer = Writer(self._id, options, self._work.actor)
        today = self._work.db.clock.now().astimezone(ZoneInfo(options.timezone)).date()
        manner = Manner(today, options.area_code, self._dry)
        columns = batch.mapping["columns"]
        async with (
            source.rows(self._uploads.path(file_id), columns, manner, after) as blocks,
            aclosing(_ahead(self._prepared(_chunks(blocks)))) as chunks,
        ):
            async for chunk, prepared in chunks:
                async with self._work.step() as step:
                    await self._work_off(step, chunk, prepared, decider, writer)
                if not self._dry and self._stretch.is_long():
                    await self._stretch.write()
        if not self._dry:
            await self._stretch.write()
        return await self._end(file_id)

    async def _begin(self) -> int:
        """The number of the last row that is done; a new run forgets what the dry one said."""
        if "after" in self._work.position:
            return int(self._work.position["after"])
        async with self._work.step() as step:
            after = 0
            if self._work.params.get("resume"):
                after = await queries.last_row(step.uow.session, self._id)
                step.done = await queries.count_rows(step.uow.session, self._id)
            else:
                await step.uow.session.execute(delete(_rows).where(_rows.c.import_id == self._id))
                await step.uow.session.execute(delete(_keys).where(_keys.c.import_id == self._id))
            step.position = {"after": after, "indexed": 0}
        return after

    async def _prepared(self, chunks: AsyncIterator[list[CleanRow]]) -> AsyncIterator[_Chunk]:
        """Before the transaction, which others wait for."""
        preparer = Preparer(self._work.db.keyring, dry=self._dry)
        async for rows in chunks:
            yield rows, await asyncio.to_thread(preparer.prepare, rows)

    async def _work_off(
        self, step: Step, chunk: Sequence[CleanRow], prepared: Mapping[int, Prepared], decider: Decider, writer: Writer
    ) -> None:
        uow = step.uow
        # Two lists at once: what the one brings the other has to see, or a person is stored twice.
        await take_turn(uow.session, JOB)
        cards = {number: one.index for number, one in prepared.items() if one.index is not None}
        met = await matching.met(uow.session, self._work.actor, self._id, chunk, cards)
        decisions = await asyncio.to_thread(_decided, decider, chunk, met)
        if self._dry:
            rows = await asyncio.to_thread(kept_rows, uow.keyring, self._id, decisions, {}, {})
        else:
            rows = await writer.write(uow, decisions, prepared)
        await keep_rows(uow, rows)
        await self._keep_keys(uow, decisions, met)
        step.position = {**step.position, "after": chunk[-1].number}
        step.done += len(chunk)

    async def _keep_keys(self, uow: UnitOfWork, decisions: Sequence[Decision], met: Met) -> None:
        """Each key with the first row that has it; those of earlier chunks are there already."""
        kept = {
            key: one.row.number
            for one in decisions
            if one.verdict in (Verdict.CREATE, Verdict.UPDATE, Verdict.UNCHANGED)
            for key in one.row.keys
            if met.earlier.get(key) == one.row.number
        }
        rows = [(self._id, key, number) for key, number in sorted(kept.items())]
        await insert_rows(uow.session, _keys, ("import_id", "key", "number"), rows)

    async def _end(self, file_id: int) -> Mapping[str, Any]:
        """The file goes when its rows are in: failed ones lie under seal with the import."""
        async with self._work.step() as step:
            await step.uow.session.execute(delete(_keys).where(_keys.c.import_id == self._id))
            if not self._dry:
                batch = await queries.import_to_change(step.uow.session, self._work.actor, self._id)
                batch.file_id, batch.sample_sealed = None, None
            counts = await queries.verdicts(step.uow.session, self._id)
        if not self._dry:
            await self._uploads.delete(file_id)
        return {"verdicts": counts}


def _decided(decider: Decider, chunk: Sequence[CleanRow], met: Met) -> list[Decision]:
    return [decider.decide(row, met) for row in chunk]


async def _ahead(chunks: AsyncIterator[_Chunk]) -> AsyncGenerator[_Chunk, None]:
    """The next one is got ready while the last is being written."""

    async def following() -> _Chunk | None:
        return await anext(chunks, None)

    coming = asyncio.create_task(following())
    try:
        while (chunk := await coming) is not None:
            coming = asyncio.create_task(following())
            yield chunk
    finally:
        coming.cancel()
        await asyncio.wait([coming])


async def _chunks(blocks: AsyncIterator[list[CleanRow]]) -> AsyncIterator[list[CleanRow]]:
    waiting: list[CleanRow] = []
    async for block in blocks:
        waiting += block
        if len(waiting) >= _CHUNK:
            yield waiting
            waiting = []
    if waiting:
        yield waiting
