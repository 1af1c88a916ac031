"""One client's stream of live messages: numbered without gaps, kept a while so that a lost link can be resumed."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Callable
from typing import Any, Final

import orjson
from websockets.asyncio.server import ServerConnection, broadcast

from callcenter.push.hub import Hub, Message, frame_of
from crm_core.organization.access import Action, Actor

TOO_SLOW: Final = 4008
INTAKE: Final = "intake"  # the queue of registrations
_KEPT = 1024
_KEPT_BYTES = 128 * 1024  # of one session, for a resume; who missed more gets a snapshot
_CLOSE_SECONDS = 10.0


class PushSession:
    """Outlives its connection: while nobody is connected, messages are numbered and kept, and a resume replays them.

    A connection that does not read is closed (4008) once ``buffer_bytes`` wait for it; nobody else notices.
    """

    def __init__(self, hub: Hub, actor: Actor, *, buffer_bytes: int, on_slow: Callable[[], None]) -> None:
        self.id = secrets.token_urlsafe(18)
        self.actor = actor
        self.topics: dict[str, None] = {}
        self.seq = 0
        self.detached_at: float | None = None
        self._hub = hub
        self._buffer_bytes = buffer_bytes
        self._on_slow = on_slow
        self._kept: deque[tuple[int, bytes]] = deque()  # sequence number and body
        self._kept_bytes = 0
        self._pops: dict[int, str] = {}
        self._connection: ServerConnection | None = None
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def connected(self) -> bool:
        return self._connection is not None

    def attach(self, connection: ServerConnection) -> ServerConnection | None:
        """Takes over a connection; gives the one that it replaces."""
        before, self._connection, self.detached_at = self._connection, connection, None
        return before

    def detach(self, connection: ServerConnection, now: float) -> None:
        if self._connection is connection:
            self._connection, self.detached_at = None, now

    def join(self, topic: str) -> None:
        self.topics[topic] = None
        self._hub.subscribe(self, topic)

    def leave(self, topic: str) -> None:
        self.topics.pop(topic, None)
        self._hub.unsubscribe(self, topic)

    def end(self) -> None:
        """Hears nothing any more and cannot be resumed."""
        for topic in list(self.topics):
            self.leave(topic)
        self._kept.clear()
        self._kept_bytes = 0

    def deliver(self, message: Message) -> None:
        if not self._may_see(message):
            return
        self.seq += 1
        self._keep(message.body)
        if message.type == "pop.show":
            self._pops[self.seq] = str(message.data["call_id"])
            if len(self._pops) > _KEPT:
                del self._pops[next(iter(self._pops))]
        self._send(frame_of(self.seq, message.body))

    def _keep(self, body: bytes) -> None:
        self._kept.append((self.seq, body))
        self._kept_bytes += len(body)
        while len(self._kept) > _KEPT or self._kept_bytes > _KEPT_BYTES:
            self._kept_bytes -= len(self._kept.popleft()[1])

    def _may_see(self, message: Message) -> bool:
        if message.department is None or message.topic.startswith("agent:"):
            return True
        reach = queue_reach(self.actor) if message.topic == INTAKE else board_reach(self.actor)
        return reach is None or message.department in reach

    def tell(self, value: Any) -> None:
        """Sends something that is not part of the numbered stream (ready, snapshot, answers)."""
        self._send(orjson.dumps(value))

    def can_resume(self, seq: int) -> bool:
        """Whether every message after ``seq`` is still here."""
        if not 0 <= seq <= self.seq:
            return False
        return seq == self.seq or (bool(self._kept) and self._kept[0][0] <= seq + 1)

    def replay(self, seq: int) -> None:
        """Sends again what came after ``seq``."""
        for number, body in list(self._kept):
            if number > seq:
                self._send(frame_of(number, body))

    def acknowledge(self, seq: int) -> str | None:
        """The call whose pop had this number, once."""
        return self._pops.pop(seq, None)

    def close(self, code: int, reason: str) -> None:
        """Ends the connection, not the session; never waits."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        self.detached_at = asyncio.get_running_loop().time()
        task = asyncio.create_task(closed(connection, code, reason))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _send(self, frame: bytes) -> None:
        connection = self._connection
        if connection is None:
            return
        if connection.transport.get_write_buffer_size() > self._buffer_bytes:
            self._on_slow()
            self.close(TOO_SLOW, "too slow: messages were waiting")
            return
        broadcast((connection,), frame, text=True)


async def closed(connection: ServerConnection, code: int, reason: str) -> None:
    """Closes politely; a peer that does not read is cut off after a while."""
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await connection.close(code, reason)
    except TimeoutError:
        connection.transport.abort()


def board_reach(actor: Actor) -> frozenset[int] | None:
    """The departments whose live state the actor may watch; None is all."""
    return actor.departments(Action.BOARD_WATCH)


def queue_reach(actor: Actor) -> frozenset[int] | None:
    """The departments whose registrations the actor may see; None is all."""
    return actor.departments(Action.INTAKE_HAND_IN)
