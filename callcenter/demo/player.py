"""Plays one round of a recording on the replayed PBX, at its pace, with its recording file at the end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath

from callcenter.demo.recording import fields_of
from callcenter.demo.replay import ReplayPbx
from callcenter.demo.rewrite import PlannedEvent
from callcenter.demo.sounds import Sounds

# A round that is told to hurry keeps at least this order in time between its events.
_HURRIED = 0.02
# Less than the event loop can tell apart.
_SHORTEST = 0.001


class Round:
    """One call being played; ``channels`` are the names of those that it has open."""

    def __init__(
        self,
        pbx: ReplayPbx,
        events: Sequence[PlannedEvent],
        *,
        sounds: Sounds | None = None,
        speed: float = 1.0,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._pbx = pbx
        self._events = events
        self._sounds = sounds
        self._speed = speed
        self._now = now
        self._hurry = asyncio.Event()
        self._files: dict[str, str] = {}
        self._bridged: dict[str, float] = {}
        self.channels: set[str] = set()

    def hurry(self) -> None:
        """Somebody hung up or is waited for: the rest of the story is told at once."""
        self._hurry.set()

    async def play(self) -> None:
        """Sends every event at its time. ``speed`` 0 plays flat out."""
        before = 0.0
        for event in self._events:
            gap = (event.after - before) / self._speed if self._speed else 0.0
            before = event.after
            if gap > _SHORTEST:
                await self._pause(gap)
            packet = event.at(self._now())
            fields = fields_of(packet)
            await self._follow(event.name, fields)
            self._pbx.emit(packet)

    async def _pause(self, seconds: float) -> None:
        if self._hurry.is_set():
            await asyncio.sleep(min(seconds, _HURRIED))
            return
        try:
            async with asyncio.timeout(seconds):
                await self._hurry.wait()
        except TimeoutError:
            return

    async def _follow(self, name: str, fields: Mapping[str, str]) -> None:
        """Remembers what is recorded, and has the file ready before the end of its channel is told."""
        uniqueid = fields.get("Uniqueid", "")
        if name == "Newchannel":
            self.channels.add(fields.get("Channel", ""))
        elif name == "VarSet" and fields.get("Variable") == "MIXMONITOR_FILENAME":
            self._files[uniqueid] = PurePosixPath(fields.get("Value", "")).name
        elif name == "BridgeEnter":
            self._bridged.setdefault(uniqueid, self._now())
        elif name == "Hangup":
            self.channels.discard(fields.get("Channel", ""))
            await self._write(uniqueid)

    async def _write(self, uniqueid: str) -> None:
        file, since = self._files.pop(uniqueid, None), self._bridged.get(uniqueid)
        if self._sounds is None or file is None or since is None:
            return
        await asyncio.to_thread(self._sounds.write, file, self._now() - since)
