"""The life of one AMI log-in: connect, challenge, log in, watch that the peer lives, come back when it did not."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from callcenter.ami.backoff import Backoff
from callcenter.ami.config import LinkTiming, PbxConfig
from callcenter.ami.events import AmiEvent, Response
from callcenter.ami.protocol import AmiProtocol, Answer, Dialer, LinkBroken
from callcenter.ami.state import LinkPhase, LinkState
from crm_core.kernel.clock import Clock
from crm_core.kernel.errors import Unavailable

log = structlog.get_logger(__name__)


class LoginRefused(Exception):
    """The PBX answered the log-in with no; the text is what it said."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who logs in, and whether this session wants events."""

    username: str
    secret: str
    events: bool


class AmiSession:
    """Keeps one user logged in for ever; ``on_event`` must not raise.

    ``after_login`` runs before the session counts as up; when it raises, the connection ends and is tried again.
    """

    def __init__(
        self,
        config: PbxConfig,
        credentials: Credentials,
        *,
        clock: Clock,
        on_event: Callable[[AmiEvent], None],
        on_state: Callable[[LinkState], None],
        after_login: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._config = config
        self._credentials = credentials
        self._clock = clock
        self._on_event = on_event
        self._on_state = on_state
        self._after_login = after_login
        timing = config.timing
        self._broken = Backoff(timing.retry_first, timing.retry_cap)
        self._refused = Backoff(timing.refused_first, timing.refused_cap)
        self._dialer: Dialer | None = None
        self._protocol: AmiProtocol | None = None
        self._bytes_before = 0
        self.state = LinkState(LinkPhase.DOWN, self._now(), "not connected yet")
        self.logins = 0
        self.banner: str | None = None
        self.clock_offset = 0.0
        self.round_trip: float | None = None

    @property
    def bytes_received(self) -> int:
        return self._bytes_before + (self._protocol.bytes_received if self._protocol else 0)

    @property
    def protocol(self) -> AmiProtocol | None:
        return self._protocol

    @property
    def timing(self) -> LinkTiming:
        return self._config.timing

    async def run(self) -> None:
        """For ever; ends only by cancellation."""
        try:
            while True:
                pause = await self._once()
                await asyncio.sleep(pause)
        finally:
            # Nobody is told: the owner ends the link and knows; it is no fault of the PBX.
            self._hang_up("the service stops")
            self.state = LinkState(LinkPhase.DOWN, self._now(), "the service stops")

    async def ask(
        self, name: str, fields: Sequence[tuple[str, str]] = (), *, as_list: bool = False, wait: float | None = None
    ) -> Answer:
        """One action and its answer. Raises Unavailable (not connected, link lost, too late) or Rejected (bad value).

        Never sent twice: when no answer came, nobody knows whether the PBX has done it, and the asker must decide.
        """
        if self._dialer is None:
            raise Unavailable("pbx_unavailable", f"The PBX {self._config.name} is not connected.")
        future = self._dialer.ask(name, fields, as_list=as_list)
        try:
            async with asyncio.timeout(wait or self.timing.action_timeout):
                return await future
        except TimeoutError:
            raise Unavailable("pbx_timeout", f"The PBX {self._config.name} did not answer {name} in time.") from None

    async def _once(self) -> float:
        """One connection from dialling to its end; gives the seconds to wait before the next."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            reason = await self._live()
        except LoginRefused as refusal:
            self._hang_up("the log-in was refused")
            self._enter(LinkPhase.REFUSED, f"The PBX refuses user {self._credentials.username!r}: {refusal}")
            return self._refused.next()
        except (OSError, LinkBroken, Unavailable) as trouble:
            reason = self._why_lost() or _in_words(trouble)
        self._hang_up(reason)
        if self.state.up and loop.time() - began >= self.timing.stable_after:
            self._broken.reset()
        self._enter(LinkPhase.DOWN, reason)
        return self._broken.next()

    async def _live(self) -> str:
        self._enter(LinkPhase.CONNECTING)
        try:
            async with asyncio.timeout(self.timing.connect_timeout):
                dialer, protocol = await self._connect()
        except TimeoutError:
            if self._protocol is None or not self._protocol.bytes_received:
                raise
            raise LinkBroken("what answers at this port is no Asterisk manager") from None
        async with asyncio.timeout(self.timing.login_timeout):
            await self._log_in()
        self.logins += 1
        self._refused.reset()
        # Both run side by side: a peer that falls silent while it is asked for its state must be noticed as well.
        watching = asyncio.ensure_future(self._watch(dialer, protocol))
        try:
            await self._prepare(watching)
            self._enter(LinkPhase.UP)
            return await watching
        finally:
            watching.cancel()

    async def _prepare(self, watching: asyncio.Future[str]) -> None:
        if self._after_login is None:
            return
        self._enter(LinkPhase.READING_STATE)
        reading = asyncio.ensure_future(self._after_login())
        try:
            await _any_of(reading, watching)
            if not reading.done():
                raise LinkBroken(watching.result())
            reading.result()
        finally:
            reading.cancel()
            # Waited for, so that nothing of this connection runs on into the next one.
            await asyncio.gather(reading, return_exceptions=True)

    async def _connect(self) -> tuple[Dialer, AmiProtocol]:
        config = self._config
        tls = self._tls()
        dialer = Dialer(config.host, config.port, tls, self._new_protocol)
        protocol = await dialer.open()
        self._dialer, self._protocol = dialer, protocol
        try:
            self.banner = await asyncio.shield(protocol.banner)
        except asyncio.CancelledError:
            if protocol.lost.done():
                raise LinkBroken(protocol.lost.result()) from None
            raise
        return dialer, protocol

    def _tls(self) -> ssl.SSLContext | None:
        if not self._config.tls:
            return None
        try:
            return self._config.tls_options.context()
        except OSError as trouble:
            name = self._config.tls_options.ca_file
            raise LinkBroken(f"the CA file {name} cannot be used: {trouble.strerror or trouble}") from trouble

    def _new_protocol(self) -> AmiProtocol:
        return AmiProtocol(self._on_event, self._now)

    async def _log_in(self) -> None:
        challenge = (await self.ask("Challenge", (("AuthType", "MD5"),))).response
        if not challenge.success:
            raise LoginRefused(challenge.message or "no challenge was given")
        # The protocol knows no better digest; the secret itself never crosses the wire.
        key = hashlib.md5(
            (challenge.fields.get("Challenge", "") + self._credentials.secret).encode(), usedforsecurity=False
        ).hexdigest()
        fields = [("AuthType", "MD5"), ("Username", self._credentials.username), ("Key", key)]
        if not self._credentials.events:
            fields.append(("Events", "off"))
        answer = (await self.ask("Login", fields)).response
        if not answer.success:
            raise LoginRefused(answer.message or "no reason given")

    async def _watch(self, dialer: Dialer, protocol: AmiProtocol) -> str:
        """Asks for a sign of life again and again; gives the reason when the connection is over."""
        while not protocol.lost.done():
            await asyncio.wait({protocol.lost}, timeout=self.timing.ping_interval)
            if not protocol.lost.done() and not await self._alive(dialer, protocol):
                return f"the PBX has not answered for {2 * self.timing.ping_deadline:g} s"
        return protocol.lost.result()

    async def _alive(self, dialer: Dialer, protocol: AmiProtocol) -> bool:
        """Whether the peer answers a ping. A flood of events may delay the answer, so bytes earn it a second wait."""
        loop = asyncio.get_running_loop()
        deadline = self.timing.ping_deadline
        sent, asked_at = loop.time(), self._now()
        pong = dialer.ask("Ping")
        for _ in range(2):
            await _any_of(pong, protocol.lost, timeout=deadline)
            if pong.done() or protocol.lost.done():
                break
            if protocol.heard_at <= sent:
                pong.cancel()
                return False
        if not pong.done():
            pong.cancel()
            return protocol.lost.done()
        if pong.exception() is None:
            self._measure(pong.result().response, asked_at)
        return True

    def _measure(self, pong: Response, asked_at: float) -> None:
        """How far the PBX's clock is behind ours, so that lag is not mistaken for a wrong clock."""
        now = self._now()
        self.round_trip = now - asked_at
        try:
            self.clock_offset = now - self.round_trip / 2 - float(pong.fields["Timestamp"])
        except (KeyError, ValueError):
            return

    def _why_lost(self) -> str | None:
        # What the socket said is nearer to the cause than the question that failed because of it.
        lost = self._protocol.lost if self._protocol else None
        return lost.result() if lost and lost.done() else None

    def _hang_up(self, reason: str) -> None:
        if self._protocol is not None:
            self._bytes_before += self._protocol.bytes_received
            self._protocol.close(reason)
        self._protocol = None
        self._dialer = None

    def _enter(self, phase: LinkPhase, reason: str | None = None) -> None:
        before, self.state = self.state, LinkState(phase, self._now(), reason)
        if before.phase is phase and before.reason == reason:
            return
        say = log.info if phase in (LinkPhase.CONNECTING, LinkPhase.READING_STATE, LinkPhase.UP) else log.warning
        say("ami link", pbx=self._config.name, user=self._credentials.username, phase=phase.value, reason=reason)
        self._on_state(self.state)

    def _now(self) -> float:
        return self._clock.now().timestamp()


async def _any_of(*futures: asyncio.Future[Any], timeout: float | None = None) -> None:  # noqa: ASYNC109
    await asyncio.wait(futures, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)


def _in_words(trouble: BaseException) -> str:
    if isinstance(trouble, ssl.SSLCertVerificationError):
        return f"the PBX's certificate is not trusted: {trouble.verify_message}"
    if isinstance(trouble, ssl.SSLError):
        return f"TLS failed: {trouble.reason or trouble}"
    if isinstance(trouble, TimeoutError):
        return "the PBX did not answer in time"
    if isinstance(trouble, Unavailable):
        return trouble.detail
    if isinstance(trouble, OSError):
        return f"the PBX cannot be reached: {trouble.strerror or trouble}"
    return str(trouble)
