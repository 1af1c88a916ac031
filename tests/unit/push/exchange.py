"""The live side without sockets and database: recorded events in, live messages out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from callcenter.agent_times import AgentTimes
from callcenter.ami.config import PbxConfig
from callcenter.ami.decoder import AmiDecoder
from callcenter.ami.events import AmiEvent, Banner, ListItem, Response
from callcenter.announcer import Announcer
from callcenter.board import Board
from callcenter.journal import Journal
from callcenter.live import PbxLine
from callcenter.people import People
from callcenter.push.hub import Hub, Message, agent_topic, frame_of
from callcenter.recorder import Batch, Recorder
from callcenter.screenpop import Identity, ScreenPop
from callcenter.settings import PbxSettings
from crm_core.kernel.clock import SystemClock
from crm_core.organization.access import Actor
from crm_core.organization.models import Role
from crm_core.organization.queries import ExtensionUser

TRACES = Path(__file__).parents[2] / "traces"
EXTENSIONS = ("1001", "1002", "1003", "1004", "1005")
SUPERVISOR = Actor(user_id=99, name="boss", role=Role.ADMIN)


def agent(extension: str) -> Actor:
    return Actor(user_id=int(extension), name=f"agent{extension}", role=Role.AGENT, extension=extension)


class Phonebook(People):
    """Five agents, no database."""

    def __init__(self) -> None:
        self.by_extension = {
            ("main", one): ExtensionUser(int(one), f"agent{one}", f"坐席{one}", one, None) for one in EXTENSIONS
        }


class Unwritten(AgentTimes):
    """Nobody's working day is written here."""

    def __init__(self) -> None:
        """No database, no people."""

    def touched(self, pbx: str, extension: str) -> None:
        return None


class KnownNumbers:
    """Answers at once, or never: what the pop shows before the database has answered."""

    def __init__(self, known: Mapping[str, Identity] | None = None) -> None:
        self.known = dict(known or {})

    def ready(self, number: str, agent_id: int | None) -> Identity | None:
        return self.known.get(number, Identity())

    async def find(self, number: str, agent_id: int | None) -> Identity:
        return self.known.get(number, Identity())


class Listener:
    """A subscriber that keeps everything, decoded as a client would."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []

    def deliver(self, message: Message) -> None:
        self.messages.append(orjson.loads(frame_of(len(self.messages) + 1, message.body)))


class Exchange:
    """One PBX with its consumers."""

    def __init__(self, folder: Path) -> None:
        self.hub = Hub()
        self.people = Phonebook()
        self.pops = ScreenPop(self.hub, self.people, KnownNumbers())
        self.lines: dict[str, PbxLine] = {}
        self.board = Board(self.people, self.lines, self.pops.customer)
        self.announcer = Announcer(self.hub, self.board, self.people, self.pops, Unwritten(), SystemClock())
        self.stored: list[Batch] = []
        journal = Journal(folder)
        config = PbxConfig(name="main", host="127.0.0.1", username="u", secret="s", trunks=("PJSIP/trunk",))
        self.line = PbxLine(
            PbxSettings(config, "click-to-dial", "PJSIP", 30),
            journal=journal,
            recorder=lambda facts: Recorder(
                "main", journal=journal, facts=facts, store=self._keep, clock=SystemClock(), catch_up=_never
            ),
            consumers=self.announcer,
            clock=SystemClock(),
        )
        self.lines["main"] = self.line

    async def _keep(self, batch: Batch) -> None:
        self.stored.append(batch)

    def listen(self, *topics: str) -> Listener:
        listener = Listener()
        for topic in topics:
            self.hub.subscribe(listener, topic)
        return listener

    def own(self, extension: str) -> Listener:
        return self.listen(agent_topic("main", extension))

    def snapshot(self, actor: Actor, *topics: str) -> dict[str, Any]:
        self.announcer.settle()
        data = self.board.snapshot(actor, topics)
        data.update(pops=[], unseen=[])
        if actor.extension:
            data.update(self.pops.snapshot("main", actor.extension, 0.0, self.line.facts))
        result: dict[str, Any] = orjson.loads(orjson.dumps(data))
        return result


def _never() -> Any:
    raise AssertionError("nothing overflows here")


def events(trace: str) -> Iterator[AmiEvent]:
    """The events of a recording, by its name such as asterisk22/direct_answered."""
    decoder = AmiDecoder()
    for message in decoder.feed((TRACES / f"{trace}.ami").read_bytes(), 0.0):
        if not isinstance(message, Response | ListItem | Banner):
            yield message
