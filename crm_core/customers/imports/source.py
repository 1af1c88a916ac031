"""The rows of a file as the worker process gives them: read on another core, held back while nobody takes them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from crm_core.customers.imports.cleaning import CleanRow, Manner
from crm_core.kernel.errors import Rejected

_WORKER = "crm_core.customers.imports.worker"
_LONGEST_ANSWER = 256 << 20


@dataclass(frozen=True, slots=True)
class Head:
    """What stands at the top of a file; ``total`` counts the rows below the headings."""

    headings: list[str]
    heading_row: int
    sample: list[list[str]]
    total: int


async def head(path: Path) -> Head:
    """Raises Rejected for a file that cannot be read."""
    async with _told({"path": str(path)}) as stream:
        async for answer in _lines(stream):
            return Head(**answer)
    raise _gave_up()


@asynccontextmanager
async def rows(
    path: Path, columns: Sequence[str], manner: Manner, after: int = 0
) -> AsyncIterator[AsyncIterator[list[CleanRow]]]:
    """Cleaned rows in blocks, those behind row number ``after``. Raises Rejected for a file that cannot be read."""
    task = {
        "path": str(path),
        "columns": list(columns),
        "today": manner.today.isoformat(),
        "area_code": manner.area_code,
        "dry": manner.dry,
        "after": after,
    }
    async with _told(task) as stream:
        yield _blocks(stream)


async def _blocks(stream: asyncio.StreamReader) -> AsyncIterator[list[CleanRow]]:
    async for answer in _lines(stream):
        if isinstance(answer, dict):
            return
        cells = (await stream.readline()).split(b"\t")
        if len(cells) != len(answer):
            break
        rows = [CleanRow(*row) for row in answer]
        for row, told in zip(rows, cells, strict=True):
            row.told = told
        yield rows
    raise _gave_up()


@asynccontextmanager
async def _told(task: Mapping[str, Any]) -> AsyncIterator[asyncio.StreamReader]:
    """The worker's answers, while it lives."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        _WORKER,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=_LONGEST_ANSWER,
    )
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the worker has no pipes")
    try:
        with suppress(ConnectionError):
            process.stdin.write(orjson.dumps(task))
            await process.stdin.drain()
        process.stdin.close()
        yield process.stdout
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _lines(stream: asyncio.StreamReader) -> AsyncIterator[Any]:
    while line := await stream.readline():
        answer = orjson.loads(line)
        if isinstance(answer, dict) and (refused := answer.get("refused")):
            raise Rejected(refused["code"], refused["detail"])
        yield answer


def _gave_up() -> Rejected:
    """The worker died of its limits: a stray cell far out makes a sheet of billions of cells."""
    return Rejected(
        "import_file_too_large",
        "The file is damaged or claims more cells than can be read; delete the empty rows and columns at its end.",
    )
