"""The telephony side as the API tests see it: remembers what was asked, answers what the test sets."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from crm_core.kernel.errors import CrmError, NotFound
from crm_core.organization.access import Actor
from web.ports import Dialled, Finding, ListenMode, Meaning, PbxStatus, Readiness, Severity, Sound

MODIFIED = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


@dataclass
class FakeTelephony:
    asked: list[tuple[Any, ...]] = field(default_factory=list)
    refusal: CrmError | None = None
    findings: list[Finding] = field(
        default_factory=lambda: [
            Finding("database", Severity.OK, "database", "Version %(version)s is there.", "", {"version": "7"})
        ]
    )

    def _act(self, *what: Any) -> None:
        self.asked.append(what)
        if self.refusal is not None:
            raise self.refusal

    async def dial(self, by: Actor, number: str, *, customer_id: int | None = None) -> Dialled:
        self._act("dial", by.name, number, customer_id)
        return Dialled(None, by.extension or "", number)

    async def hang_up(self, by: Actor, call_id: int) -> None:
        self._act("hang_up", by.name, call_id)

    async def listen(self, by: Actor, call_id: int, mode: ListenMode) -> None:
        self._act("listen", by.name, call_id, mode)

    async def set_state(self, by: Actor, status: str, reason: str | None = None) -> None:
        self._act("set_state", by.name, status, reason)

    def board(self, by: Actor) -> Mapping[str, Any]:
        return {"agents": [{"extension": "1001"}], "queues": [], "calls": []}

    def pbxes(self) -> Sequence[PbxStatus]:
        return [PbxStatus("main", "127.0.0.1", 5038, "connected", since=MODIFIED, version="22.10.1")]

    def explain(self, pbx: str, packets: Iterable[bytes]) -> Sequence[Meaning]:
        return [Meaning(MODIFIED.timestamp(), "Newchannel", "", "%(extension)s rings.", {"extension": "1001"})]

    async def doctor(self) -> Sequence[Finding]:
        return self.findings


class FakePush:
    def url(self, *, host: str, secure: bool) -> str:
        return f"{'wss' if secure else 'ws'}://{host}:8765/"


@dataclass
class FakeRecordings:
    """Sounds by file name."""

    sounds: dict[str, bytes] = field(default_factory=dict)
    opened: list[tuple[str, str]] = field(default_factory=list)
    handed_out: list[io.BytesIO] = field(default_factory=list)
    promised: int | None = None  # a size that is not the file's, as when it is cut while it is read

    async def open(self, pbx: str, file: str) -> Sound:
        self.opened.append((pbx, file))
        if file not in self.sounds:
            raise NotFound("recording_missing", "The recording's file is not there.")
        self.handed_out.append(io.BytesIO(self.sounds[file]))
        return Sound(self.handed_out[-1], self.promised or len(self.sounds[file]), "audio/wav", MODIFIED, file)

    async def peaks(self, pbx: str, file: str) -> Sequence[float]:
        if file not in self.sounds:
            raise NotFound("recording_missing", "The recording's file is not there.")
        return [0.0, 0.5, 1.0]


@dataclass
class FakeHealth:
    reasons: dict[str, str] = field(default_factory=dict)

    async def readiness(self) -> Readiness:
        return Readiness(self.reasons)

    def metrics(self) -> bytes:
        return b"# HELP callcenter_up 1 when alive\n# TYPE callcenter_up gauge\ncallcenter_up 1\n"
