"""Pure rules of the call log: whose a call is, who took part, what survives a merge, how the journal is packed."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from crm_core.calls.facts import AgentTalk, CallFacts, CallStatus, Direction, LegOutcome
from crm_core.kernel.errors import Rejected
from crm_core.organization.preferences import NORMAL_TALK

PROGRESS = (15, 50, 75, 100)
_NEVER = float("-inf")


@dataclass(frozen=True, slots=True)
class Party:
    """One of ours in a call; ``spoke_at`` is None for who did not speak with the other side."""

    extension: str
    as_agent: bool
    spoke_at: float | None = None
    talk_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class WriteUp:
    """What an agent has entered on a call."""

    progress: int | None = None
    disposition: str | None = None
    next_at: datetime | None = None
    claimed_by_id: int | None = None
    claimed_at: datetime | None = None
    returned_at: datetime | None = None
    customer_id: int | None = None

    def columns(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


def owner_extension(call: CallFacts) -> str | None:
    """Who spoke last, else who was rung last, else who dialled: the agent a call is counted with."""
    talks = _talks(call)
    if talks:
        return max(talks.values(), key=lambda talk: talk.since).extension
    rung = [leg for leg in call.legs if leg.outcome is not LegOutcome.LISTENED]
    if rung:
        return max(rung, key=lambda leg: leg.rang_at or _NEVER).extension
    return call.caller_number if call.direction is not Direction.INBOUND else None


def parties(call: CallFacts) -> list[Party]:
    """Everybody of ours who had to do with the call, each once."""
    talks = _talks(call)
    rung = [leg.extension for leg in call.legs if leg.outcome is not LegOutcome.LISTENED]
    dialled = [call.caller_number] if call.direction is not Direction.INBOUND and call.caller_number else []
    agents = set(call.agents) or {*rung, *dialled}
    everyone = dict.fromkeys([*call.agents, *rung, *dialled, *(leg.extension for leg in call.legs)])
    found = []
    for extension in everyone:
        talk = talks.get(extension)
        times = (talk.since, talk.talk_seconds) if talk else (None, None)
        found.append(Party(extension, extension in agents, *times))
    return found


def _talks(call: CallFacts) -> dict[str, AgentTalk]:
    """What each agent spoke; where the facts do not say it by agent, the legs and the whole call do."""
    if call.spoke or not call.agents:
        return {talk.extension: talk for talk in call.spoke}
    found = {}
    for extension in call.agents:
        legs = [leg for leg in call.legs if leg.extension == extension and leg.answered_at is not None]
        since = min((leg.answered_at for leg in legs if leg.answered_at is not None), default=call.answered_at)
        known = [leg.talk_seconds for leg in legs if leg.talk_seconds is not None]
        found[extension] = AgentTalk(
            extension, call.started_at if since is None else since, sum(known) if legs and known else call.talk_seconds
        )
    return found


def is_missed(call: CallFacts) -> bool:
    """Somebody outside wanted us and reached nobody."""
    return call.direction is Direction.INBOUND and call.status in (CallStatus.MISSED, CallStatus.ABANDONED)


def checked_progress(progress: int | None) -> int | None:
    """Raises Rejected unless it is one of the four stages, or None to take it back."""
    if progress is not None and progress not in PROGRESS:
        raise Rejected(
            "progress_unknown", "Progress is 15, 50, 75 or 100 per cent.", errors={"progress": "15|50|75|100"}
        )
    return progress


def merged(kept: WriteUp, gone: WriteUp) -> WriteUp:
    """What both agents entered, in one: nothing is lost, and of two stages the further one counts."""
    stages = [p for p in (kept.progress, gone.progress) if p is not None]
    wishes = [at for at in (kept.next_at, gone.next_at) if at is not None]
    claimed = kept if kept.claimed_by_id is not None else gone
    return WriteUp(
        progress=max(stages, default=None),
        disposition=kept.disposition or gone.disposition,
        next_at=min(wishes, default=None),
        claimed_by_id=claimed.claimed_by_id,
        claimed_at=claimed.claimed_at,
        returned_at=kept.returned_at or gone.returned_at,
        customer_id=kept.customer_id or gone.customer_id,
    )


def pack_events(packets: Iterable[bytes]) -> bytes:
    """Raw PBX packets as one compressed chunk of the journal."""
    return zlib.compress(b"\r\n\r\n".join(p.strip(b"\r\n") for p in packets), 1)


def unpack_events(chunk: bytes) -> list[list[tuple[str, str]]]:
    """The chunk's events, each a list of (header, value): headers may repeat."""
    events = []
    for packet in zlib.decompress(chunk).split(b"\r\n\r\n"):
        lines = packet.decode("utf-8", "replace").split("\r\n")
        events.append([(name, value) for name, sep, value in (line.partition(": ") for line in lines) if sep])
    return [event for event in events if event]


def raw_packets(chunk: bytes) -> list[bytes]:
    """The chunk's packets as the PBX sent them, without the blank line between: what a call is rebuilt from."""
    return [packet for packet in zlib.decompress(chunk).split(b"\r\n\r\n") if packet]


def day_bounds(day: date, zone: tzinfo) -> tuple[datetime, datetime]:
    """From the first to the end of a business day as instants; 23 or 25 hours on a change of the clocks."""
    start = datetime.combine(day, time.min, tzinfo=zone)
    end = datetime.combine(day + timedelta(days=1), time.min, tzinfo=zone)
    return start.astimezone(UTC), end.astimezone(UTC)


def band(average: float, normal: tuple[float, float] = NORMAL_TALK) -> str:
    """An average talk time against the normal one: short, normal or long."""
    low, high = normal
    return "short" if average < low else "long" if average > high else "normal"


def is_outlier(seconds: float, normal: tuple[float, float] = NORMAL_TALK) -> bool:
    """Under half the lower or over twice the upper normal bound: worth a look, whatever the day's average."""
    return seconds < normal[0] / 2 or seconds > normal[1] * 2
