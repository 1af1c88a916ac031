"""One PBX, connected: its events in order, its state after each connect, and a way to act on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import structlog

from callcenter.ami.config import PbxConfig
from callcenter.ami.events import AmiEvent, FullyBooted, Response
from callcenter.ami.filters import Observation
from callcenter.ami.protocol import LinkBroken
from callcenter.ami.reading import read_state
from callcenter.ami.session import AmiSession, Credentials
from callcenter.ami.state import LinkPhase, LinkState, PbxState
from crm_core.kernel.clock import Clock
from crm_core.kernel.errors import CrmError, Unavailable

log = structlog.get_logger(__name__)

_T = TypeVar("_T")
# More events than this during one reading of the state mean that the reading will never end well.
_MAX_HELD = 200_000
_LOUD_ERRORS = 10
_STAMP = b"\r\nTimestamp: "


@dataclass(slots=True)
class LinkStats:
    """Counters since the start, for metrics; ``last_event_at`` is the PBX's time of the newest event."""

    events: int = 0
    events_without_timestamp: int = 0
    consumer_errors: int = 0
    actions: int = 0
    actions_failed: int = 0
    state_reads: int = 0
    last_event_at: float | None = None
    kinds: dict[type, int] = field(default_factory=dict)


class AmiLink:
    """The link to one PBX: a listening session and, if configured, a second one that alone acts.

    After each connect the state is read once. Consumers can rely on this order: ``on_state`` (reading_state), then
    ``on_snapshot``, then ``on_event`` for every event that arrived since the log-in and all later ones; ``on_state``
    (up) comes after the held events, and before ``on_state`` (down) all events that came are delivered.
    Events that arrive while the state is read are held back until the snapshot is delivered. Asterisk answers a
    question at once but queues its events, so a held event may tell what the snapshot already contains, never the
    other way round: consumers apply events idempotently, by uniqueid and bridge id, and nothing is counted twice.

    All callbacks are plain functions called from the reading loop; what they raise is logged and ends nothing.
    """

    def __init__(
        self,
        config: PbxConfig,
        *,
        on_event: Callable[[AmiEvent], None],
        on_state: Callable[[LinkState], None] = lambda _: None,
        on_snapshot: Callable[[PbxState], None] = lambda _: None,
        clock: Clock,
    ) -> None:
        self.config = config
        self.stats = LinkStats()
        self.snapshot: PbxState | None = None
        self._clock = clock
        self._on_event = on_event
        self._on_state = on_state
        self._on_snapshot = on_snapshot
        self._held: list[AmiEvent] | None = None
        self._reread = asyncio.Event()
        reader = Credentials(config.username, config.secret, events=True)
        self._listener = AmiSession(
            config, reader, clock=clock, on_event=self._event, on_state=self._entered, after_login=self._read
        )
        self._actor = self._listener
        if config.action_username is not None and config.action_secret is not None:
            actor = Credentials(config.action_username, config.action_secret, events=False)
            self._actor = AmiSession(config, actor, clock=clock, on_event=_ignore, on_state=_ignore)

    @property
    def state(self) -> LinkState:
        """The listening session: the PBX counts as connected when this is up."""
        return self._listener.state

    @property
    def action_state(self) -> LinkState:
        """The session that acts (the listening one when there is no second)."""
        return self._actor.state

    @property
    def connects(self) -> int:
        return self._listener.logins

    @property
    def reconnects(self) -> int:
        return max(0, self._listener.logins - 1)

    @property
    def bytes_received(self) -> int:
        return self._listener.bytes_received + (self._actor.bytes_received if self.config.separate_actions else 0)

    @property
    def lag_seconds(self) -> float | None:
        """How long the newest event was on its way, the difference of the two clocks taken out."""
        at, protocol = self.stats.last_event_at, self._listener.protocol
        if at is None or protocol is None:
            return None
        return max(0.0, protocol.arrived_at - self._listener.clock_offset - at)

    @property
    def clock_offset(self) -> float:
        """Seconds by which our clock is ahead of the PBX's, as the last ping measured."""
        return self._listener.clock_offset

    async def run(self) -> None:
        """Keeps the link for ever; ends by cancellation only."""
        async with asyncio.TaskGroup() as sessions:
            sessions.create_task(self._listener.run(), name=f"ami {self.config.name} events")
            sessions.create_task(self._read_again(), name=f"ami {self.config.name} state")
            if self.config.separate_actions:
                sessions.create_task(self._actor.run(), name=f"ami {self.config.name} actions")

    async def action(
        self,
        name: str,
        fields: Iterable[tuple[str, str]] | Mapping[str, str] = (),
        *,
        wait: float | None = None,
    ) -> Response:
        """Sends one action once; the response may be a refusal (``success`` False).

        Raises Rejected for a value that could break out of its header, Unavailable when there is no link, it broke,
        or no answer came in ``wait`` seconds: nobody knows then whether it was done, and it is not sent again.
        """
        pairs = tuple(fields.items() if isinstance(fields, Mapping) else fields)
        self.stats.actions += 1
        try:
            if not self._actor.state.up:
                raise Unavailable("pbx_unavailable", f"The PBX {self.config.name} is not connected.")
            return (await self._actor.ask(name, pairs, wait=wait)).response
        except CrmError:
            self.stats.actions_failed += 1
            raise

    async def observe(self) -> Observation:
        """What doctor judges by. Raises Unavailable when the link is not up."""
        commands = (await self._listener.ask("ListCommands")).response
        acting = commands
        if self.config.separate_actions and self._actor.state.up:
            acting = (await self._actor.ask("ListCommands")).response
        protocol = self._listener.protocol
        return Observation(
            version=self.snapshot.version if self.snapshot else None,
            refused=dict(self.snapshot.refused) if self.snapshot else {},
            queues=len(self.snapshot.queues or ()) if self.snapshot else 0,
            kinds={kind.__name__: count for kind, count in self.stats.kinds.items()},
            without_timestamp=self.stats.events_without_timestamp,
            skipped=protocol.stats.skipped if protocol else 0,
            listener_may=frozenset(commands.fields) if commands.success else None,
            actor_may=frozenset(acting.fields) if acting.success else None,
            actor_state=self.action_state,
            clock_offset=self._listener.clock_offset,
        )

    def _event(self, event: AmiEvent) -> None:
        if type(event) is FullyBooted:
            self._fully_booted()
        if self._held is None:
            self._deliver(event)
        elif len(self._held) < _MAX_HELD:
            self._held.append(event)

    def _deliver(self, event: AmiEvent) -> None:
        stats = self.stats
        stats.events += 1
        stats.last_event_at = event.at
        kind = type(event)
        stats.kinds[kind] = stats.kinds.get(kind, 0) + 1
        # The header stands near the top; FullyBooted never has it.
        if event.raw.find(_STAMP, 0, 120) < 0 and kind is not FullyBooted:
            stats.events_without_timestamp += 1
        try:
            self._on_event(event)
        except Exception:
            self._complain("event", type(event).__name__)

    def _fully_booted(self) -> None:
        # Right after a log-in it greets. Later it means that Asterisk let us in while it still loaded: what was read
        # then is not the state that it ended up with.
        if self._listener.state.phase is not LinkPhase.CONNECTING:
            self._reread.set()

    async def _read_again(self) -> None:
        while True:
            await self._reread.wait()
            self._reread.clear()
            if self._listener.state.up and self._held is None:
                try:
                    await self._read()
                except (CrmError, LinkBroken) as trouble:
                    log.warning("ami state not read again", pbx=self.config.name, reason=str(trouble))

    async def _read(self) -> None:
        """Reads the state while events wait, then delivers both."""
        held = self._held if self._held is not None else []
        self._held = held
        try:
            state = await read_state(self._listener.ask, self.config.name, self._clock.now().timestamp())
            if len(held) >= _MAX_HELD:
                raise LinkBroken("more events came than could be kept while the state was read")
            self.stats.state_reads += 1
            self.snapshot = state
            self._call(self._on_snapshot, state, "snapshot")
        finally:
            if self._held is held:
                self._release()

    def _release(self) -> None:
        held, self._held = self._held, None
        for event in held or ():
            self._deliver(event)

    def _entered(self, state: LinkState) -> None:
        if state.phase is LinkPhase.CONNECTING:
            # From the first byte on: an event may come in one read with the answer to the log-in.
            self._held = []
        if state.phase in (LinkPhase.DOWN, LinkPhase.REFUSED):
            self._release()
        self._call(self._on_state, state, "state")

    def _call(self, consumer: Callable[[_T], None], value: _T, what: str) -> None:
        try:
            consumer(value)
        except Exception:
            self._complain(what, str(value)[:80])

    def _complain(self, what: str, about: str) -> None:
        self.stats.consumer_errors += 1
        if self.stats.consumer_errors <= _LOUD_ERRORS or self.stats.consumer_errors % 1000 == 0:
            log.exception("ami consumer failed", pbx=self.config.name, what=what, about=about)


def _ignore(_: object) -> None:
    return
