"""The records of the base side by side, in files that several processes read: no loop over customers in Python.

Apart from ``features``, because it needs NumPy and the running service does not.
"""

from __future__ import annotations

import marshal
import mmap
from collections.abc import Sequence
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from crm_core.customers.duplicates.features import KEYS, PLACES
from crm_core.customers.duplicates.rules import Facts

Numbers = npt.NDArray[Any]
_ROW_TYPE: Final = np.dtype([(name, np.dtype("<" + code)) for name, code in PLACES])


class Part:
    """Writes the records of one stretch of the base into files, which several processes read."""

    def __init__(self, folder: Path, name: str) -> None:
        self._files = [(folder / f"{name}.{kind}").open("wb") for kind in ("ids", "sizes", "records")]

    def add(self, ids: Sequence[int], records: Sequence[bytes]) -> None:
        sizes = np.fromiter(map(len, records), dtype="i8", count=len(records))
        for file, data in zip(
            self._files, (np.array(ids, dtype="i8").tobytes(), sizes.tobytes(), b"".join(records)), strict=True
        ):
            file.write(data)

    def close(self) -> None:
        for file in self._files:
            file.close()


class Base:
    """The stretches ``names`` as one; rows are counted through. Not in memory: the kernel keeps what it likes."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        read = [np.fromfile(folder / f"{name}.{kind}", dtype="i8") for kind in ("ids", "sizes") for name in names]
        self.ids, sizes = np.concatenate(read[: len(names)]), np.concatenate(read[len(names) :])
        self._ends = np.cumsum(sizes)
        self._starts = self._ends - sizes
        self._pieces = [_mapped(folder / f"{name}.records") for name in names]
        self._first_bytes = np.cumsum([0, *(len(piece) for piece in self._pieces)])

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def rows(self) -> Numbers:
        return self._taken(self._starts, _ROW_TYPE.itemsize).view(_ROW_TYPE).ravel()

    def keys(self, kind: str) -> tuple[Numbers, Numbers]:
        """(the row, the key) of all keys of a kind: ``numbers``, ``readings`` or ``initials``."""
        before = sum((self.rows[name].astype("i8") for name in KEYS[: KEYS.index(kind)]), np.zeros(len(self), "i8"))
        counts = self.rows[kind].astype("i8")
        starts = self._starts + _ROW_TYPE.itemsize + 8 * before
        rows = np.repeat(np.arange(len(self)), counts)
        within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        return rows, self._taken(starts[rows] + 8 * within, 8).view("<u8").ravel()

    def _taken(self, starts: Numbers, size: int) -> Numbers:
        """So many bytes from each of these places, which rise."""
        found = np.empty((len(starts), size), dtype="u1")
        for n, piece in enumerate(self._pieces):
            low, high = np.searchsorted(starts, self._first_bytes[n : n + 2])
            if low < high:
                view = np.lib.stride_tricks.sliding_window_view(np.frombuffer(piece, dtype="u1"), size)
                found[low:high] = view[starts[low:high] - self._first_bytes[n]]
        return found

    def facts(self, row: int) -> Facts:
        start, fixed = int(self._starts[row]), self.rows[row]
        piece = int(np.searchsorted(self._first_bytes, start, side="right")) - 1
        at = start - int(self._first_bytes[piece])
        skipped = _ROW_TYPE.itemsize + 8 * sum(int(fixed[name]) for name in KEYS)
        record = self._pieces[piece][at + skipped : at + int(self._ends[row]) - start]
        return Facts(int(self.ids[row]), *marshal.loads(record))  # noqa: S302 - our own, never taken from outside


def _mapped(path: Path) -> mmap.mmap | bytes:
    with closing(path.open("rb")) as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if path.stat().st_size else b""
