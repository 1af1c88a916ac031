"""Decides who calls whom in the demonstration: an ordinary busy day at six desks, without end."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

import structlog

from callcenter.demo.player import Round
from callcenter.demo.recording import Recording, Silence, load
from callcenter.demo.replay import ReplayPbx
from callcenter.demo.rewrite import Cast, Identities, plan
from callcenter.demo.sounds import Sounds

log = structlog.get_logger(__name__)

_STRANGERS = ("13570001234", "13851110022", "01065551234", "17721004455")
_HIDDEN = "anonymous"


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who may call: the number as the network sends it, and the extension of the agent in charge."""

    number: str
    name: str | None = None
    extension: str | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """A recording and its parts: who calls in it, which extensions answer or only ring, in which queue."""

    recording: str
    weight: int
    caller: str
    extensions: tuple[str, ...]
    queue: str | None = None
    number: str | None = None
    targets: Mapping[Silence, tuple[float, float]] = field(default_factory=dict)


_RING, _TALK, _HOLD = (4.0, 9.0), (25.0, 95.0), (6.0, 14.0)
_USUAL = {Silence.RING: _RING, Silence.TALK: _TALK, Silence.HOLD: _HOLD}
_LONG_RING = {Silence.RING: (12.0, 20.0), Silence.QUEUE: (2.0, 3.0)}
SCENES = (
    Scene("direct_answered", 5, "13800138000", ("1001",), targets=_USUAL),
    Scene("chinese_caller_name", 3, "02162345678", ("1001",), targets=_USUAL),
    Scene("queue_ringall", 7, "13800138007", ("1001", "1002"), "service", "8002", _USUAL),
    Scene("hold_resume", 3, "13800138015", ("1001",), targets=_USUAL),
    Scene("forked_two_agents", 2, "13800138004", ("1001", "1002"), targets=_USUAL),
    Scene("local_channel", 1, "13800138005", ("1002",), targets=_USUAL),
    Scene("blind_transfer", 2, "13800138013", ("1001", "1002"), targets=_USUAL),
    Scene("attended_transfer", 2, "13800138014", ("1001", "1002"), targets=_USUAL),
    Scene("queue_abandon", 2, "13800138010", ("1003",), "noone", "8003", _LONG_RING),
    Scene("queue_timeout", 1, "13800138011", ("1003",), "noone", "8003", _LONG_RING),
    Scene("direct_no_answer", 1, "13800138001", ("1003",), targets=_LONG_RING),
    Scene("direct_caller_cancels", 1, "13800138002", ("1003",), targets={Silence.RING: (5.0, 12.0)}),
    Scene("direct_busy", 1, "13800138003", ("1004",)),
    Scene("ivr_only", 1, "13800138017", (), targets={Silence.MENU: (5.0, 12.0)}),
)
DIALLED = Scene("click_to_dial", 0, "13900139000", ("1001",), targets={Silence.RING: (5.0, 9.0), Silence.TALK: _TALK})
# What an opened desk is greeted with: it rings there at once, whoever else is free.
_WELCOME = ("direct_answered", "chinese_caller_name", "hold_resume")
# A desk that somebody watches rests so many seconds between two calls.
_REST = 6.0
_QUEUE_NUMBERS = {"sales": "8001", "service": "8002"}


class Director:
    """Keeps about half of the desks busy; a desk that somebody opens rings within seconds."""

    def __init__(
        self,
        pbx: ReplayPbx,
        callers: Sequence[Caller],
        *,
        extensions: Sequence[str],
        sounds: Sounds | None,
        seed: int | None = None,
        speed: float = 1.0,
    ) -> None:
        self._pbx = pbx
        self._callers = list(callers)
        self._sounds = sounds
        self._speed = speed
        self._random = random.Random(seed)  # noqa: S311  # chooses scenes, guards nothing
        self._identities = Identities()
        self._recordings = load_all()
        self._busy: dict[str, Round | None] = dict.fromkeys(extensions)
        self._idle_since: dict[str, float] = dict.fromkeys(extensions, 0.0)
        self._preferred: list[str] = [extensions[0]]
        self._watched: set[str] = set()
        self._wake = asyncio.Event()
        self._numbers = itertools.count(1)
        self._tasks: set[asyncio.Task[None]] = set()
        pbx.originate = self._dial
        pbx.hang_up = self._hang_up

    async def run(self) -> None:
        """For ever; ends by cancellation."""
        try:
            while True:
                self._next_scene()
                self._wake.clear()
                try:
                    # Not wait_for: on Python 3.11 it loses a cancellation that comes together with the event.
                    async with asyncio.timeout(self._random.uniform(2.0, 5.0) / (self._speed or 100)):
                        await self._wake.wait()
                except TimeoutError:
                    continue
        finally:
            for task in self._tasks:
                task.cancel()

    def attend(self, extension: str) -> None:
        """Somebody opened this desk: its call comes to an end, the next one rings there, and soon another."""
        self._watched.add(extension)
        if extension in self._busy and extension not in self._preferred:
            self._preferred.append(extension)
            running = self._busy[extension]
            if running is not None:
                running.hurry()
            self._wake.set()

    def leave(self, extension: str) -> None:
        """Nobody looks at this desk any more."""
        self._watched.discard(extension)

    def _free(self) -> list[str]:
        return [extension for extension, running in self._busy.items() if running is None]

    def _next_scene(self) -> None:
        free = self._free()
        rested = time.monotonic() - _REST / (self._speed or 100)
        bored = [e for e in self._watched if e in free and self._idle_since[e] <= rested]
        for extension in dict.fromkeys([*(e for e in self._preferred if e in free), *bored]):
            if extension in self._preferred:
                self._preferred.remove(extension)
            name = self._random.choice(_WELCOME)
            self._start(next(s for s in SCENES if s.recording == name), [extension])
            free.remove(extension)
        # Nobody likes a demonstration in which every desk is taken.
        if len(free) <= len(self._busy) // 2:
            return
        fitting = [scene for scene in SCENES if len(scene.extensions) <= len(free)]
        scene = self._random.choices(fitting, [s.weight for s in fitting])[0]
        self._start(scene, self._random.sample(free, len(scene.extensions)))

    def _start(
        self, scene: Scene, desks: Sequence[str], *, number: str | None = None, action_id: str | None = None
    ) -> None:
        caller = Caller(number) if number is not None else self._caller(desks)
        queue = self._random.choice(list(_QUEUE_NUMBERS)) if scene.queue else None
        numbers = {scene.caller: caller.number, **dict(zip(scene.extensions, desks, strict=True))}
        # Named so that what the recording says of other queues' members is left out.
        queues = {name: name for name in _QUEUE_NUMBERS}
        if scene.queue and scene.number and queue:
            numbers[scene.number] = _QUEUE_NUMBERS[queue]
            queues = {scene.queue: queue}
        names = {caller.number: caller.name} if caller.name else {}
        targets = {kind: self._random.uniform(*span) for kind, span in scene.targets.items()}
        cast = Cast(numbers, names, queues, action_id)
        events = plan(self._recordings[scene.recording], cast, self._identities, time.time(), targets=targets)
        playing = Round(self._pbx, events, sounds=self._sounds, speed=self._speed)
        for desk in desks:
            self._busy[desk] = playing
        task = asyncio.create_task(self._play(playing, desks), name=f"demo call {next(self._numbers)}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _play(self, playing: Round, desks: Sequence[str]) -> None:
        try:
            await playing.play()
        except OSError:
            log.exception("demo recording not written")
        finally:
            for desk in desks:
                if self._busy[desk] is playing:
                    self._busy[desk] = None
                    self._idle_since[desk] = time.monotonic()
            self._wake.set()

    def _caller(self, desks: Sequence[str]) -> Caller:
        """Mostly customers, more often those whom one of these desks looks after; now and then a stranger."""
        chance = self._random.random()
        if not self._callers or chance > 0.92:
            return Caller(_HIDDEN if chance > 0.98 else self._random.choice(_STRANGERS))
        own = [caller for caller in self._callers if caller.extension in desks]
        if own and chance < 0.6:
            return self._random.choice(own)
        return self._random.choice(self._callers)

    def _dial(self, asked: Mapping[str, str]) -> str | None:
        """Originate: rings the asked phone, then its number. Gives a refusal in words or None."""
        extension = asked.get("Channel", "").removeprefix("PJSIP/")
        number = asked.get("Exten", "")
        if extension not in self._busy or not number:
            return "The demonstration can only dial a number from one of its desks."
        if self._busy[extension] is not None:
            return "This phone is talking already."
        self._start(DIALLED, [extension], number=number, action_id=asked.get("ActionID"))
        return None

    def _hang_up(self, channel: str) -> bool:
        """Hangup: the call to which the channel belongs comes to its end."""
        for running in {r for r in self._busy.values() if r is not None}:
            if channel in running.channels:
                running.hurry()
                return True
        return False


def load_all() -> dict[str, Recording]:
    """The recorded traffic that comes with the package, by name."""
    folder = resources.files("callcenter.demo") / "data"
    with resources.as_file(folder) as path:
        recordings = [load(file) for file in sorted(Path(path).glob("*.ami.xz"))]
    return {recording.name: recording for recording in recordings}
