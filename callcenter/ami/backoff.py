"""How long to wait before the next attempt: doubling, capped, spread by chance so that many never call at once."""

from __future__ import annotations

import random
from collections.abc import Callable


class Backoff:
    """Delays in seconds: the step doubles up to ``cap``, each delay lies between half and all of its step."""

    def __init__(self, first: float, cap: float, *, chance: Callable[[], float] = random.random) -> None:
        self._first = first
        self._cap = cap
        self._chance = chance
        self._step = first

    def next(self) -> float:
        delay = self._step * (0.5 + self._chance() / 2)
        self._step = min(self._step * 2, self._cap)
        return delay

    def reset(self) -> None:
        self._step = self._first
