"""What the pages and the API need of the telephony side; ``callcenter`` implements these and hands them in at start."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from crm_core.organization.access import Actor


@dataclass(frozen=True, slots=True)
class Dialled:
    """A call that the PBX has agreed to set up; ``call_id`` is None until its first event names it."""

    call_id: int | None
    extension: str
    number: str


class ListenMode(StrEnum):
    """How a supervisor joins a call: heard by nobody, by the agent only, by both."""

    LISTEN = "listen"
    WHISPER = "whisper"
    BARGE = "barge"


class Telephony(Protocol):
    """Acting on the PBX. Every method raises CrmError: Unavailable without a link, Rejected when the PBX refuses.

    Rights are checked by the caller; texts are checked here again before they reach the PBX.
    """

    async def dial(self, by: Actor, number: str, *, customer_id: int | None = None) -> Dialled:
        """Rings the actor's own extension, then ``number``; ``customer_id`` says whose number it is.

        Raises Rejected (``no_extension``, ``bad_number``, ``do_not_call``), Conflict while the phone is being rung
        already, Unavailable: ``pbx_timeout`` and ``pbx_link_lost`` when the PBX was asked and did not answer.
        """
        ...

    async def hang_up(self, by: Actor, call_id: int) -> None:
        """Ends a live call. Raises NotFound when it is not live."""
        ...

    async def listen(self, by: Actor, call_id: int, mode: ListenMode) -> None:
        """Rings the actor's extension and joins the live call. Raises NotFound when it is not live."""
        ...

    async def set_state(self, by: Actor, status: str, reason: str | None = None) -> None:
        """The agent's own working state: ``available``, ``paused`` (with a reason) or ``wrap_up``."""
        ...

    def board(self, by: Actor) -> Mapping[str, Any]:
        """The push snapshot as the actor may see it: lists ``agents``, ``queues``, ``calls``."""
        ...

    def pbxes(self) -> Sequence[PbxStatus]:
        """The state of each link."""
        ...

    def explain(self, pbx: str, packets: Iterable[bytes]) -> Sequence[Meaning]:
        """What the stored packets of one call meant for it, in order (pure: nobody is asked)."""
        ...

    async def doctor(self) -> Sequence[Finding]:
        """What is right and wrong with the set-up, worst first; asks PBX, database and disk, takes up to 10 s."""
        ...


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one PBX event meant for its call.

    ``at`` in epoch seconds, ``channel`` is empty when the event has none; ``sentence`` is English with named places
    and the key of its translations, ``values`` fill the places.
    """

    at: float
    event: str
    channel: str
    sentence: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PbxStatus:
    """One PBX link; ``link`` is connected, connecting or disconnected; ``reason`` says why it is not connected."""

    name: str
    host: str
    port: int
    link: str
    since: datetime | None = None
    version: str | None = None
    reason: str | None = None
    actions: bool = False  # whether it may originate calls now
    live_calls: int = 0
    events: int = 0
    lag_seconds: float | None = None


class Severity(StrEnum):
    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor: a stable code, what was found, and what to do about it.

    ``message`` and ``advice_message`` are keys of the catalogue with places for ``params``; ``subject`` is the part of
    the set-up, with the name of the one meant when there are several ("pbx main").
    """

    code: str
    severity: Severity
    subject: str
    message: str
    advice_message: str = ""
    params: Mapping[str, str] = field(default_factory=dict)

    @property
    def detail(self) -> str:
        """What was found, in English."""
        return self.message % self.params

    @property
    def advice(self) -> str:
        """What to do about it, in English."""
        return self.advice_message % self.params


class PushGateway(Protocol):
    def url(self, *, host: str, secure: bool) -> str:
        """The websocket address for a browser that reached the pages at ``host`` (without port)."""
        ...


@dataclass(frozen=True, slots=True)
class Sound:
    """An opened recording in a form that browsers play; whoever gets it closes ``file``."""

    file: BinaryIO
    size: int
    media_type: str
    modified: datetime
    name: str


class Recordings(Protocol):
    """Files of recordings. ``file`` is the base name from the database, resolved inside the PBX's folder only."""

    async def open(self, pbx: str, file: str) -> Sound:
        """Raises NotFound (``recording_missing``, ``recording_empty``), Rejected (``recording_damaged``)."""
        ...

    async def peaks(self, pbx: str, file: str) -> Sequence[float]:
        """Loudness 0..1 in about 1,000 equal steps; same errors as ``open``."""
        ...


class Files(Protocol):
    """Files that people hand in or take away, by ids of ours."""

    async def save(self, pieces: AsyncIterable[bytes], *, limit: int) -> tuple[int, int]:
        """Id and size; whole or not at all. Raises Rejected ``file_too_large`` (bytes), Unavailable."""
        ...

    async def open(self, file_id: int) -> BinaryIO:
        """Raises NotFound ``file_not_found``."""
        ...

    def path(self, file_id: int) -> Path:
        """Where it lies, for a process of ours that reads it."""
        ...

    async def delete(self, file_id: int) -> None:
        """Harmless when it is gone already."""
        ...


@dataclass(frozen=True, slots=True)
class Readiness:
    """``reasons`` names what is not ready, by part: ``{"database": "…", "pbx main": "…"}``; empty when all is well."""

    reasons: Mapping[str, str] = field(default_factory=dict)

    @property
    def ready(self) -> bool:
        return not self.reasons


class Health(Protocol):
    async def readiness(self) -> Readiness: ...

    def metrics(self) -> bytes:
        """Prometheus text exposition."""
        ...
