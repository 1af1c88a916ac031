"""A manager port that behaves like Asterisk's, over a real socket: for the demonstration and for the link's tests.

It knows nothing of recordings: somebody hands it the packets that happen (``emit``), it tells those who listen and
answers those who ask. Faults are its own verbs: cut, freeze, refuse, chunks.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import random
import secrets
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from callcenter.demo.answers import Answers, Packet
from callcenter.demo.live import LivePbx, QueueSpec
from callcenter.demo.recording import END, fields_of

BANNER = b"Asterisk Call Manager/11.0.0\r\n"
_MAX_UNSENT = 32 * 1024 * 1024
_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class ManagerUser:
    """A user of manager.conf: ``events`` False has no read rights; ``may`` None may do everything."""

    secret: str = field(repr=False)
    events: bool = True
    may: frozenset[str] | None = None


class Client:
    """One connected manager session."""

    def __init__(self, pbx: ReplayPbx, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._pbx = pbx
        self._reader = reader
        self._writer = writer
        self._outgoing: deque[bytes] = deque()
        self._unsent = 0
        self._more = asyncio.Event()
        self.thawed = asyncio.Event()
        self.thawed.set()
        self.user: str | None = None
        self.events = False
        self.challenge: str | None = None

    def send(self, data: bytes) -> None:
        """Queues bytes; a client that does not read is thrown out, as Asterisk does."""
        self._outgoing.append(data)
        self._unsent += len(data)
        self._more.set()
        if self._unsent > _MAX_UNSENT:
            self.abort()

    def abort(self) -> None:
        self._writer.transport.abort()

    async def serve(self) -> None:
        sender = asyncio.create_task(self._send_all())
        self.send(self._pbx.banner)
        try:
            await self._receive()
        except ConnectionError:
            return
        finally:
            sender.cancel()
            self._writer.close()

    async def _receive(self) -> None:
        pending = b""
        while True:
            await self.thawed.wait()
            data = await self._reader.read(65536)
            if not data:
                return
            # A client whose link is frozen is not heard either: its bytes are lost on the way.
            await self.thawed.wait()
            pending += data
            *packets, pending = pending.split(END)
            for packet in packets:
                if packet.strip() and not self._pbx.handle(self, fields_of(packet), packet):
                    await self._flush()
                    return

    async def _send_all(self) -> None:
        while True:
            await self._more.wait()
            await self.thawed.wait()
            await self._flush()
            self._more.clear()

    async def _flush(self) -> None:
        while self._outgoing:
            data = self._outgoing.popleft()
            self._unsent -= len(data)
            for piece in self._pbx.pieces(data):
                await self.thawed.wait()
                self._writer.write(piece)
                await self._writer.drain()


class ReplayPbx:
    """The server. ``port`` 0 takes any free one; ``port`` is the real one once started."""

    def __init__(
        self,
        users: Mapping[str, ManagerUser],
        *,
        queues: Sequence[QueueSpec] = (),
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        chunks: tuple[int, int] | None = None,
        seed: int = 1,
        banner: bytes = BANNER,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.host, self.port = host, port
        self.users = dict(users)
        self.queues = tuple(queues)
        self.banner = banner
        self.chunks = chunks
        self.clock = clock
        self.live = LivePbx()
        self.started_at = clock()
        # The last actions, without secrets, and their bytes: for tests and for the curious.
        self.received: deque[dict[str, str]] = deque(maxlen=_KEPT)
        self.raw_received: deque[bytes] = deque(maxlen=_KEPT)
        self.clients: list[Client] = []
        self.logins = 0
        self.connections = 0
        self.refusing = False
        self.mute_actions: set[str] = set()
        self.originate: Callable[[Mapping[str, str]], str | None] = lambda _: "Originate failed"
        self.hang_up: Callable[[str], bool] = lambda _: False
        self._tls = tls
        self._random = random.Random(seed)  # noqa: S311  # cuts packets, guards nothing
        self._server: asyncio.Server | None = None
        self._answers = Answers(self)
        self._changed = asyncio.Event()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._connected, self.host, self.port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self.cut()
        if self._server is not None:
            self._server.close()
            await asyncio.sleep(0)
            self._server = None

    def emit(self, packet: bytes) -> None:
        """Something happened on the PBX: it is remembered, and told to everybody who listens."""
        self.live.feed(fields_of(packet), self.clock())
        for client in self.clients:
            if client.events:
                client.send(packet + END)

    def happen_unheard(self, packet: bytes) -> None:
        """Something happened that no client is told of (the link was down)."""
        self.live.feed(fields_of(packet), self.clock())

    def cut(self) -> None:
        """All connections are reset."""
        for client in list(self.clients):
            client.abort()

    def freeze(self) -> list[Client]:
        """All present connections fall silent, half open; new ones are served."""
        for client in self.clients:
            client.thawed.clear()
        return list(self.clients)

    def listeners(self) -> int:
        return sum(client.events for client in self.clients)

    async def until(self, condition: Callable[[], bool], timeout: float | None = 30.0) -> None:  # noqa: ASYNC109
        """Waits for a condition that changes with connections, log-ins and actions. Raises TimeoutError."""
        async with asyncio.timeout(timeout):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    def pieces(self, data: bytes) -> list[bytes]:
        if self.chunks is None:
            return [data]
        out, start = [], 0
        while start < len(data):
            size = self._random.randint(*self.chunks)
            out.append(data[start : start + size])
            start += size
        return out

    def handle(self, client: Client, fields: dict[str, str], raw: bytes) -> bool:
        """Answers one action; False ends the connection."""
        action = fields.get("Action", "").lower()
        self.received.append({k: v for k, v in fields.items() if k not in ("Key", "Secret")})
        self.raw_received.append(raw)
        self._changed.set()
        if action in self.mute_actions:
            return True
        if action == "challenge":
            client.challenge = str(secrets.randbelow(10**9))
            client.send(Packet("Response", "Success").add(fields, Challenge=client.challenge))
            return True
        if action == "login":
            return self._log_in(client, fields)
        if client.user is None or action == "logoff":
            client.send(Packet("Response", "Error" if client.user is None else "Goodbye").add(fields))
            return action != "logoff"
        for packet in self._answers.to(action, fields, self.users[client.user].may):
            client.send(packet)
        return True

    def _log_in(self, client: Client, fields: Mapping[str, str]) -> bool:
        name = fields.get("Username", "")
        user = self.users.get(name)
        if user is None or not _right(user, fields, client.challenge):
            client.send(Packet("Response", "Error").add(fields, Message="Authentication failed"))
            return False
        client.user = name
        client.send(Packet("Response", "Success").add(fields, Message="Authentication accepted"))
        client.events = user.events and fields.get("Events", "on").lower() not in ("off", "no", "0")
        if client.events:
            client.send(Packet("Event", "FullyBooted").add({}, Privilege="system,all", Status="Fully Booted"))
        self.logins += 1
        return True

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._changed.set()
        if self.refusing:
            writer.transport.abort()
            return
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client = Client(self, reader, writer)
        self.clients.append(client)
        try:
            await client.serve()
        finally:
            self.clients.remove(client)
            self._changed.set()


def _right(user: ManagerUser, fields: Mapping[str, str], challenge: str | None) -> bool:
    if "Secret" in fields:
        return hmac.compare_digest(fields["Secret"].encode(), user.secret.encode())
    if challenge is None:
        return False
    digest = hashlib.md5((challenge + user.secret).encode(), usedforsecurity=False).hexdigest()
    return hmac.compare_digest(fields.get("Key", "").lower().encode(), digest.encode())
