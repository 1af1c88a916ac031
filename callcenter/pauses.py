"""Keeps Python's own pauses away from ringing phones: those of the cyclic collector and those between threads.

A full collection looks at every object of the process: with a thousand agents connected that is a third of a second in
which nothing rings on any screen. What lives at start, and what has lived for a while, is therefore set aside
(``gc.freeze``); young objects are collected as usual; the whole is collected when nobody is on the phone.

A thread that reads the database waits for the interpreter up to its switch interval, 5 ms by default: longer than the
read itself takes.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Callable

_SWITCH_SECONDS = 0.0005
_THRESHOLDS = (2_000, 5, 1_000_000_000)  # never the whole by itself; what is young, in bites of a millisecond
_EVERY_SECONDS = 10.0
_WHOLE_EVERY_SECONDS = 600.0
# Cycles among what was set aside are few; a day's worth of them is not worth a pause in busy hours.
_WHOLE_AT_LAST_SECONDS = 12 * 3600.0


class Pauses:
    """``begin`` when everything is made; then ``run``; ``end`` undoes it. ``busy``: somebody is on the phone."""

    def __init__(self, busy: Callable[[], bool]) -> None:
        self._busy = busy
        self._before = (gc.get_threshold(), sys.getswitchinterval())

    def begin(self) -> None:
        self._collect()
        gc.set_threshold(*_THRESHOLDS)
        sys.setswitchinterval(_SWITCH_SECONDS)

    async def run(self) -> None:
        """For ever: what has settled is set aside, and the whole is collected in a quiet moment."""
        loop = asyncio.get_running_loop()
        collected = loop.time()
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            age = loop.time() - collected
            if age > _WHOLE_AT_LAST_SECONDS or (age > _WHOLE_EVERY_SECONDS and not self._busy()):
                self._collect()
                collected = loop.time()
            else:
                gc.freeze()

    def end(self) -> None:
        thresholds, interval = self._before
        gc.set_threshold(*thresholds)
        gc.unfreeze()
        sys.setswitchinterval(interval)

    def _collect(self) -> None:
        gc.unfreeze()
        gc.collect()
        gc.freeze()
