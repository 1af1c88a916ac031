"""Recording files for the demonstration: two soft voices that take turns, never silence, never a real person.

A file of each length is made once and linked afterwards, so that a demonstration left running fills no disk; and one
long conversation is made once and cut to length, because making it is the slow part.
"""

from __future__ import annotations

import os
import shutil
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_RATE = 8000
_LONGEST = 600
_TALK = 60
_VOICES = ((118.0, (620.0, 1180.0, 2400.0)), (205.0, (760.0, 1400.0, 2700.0)))

Samples = NDArray[np.float64]


class Sounds:
    """Puts believable recordings into a folder; files go by the base name that the PBX gave."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pool = folder / ".voices"
        self._talk: Samples | None = None

    def write(self, name: str, seconds: float) -> Path:
        """The recording ``name`` (a base name), as long as ``seconds`` rounded to whole ones."""
        target = self._folder / Path(name).name
        length = max(1, min(_LONGEST, round(seconds)))
        source = self._pool / f"{length}.wav"
        if not source.exists():
            self._pool.mkdir(parents=True, exist_ok=True)
            _save(source, self._cut(length))
        target.unlink(missing_ok=True)
        try:
            os.link(source, target)
        except OSError:  # a file system without links
            shutil.copyfile(source, target)
        return target

    def _cut(self, seconds: int) -> Samples:
        if self._talk is None:
            self._talk = conversation(_TALK)
        # Every length begins elsewhere, so that no two sound alike.
        turned: Samples = np.roll(self._talk, -(seconds * 7919 % _TALK) * _RATE)
        return np.resize(turned, seconds * _RATE)


def conversation(seconds: int) -> Samples:
    """Two voices that take turns, as samples between -1 and 1 at 8 kHz; the same seconds sound the same."""
    dice = np.random.default_rng(seconds)
    out = 0.004 * dice.standard_normal(seconds * _RATE)
    at, speaker = 0.15, 0
    while at < seconds:
        length = float(dice.uniform(1.2, 3.8))
        part = _utterance(dice, min(length, seconds - at), *_VOICES[speaker])
        start = int(at * _RATE)
        out[start : start + part.size] += part[: out.size - start]
        at += length + float(dice.uniform(0.15, 0.5))
        speaker = 1 - speaker
    return np.clip(out, -1.0, 1.0)


def _utterance(dice: np.random.Generator, seconds: float, pitch: float, formants: tuple[float, ...]) -> Samples:
    """Something like speech: harmonics of a gliding pitch, louder near the formants, in syllables."""
    time = np.arange(int(seconds * _RATE)) / _RATE
    glide = pitch * (1 + 0.06 * np.sin(2 * np.pi * dice.uniform(0.3, 0.7) * time) - 0.05 * time / max(seconds, 0.1))
    phase = 2 * np.pi * np.cumsum(glide) / _RATE
    vowel = dice.uniform(0.85, 1.2)
    voice = np.zeros_like(time)
    for harmonic in range(1, int(3400 // pitch)):
        loud = sum(np.exp(-(((harmonic * pitch - f * vowel) / 180.0) ** 2)) for f in formants)
        voice += (loud + 0.05) / harmonic**0.5 * np.sin(harmonic * phase)
    syllables = 0.5 - 0.5 * np.cos(2 * np.pi * dice.uniform(3.4, 4.6) * time)
    edges = np.minimum(1.0, np.minimum(time, time[::-1]) / 0.06)
    loudest = float(np.abs(voice).max(initial=1e-9))
    shaped: Samples = 0.32 * voice / loudest * (0.15 + 0.85 * syllables) * edges
    return shaped


def _save(path: Path, samples: Samples) -> None:
    # Under another name first: a reader must never see half a file.
    unfinished = path.with_suffix(".part")
    with wave.open(str(unfinished), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(_RATE)
        out.writeframes((samples * 32767).astype("<i2").tobytes())
    unfinished.rename(path)
