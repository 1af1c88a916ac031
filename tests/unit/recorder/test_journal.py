"""The journal file: what was flushed is there again, whatever happened to the end of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter import journal as module
from callcenter.journal import Journal, Position, blocks, read

PACKETS = [b"Event: A\r\nTimestamp: 1.5", b"", "Event: 张三".encode(), b"x" * 70_000]


def _raws(folder: Path, after: Position | None = None) -> list[bytes]:
    return [record.raw for record in read(folder, after)]


def test_flushed_events_are_read_back_in_order_with_their_times(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for number, packet in enumerate(PACKETS):
        journal.append(float(number), packet)
    journal.flush()
    assert [(record.at, record.raw) for record in read(tmp_path)] == [(float(n), p) for n, p in enumerate(PACKETS)]


def test_what_was_not_flushed_is_lost_with_the_process_and_nothing_else(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append(1.0, b"safe")
    journal.flush()
    journal.append(2.0, b"in memory")
    assert _raws(tmp_path) == [b"safe"]


def test_much_is_flushed_without_being_asked(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for _ in range(5):
        journal.append(1.0, b"y" * 100_000)
    assert len(_raws(tmp_path)) >= 3


def test_only_what_lies_behind_a_position_is_read(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append(1.0, b"one")
    committed = journal.flush()
    journal.append(2.0, b"two")
    journal.flush()
    assert _raws(tmp_path, committed) == [b"two"]


@given(cut=st.integers(min_value=0))
def test_a_torn_end_costs_at_most_the_last_block(cut: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("torn")
    journal = Journal(folder)
    ends = [0]
    for number in range(5):
        journal.append(1.0, b"event %d" % number)
        ends.append(journal.flush().offset)
    file = next(folder.iterdir())
    size = cut % (ends[-1] + 1)
    os.truncate(file, size)
    whole = sum(end <= size for end in ends[1:])
    assert _raws(folder) == [b"event %d" % number for number in range(whole)]


def test_a_changed_byte_ends_the_segment_and_the_next_one_is_still_read(tmp_path: Path) -> None:
    first = Journal(tmp_path)
    first.append(1.0, b"spoilt")
    first.close()
    file = next(tmp_path.iterdir())
    file.write_bytes(file.read_bytes()[:-1] + b"X")
    second = Journal(tmp_path)
    second.append(2.0, b"good")
    second.flush()
    assert _raws(tmp_path) == [b"good"]


def test_sequence_numbers_rise_over_restarts(tmp_path: Path) -> None:
    given_out = []
    for _ in range(3):
        journal = Journal(tmp_path)
        given_out += [journal.append(1.0, b"a"), journal.append(1.0, b"b")]
        journal.close()
    assert given_out == sorted(set(given_out))
    assert [record.sequence for record in read(tmp_path)] == given_out


def test_a_new_journal_never_begins_before_the_committed_segment(tmp_path: Path) -> None:
    """The data folder may have been emptied while the database remembers a position."""
    journal = Journal(tmp_path, after=41)
    assert journal.flush().segment == 42


def test_segments_before_the_committed_position_are_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SEGMENT_BYTES", 100)
    journal = Journal(tmp_path)
    positions = []
    for number in range(4):
        journal.append(1.0, b"%d" % number * 120)
        positions.append(journal.flush())
    journal.forget(positions[2])
    assert _raws(tmp_path, positions[2]) == [b"3" * 120]
    assert len(list(tmp_path.iterdir())) == 3, "the committed one, the one after it, and the empty new one"


def test_a_full_disk_is_told_and_survived(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path)
    journal.append(1.0, b"before")
    journal.flush()
    write = os.write

    def full(handle: int, data: bytes) -> int:
        if len(data) > 10:
            return write(handle, data[:10])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        journal.append(2.0, b"lost")
        journal.flush()
    assert journal.failed is not None
    journal.append(3.0, b"after")
    journal.flush()
    assert journal.failed is None
    assert _raws(tmp_path) == [b"before", b"after"], "half a block must not hide what follows"


def test_blocks_tell_where_they_end(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append(1.0, b"one")
    first = journal.flush()
    journal.append(1.0, b"two")
    journal.append(1.0, b"three")
    second = journal.flush()
    assert [(len(block.records), block.end) for block in blocks(tmp_path)] == [(1, first), (2, second)]
