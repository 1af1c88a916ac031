"""The journal of one PBX: every wanted event, raw, appended to a file before anything else may fail.

A segment is a run of blocks; a block is a header (magic, length, checksum) and its records. Only whole blocks count, so
a process killed in mid-write costs at most the last block. Positions are ends of blocks: what is before is in the
database, what is after is read again at the next start.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

import structlog

log = structlog.get_logger(__name__)

_BLOCK = struct.Struct("<4sII")  # magic, bytes of the records, crc32 of the records
_RECORD = struct.Struct("<dI")  # arrival in epoch seconds, bytes of the raw packet
_MAGIC = b"CCJ1"
_FLUSH_BYTES = 256 * 1024
_SEGMENT_BYTES = 64 * 1024 * 1024
_MAX_BLOCK = 64 * 1024 * 1024
_SUFFIX = ".journal"
# Sequence numbers rise over restarts: the segment's number above, the record's number in the segment below.
_SEQUENCE_SHIFT = 32


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """The end of a block: everything before it, in this segment and the older ones."""

    segment: int
    offset: int


class Record(NamedTuple):
    """One event as it came: its place in the order of all events of the PBX, when it arrived, its bytes."""

    sequence: int
    at: float
    raw: bytes


class Journal:
    """Appends are collected in memory and written out by ``flush``; the owner flushes at least every 200 ms."""

    def __init__(self, folder: Path, *, after: int = 0) -> None:
        """Opens a new segment with a number above every file there is and above ``after``."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._number = max([after, *_numbers(folder)])
        self._fd = -1
        self._offset = 0
        self._count = 0
        self._buffer: list[bytes] = []
        self._waiting = 0
        self.failed: str | None = None
        self.bytes_written = 0
        self._next_segment()

    def append(self, at: float, raw: bytes) -> int:
        """Takes one event; gives its sequence number. Never raises: a full disk is told by ``failed``."""
        self._buffer.append(_RECORD.pack(at, len(raw)))
        self._buffer.append(raw)
        self._waiting += len(raw)
        self._count += 1
        if self._waiting >= _FLUSH_BYTES:
            self.flush()
        return self._number << _SEQUENCE_SHIFT | self._count

    def flush(self) -> Position:
        """Hands everything to the operating system: from here on it survives the death of this process."""
        if self._buffer:
            records = b"".join(self._buffer)
            self._buffer.clear()
            self._waiting = 0
            self._write(_BLOCK.pack(_MAGIC, len(records), zlib.crc32(records)) + records)
        here = Position(self._number, self._offset)
        if self._offset >= _SEGMENT_BYTES:
            self._next_segment()
        return here

    def _write(self, block: bytes) -> None:
        try:
            written = 0
            while written < len(block):
                written += os.write(self._fd, block[written:] if written else block)
            self._offset += len(block)
            self.bytes_written += len(block)
            if self.failed is not None:
                log.warning("journal works again", folder=self._folder.name)
                self.failed = None
        except OSError as error:
            if self.failed is None:
                log.error("journal cannot be written", folder=self._folder.name, reason=str(error))
            self.failed = str(error)
            self._cut_back()

    def _cut_back(self) -> None:
        # Half a block would hide the whole blocks that may follow it.
        try:
            os.ftruncate(self._fd, self._offset)
            os.lseek(self._fd, self._offset, os.SEEK_SET)
        except OSError as error:
            log.error("journal cannot be repaired", folder=self._folder.name, reason=str(error))

    def _next_segment(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
        self._number += 1
        self._offset = self._count = 0
        path = _path(self._folder, self._number)
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)

    def forget(self, committed: Position) -> int:
        """Deletes the segments that lie wholly before ``committed``; gives how many."""
        old = [n for n in _numbers(self._folder) if n < committed.segment]
        for number in old:
            _path(self._folder, number).unlink(missing_ok=True)
        return len(old)

    def close(self) -> None:
        self.flush()
        os.close(self._fd)
        self._fd = -1


class Block(NamedTuple):
    """What was written at once, and the position behind it."""

    records: list[Record]
    end: Position


def read(folder: Path, after: Position | None = None) -> Iterator[Record]:
    """The records behind ``after``, oldest first."""
    for block in blocks(folder, after):
        yield from block.records


def blocks(folder: Path, after: Position | None = None) -> Iterator[Block]:
    """The blocks behind ``after``, oldest first; stops at the first block of a segment that is not whole."""
    for number in _numbers(folder):
        if after is None or number >= after.segment:
            from_offset = after.offset if after is not None and number == after.segment else 0
            yield from _segment(_path(folder, number), number, from_offset)


def _segment(path: Path, number: int, from_offset: int) -> Iterator[Block]:
    count = 0
    with path.open("rb") as file:
        while True:
            start = file.tell()
            records = _block(file)
            if records is None:
                rest = path.stat().st_size - start
                if rest:
                    log.warning("journal ends in a torn block", segment=path.name, bytes=rest)
                return
            block = [
                Record(number << _SEQUENCE_SHIFT | count + index, at, raw)
                for index, (at, raw) in enumerate(_records(records), 1)
            ]
            # Records before the position are counted, so that sequence numbers stay the same.
            count += len(block)
            if start >= from_offset:
                yield Block(block, Position(number, file.tell()))


def _block(file: BinaryIO) -> bytes | None:
    """The records of the next block, or None when there is no whole one."""
    header = file.read(_BLOCK.size)
    if len(header) < _BLOCK.size:
        return None
    magic, length, checksum = _BLOCK.unpack(header)
    if magic != _MAGIC or length > _MAX_BLOCK:
        return None
    records = file.read(length)
    return records if len(records) == length and zlib.crc32(records) == checksum else None


def _records(block: bytes) -> Iterator[tuple[float, bytes]]:
    offset = 0
    while offset < len(block):
        at, length = _RECORD.unpack_from(block, offset)
        offset += _RECORD.size
        yield at, block[offset : offset + length]
        offset += length


def _path(folder: Path, number: int) -> Path:
    return folder / f"{number:010d}{_SUFFIX}"


def _numbers(folder: Path) -> list[int]:
    names = (path.stem for path in folder.glob(f"*{_SUFFIX}")) if folder.is_dir() else iter(())
    return sorted(int(name) for name in names if name.isdigit())
