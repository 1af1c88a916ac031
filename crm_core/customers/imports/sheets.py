"""Reads workbooks and CSV files row by row, within limits that no bomb and no stray cell can pass."""

from __future__ import annotations

import codecs
import csv
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from crm_core.kernel.errors import Rejected

if TYPE_CHECKING:
    import python_calamine

Cell = str | int | float | bool | date | datetime | time | timedelta
MOST_COLUMNS: Final = 300
MOST_ROWS: Final = 1_048_576
# What a workbook may say that it holds when unpacked: a hundred thousand wide rows need a fifth of it.
_MOST_UNPACKED, _MOST_FILES = 1 << 30, 5000
# XML packs 10 to 40 times; only a bomb packs a large part better than this.
_MOST_RATIO, _LARGE_PART = 250, 32 << 20
_ZIP, _OLE = b"PK\x03\x04", bytes.fromhex("d0cf11e0a1b11ae1")
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DELIMITERS: Final = ",;\t|"
_BLOCK = 1 << 20
_LONGEST_CELL = 100_000


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the sheet; ``number`` is what Excel shows beside it, or the line of a CSV file."""

    number: int
    cells: list[Cell]


def lines(path: Path) -> Iterator[Line]:
    """The rows that hold anything. Raises Rejected for what cannot be read, and says what to do."""
    with path.open("rb") as file:
        head = file.read(8)
    if not head:
        raise _unreadable("The file is empty.")
    if head.startswith(_ZIP):
        _check_unpacked(path)
        return _sheet(path)
    return _sheet(path) if head == _OLE else _text(path)


def _check_unpacked(path: Path) -> None:
    """The sizes that the archive states of itself, before anything is unpacked."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise _unreadable("The workbook is damaged; save it once more in Excel.") from None
    if not any(part.filename.startswith("xl/") for part in parts):
        raise _unreadable("This is no Excel workbook; save the list as .xlsx or .csv.")
    bomb = any(p.file_size > _LARGE_PART and p.file_size > _MOST_RATIO * max(p.compress_size, 1) for p in parts)
    if bomb or len(parts) > _MOST_FILES or sum(part.file_size for part in parts) > _MOST_UNPACKED:
        raise Rejected("import_file_too_large", "Unpacked, this workbook is far too large; split the list.")


def _sheet(path: Path) -> Iterator[Line]:
    """The first visible sheet that holds anything."""
    import python_calamine  # only an import needs it

    try:
        book = python_calamine.load_workbook(path)
        for sheet in book.sheets_metadata:
            if sheet.visible is not python_calamine.SheetVisibleEnum.Visible:
                continue
            found = book.get_sheet_by_name(sheet.name)
            if found.end is not None:
                yield from _rows(found)
                return
    except python_calamine.PasswordError:
        raise _unreadable("The workbook has a password; save it without one.") from None
    except (python_calamine.CalamineError, OSError):
        raise _unreadable("The workbook is damaged; save it once more in Excel.") from None
    raise _unreadable("The workbook has no sheet with anything in it.")


def _rows(sheet: python_calamine.CalamineSheet) -> Iterator[Line]:
    _check_width(sheet.total_width)
    if sheet.total_height > MOST_ROWS:
        raise _too_many_rows()
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        if any(cell != "" for cell in cells):
            yield Line(number, list(cells))


def _text(path: Path) -> Iterator[Line]:
    encoding = _encoding(path)
    csv.field_size_limit(_LONGEST_CELL)
    with path.open(encoding=encoding, newline="") as file:
        delimiter = _delimiter(file.read(_BLOCK))
        file.seek(0)
        reader = csv.reader(file, delimiter=delimiter)
        rows = 0
        number = 1
        try:
            for cells in reader:
                began, number = number, reader.line_num + 1
                if not any(cell and not cell.isspace() for cell in cells):
                    continue
                _check_width(len(cells))
                rows += 1
                if rows > MOST_ROWS:
                    raise _too_many_rows()
                yield Line(began, list(cells))
        except csv.Error:
            raise _unreadable(f"Line {number} is no CSV: a quotation mark stands wrong.") from None


def _encoding(path: Path) -> str:
    """UTF-8 where every byte fits, else what Chinese Excel writes."""
    with path.open("rb") as file:
        head = file.read(4)
    for bom, name in _BOMS:
        if head.startswith(bom):
            return name
    for name in ("utf-8", "gb18030"):
        if _decodes(path, name):
            return name
    raise _unreadable("The text is neither UTF-8 nor GBK; save the list as .xlsx.")


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    with path.open("rb") as file:
        try:
            while block := file.read(_BLOCK):
                if "\0" in decoder.decode(block):
                    return False
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _delimiter(sample: str) -> str:
    """The sign that parts the first line oftenest, outside quotation marks."""
    first = next((line for line in sample.splitlines() if line.strip()), "")
    outside = "".join(first.split('"')[::2])
    return max(_DELIMITERS, key=outside.count)


def _check_width(columns: int) -> None:
    if columns > MOST_COLUMNS:
        raise Rejected(
            "import_file_too_wide",
            f"The sheet has {columns} columns, at most {MOST_COLUMNS} are read; delete the empty ones to the right.",
        )


def _too_many_rows() -> Rejected:
    return Rejected(
        "import_file_too_long",
        f"The list has more than {MOST_ROWS} rows; split it.",
    )


def _unreadable(sentence: str) -> Rejected:
    return Rejected("import_file_unreadable", sentence)
