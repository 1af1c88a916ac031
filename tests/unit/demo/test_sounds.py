"""Demo recordings are as long as the call and never silent."""

from __future__ import annotations

from pathlib import Path

import pytest

from callcenter import sound
from callcenter.demo.sounds import Sounds


@pytest.mark.parametrize("seconds", [1, 12, 150])
def test_a_recording_is_as_long_as_asked_and_not_silent(tmp_path: Path, seconds: int) -> None:
    path = Sounds(tmp_path).write("1900000000.1.wav", seconds)
    with path.open("rb") as file:
        measured = sound.measure(file, ".wav")
    assert measured.seconds == seconds
    assert max(measured.peaks) > 40
    assert sum(peak > 5 for peak in measured.peaks) > len(measured.peaks) // 3


def test_recordings_of_one_length_share_their_bytes_on_disk(tmp_path: Path) -> None:
    sounds = Sounds(tmp_path)
    first, second = sounds.write("a.wav", 3), sounds.write("b.wav", 3.2)
    assert first.samefile(second)


def test_a_path_in_the_name_stays_inside_the_folder(tmp_path: Path) -> None:
    path = Sounds(tmp_path / "rec").write("../../elsewhere/x.wav", 1)
    assert path.parent == tmp_path / "rec"
