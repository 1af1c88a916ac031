"""Writing of exports row by row in flat memory: Excel or CSV, no cell that runs, and who took it away inside.

Blocking by nature: called in a thread.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol

from crm_core.customers.protection.columns import Cell
from crm_core.customers.protection.kinds import FileFormat
from crm_core.customers.protection.rules import formula_safe

_ROWS_A_SHEET: Final = 1_000_000  # Excel ends at 1,048,576
_LONGEST_CELL: Final = 32_767


@dataclass(frozen=True, slots=True)
class Mark:
    """Who took the data away, when and why; ``request`` finds the line of the audit."""

    title: str
    sentence: str
    asker: str
    request: str


class Sheet(Protocol):
    """A table that is being written; ``close`` finishes it and leaves the file to who opened it."""

    def write(self, rows: Iterable[Sequence[Cell]]) -> None: ...

    def close(self) -> None: ...


def sheet(form: FileFormat, file: BinaryIO, headings: Sequence[str], mark: Mark, folder: Path) -> Sheet:
    """``folder`` takes what is written on the way; nothing of it is left there."""
    if form is FileFormat.CSV:
        return _Csv(file, headings, mark)
    return _Xlsx(file, headings, mark, folder)


class _Csv:
    """UTF-8 with a mark, so that Excel reads it right; the note on the last line."""

    def __init__(self, file: BinaryIO, headings: Sequence[str], mark: Mark) -> None:
        self._text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="", write_through=False)
        self._rows = csv.writer(self._text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
        self._mark = mark
        self._rows.writerow([formula_safe(text) for text in headings])

    def write(self, rows: Iterable[Sequence[Cell]]) -> None:
        self._rows.writerows([_safe(cell) for cell in row] for row in rows)

    def close(self) -> None:
        self._rows.writerow([formula_safe(self._mark.sentence)])
        self._text.flush()
        self._text.detach()


class _Xlsx:
    """One sheet a million rows. The note is on a sheet of its own, on every printed page and in the properties."""

    def __init__(self, file: BinaryIO, headings: Sequence[str], mark: Mark, folder: Path) -> None:
        import xlsxwriter  # only an export needs it

        options = {
            "constant_memory": True,
            "tmpdir": str(folder),
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        }
        self._book = xlsxwriter.Workbook(file, options)
        self._headings = [formula_safe(text) for text in headings]
        self._mark = mark
        self._bold = self._book.add_format({"bold": True, "bottom": 1})
        self._day = self._book.add_format({"num_format": "yyyy-mm-dd"})
        self._book.set_properties(
            {"title": mark.title, "author": mark.asker, "comments": mark.sentence, "keywords": mark.request}
        )
        self._sheets = 0
        self._begin()

    def _begin(self) -> None:
        self._sheets += 1
        self._sheet: Any = self._book.add_worksheet(f"{self._sheets}")
        # "&" begins a code in headers and footers; Excel takes at most 255 characters.
        note = self._mark.sentence.replace("&", "&&")[:240]
        self._sheet.set_header(f"&L{note}")
        self._sheet.set_footer(f"&L{note}&R&P / &N")
        self._sheet.freeze_panes(1, 0)
        for place, text in enumerate(self._headings):
            self._sheet.write_string(0, place, text, self._bold)
        self._row = 1

    def write(self, rows: Iterable[Sequence[Cell]]) -> None:
        for row in rows:
            if self._row > _ROWS_A_SHEET:
                self._begin()
            for place, cell in enumerate(row):
                self._cell(place, cell)
            self._row += 1

    def _cell(self, place: int, cell: Cell) -> None:
        if cell is None:
            return
        if isinstance(cell, date):
            self._sheet.write_datetime(self._row, place, cell, self._day)
        elif isinstance(cell, int | float) and not isinstance(cell, bool):
            self._sheet.write_number(self._row, place, cell)
        else:
            self._sheet.write_string(self._row, place, str(_safe(cell))[:_LONGEST_CELL])

    def close(self) -> None:
        about = self._book.add_worksheet("!")
        for row, text in enumerate((self._mark.title, self._mark.sentence, self._mark.request)):
            about.write_string(row, 0, formula_safe(text))
        self._book.close()


def _safe(cell: Cell) -> Cell:
    if isinstance(cell, date):
        return cell.isoformat()
    return formula_safe(str(cell)) if isinstance(cell, str | bool) else cell
