"""Reading sound files: how long, how loud, and a form that every browser plays. Blocking: call it in a thread."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any, BinaryIO, Final

PEAKS: Final = 1000
_BLOCK_FRAMES = 65_536
_HEADER = 44
_FULL_SCALE = 32_768
# Browsers decode these inside a WAV by themselves; everything else (GSM as in wav49, A-law, mu-law, ADPCM) does not.
_PLAYABLE = {"PCM_16", "PCM_U8", "PCM_24", "PCM_32", "FLOAT"}
_RAW = {".gsm": "GSM610", ".ulaw": "ULAW", ".alaw": "ALAW", ".sln": "PCM_16"}


class Damaged(Exception):
    """The file is no sound, or breaks off inside its header."""


class Measured:
    """What was found in a file: ``peaks`` are loudness from 0 to 255 in at most 1,000 equal steps."""

    __slots__ = ("peaks", "seconds")

    def __init__(self, seconds: float, peaks: bytes) -> None:
        self.seconds = seconds
        self.peaks = peaks


def _opened(file: BinaryIO, suffix: str) -> Any:
    # Loading the library takes a tenth of a second that the start of the service should not pay.
    import soundfile

    try:
        if suffix in _RAW:
            return soundfile.SoundFile(file, format="RAW", subtype=_RAW[suffix], samplerate=8000, channels=1)
        return soundfile.SoundFile(file)
    except (soundfile.LibsndfileError, RuntimeError, TypeError) as error:
        raise Damaged(str(error)) from None


def measure(file: BinaryIO, suffix: str) -> Measured:
    """Reads the whole file once, in blocks. Raises Damaged."""
    import numpy as np

    with _opened(file, suffix) as sound:
        frames, rate = int(sound.frames), int(sound.samplerate)
        if frames <= 0 or rate <= 0:
            return Measured(0.0, b"")
        steps = min(PEAKS, frames)
        loudest = np.zeros(steps, dtype=np.int32)
        at = 0
        while True:
            block = sound.read(_BLOCK_FRAMES, dtype="int16", always_2d=True)
            if not len(block):
                break
            loud = np.abs(block.astype(np.int32)).max(axis=1)
            np.maximum.at(loudest, np.minimum((np.arange(at, at + len(loud)) * steps) // frames, steps - 1), loud)
            at += len(block)
        return Measured(at / rate, (loudest * 255 // _FULL_SCALE).astype(np.uint8).tobytes())


def media_type(file: BinaryIO, suffix: str) -> str | None:
    """The type under which browsers play the file as it is, or None when it has to be decoded. Raises Damaged."""
    if suffix == ".mp3":
        return "audio/mpeg"
    with _opened(file, suffix) as sound:
        plain = sound.format in ("WAV", "WAVEX") and sound.subtype in _PLAYABLE
    file.seek(0)
    return "audio/wav" if plain else None


class PcmView(io.RawIOBase):
    """A sound file seen as a 16-bit WAV: size known before, any part readable, decoded when it is read."""

    def __init__(self, file: BinaryIO, suffix: str) -> None:
        """Raises Damaged; takes the file over."""
        super().__init__()
        self._file = file
        self._suffix = suffix
        self._sound = _opened(file, suffix)
        self._frame = 0
        self._step = 2 * int(self._sound.channels)
        self._data = int(self._sound.frames) * self._step
        self.size = _HEADER + self._data
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        part = self._part(self._at, min(len(view), max(0, self.size - self._at)))
        view[: len(part)] = part
        self._at += len(part)
        return len(part)

    def _part(self, start: int, length: int) -> bytes:
        if length <= 0:
            return b""
        if start < _HEADER:
            return self._header()[start : start + length]
        first = (start - _HEADER) // self._step
        last = (start - _HEADER + length - 1) // self._step
        self._go_to(first)
        frames = bytes(self._sound.buffer_read(last - first + 1, dtype="int16"))
        self._frame = last + 1
        # A file that breaks off is filled with silence: the size was promised already.
        frames = frames.ljust((last - first + 1) * self._step, b"\0")
        skip = (start - _HEADER) % self._step
        return frames[skip : skip + length]

    def _go_to(self, frame: int) -> None:
        """GSM knows no places, only what comes next: forward by reading, backward by beginning again."""
        if frame < self._frame:
            self._sound.close()
            self._file.seek(0)
            self._sound = _opened(self._file, self._suffix)
            self._frame = 0
        while self._frame < frame:
            step = min(_BLOCK_FRAMES, frame - self._frame)
            self._sound.buffer_read(step, dtype="int16")
            self._frame += step

    def _header(self) -> bytes:
        rate, channels = int(self._sound.samplerate), int(self._sound.channels)
        return struct.pack(
            "<4sI4s4sIHHIIHH4sI",
            b"RIFF",
            _HEADER - 8 + self._data,
            b"WAVE",
            b"fmt ",
            16,
            1,
            channels,
            rate,
            rate * self._step,
            self._step,
            16,
            b"data",
            self._data,
        )

    def close(self) -> None:
        if not self.closed:
            self._sound.close()
            self._file.close()
        super().close()


def suffix_of(name: str) -> str:
    return Path(name).suffix.lower()
