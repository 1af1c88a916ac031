"""Calls and recordings as the recorder stores them, for tests of what is shown."""

from __future__ import annotations

from dataclasses import replace

from crm_core.calls.facts import (
    CallFacts,
    CallState,
    CallStatus,
    Direction,
    EndedBy,
    HoldSpan,
    LegFacts,
    LegOutcome,
    QueueVisit,
    RecordingFacts,
)
from crm_core.calls.journal import EventChunk, store_events
from crm_core.calls.models import RecordingState
from crm_core.calls.recordings import Found, store_found
from crm_core.calls.rules import pack_events
from crm_core.calls.writing import store_calls
from crm_core.kernel.clock import from_epoch
from crm_core.kernel.ids import derived_id
from tests.integration.api.conftest import House

START = 1_795_226_400.25  # 21 November 2026, 10:00:00.25 in Shanghai
EVENTS = (
    b"Event: Newchannel\r\nPrivilege: call,all\r\nTimestamp: 1795226400.250000\r\nChannel: PJSIP/trunk-00000001\r\n",
    b"Event: BridgeEnter\r\nTimestamp: 1795226403.450000\r\nChannel: PJSIP/1001-00000002\r\nBridgeUniqueid: b1\r\n",
)


def answered(name: str, extension: str, *, number: str = "13800138000", start: float = START) -> CallFacts:
    """An inbound call through the queue sales, answered by the extension, recorded."""
    leg = LegFacts(
        id=derived_id(name, "leg"),
        channel=f"PJSIP/{extension}-00000002",
        extension=extension,
        rang_at=start + 1,
        answered_at=start + 3.2,
        ended_at=start + 44.2,
        outcome=LegOutcome.ANSWERED,
        talk_seconds=40.0,
        hold_seconds=1.0,
        queue="sales",
    )
    return CallFacts(
        id=derived_id(name),
        pbx="main",
        uniqueid=f"{start}.1",
        direction=Direction.INBOUND,
        state=CallState.ENDED,
        status=CallStatus.ANSWERED,
        caller_number=number,
        caller_name="张三",
        called_number="8001",
        customer_number=number,
        started_at=start,
        queue="sales",
        answered_at=start + 3.2,
        ended_at=start + 44.2,
        wait_seconds=3.2,
        talk_seconds=40.0,
        hold_seconds=1.0,
        agents=(extension,),
        ended_by=EndedBy.CALLER,
        legs=(leg,),
        queues=(QueueVisit("sales", start + 0.5, start + 3.2, "answered"),),
        holds=(HoldSpan("hold", start + 10, start + 11, extension),),
        recordings=(RecordingFacts(derived_id(name, "recording"), f"/monitor/{name}.wav", start + 3.2, start + 44.2),),
    )


def missed(name: str, extension: str, *, number: str = "13900139000", start: float = START) -> CallFacts:
    call = answered(name, extension, number=number, start=start)
    leg = replace(call.legs[0], answered_at=None, outcome=LegOutcome.NO_ANSWER, talk_seconds=0.0, hold_seconds=0.0)
    return replace(
        call,
        status=CallStatus.ABANDONED,
        answered_at=None,
        agents=(),
        legs=(leg,),
        holds=(),
        recordings=(),
        talk_seconds=0.0,
        hold_seconds=0.0,
        wait_seconds=44.2,
    )


async def store(house: House, *calls: CallFacts) -> None:
    """The calls with their journal; their recordings are ready."""
    async with house.db.uow() as uow:
        await store_calls(uow, calls)
        chunk = pack_events(EVENTS)
        await store_events(uow, [EventChunk(call.id, from_epoch(call.started_at), chunk) for call in calls])
        for call in calls:
            for recording in call.recordings:
                await store_found(uow, [Found(recording.id, RecordingState.READY, 41.0, 10_000)])


def many(count: int, extension: str) -> list[CallFacts]:
    return [answered(f"many{i}", extension, start=START + 60 * i) for i in range(count)]
