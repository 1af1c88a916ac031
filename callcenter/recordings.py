"""Recordings on disk: found by base name inside the PBX folder only, opened for browsers, compared with the log."""

from __future__ import annotations

import asyncio
import io
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from callcenter import sound
from crm_core.kernel.errors import NotFound, Rejected
from web.ports import Sound

_SOUNDS = (".wav", ".wav49", ".gsm", ".mp3", ".ulaw", ".alaw", ".sln", ".ogg")
_MAX_DEPTH = 4
_MAX_FOUND = 10_000


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at a file gave; ``size`` is None when there is none."""

    size: int | None
    measured: sound.Measured | None = None
    damage: str | None = None


class RecordingFiles:
    """The recordings folders of all PBXs. Names come from the PBX and from people's requests: neither is trusted."""

    def __init__(self, folders: Mapping[str, str | None]) -> None:
        self._folders = {pbx: Path(folder) for pbx, folder in folders.items() if folder}
        self._found: dict[tuple[str, str], Path] = {}

    async def open(self, pbx: str, file: str) -> Sound:
        """Raises NotFound (``recording_missing``, ``recording_empty``), Rejected (``recording_damaged``)."""
        return await asyncio.to_thread(self._open_sound, pbx, file)

    async def peaks(self, pbx: str, file: str) -> Sequence[float]:
        """Loudness 0..1 in at most 1,000 equal steps; same errors as ``open``."""
        look = await self.look(pbx, file)
        if look.size is None:
            raise _missing()
        if look.damage is not None:
            raise Rejected("recording_damaged", "The recording cannot be read; it may be cut off.")
        return [peak / 255 for peak in look.measured.peaks] if look.measured else []

    async def look(self, pbx: str, file: str) -> Look:
        """Size, length and loudness as far as there is anything; never raises."""
        return await asyncio.to_thread(self._look, pbx, file)

    async def look_all(self, recordings: Sequence[tuple[str, str]]) -> list[Look]:
        """As ``look``, for many (PBX, file) one after the other in one thread."""
        return await asyncio.to_thread(lambda: [self._look(pbx, file) for pbx, file in recordings])

    def names(self, pbx: str) -> Iterator[str]:
        """The base names of all sound files in the folder of the PBX. Raises OSError when it cannot be read."""
        folder = self._folders.get(pbx)
        if folder is None:
            return
        os.scandir(folder).close()
        for _, _, names in _walk(folder):
            yield from (name for name in names if sound.suffix_of(name) in _SOUNDS)

    def _look(self, pbx: str, file: str) -> Look:
        try:
            opened = self._open(pbx, file)
        except NotFound:
            return Look(None)
        with opened:
            size = os.fstat(opened.fileno()).st_size
            if size == 0:
                return Look(0)
            try:
                return Look(size, sound.measure(opened, sound.suffix_of(file)))
            except sound.Damaged as damage:
                return Look(size, damage=str(damage))

    def _open_sound(self, pbx: str, file: str) -> Sound:
        opened = self._open(pbx, file)
        status = os.fstat(opened.fileno())
        if status.st_size == 0:
            opened.close()
            raise NotFound("recording_empty", "The recording is empty: nothing was said, or the disk was full.")
        modified = datetime.fromtimestamp(status.st_mtime, UTC)
        suffix = sound.suffix_of(file)
        stem = Path(file).stem
        try:
            plain = sound.media_type(opened, suffix)
            if plain is not None:
                return Sound(opened, status.st_size, plain, modified, file)
            opened.seek(0)
            view = sound.PcmView(opened, suffix)
        except sound.Damaged:
            opened.close()
            raise Rejected("recording_damaged", "The recording cannot be read; it may be cut off.") from None
        return Sound(io.BufferedReader(view), view.size, "audio/wav", modified, f"{stem}.wav")

    def _open(self, pbx: str, file: str) -> BinaryIO:
        """The file itself. Raises NotFound for whatever is not a plain file inside the folder."""
        path = self._path(pbx, file)
        try:
            # O_NOFOLLOW: a link inside the folder must not lead out of it; O_NONBLOCK: a pipe must not hang us.
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except (OSError, ValueError):
            self._found.pop((pbx, file), None)
            raise _missing() from None
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise _missing()
        return os.fdopen(handle, "rb")

    def _path(self, pbx: str, file: str) -> Path:
        folder = self._folders.get(pbx)
        if folder is None or not is_base_name(file):
            raise _missing()
        known = self._found.get((pbx, file)) or folder / file
        try:
            if known.is_file() and not known.is_symlink():
                return known
        except OSError:
            # A name longer than file systems take, or a folder that is not ours to look into.
            raise _missing() from None
        for place, _, names in _walk(folder):
            if file in names:
                if len(self._found) >= _MAX_FOUND:
                    self._found.clear()
                self._found[pbx, file] = Path(place) / file
                return Path(place) / file
        raise _missing()


def is_base_name(file: str) -> bool:
    """Whether it names a file and nothing else: no folder, no way up, no hidden file."""
    return bool(file) and file == Path(file).name and not file.startswith(".") and "\0" not in file and "\\" not in file


def _walk(folder: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """The folder and those below it (recordings by year, month, day), links not followed."""
    depth = len(folder.parts)
    for place, below, names in os.walk(folder, followlinks=False):
        if len(Path(place).parts) - depth >= _MAX_DEPTH:
            below.clear()
        yield place, below, names


def _missing() -> NotFound:
    return NotFound("recording_missing", "The recording is not in the PBX's recordings folder.")
