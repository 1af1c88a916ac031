"""Nothing is lost: the service killed, the link cut, the database locked, memory full, in the middle of calls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from callcenter.journal import read
from callcenter.live import GAP
from callcenter.push.hub import agent_topic
from callcenter.service import CannotStart, Service
from crm_core.calls.rules import raw_packets
from tests.integration.service.centre import Centre, centre, packets
from tests.unit.push.exchange import Listener

ANSWERED = packets("asterisk22/direct_answered")
QUEUED = packets("asterisk22/queue_ringall")


@pytest.fixture
async def place(tmp_path: Path, database_url: str) -> AsyncIterator[Centre]:
    async with centre(tmp_path, database_url) as made:
        yield made


@pytest.fixture
async def embedded(tmp_path: Path, sqlite_url: str) -> AsyncIterator[Centre]:
    async with centre(tmp_path, sqlite_url) as made:
        yield made


def middle(happened: list[bytes], event: bytes = b"Event: BridgeEnter") -> int:
    """The place behind the last such event: the call is in full swing."""
    return max(number for number, packet in enumerate(happened, 1) if packet.startswith(event))


async def heard(place: Centre) -> list[bytes]:
    """The PBX's own events in the database."""
    chunks = await place.rows("SELECT events FROM call_events ORDER BY id")
    return [packet for (chunk,) in chunks for packet in raw_packets(chunk) if not packet.startswith(GAP)]


async def test_a_call_is_stored_with_its_legs_events_and_recording(place: Centre) -> None:
    await place.start()
    await place.play(ANSWERED)
    await place.written()
    assert [tuple(row) for row in await place.calls()] == [("13800138000", "answered", "ended", "complete")]
    assert [tuple(row) for row in await place.rows("SELECT extension, outcome FROM call_legs")] == [
        ("1001", "answered")
    ]
    assert len(await place.rows("SELECT id FROM call_events")) >= 1
    assert len(await place.rows("SELECT id FROM recordings")) == 1


async def test_killed_in_mid_call_and_restarted_the_call_is_one_and_ends(place: Centre) -> None:
    cut = middle(ANSWERED)
    await place.start()
    await place.play(ANSWERED[:cut])
    await place.written()
    await place.crash()
    await place.start()
    assert len(list(place.line.live_calls())) == 1
    await place.play(ANSWERED[cut:])
    await place.written()
    assert [tuple(row) for row in await place.calls()] == [("13800138000", "answered", "ended", "gap")]


async def test_killed_before_the_first_batch_the_journal_alone_brings_the_call_back(
    place: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = middle(ANSWERED)
    await place.start()

    async def never(_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(place.line.recorder, "_store", never)
    await place.play(ANSWERED[:cut])
    place.line.journal.flush()
    await place.crash()
    await place.start()
    assert len(list(place.line.live_calls())) == 1
    await place.play(ANSWERED[cut:])
    await place.written()
    assert [tuple(row)[:3] for row in await place.calls()] == [("13800138000", "answered", "ended")]


async def test_a_call_that_ended_while_the_service_was_dead_does_not_stay_open(place: Centre) -> None:
    cut = middle(ANSWERED)
    await place.start()
    await place.play(ANSWERED[:cut])
    await place.written()
    await place.crash()
    for packet in ANSWERED[cut:]:
        place.pbx.happen_unheard(packet)
    await place.start()
    await place.written()
    ((_, _, state, certainty),) = await place.calls()
    assert (state, certainty) == ("ended", "gap")


async def test_a_call_whose_beginning_nobody_heard_does_not_stay_open_either(place: Centre) -> None:
    """The service comes up in mid-call, dies, and the call ends before it is back: its events tell no beginning."""
    cut = middle(ANSWERED)
    for packet in ANSWERED[:cut]:
        place.pbx.happen_unheard(packet)
    await place.start()
    await place.written()
    assert [tuple(row)[2:] for row in await place.calls()] == [("talking", "gap")]
    await place.crash()
    for packet in ANSWERED[cut:]:
        place.pbx.happen_unheard(packet)
    await place.start()
    await place.written()
    assert [tuple(row)[2:] for row in await place.calls()] == [("ended", "gap")]


async def test_a_phone_that_hangs_up_after_its_call_is_no_new_call(place: Centre) -> None:
    """Killed between the hang-up of the customer's channel and that of the agent's."""
    transferred = packets("asterisk22/blind_transfer")
    hung_up = [number for number, packet in enumerate(transferred, 1) if packet.startswith(b"Event: Hangup\r")]
    await place.start()
    await place.play(transferred[: hung_up[-2]])
    await place.written()
    await place.crash()
    await place.start()
    await place.play(transferred[hung_up[-2] :])
    await place.written()
    assert [row.caller_number for row in await place.calls()] == ["13800138013"]


async def test_killed_at_every_tenth_event_there_is_one_call_and_it_ends(embedded: Centre) -> None:
    done = 0
    for start in range(0, len(QUEUED), 10):
        await embedded.start()
        await embedded.play(QUEUED[start : start + 10])
        done += 10
        embedded.line.journal.flush()
        await embedded.crash()
    await embedded.start()
    await embedded.written()
    ((number, _, state, certainty),) = await embedded.calls()
    assert (number, state, certainty) == ("13800138007", "ended", "gap")


async def test_the_same_events_are_stored_once_however_often_it_was_killed(embedded: Centre) -> None:
    cut = middle(ANSWERED)
    await embedded.start()
    await embedded.play(ANSWERED[:cut])
    await embedded.written()
    before = await heard(embedded)
    for _ in range(3):
        await embedded.crash()
        await embedded.start()
        await embedded.written()
    assert await heard(embedded) == before


async def test_a_cut_link_with_lost_events_marks_the_call_and_closes_it(place: Centre) -> None:
    cut = middle(ANSWERED)
    await place.start()
    await place.play(ANSWERED[:cut])
    place.pbx.refusing = True
    place.pbx.cut()
    await place.until(lambda: not place.line.link.state.up)
    for packet in ANSWERED[cut:]:
        place.pbx.happen_unheard(packet)
    place.pbx.refusing = False
    await place.until(lambda: place.line.link.state.up)
    await place.written()
    ((_, _, state, certainty),) = await place.calls()
    assert (state, certainty) == ("ended", "gap")


async def test_a_cut_link_without_lost_events_still_gives_one_call(place: Centre) -> None:
    cut = middle(ANSWERED)
    await place.start()
    await place.play(ANSWERED[:cut])
    place.pbx.cut()
    await place.until(lambda: place.line.link.reconnects > 0 and place.line.link.state.up)
    await place.play(ANSWERED[cut:])
    await place.written()
    assert [tuple(row) for row in await place.calls()] == [("13800138000", "answered", "ended", "gap")]


async def test_while_the_database_is_locked_pops_go_on_and_calls_are_written_later(embedded: Centre) -> None:
    await embedded.start()
    listener = Listener()
    embedded.service.hub.subscribe(listener, agent_topic("main", "1001"))
    other = Service(embedded.settings()).db
    try:
        async with other._writer.connect() as blocker:
            await blocker.execute(text("SELECT 1"))
            await embedded.play(ANSWERED)
            await embedded.until(lambda: embedded.line.recorder.failing is not None)
            assert [m["data"]["number"] for m in listener.messages if m["type"] == "pop.show"] == ["13800138000"]
            await blocker.rollback()
        await embedded.written()
    finally:
        await other.close()
    assert [tuple(row)[1:3] for row in await embedded.calls()] == [("answered", "ended")]


async def test_what_does_not_fit_into_memory_is_read_again_from_the_journal(place: Centre) -> None:
    await place.start()
    place.line.recorder._max_waiting = 4096
    await place.play([*ANSWERED, *QUEUED])
    await place.until(lambda: place.line.recorder.overflows > 0)
    await place.until(lambda: not place.line.recorder.overflowed)
    await place.written()
    assert [tuple(row)[:3] for row in await place.calls()] == [
        ("13800138000", "answered", "ended"),
        ("13800138007", "answered", "ended"),
    ]
    stored = await place.rows(
        "SELECT c.caller_number FROM calls c WHERE EXISTS (SELECT 1 FROM call_events e WHERE e.call_id = c.id)"
    )
    assert len(stored) == 2


async def test_a_clean_stop_writes_everything_and_leaves_nothing_to_read_again(place: Centre) -> None:
    await place.start()
    await place.play(ANSWERED)
    folder = place.folder / "journal" / "main"
    await place.stop()
    await place.start()
    assert await place.calls()
    assert list(place.line.live_calls()) == []
    assert list(read(folder))


async def test_an_empty_embedded_database_is_given_its_tables(tmp_path: Path) -> None:
    async with centre(tmp_path, f"sqlite+aiosqlite:///{tmp_path}/new/callcenter.db") as place:
        await place.start()
        assert await place.calls() == []


async def test_a_port_in_use_is_told_in_a_sentence(embedded: Centre) -> None:
    await embedded.start()
    taken = embedded.service.http_port
    from dataclasses import replace

    settings = embedded.settings()
    second = Service(
        replace(
            settings,
            web=replace(settings.web, port=taken),
            journal=replace(settings.journal, folder=embedded.folder / "other"),
        )
    )
    with pytest.raises(CannotStart, match=f"Port {taken} on 127.0.0.1 is in use"):
        await second.open()
    await second.close()
