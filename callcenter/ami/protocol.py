"""The AMI conversation on one connection: bytes to messages in order, actions to answers; replaces panoramisk's own.

panoramisk's protocol decodes chunk by chunk (a cut Chinese letter vanishes), closes the socket when a callback raises
and sends unanswered actions again after a reconnect (a second ring for a click-to-dial). Here the decoder keeps bytes
until a packet is whole, nobody else's exception reaches the socket, and an action belongs to one connection: when that
ends, it fails.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
import ssl
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from panoramisk import Manager

from callcenter.ami.decoder import AmiDecoder, DecoderStats
from callcenter.ami.events import AmiEvent, Banner, ListItem, Response
from crm_core.kernel.errors import Rejected, Unavailable

_FORBIDDEN = ("\r", "\n", "\0")
_MAX_PENDING = 256
_MAX_LIST_ITEMS = 200_000
# Unique in every process, so that two services on one PBX never take each other's answers for their own.
_PREFIX = f"cc-{secrets.token_hex(4)}"
_sequence = itertools.count(1)


Fields = Sequence[tuple[str, str]]


class LinkBroken(Exception):
    """The connection ended or became useless; the text says why, for people."""


@dataclass(slots=True)
class Answer:
    """The response to one action with the rows that followed it, if it asked for a list."""

    response: Response
    items: list[ListItem] = field(default_factory=list)


@dataclass(slots=True)
class _Pending:
    future: asyncio.Future[Answer]
    wants_list: bool
    answer: Answer | None = None


def packet(name: str, fields: Iterable[tuple[str, str]], action_id: str) -> bytes:
    """The bytes of an action. Raises Rejected when a name or value could start another header or packet."""
    lines = []
    for key, value in (("Action", name), ("ActionID", action_id), *fields):
        if any(c in key or c in value for c in _FORBIDDEN) or ":" in key:
            # The value is not repeated: it may be a secret or somebody's personal data.
            raise Rejected("ami_value_refused", f"No line break or NUL may be sent to the PBX (header {key[:20]!r}).")
        lines.append(f"{key}: {value}\r\n")
    lines.append("\r\n")
    return "".join(lines).encode("utf-8", "surrogateescape")


class AmiProtocol(asyncio.Protocol):
    """One connection. Events go to ``on_event``, in order, at once; it must not raise.

    ``lost`` is done, with the reason in words, as soon as the connection is over.
    """

    def __init__(self, on_event: Callable[[AmiEvent], None], now: Callable[[], float]) -> None:
        self._on_event = on_event
        self._now = now
        self._decoder = AmiDecoder()
        self._pending: dict[str, _Pending] = {}
        self._transport: asyncio.Transport | None = None
        loop = asyncio.get_running_loop()
        self._loop = loop
        self.lost: asyncio.Future[str] = loop.create_future()
        self.banner: asyncio.Future[str] = loop.create_future()
        self.bytes_received = 0
        self.heard_at = loop.time()
        self.arrived_at = now()

    @property
    def stats(self) -> DecoderStats:
        return self._decoder.stats

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.bytes_received += len(data)
        self.heard_at = self._loop.time()
        self.arrived_at = self._now()
        for message in self._decoder.feed(data, self.arrived_at):
            if isinstance(message, (Response, ListItem, Banner)):
                self._answered(message)
            else:
                self._on_event(message)

    def _answered(self, message: Response | ListItem | Banner) -> None:
        if isinstance(message, Response):
            self._response(message)
        elif isinstance(message, ListItem):
            self._row(message)
        elif not self.banner.done():
            self.banner.set_result(message.text)

    def connection_lost(self, exc: Exception | None) -> None:
        self._finish(f"the connection broke: {exc}" if exc else "the PBX closed the connection")

    def send(self, action: Any, as_list: bool | None = False) -> asyncio.Future[Answer]:
        """Sends (name, fields); the future fails with Unavailable when the connection ends before the answer."""
        name, fields = action
        if self._transport is None or self.lost.done():
            raise Unavailable("pbx_unavailable", "The PBX is not connected.")
        if len(self._pending) >= _MAX_PENDING:
            raise Unavailable("pbx_busy", f"The PBX owes {_MAX_PENDING} answers already.")
        action_id = f"{_PREFIX}-{next(_sequence)}"
        data = packet(name, fields, action_id)
        future: asyncio.Future[Answer] = self._loop.create_future()
        self._pending[action_id] = _Pending(future, bool(as_list))
        # Also drops the entry of an asker who gave up; the late answer then finds nobody.
        future.add_done_callback(lambda _: self._pending.pop(action_id, None))
        self._transport.write(data)
        return future

    def close(self, reason: str = "closed by us") -> None:
        """Ends the connection now, unsent bytes included: a peer that does not read must not keep us."""
        self._finish(reason)
        if self._transport is not None:
            self._transport.abort()

    def _finish(self, reason: str) -> None:
        if self.lost.done():
            return
        self.lost.set_result(reason)
        for pending in list(self._pending.values()):
            if not pending.future.done():
                trouble = Unavailable("pbx_link_lost", f"No answer: {reason}. It was not sent again.")
                pending.future.set_exception(trouble)
                # An asker who was cancelled meanwhile never looks; that is no error.
                pending.future.exception()
        if not self.banner.done():
            self.banner.cancel()

    def _response(self, response: Response) -> None:
        pending = self._pending.get(response.action_id or "")
        if pending is None or pending.future.done():
            return
        pending.answer = Answer(response)
        if not pending.wants_list or not response.success:
            pending.future.set_result(pending.answer)

    def _row(self, item: ListItem) -> None:
        pending = self._pending.get(item.action_id or "")
        if pending is None or pending.answer is None or pending.future.done():
            return
        if item.complete:
            pending.future.set_result(pending.answer)
        elif len(pending.answer.items) < _MAX_LIST_ITEMS:
            pending.answer.items.append(item)
        else:
            trouble = Unavailable("pbx_list_too_long", "The PBX's list does not end.")
            pending.future.set_exception(trouble)


class Dialer(Manager):  # type: ignore[misc]  # panoramisk has no types
    """panoramisk's Manager, kept for opening connections and sending; log-in, ping and retries are the session's.

    Its own connection_made would log in without a challenge, ping without looking at the answer and reconnect at a
    fixed pace, each of which the session does better; so that hook only keeps the protocol.
    """

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None, factory: Callable[[], AmiProtocol]) -> None:
        super().__init__(
            host=host,
            port=port,
            ssl=tls or False,
            protocol_factory=factory,
            loop=asyncio.get_running_loop(),
        )

    def connection_made(self, opened: asyncio.Task[tuple[asyncio.Transport, AmiProtocol]]) -> None:
        if not opened.cancelled() and opened.exception() is None:
            self.protocol = opened.result()[1]

    async def open(self) -> AmiProtocol:
        """Connects. Raises OSError (ssl.SSLError among them) when the PBX cannot be reached."""
        _, protocol = await self.connect()
        self.protocol = protocol
        return cast("AmiProtocol", protocol)

    def ask(self, name: str, fields: Fields = (), *, as_list: bool = False) -> asyncio.Future[Answer]:
        """Sends an action on the open connection."""
        if self.protocol is None:
            raise Unavailable("pbx_unavailable", "The PBX is not connected.")
        answer: asyncio.Future[Answer] = self.protocol.send((name, fields), as_list=as_list)
        return answer
