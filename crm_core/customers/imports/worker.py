"""``python -m crm_core.customers.imports.worker``: reads and cleans one file in a process of its own.

A workbook is unpacked and taken apart by foreign code in one go: here it can neither hold up the calls of the
service nor take its memory along when it is a bomb. The task comes as JSON on the standard input, the answer goes
as lines of JSON to the standard output.
"""

from __future__ import annotations

import gc
import resource
import sys
from collections.abc import Iterator, Mapping
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any, Final

import orjson

from crm_core.customers.imports.cleaning import Cleaner, CleanRow, Manner
from crm_core.customers.imports.fields import known_headings
from crm_core.customers.imports.reading import as_text
from crm_core.customers.imports.sheets import Line, lines
from crm_core.kernel.errors import Rejected

ROWS_A_LINE: Final = 100
SAMPLE: Final = 20
_MEMORY, _SECONDS = 3 << 30, 900
_OBJECTS: Final = 1_000_000  # new ones before cycles are looked for
_TITLE_ROWS: Final = 10  # a title, a date and a remark may stand above the headings


def main() -> int:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Rows hold no cycles: looking for some among thousands of cells, again and again, would take a fifth of the time.
    gc.freeze()
    gc.set_threshold(_OBJECTS)
    task = orjson.loads(sys.stdin.buffer.read())
    try:
        for answer in _answers(task):
            sys.stdout.buffer.write((answer if isinstance(answer, bytes) else orjson.dumps(answer)) + b"\n")
    except Rejected as refusal:
        said = {"code": refusal.code, "detail": refusal.detail}
        sys.stdout.buffer.write(orjson.dumps({"refused": said}) + b"\n")
    return 0


def _answers(task: Mapping[str, Any]) -> Iterator[Any]:
    headings, rest = _headed(lines(Path(task["path"])))
    if "columns" not in task:
        sample = list(islice(rest, SAMPLE))
        if not sample:
            raise Rejected("import_file_unreadable", "The file has no rows below its headings.")
        yield {
            "headings": [as_text(cell) for cell in headings.cells],
            "heading_row": headings.number,
            "sample": [[as_text(cell) for cell in line.cells] for line in sample],
            "total": len(sample) + sum(1 for _ in rest),
        }
        return
    manner = Manner(date.fromisoformat(task["today"]), task["area_code"], task["dry"])
    cleaner = Cleaner(task["columns"], manner)
    waiting = (line for line in rest if line.number > task["after"])
    while block := list(islice(waiting, ROWS_A_LINE)):
        rows = [cleaner.clean(line.number, line.cells) for line in block]
        yield [_fields(row) for row in rows]
        # Cells are looked at again only where a row fails: a line of their own, which nobody has to take apart.
        yield b"\t".join([orjson.dumps(row.cells) for row in rows])
    yield {"end": True}


def _fields(row: CleanRow) -> tuple[Any, ...]:
    """All of the row but its cells, in the order of its fields."""
    return (
        row.number, row.values, row.phones, row.errors, row.warnings, row.keys, row.match, row.tokens, row.complete,
    )  # fmt: skip


def _headed(found: Iterator[Line]) -> tuple[Line, Iterator[Line]]:
    """The row of headings and those below it: the first of the rows with the most headings that we know."""
    first = list(islice(found, _TITLE_ROWS))
    if not first:
        raise Rejected("import_file_unreadable", "The file has no rows.")
    place = max(range(len(first)), key=lambda n: (known_headings(first[n].cells), -n))

    def below() -> Iterator[Line]:
        yield from first[place + 1 :]
        yield from found

    return first[place], below()


if __name__ == "__main__":
    sys.exit(main())
