"""A recording that is played again is a new call with the same story."""

from __future__ import annotations

import itertools
import re
import uuid

import pytest

from callcenter.ami.decoder import AmiDecoder
from callcenter.ami.events import BridgeEnter, Hangup, Newchannel, OriginateResponse, VarSet
from callcenter.demo.director import DIALLED, SCENES, load_all
from callcenter.demo.recording import Recording, Silence, fields_of, recording
from callcenter.demo.rewrite import Cast, Identities, PlannedEvent, pace, plan

NOW = 1_900_000_000.0
RECORDINGS = load_all()


def played(name: str, cast: Cast | None = None, identities: Identities | None = None) -> list[PlannedEvent]:
    bridges = (uuid.UUID(int=number) for number in itertools.count(1))
    return plan(RECORDINGS[name], cast or Cast(), identities or Identities(), NOW, new_bridge=lambda: next(bridges))


def stream(events: list[PlannedEvent]) -> bytes:
    return b"".join(event.at(NOW + event.after) + b"\r\n\r\n" for event in events)


def decoded(events: list[PlannedEvent]) -> list[object]:
    decoder = AmiDecoder()
    return list(decoder.feed(b"Asterisk Call Manager/11.0.0\r\n" + stream(events), NOW))[1:]


@pytest.mark.parametrize("name", sorted(RECORDINGS))
def test_no_identity_and_no_time_of_the_recording_is_left(name: str) -> None:
    original = b"".join(event.raw for event in RECORDINGS[name].events)
    again = stream(played(name))
    ids = set(re.findall(rb"(?:Uniqueid|Linkedid): (\S+)", original))
    bridges = set(re.findall(rb"BridgeUniqueid: (\S+)", original))
    assert ids
    for old in ids | bridges:
        assert old + b"\r\n" not in again
    assert not re.search(rb"Timestamp: 17952", again)


@pytest.mark.parametrize("name", sorted(RECORDINGS))
def test_the_story_is_the_same_event_by_event(name: str) -> None:
    before = [type(e) for e in AmiDecoder().feed(b"".join(e.raw + b"\r\n\r\n" for e in RECORDINGS[name].events), 0.0)]
    assert [type(event) for event in decoded(played(name))] == before


def test_two_rounds_share_no_uniqueid_and_no_channel() -> None:
    identities = Identities()
    seen = []
    for _ in range(2):
        events = [e for e in decoded(played("blind_transfer", identities=identities)) if isinstance(e, Newchannel)]
        seen.append({value for e in events for value in (e.uniqueid, e.channel)})
    assert seen[0] and seen[1] and not seen[0] & seen[1]


def test_uniqueids_keep_their_order_and_belong_to_now() -> None:
    events = [e for e in decoded(played("attended_transfer")) if isinstance(e, Newchannel)]
    numbers = [tuple(map(int, e.uniqueid.split("."))) for e in events]
    assert numbers == sorted(numbers)
    assert all(epoch >= NOW for epoch, _ in numbers)


def test_linkedids_follow_their_channels() -> None:
    channels = {e.uniqueid for e in decoded(played("queue_ringall")) if isinstance(e, Newchannel)}
    linked = {e.linkedid for e in decoded(played("queue_ringall")) if isinstance(e, Newchannel)}
    assert linked <= channels and len(linked) == 1


def test_caller_agent_and_queue_are_recast_everywhere() -> None:
    cast = Cast(
        {"13800138007": "13912345678", "1001": "1005", "1002": "1006", "8002": "8001"},
        {"13912345678": "王秀英"},
        {"service": "sales"},
    )
    text = stream(played("queue_ringall", cast)).decode()
    for gone in ("13800138007", "1001", "1002", "service"):
        assert not re.search(rf"(?<![\d.]){gone}(?!\d)", re.sub(r"Value: .*|Duration.*", "", text)), gone
    events = decoded(played("queue_ringall", cast))
    caller = next(e for e in events if isinstance(e, Newchannel))
    assert (caller.caller_number, caller.caller_name, caller.exten) == ("13912345678", "王秀英", "8001")
    assert {e.queue for e in events if hasattr(e, "queue")} == {"sales"}


def test_the_recording_file_is_named_after_the_new_channel() -> None:
    events = decoded(played("direct_answered"))
    first = next(e for e in events if isinstance(e, Newchannel))
    file = next(e.value for e in events if isinstance(e, VarSet) and e.variable == "MIXMONITOR_FILENAME")
    assert file.endswith(f"/{first.uniqueid}.wav")


def test_click_to_dial_answers_with_the_action_id_of_the_one_who_asked() -> None:
    cast = Cast({"13900139000": "02188886666", "1001": "1003"}, action_id="asked-1")
    response = next(e for e in decoded(played("click_to_dial", cast)) if isinstance(e, OriginateResponse))
    assert (response.action_id, response.exten) == ("asked-1", "02188886666")


def test_silences_are_stretched_and_the_order_stays() -> None:
    recorded = RECORDINGS["hold_resume"]
    times = pace(recorded, {Silence.TALK: 60.0, Silence.HOLD: 9.0, Silence.RING: 5.0})
    assert times == sorted(times)
    kinds = {event.silence_before for event in recorded.events}
    assert {Silence.TALK, Silence.HOLD, Silence.RING} <= kinds
    silent = sum(b - a for a, b, e in zip(times, times[1:], recorded.events[1:], strict=False) if e.silence_before)
    assert silent == pytest.approx(74.0)


def test_without_targets_the_pace_is_the_recorded_one() -> None:
    recorded = RECORDINGS["direct_answered"]
    assert pace(recorded, {}) == pytest.approx([event.after for event in recorded.events])


@pytest.mark.parametrize("scene", [*SCENES, DIALLED], ids=lambda scene: scene.recording)
def test_every_scene_names_the_people_of_its_recording(scene: object) -> None:
    assert hasattr(scene, "recording")
    events = RECORDINGS[scene.recording].events
    agents = {m.decode() for e in events for m in re.findall(rb"PJSIP/(\d+)-", e.raw)}
    assert agents == set(scene.extensions)  # type: ignore[attr-defined]
    assert any(scene.caller.encode() in e.raw for e in events)  # type: ignore[attr-defined]


def test_what_answered_the_recorder_is_no_part_of_a_recording() -> None:
    packets = [
        b"Response: Success\r\nActionID: lab-1",
        b"Event: FullyBooted\r\nStatus: Fully Booted",
        b"Event: Hangup\r\nTimestamp: 5.0\r\nUniqueid: 1.1",
    ]
    made: Recording = recording("x", packets)
    assert [event.name for event in made.events] == ["Hangup"]
    with pytest.raises(ValueError, match="no events"):
        recording("x", packets[:2])


def test_every_channel_that_begins_also_ends() -> None:
    for name in RECORDINGS:
        events = decoded(played(name))
        begun = {e.uniqueid for e in events if isinstance(e, Newchannel)}
        assert begun == {e.uniqueid for e in events if isinstance(e, Hangup)}, name
        assert {e.uniqueid for e in events if isinstance(e, BridgeEnter)} <= begun


def test_fields_take_the_first_of_a_repeated_header() -> None:
    assert (
        fields_of(b"Event: X\r\nChanVariable: a=1\r\nChanVariable: b=2\r\nName: \xe5\xbc\xa0")["ChanVariable"] == "a=1"
    )
