"""The rows that brought nothing as a workbook in their own layout, each with its reason: to mend and import again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.imports import queries
from crm_core.customers.imports.keeping import unseal
from crm_core.customers.imports.queries import ImportView
from crm_core.kernel.sealing import KeyRing

_BLOCK = 1000
_LONGEST_CELL = 32_767  # Excel's own


async def write_failures(
    session: AsyncSession, ring: KeyRing, batch: ImportView, path: Path, *, reason: str, said: Callable[[Any], str]
) -> int:
    """Writes the workbook to ``path``; how many rows. ``reason`` heads the added column, ``said`` words the reasons.

    Every cell is text: nothing that a list brings along is a formula.
    """
    import xlsxwriter  # only who asks for this file needs it

    book = xlsxwriter.Workbook(str(path), {"constant_memory": True, "strings_to_formulas": False})
    sheet = book.add_worksheet()
    try:
        _write(sheet, 0, [*batch.headings, reason])
        count, after = 0, 0
        while rows := list(await queries.failed_rows(session, batch.id, after, _BLOCK)):
            for row in rows:
                cells = unseal(ring, batch.id, row.kept_sealed)["cells"] if row.kept_sealed else []
                count += 1
                width = len(batch.headings)
                _write(sheet, count, [*(cells + [""] * width)[:width], said(row.reasons)])
            after = rows[-1].number
        return count
    finally:
        await asyncio.to_thread(book.close)


def _write(sheet: Any, number: int, cells: Sequence[str]) -> None:
    for place, cell in enumerate(cells):
        if cell:
            sheet.write_string(number, place, cell[:_LONGEST_CELL])
