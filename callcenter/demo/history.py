"""A few days of calls that lie behind us: who called whom, how long they spoke, what the agents wrote down."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, update

from callcenter.demo import words
from callcenter.demo.customers import Owner
from callcenter.demo.director import Caller
from callcenter.demo.sounds import Sounds
from crm_core.calls.facts import (
    CallFacts,
    CallState,
    CallStatus,
    Direction,
    EndedBy,
    LegFacts,
    LegOutcome,
    QueueVisit,
    RecordingFacts,
)
from crm_core.calls.models import Call, CallNote
from crm_core.calls.writing import store_calls
from crm_core.db.uow import UnitOfWork
from crm_core.db.upsert import table_of
from crm_core.kernel.clock import from_epoch
from crm_core.kernel.ids import derived_id

# Few different lengths: recordings of one length share one file on disk.
_TALKS = (18, 35, 52, 75, 98, 130, 155, 180, 205, 215, 225, 235, 250, 285, 330, 420)
# How each agent talks, by place: most near the normal 3.5 to 4 minutes, one too hasty, one too long.
_HABITS = (210, 225, 95, 235, 330, 215)
_A_DAY = 22
_PROMISES = (0, -1, 0, 1, 0, 3)  # days from today on which a customer was promised another call
_DISPOSITIONS = (("sale", 100, 8), ("follow_up", 50, 30), ("information", 15, 26), ("no_interest", 15, 14))
_WRITE_UP = (
    update(table_of(Call))
    .where(table_of(Call).c.id == bindparam("call"))
    .values(progress=bindparam("stage"), disposition=bindparam("result"), next_at=bindparam("promised"))
)


@dataclass(frozen=True, slots=True)
class _Moment:
    """Where and when a call of the past happened."""

    call_id: int
    uniqueid: str
    at: float
    owner: Owner
    caller: Caller


class History:
    """The same days for the same seed; they end ``now``."""

    def __init__(
        self, owners: Sequence[Owner], callers: Sequence[Caller], *, seed: int, now: datetime, zone: ZoneInfo, pbx: str
    ) -> None:
        self._owners = owners
        self._callers = callers
        self._by_extension = {
            owner.extension: [c for c in callers if c.extension == owner.extension] or list(callers) for owner in owners
        }
        self._random = random.Random(f"{seed}/history")  # noqa: S311  # invents calls, guards nothing
        self._now = now
        self._zone = zone
        self._pbx = pbx
        self._promised: dict[str, int] = {}

    def calls(self, days: int) -> list[CallFacts]:
        """All calls of the last ``days`` days, today's until an hour ago."""
        return [self._call(moment) for moment in self._moments(days)]

    def _moments(self, days: int) -> Iterator[_Moment]:
        today = self._now.astimezone(self._zone).replace(hour=9, minute=0, second=0, microsecond=0)
        number = 0
        for back in range(days, -1, -1):
            for owner in self._owners:
                at = (today - timedelta(days=back)).timestamp() + self._random.uniform(0, 900)
                for _ in range(_A_DAY):
                    at += self._random.uniform(500, 1900)
                    number += 1
                    if at > self._now.timestamp() - 3600:
                        break
                    caller = self._random.choice(self._by_extension[owner.extension])
                    uniqueid = f"{int(at)}.{number}"
                    yield _Moment(derived_id("demo call", uniqueid), uniqueid, at, owner, caller)

    def _call(self, moment: _Moment) -> CallFacts:
        story = self._random.choices(
            (self._answered, self._queued, self._dialled, self._missed, self._abandoned, self._not_reached),
            (30, 24, 24, 8, 6, 8),
        )[0]
        return story(moment)

    def _talk(self, owner: Owner) -> float:
        usual = _HABITS[int(owner.extension) % len(_HABITS)]
        wanted = max(15.0, self._random.gauss(usual, usual / 3))
        return float(min(_TALKS, key=lambda length: abs(length - wanted)))

    def _answered(self, moment: _Moment) -> CallFacts:
        return self._spoken(moment, self._random.uniform(3, 9), None)

    def _queued(self, moment: _Moment) -> CallFacts:
        return self._spoken(moment, self._random.uniform(4, 45), self._random.choice(("sales", "service")))

    def _spoken(self, moment: _Moment, wait: float, queue: str | None) -> CallFacts:
        answered = moment.at + wait
        ended = answered + self._talk(moment.owner)
        leg = self._leg(moment, answered - min(wait, 6), answered, ended, LegOutcome.ANSWERED, queue)
        visits = (QueueVisit(queue, moment.at, answered, "answered"),) if queue else ()
        return CallFacts(
            **self._inbound(moment, queue),
            status=CallStatus.ANSWERED,
            answered_at=answered,
            ended_at=ended,
            wait_seconds=wait,
            talk_seconds=ended - answered,
            hold_seconds=0.0,
            agents=(moment.owner.extension,),
            ended_by=self._random.choice((EndedBy.CALLER, EndedBy.CALLED)),
            legs=(leg,),
            queues=visits,
            recordings=(self._recording(moment, answered, ended),),
        )

    def _dialled(self, moment: _Moment) -> CallFacts:
        answered = moment.at + self._random.uniform(9, 20)
        ended = answered + self._talk(moment.owner)
        leg = self._leg(moment, moment.at, moment.at + 2.5, ended, LegOutcome.ANSWERED, None, talk=ended - answered)
        return CallFacts(
            **self._outbound(moment),
            status=CallStatus.ANSWERED,
            answered_at=answered,
            ended_at=ended,
            wait_seconds=answered - moment.at,
            talk_seconds=ended - answered,
            hold_seconds=0.0,
            agents=(moment.owner.extension,),
            ended_by=EndedBy.CALLER,
            legs=(leg,),
            recordings=(self._recording(moment, answered, ended),),
        )

    def _not_reached(self, moment: _Moment) -> CallFacts:
        ended = moment.at + self._random.uniform(25, 40)
        leg = self._leg(moment, moment.at, moment.at + 2.5, ended, LegOutcome.ANSWERED, None, talk=0.0)
        return CallFacts(
            **self._outbound(moment),
            status=self._random.choice((CallStatus.MISSED, CallStatus.MISSED, CallStatus.BUSY)),
            ended_at=ended,
            wait_seconds=ended - moment.at,
            talk_seconds=0.0,
            hold_seconds=0.0,
            ended_by=EndedBy.PBX,
            legs=(leg,),
        )

    def _missed(self, moment: _Moment) -> CallFacts:
        ended = moment.at + self._random.uniform(15, 25)
        leg = self._leg(moment, moment.at, None, ended, LegOutcome.NO_ANSWER, None)
        return CallFacts(
            **self._inbound(moment, None),
            status=CallStatus.MISSED,
            ended_at=ended,
            wait_seconds=ended - moment.at,
            talk_seconds=0.0,
            hold_seconds=0.0,
            ended_by=EndedBy.PBX,
            legs=(leg,),
        )

    def _abandoned(self, moment: _Moment) -> CallFacts:
        ended = moment.at + self._random.uniform(20, 90)
        queue = self._random.choice(("sales", "service"))
        leg = self._leg(moment, ended - 12, None, ended, LegOutcome.CANCELLED, queue)
        return CallFacts(
            **self._inbound(moment, queue),
            status=CallStatus.ABANDONED,
            ended_at=ended,
            wait_seconds=ended - moment.at,
            talk_seconds=0.0,
            hold_seconds=0.0,
            ended_by=EndedBy.CALLER,
            legs=(leg,),
            queues=(QueueVisit(queue, moment.at, ended, "abandoned"),),
        )

    def _common(self, moment: _Moment, direction: Direction, called: str, caller: str) -> dict[str, Any]:
        return {
            "id": moment.call_id,
            "pbx": self._pbx,
            "uniqueid": moment.uniqueid,
            "direction": direction,
            "state": CallState.ENDED,
            "caller_number": caller,
            "caller_name": None,
            "called_number": called,
            "customer_number": moment.caller.number,
            "started_at": moment.at,
        }

    def _inbound(self, moment: _Moment, queue: str | None) -> dict[str, Any]:
        called = {"sales": "8001", "service": "8002"}.get(queue or "", moment.owner.extension)
        return {**self._common(moment, Direction.INBOUND, called, moment.caller.number), "queue": queue}

    def _outbound(self, moment: _Moment) -> dict[str, Any]:
        return self._common(moment, Direction.OUTBOUND, moment.caller.number, moment.owner.extension)

    def _leg(
        self,
        moment: _Moment,
        rang: float,
        answered: float | None,
        ended: float,
        outcome: LegOutcome,
        queue: str | None,
        *,
        talk: float | None = None,
    ) -> LegFacts:
        extension = moment.owner.extension
        return LegFacts(
            id=derived_id("demo leg", moment.uniqueid),
            channel=f"PJSIP/{extension}-{moment.call_id & 0xFFFFFFFF:08x}",
            extension=extension,
            rang_at=rang,
            answered_at=answered,
            ended_at=ended,
            outcome=outcome,
            talk_seconds=talk if talk is not None else ended - answered if answered is not None else 0.0,
            queue=queue,
        )

    @staticmethod
    def _recording(moment: _Moment, since: float, until: float) -> RecordingFacts:
        return RecordingFacts(derived_id("demo recording", moment.uniqueid), f"{moment.uniqueid}.wav", since, until)

    def _promise(self, extension: str) -> datetime:
        """When the customer is to be called again: each agent has some for today, one that was not kept, some later."""
        number = self._promised[extension] = self._promised.get(extension, -1) + 1
        today = self._now.astimezone(self._zone).replace(hour=9, minute=0, second=0, microsecond=0)
        return today + timedelta(days=_PROMISES[number % len(_PROMISES)], minutes=15 * self._random.randrange(36))

    async def store(self, uow: UnitOfWork, calls: Sequence[CallFacts], *, area_code: str) -> None:
        """Stores the calls and what the agents wrote down about every other one of them."""
        await store_calls(uow, calls, area_code=area_code)
        author = {owner.extension: owner.user_id for owner in self._owners}
        spoken = [call for call in calls if call.status is CallStatus.ANSWERED and self._random.random() < 0.5]
        written: list[dict[str, Any]] = []
        for number, call in enumerate(spoken):
            result, stage, _ = self._random.choices(_DISPOSITIONS, [weight for *_, weight in _DISPOSITIONS])[0]
            promised = self._promise(call.agents[0]) if result == "follow_up" else None
            written.append({"call": call.id, "stage": stage, "result": result, "promised": promised})
            if number % 2 == 0:
                uow.session.add(
                    CallNote(
                        id=derived_id("demo call note", call.uniqueid),
                        call_id=call.id,
                        at=from_epoch((call.ended_at or call.started_at) + 40),
                        author_id=author[call.agents[0]],
                        text=self._random.choice(words.CALL_NOTES),
                    )
                )
        if written:
            connection = await uow.session.connection()
            await connection.execute(_WRITE_UP, written)


def write_sounds(calls: Sequence[CallFacts], folder: Path) -> None:
    """The recording files of these calls; blocking."""
    folder.mkdir(parents=True, exist_ok=True)
    sounds = Sounds(folder)
    for call in calls:
        for recording in call.recordings:
            sounds.write(recording.path, (recording.stopped_at or recording.started_at) - recording.started_at)
