"""Acting on the telephones for people: dialling, hanging up, listening in, pausing; checked before it is sent."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from callcenter.ami import actions
from callcenter.ami.decoder import AmiDecoder
from callcenter.ami.state import LinkPhase
from callcenter.board import WRAP_UP, Board
from callcenter.live import PbxLine, events_of
from callcenter.tracking.explain import explain
from crm_core.calls.facts import CallFacts, CallState, LegFacts, LegOutcome
from crm_core.customers import lookup_queries
from crm_core.customers import queries as customers
from crm_core.db.database import Database
from crm_core.kernel.errors import Conflict, NotFound, Rejected
from crm_core.kernel.phone import recognise
from crm_core.organization.access import Actor
from web.ports import Dialled, Finding, ListenMode, Meaning, PbxStatus

_SEPARATORS = re.compile(r"[\s().\-\u2010-\u2015]+")
_DIALABLE = re.compile(r"\+?[0-9*#]{1,32}")
_CHINA = "+86"
_LINKS = {LinkPhase.UP: "connected", LinkPhase.READING_STATE: "connecting", LinkPhase.CONNECTING: "connecting"}
_MODES = {
    ListenMode.LISTEN: actions.SpyMode.LISTEN,
    ListenMode.WHISPER: actions.SpyMode.WHISPER,
    ListenMode.BARGE: actions.SpyMode.BARGE,
}


def dialable(number: str) -> str:
    """What is sent to the PBX: the digits as given, without what people put between them. Raises Rejected."""
    plain = _SEPARATORS.sub("", number)
    if plain.startswith(_CHINA):
        plain = plain.removeprefix(_CHINA)
        plain = plain if plain.startswith("1") else f"0{plain}"
    if not _DIALABLE.fullmatch(plain):
        sentence = "The number may hold digits, *, # and a leading +."
        raise Rejected("bad_number", sentence, errors={"number": sentence})
    return plain


class TelephoneService:
    """The telephony port of pages, API and live commands; rights on objects are checked by those who call it."""

    def __init__(
        self,
        db: Database,
        lines: Mapping[str, PbxLine],
        board: Board,
        examine: Callable[[], Awaitable[Sequence[Finding]]],
        *,
        area_code: str,
    ) -> None:
        self._db = db
        self._lines = lines
        self._board = board
        self._examine = examine
        self._area_code = area_code
        self._dialling: set[tuple[str, str]] = set()

    async def dial(self, by: Actor, number: str | None, *, customer_id: int | None = None) -> Dialled:
        """Rings the actor's own phone, then the number (or the customer's first one, which the actor need not see).

        Raises Rejected, NotFound for a customer out of reach, Conflict, Unavailable.
        """
        line, extension = self._own(by)
        to = await self._wanted(by, number, customer_id)
        key = (line.name, extension)
        if key in self._dialling:
            raise Conflict("dial_in_progress", "Your phone is being rung for a call already.")
        self._dialling.add(key)
        try:
            await self._send(
                line,
                actions.originate(
                    endpoint=extension,
                    to=to,
                    in_context=line.settings.dial_context,
                    caller_number=to,
                    ring_seconds=line.settings.ring_seconds,
                    technology=line.settings.technology,
                ),
            )
        finally:
            self._dialling.discard(key)
        return Dialled(None, extension, to)

    async def hang_up(self, by: Actor, call_id: int) -> None:
        line, facts = self._live(call_id)
        leg = _leg_to_end(facts, by.extension if by.pbx == line.name else None)
        if leg is None:
            raise Rejected("nothing_to_hang_up", "No phone of ours is in this call.")
        await self._send(line, actions.hangup(leg.channel))

    async def listen(self, by: Actor, call_id: int, mode: ListenMode) -> None:
        line, extension = self._own(by)
        where, facts = self._live(call_id)
        leg = next((leg for leg in reversed(facts.legs) if _talks(leg)), None)
        if leg is None or where is not line:
            raise Rejected("nobody_talks", "There is nobody talking in this call now.")
        if leg.extension == extension:
            raise Rejected("own_call", "You are in this call yourself.")
        await self._send(
            line,
            actions.spy(
                endpoint=extension, on_channel=leg.channel, mode=_MODES[mode], technology=line.settings.technology
            ),
        )

    async def set_state(self, by: Actor, status: str, reason: str | None = None) -> None:
        line, extension = self._own(by)
        if status not in ("available", "paused", WRAP_UP):
            sentence = "The state is available, paused or wrap_up."
            raise Rejected("bad_state", sentence, errors={"status": sentence})
        paused = status != "available"
        why = (WRAP_UP if status == WRAP_UP else reason) if paused else None
        device = f"{line.settings.technology}/{extension}"
        await self._send(line, actions.queue_pause(device, paused=paused, reason=why))

    def board(self, by: Actor) -> Mapping[str, Any]:
        return self._board.whole(by)

    def pbxes(self) -> Sequence[PbxStatus]:
        return [_status(line) for line in self._lines.values()]

    def explain(self, pbx: str, packets: Iterable[bytes]) -> Sequence[Meaning]:
        line = self._lines.get(pbx)
        # A PBX that is no longer set up: its trunks are not known, every channel counts as an extension.
        trunks = line.settings.config.trunks if line is not None else ()
        decoder = AmiDecoder()
        events = [event for packet in packets for event in events_of(decoder, packet, 0.0)]
        return [Meaning(m.at, m.event, m.channel, m.sentence, m.values) for m in explain(events, pbx, trunks)]

    async def doctor(self) -> Sequence[Finding]:
        return await self._examine()

    def live_call(self, call_id: int) -> CallFacts:
        """Raises NotFound when it is not live."""
        return self._live(call_id)[1]

    def _own(self, by: Actor) -> tuple[PbxLine, str]:
        if not by.extension:
            raise Rejected("no_extension", "You have no phone of your own; an administrator can give you an extension.")
        line = self._lines.get(by.pbx)
        if line is None:
            raise Rejected("no_pbx", f"Your phone belongs to the PBX {by.pbx!r}, which is not set up.")
        return line, by.extension

    def _live(self, call_id: int) -> tuple[PbxLine, CallFacts]:
        for line in self._lines.values():
            facts = line.facts(call_id)
            if facts is not None and facts.state is not CallState.ENDED:
                return line, facts
        raise NotFound("call_not_live", "This call is not live any more.")

    async def _wanted(self, by: Actor, number: str | None, customer_id: int | None) -> str:
        """What to dial. Somebody who asked not to be called is not called. Raises Rejected, NotFound, Unavailable."""
        to = dialable(number) if number else None
        async with self._db.read() as session:
            if customer_id is not None:
                await customers.customer(session, by, customer_id, today=self._db.clock.now().date())
                match = await lookup_queries.match_of(session, customer_id)
                matches = [match] if match else []
                to = to or (dialable(match.number) if match and match.number else None)
            elif to is not None and (known := recognise(to, self._area_code)) is not None:
                matches = await lookup_queries.lookup_by_number(session, known.e164, known.digits)
            else:
                matches = []
        if to is None:
            raise Rejected("bad_number", "There is no number to dial.", errors={"number": "missing"})
        if any(match.do_not_call and match.exact for match in matches):
            raise Rejected("do_not_call", "This customer does not want to be called.")
        return to

    async def _send(self, line: PbxLine, action: actions.Action) -> None:
        answer = await line.link.action(action.name, action.fields)
        if not answer.success:
            raise Rejected("pbx_refused", f"The PBX refused: {answer.message or 'no reason given'}.")


def _talks(leg: LegFacts) -> bool:
    return leg.answered_at is not None and leg.ended_at is None and leg.outcome is not LegOutcome.LISTENED


def _leg_to_end(facts: CallFacts, own: str | None) -> LegFacts | None:
    """One's own phone first, then who talks, then who rings."""
    living = [leg for leg in facts.legs if leg.ended_at is None and leg.outcome is not LegOutcome.LISTENED]
    mine = [leg for leg in living if leg.extension == own]
    talking = [leg for leg in living if leg.answered_at is not None]
    return next(iter([*mine, *talking, *living]), None)


def _status(line: PbxLine) -> PbxStatus:
    state = line.link.state
    config = line.settings.config
    return PbxStatus(
        name=line.name,
        host=config.host,
        port=config.port,
        link=_LINKS.get(state.phase, "disconnected"),
        since=datetime.fromtimestamp(state.since, UTC),
        version=line.link.snapshot.version if line.link.snapshot else None,
        reason=state.reason,
        actions=line.link.action_state.up,
        live_calls=sum(1 for _ in line.live_calls()),
        events=line.link.stats.events,
        lag_seconds=line.link.lag_seconds,
    )
