"""The websocket gateway: who may connect, hello and resume, subscriptions, acknowledgements, commands."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import orjson
import structlog
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from callcenter.push.hub import Hub, agent_topic, instant, shown
from callcenter.push.session import PushSession, closed
from callcenter.push.topics import may_join
from callcenter.settings import PushSettings
from crm_core.kernel.errors import CrmError, Unauthenticated, Unavailable
from crm_core.organization.access import Actor

log = structlog.get_logger(__name__)

NO_TICKET: Final = 4001
NOT_ALLOWED: Final = 4002
RIGHTS_CHANGED: Final = 4003
PROTOCOL_ERROR: Final = 4004
GOING_AWAY: Final = 1001
TRY_LATER: Final = 1013

_HELLO_SECONDS = 10.0
_MAX_FRAME = 64 * 1024
_MAX_COMMANDS = 8
_MAX_SESSIONS_PER_USER = 16
_SWEEP_SECONDS = 5.0
# Small, so that a client that does not read is noticed after kilobytes and not after the kernel's megabytes.
_SEND_BUFFER = 128 * 1024


class _Wrong(Exception):
    """The client broke the protocol; ends the connection with the code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Backend(Protocol):
    """What the gateway needs of the rest of the service."""

    async def redeem(self, ticket: str) -> Actor:
        """Whose ticket it is. Raises Unauthenticated or Unavailable."""
        ...

    async def rights_versions(self, user_ids: list[int]) -> Mapping[int, int]:
        """The present rights version of each user; users that may not sign in any more are missing."""
        ...

    def now(self) -> float: ...

    def snapshot(self, actor: Actor, topics: list[str]) -> dict[str, Any]:
        """What is live now on these topics, cut to what the actor may see."""
        ...

    def acknowledged(self, actor: Actor, call_id: str) -> None:
        """A pop of this call has reached the actor's screen."""
        ...

    async def command(self, actor: Actor, name: str, data: Mapping[str, Any]) -> Any:
        """Does what the client asked for. Raises CrmError."""
        ...


class PushGateway:
    """The sessions of one process and the server that they connect to."""

    def __init__(self, hub: Hub, backend: Backend, settings: PushSettings) -> None:
        self._hub = hub
        self._backend = backend
        self._settings = settings
        self._sessions: dict[str, PushSession] = {}
        self._server: Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.too_slow = 0
        self.resumed = 0

    @property
    def connected(self) -> int:
        return sum(session.connected for session in self._sessions.values())

    @property
    def port(self) -> int:
        if self._server is None:
            raise RuntimeError("the gateway is not started")
        return int(next(iter(self._server.sockets)).getsockname()[1])

    async def start(self) -> None:
        """Opens the port. Raises OSError when it is taken."""
        self._server = await serve(
            self._connection,
            self._settings.host,
            self._settings.port,
            process_request=self._check_origin,
            compression=None,
            max_size=_MAX_FRAME,
            max_queue=16,
            ping_interval=20,
            ping_timeout=20,
            close_timeout=5,
            open_timeout=10,
            server_header=None,
        )

    async def run(self) -> None:
        """Forgets sessions that nobody resumed and ends those whose rights changed elsewhere; for ever."""
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            self._forget_old(asyncio.get_running_loop().time())
            users = {s.actor.user_id for s in self._sessions.values() if s.actor.user_id is not None}
            if not users:
                continue
            try:
                versions = await self._backend.rights_versions(list(users))
            except Unavailable:
                continue
            for session in list(self._sessions.values()):
                user = session.actor.user_id
                # A user who came while the database was asked is looked at next time.
                if user in users and session.actor.rights_version != versions.get(user):
                    self._end_for_rights(session)

    async def stop(self) -> None:
        """Tells every client that we go away."""
        if self._server is None:
            return
        self._server.close(code=GOING_AWAY, reason="the service stops")
        try:
            async with asyncio.timeout(3):
                await self._server.wait_closed()
        except TimeoutError:
            for connection in list(self._server.connections):
                connection.transport.abort()

    def rights_changed(self, user_id: int, version: int | None) -> None:
        """Ends the sessions that were opened with other rights; None: the user may not sign in any more."""
        for session in list(self._sessions.values()):
            if session.actor.user_id == user_id and session.actor.rights_version != version:
                self._end_for_rights(session)

    def _end_for_rights(self, session: PushSession) -> None:
        self._drop(session)
        session.close(RIGHTS_CHANGED, "your rights have changed")

    def _forget_old(self, now: float) -> None:
        for session in list(self._sessions.values()):
            gone = session.detached_at
            if gone is not None and now - gone > self._settings.resume_seconds:
                self._drop(session)

    def _drop(self, session: PushSession) -> None:
        self._sessions.pop(session.id, None)
        session.end()

    def _check_origin(self, connection: ServerConnection, request: Request) -> Response | None:
        """Browsers say which page asks: only ours may. Programs say nothing and need the ticket all the same."""
        origin = request.headers.get("Origin")
        if origin is None or origin in self._settings.origins:
            return None
        host = urlsplit(f"//{request.headers.get('Host', '')}").hostname
        if urlsplit(origin).hostname == host and host is not None:
            return None
        return connection.respond(403, "This page may not open live messages here.\n")

    async def _connection(self, connection: ServerConnection) -> None:
        sock = connection.transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        try:
            session = await self._welcome(connection)
        except _Wrong as wrong:
            await closed(connection, wrong.code, wrong.reason)
            return
        except ConnectionClosed:
            return
        try:
            await self._listen(connection, session)
        except _Wrong as wrong:
            await closed(connection, wrong.code, wrong.reason)
        except ConnectionClosed:
            pass
        finally:
            session.detach(connection, asyncio.get_running_loop().time())

    async def _welcome(self, connection: ServerConnection) -> PushSession:
        try:
            async with asyncio.timeout(_HELLO_SECONDS):
                hello = _object(await connection.recv())
        except TimeoutError:
            raise _Wrong(NO_TICKET, "no hello within 10 s") from None
        if hello.get("type") != "hello":
            raise _Wrong(PROTOCOL_ERROR, "the first message must be hello")
        ticket = hello.get("ticket")
        if not isinstance(ticket, str) or not 0 < len(ticket) <= 200:
            raise _Wrong(NO_TICKET, "hello needs a ticket")
        try:
            actor = await self._backend.redeem(ticket)
        except Unauthenticated as error:
            raise _Wrong(NO_TICKET, error.detail) from None
        except Unavailable:
            raise _Wrong(TRY_LATER, "the database does not answer, try again") from None
        return self._open(connection, actor, hello.get("resume"))

    def _open(self, connection: ServerConnection, actor: Actor, resume: object) -> PushSession:
        """Everything from here to the last replayed message happens in one go: nothing can come in between."""
        found = self._resumable(actor, resume)
        session, seq = found or (self._fresh(actor), None)
        replaced = session.attach(connection)
        if replaced is not None:
            self._later(closed(replaced, 1000, "continued on another connection"))
        session.tell(
            {
                "type": "ready",
                "session": session.id,
                "user": {"name": actor.name, "display_name": actor.display_name, "extension": actor.extension},
                "topics": [shown(topic) for topic in session.topics],
                "resumed": seq is not None,
            }
        )
        if seq is not None:
            self.resumed += 1
            session.replay(seq)
        else:
            session.tell(self._snapshot(session, list(session.topics)))
        return session

    def _snapshot(self, session: PushSession, topics: list[str]) -> dict[str, Any]:
        data = self._backend.snapshot(session.actor, topics)
        return {"type": "snapshot", "seq": session.seq, "at": instant(self._backend.now()), "data": data}

    def _fresh(self, actor: Actor) -> PushSession:
        own = [s for s in self._sessions.values() if s.actor.user_id == actor.user_id]
        if len(own) >= _MAX_SESSIONS_PER_USER:
            oldest = min(own, key=lambda s: (s.connected, s.detached_at or 0.0))
            self._drop(oldest)
            oldest.close(NOT_ALLOWED, "too many live connections of one user")
        session = PushSession(self._hub, actor, buffer_bytes=self._settings.buffer_bytes, on_slow=self._count_slow)
        self._sessions[session.id] = session
        if actor.extension:
            session.join(agent_topic(actor.pbx, actor.extension))
        return session

    def _count_slow(self) -> None:
        self.too_slow += 1

    def _resumable(self, actor: Actor, resume: object) -> tuple[PushSession, int] | None:
        if not isinstance(resume, dict):
            return None
        session, seq = self._sessions.get(str(resume.get("session"))), resume.get("seq")
        if session is None or not isinstance(seq, int) or isinstance(seq, bool):
            return None
        same = session.actor.user_id == actor.user_id and session.actor.rights_version == actor.rights_version
        return (session, seq) if same and session.can_resume(seq) else None

    async def _listen(self, connection: ServerConnection, session: PushSession) -> None:
        commands: set[asyncio.Task[None]] = set()
        allowance = _Allowance()
        try:
            async for raw in connection:
                allowance.take()
                message = _object(raw)
                kind = message.get("type")
                if kind == "ack":
                    self._acknowledge(session, message.get("seq"))
                elif not isinstance(kind, str):
                    raise _Wrong(PROTOCOL_ERROR, "a message needs a type")
                elif "id" not in message:
                    self._without_answer(session, kind, message)
                elif len(commands) >= _MAX_COMMANDS:
                    session.tell(_refusal(message["id"], "too_many", "Too many commands at once; wait for an answer."))
                else:
                    task = asyncio.create_task(self._answer(session, kind, message))
                    commands.add(task)
                    task.add_done_callback(commands.discard)
        finally:
            # A dial or a note that was asked for is finished even when the asker is gone.
            self._tasks |= commands
            for task in commands:
                task.add_done_callback(self._tasks.discard)

    def _acknowledge(self, session: PushSession, seq: object) -> None:
        if not isinstance(seq, int):
            raise _Wrong(PROTOCOL_ERROR, "ack needs a seq")
        call_id = session.acknowledge(seq)
        if call_id is not None:
            self._backend.acknowledged(session.actor, call_id)

    def _without_answer(self, session: PushSession, kind: str, message: Mapping[str, Any]) -> None:
        """Subscriptions may come without an id; then a refusal can only be told by closing."""
        if kind not in ("subscribe", "unsubscribe"):
            raise _Wrong(PROTOCOL_ERROR, "a command needs an id")
        try:
            self._subscription(session, kind, message)
        except CrmError as error:
            raise _Wrong(NOT_ALLOWED, error.detail[:100]) from None

    async def _answer(self, session: PushSession, kind: str, message: Mapping[str, Any]) -> None:
        given = message.get("data")
        data: Mapping[str, Any] = given if isinstance(given, dict) else {}
        try:
            if kind in ("subscribe", "unsubscribe"):
                result: Any = self._subscription(session, kind, {**message, **data})
            elif kind == "ping":
                result = {}
            else:
                result = await self._backend.command(session.actor, kind, data)
        except CrmError as error:
            session.tell(_refusal(message["id"], error.code, error.detail, error.errors))
        except Exception:
            log.exception("push command failed", command=kind)
            session.tell(_refusal(message["id"], "internal", "Something went wrong here; it is in the log."))
        else:
            session.tell({"re": message["id"], "ok": True, "data": result})

    def _subscription(self, session: PushSession, kind: str, message: Mapping[str, Any]) -> dict[str, Any]:
        topics = message.get("topics", [message["topic"]] if "topic" in message else None)
        if not isinstance(topics, list) or not topics or len(topics) > 100:
            raise CrmError("bad_topics", "Name one topic, or a list of them.")
        keys = [may_join(session.actor, topic) for topic in topics]
        for key in keys:
            if kind == "subscribe":
                session.join(key)
            else:
                session.leave(key)
        known = {"topics": [shown(topic) for topic in session.topics]}
        if kind == "subscribe":
            # What was live before the subscription; messages that follow build on it.
            session.tell(self._snapshot(session, list(session.topics)))
        return known

    def _later(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Allowance:
    """So many messages a second a client may send; a program run wild is cut off before it costs others."""

    def __init__(self, rate: float = 50.0, burst: float = 200.0, now: Callable[[], float] | None = None) -> None:
        self._now = now or asyncio.get_running_loop().time
        self._rate, self._burst, self._left = rate, burst, burst
        self._at = self._now()

    def take(self) -> None:
        now = self._now()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate) - 1
        self._at = now
        if self._left < 0:
            raise _Wrong(PROTOCOL_ERROR, "too many messages")


def _object(raw: str | bytes) -> dict[str, Any]:
    if not isinstance(raw, str):
        raise _Wrong(PROTOCOL_ERROR, "only text frames")
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise _Wrong(PROTOCOL_ERROR, "not JSON") from None
    if not isinstance(value, dict):
        raise _Wrong(PROTOCOL_ERROR, "not an object")
    return value


def _refusal(re: object, code: str, message: str, errors: Mapping[str, str] | None = None) -> dict[str, Any]:
    error: dict[str, Any] = {"code": code, "message": message}
    if errors:
        error["errors"] = dict(errors)
    return {"re": re, "ok": False, "error": error}
