"""Recordings on disk: only plain files of the folder, every form of sound, and what is wrong with one said."""

from __future__ import annotations

import io
import os
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile

from callcenter.recordings import RecordingFiles, is_base_name
from crm_core.kernel.errors import NotFound, Rejected

SECONDS, RATE = 2.5, 8000


def tone(path: Path, **how: str) -> Path:
    """Silence, then a tone at half of full scale."""
    at = np.arange(int(SECONDS * RATE))
    sound = np.where(at < len(at) // 2, 0.0, 0.5 * np.sin(2 * np.pi * 440 * at / RATE))
    soundfile.write(path, sound, RATE, **how)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "monitor"
    made.mkdir()
    return made


@pytest.fixture
def files(folder: Path) -> RecordingFiles:
    return RecordingFiles({"main": str(folder), "bare": None})


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("a.wav", {"subtype": "PCM_16"}),
        ("a.WAV", {"format": "WAV", "subtype": "GSM610"}),
        ("a.wav49", {"format": "WAV", "subtype": "GSM610"}),
        ("a.mp3", {"format": "MP3", "subtype": "MPEG_LAYER_III"}),
        ("a.ulaw", {"format": "RAW", "subtype": "ULAW"}),
        ("a.alaw", {"format": "RAW", "subtype": "ALAW"}),
        ("a.gsm", {"format": "RAW", "subtype": "GSM610"}),
        ("a.ogg", {"format": "OGG", "subtype": "VORBIS"}),
    ],
)
async def test_length_and_loudness_of_every_form(
    files: RecordingFiles, folder: Path, name: str, how: dict[str, str]
) -> None:
    tone(folder / name, **how)
    look = await files.look("main", name)
    assert look.measured is not None, look
    assert look.measured.seconds == pytest.approx(SECONDS, abs=0.15)
    peaks = await files.peaks("main", name)
    assert len(peaks) == 1000
    assert max(peaks[:400]) < 0.1
    assert 0.35 < max(peaks[600:950]) < 0.65


@pytest.mark.parametrize(
    ("name", "how"),
    [("a.wav", {"format": "WAV", "subtype": "GSM610"}), ("a.gsm", {"format": "RAW", "subtype": "GSM610"})],
)
async def test_what_browsers_cannot_play_is_given_as_plain_wav_of_known_size(
    files: RecordingFiles, folder: Path, name: str, how: dict[str, str]
) -> None:
    tone(folder / name, **how)
    sound = await files.open("main", name)
    with sound.file as opened:
        whole = opened.read()
        assert len(whole) == sound.size
        for start, length in ((0, 10), (40, 8), (44, 2), (45, 7), (1001, 999), (sound.size - 3, 10)):
            opened.seek(start)
            assert opened.read(length) == whole[start : start + length]
    assert (sound.media_type, sound.name) == ("audio/wav", "a.wav")
    with wave.open(io.BytesIO(whole)) as plain:
        assert (plain.getsampwidth(), plain.getframerate(), plain.getnchannels()) == (2, RATE, 1)
        assert plain.getnframes() == pytest.approx(SECONDS * RATE, abs=800)


async def test_a_plain_wav_is_given_as_it_is(files: RecordingFiles, folder: Path) -> None:
    path = tone(folder / "a.wav", subtype="PCM_16")
    sound = await files.open("main", "a.wav")
    with sound.file as opened:
        assert opened.read() == path.read_bytes()
    assert (sound.size, sound.media_type) == (path.stat().st_size, "audio/wav")


async def test_a_file_in_a_folder_by_date_is_found_by_its_base_name(files: RecordingFiles, folder: Path) -> None:
    below = folder / "2026" / "11" / "21"
    below.mkdir(parents=True)
    tone(below / "deep.wav")
    (await files.open("main", "deep.wav")).file.close()
    (await files.open("main", "deep.wav")).file.close()
    (below / "deep.wav").unlink()
    with pytest.raises(NotFound):
        await files.open("main", "deep.wav")


@pytest.mark.parametrize(
    "name",
    [
        "../secret.wav",
        "/etc/passwd",
        "..",
        ".",
        "",
        ".hidden.wav",
        "sub/a.wav",
        "a\\b.wav",
        "a\0.wav",
        "x" * 300 + ".wav",
    ],
)
async def test_no_name_leads_out_of_the_folder(files: RecordingFiles, folder: Path, name: str) -> None:
    tone(folder.parent / "secret.wav")
    with pytest.raises(NotFound) as told:
        await files.open("main", name)
    assert told.value.code == "recording_missing"
    assert (await files.look("main", name)).size is None


async def test_links_pipes_and_folders_are_not_recordings(files: RecordingFiles, folder: Path) -> None:
    secret = tone(folder.parent / "secret.wav")
    (folder / "link.wav").symlink_to(secret)
    (folder / "way").symlink_to(folder.parent, target_is_directory=True)
    os.mkfifo(folder / "pipe.wav")
    (folder / "folder.wav").mkdir()
    for name in ("link.wav", "secret.wav", "pipe.wav", "folder.wav"):
        with pytest.raises(NotFound):
            await files.open("main", name)


async def test_empty_and_damaged_are_told_apart_from_missing(files: RecordingFiles, folder: Path) -> None:
    (folder / "empty.wav").touch()
    (folder / "damaged.wav").write_bytes(b"RIFF\x00\x00\x00\x00WAVEnothing here")
    with pytest.raises(NotFound) as empty:
        await files.open("main", "empty.wav")
    with pytest.raises(Rejected) as damaged:
        await files.open("main", "damaged.wav")
    assert (empty.value.code, damaged.value.code) == ("recording_empty", "recording_damaged")
    assert (await files.look("main", "empty.wav")).size == 0
    assert (await files.look("main", "damaged.wav")).damage is not None


@pytest.mark.parametrize("pbx", ["bare", "unknown"])
async def test_a_pbx_without_a_folder_has_no_recordings(files: RecordingFiles, pbx: str) -> None:
    with pytest.raises(NotFound):
        await files.open(pbx, "a.wav")
    assert list(files.names(pbx)) == []


def test_the_folder_lists_sounds_only(files: RecordingFiles, folder: Path) -> None:
    for name in ("a.wav", "b.txt", "c.mp3"):
        (folder / name).touch()
    assert sorted(files.names("main")) == ["a.wav", "c.mp3"]


def test_base_names_are_recognised() -> None:
    assert is_base_name("1795295353.36.wav")
    assert is_base_name("录音 1.wav")
    assert not is_base_name("a/../b.wav")
