"""What holds for every stream: chunking, cuts, doubled lists and crowds never change what a call is."""

from __future__ import annotations

import dataclasses
import heapq
import random
from collections import Counter
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from callcenter.ami.decoder import AmiDecoder
from callcenter.ami.events import Banner, ListItem, Response
from callcenter.tracking.tracker import CallTracker
from crm_core.calls.facts import CallFacts, CallState, Certainty, LegFacts
from tests.traces.copies import copy_of
from tests.traces.folding import TRUNKS, Folded, Packet, events_of, fold, left_behind, packets, recorded, recordings
from tests.traces.pbx_model import PbxModel

_SHORT = [path for path in recordings() if len(packets(path)) < 700]
_ROUNDS = settings(max_examples=60, deadline=None, derandomize=True)
traces = st.sampled_from(_SHORT)


@_ROUNDS
@given(path=traces, sizes=st.lists(st.integers(1, 5000), min_size=1, max_size=8))
def test_any_chunking_gives_the_same_calls(path: Path, sizes: list[int]) -> None:
    data = path.read_bytes()
    around = (sizes[n % len(sizes)] for n in range(len(data)))
    assert fold(events_of(data, around)).calls == fold(recorded(path)).calls


@_ROUNDS
@given(data=st.lists(st.one_of(st.binary(max_size=300), st.sampled_from(list(recordings()[0].parent.glob("*.ami"))))))
def test_bytes_of_any_kind_raise_nothing(data: list[bytes | Path]) -> None:
    decoder, tracker = AmiDecoder(), CallTracker("main", TRUNKS)
    for part in data:
        piece = part if isinstance(part, bytes) else part.read_bytes()[:5000]
        for message in decoder.feed(piece, 1.0):
            if not isinstance(message, Response | ListItem | Banner):
                tracker.apply(message)


@_ROUNDS
@given(path=traces, seed=st.integers(0, 1 << 30))
def test_events_in_any_order_raise_nothing_and_open_calls_end_with_the_pbx(path: Path, seed: int) -> None:
    events = list(recorded(path))
    random.Random(seed).shuffle(events)
    folded = fold(events)
    folded.note(folded.tracker.link_lost(events[-1].at))
    folded.note(folded.tracker.reconcile(PbxModel().state(events[-1].at), events[-1].at))
    assert set(left_behind(folded.tracker).values()) == {0}
    assert folded.tracker.live() == []


def _cut(path: Path, place: int, lost: int, lists: int = 1) -> Folded:
    """Plays a recording with the link down while the events ``place`` to ``place + lost`` happen."""
    folded, pbx = Folded(CallTracker("main", TRUNKS)), PbxModel()
    at = 0.0
    everything: list[Packet | None] = [*packets(path), None]
    for number, one in enumerate(everything):
        if number == place:
            folded.note(folded.tracker.link_lost(at))
        if number == place + lost or (one is None and number < place + lost):
            for _ in range(lists):
                folded.note(folded.tracker.reconcile(pbx.state(at), at))
        if one is None:
            break
        pbx.feed(one.fields)
        at = float(one.fields.get("Timestamp", at))
        if one.event is not None and not place <= number < place + lost:
            folded.note(folded.tracker.apply(one.event))
    return folded


places = st.floats(0.0, 1.0)


def _place(path: Path, share: float) -> int:
    return round(share * len(packets(path)))


@_ROUNDS
@given(path=traces, share=places)
def test_a_cut_in_which_nothing_happened_leaves_the_same_calls(path: Path, share: float) -> None:
    truth = fold(recorded(path)).calls
    folded = _cut(path, _place(path, share), 0)
    assert folded.calls.keys() == truth.keys()
    for call_id, call in folded.calls.items():
        assert _contradictions(call, truth[call_id]) == []
    assert set(left_behind(folded.tracker).values()) == {0}


@_ROUNDS
@given(path=traces, share=places, lost=st.sampled_from([1, 2, 5, 20, 60, 200]))
def test_whatever_is_lost_no_call_is_doubled_or_left_open(path: Path, share: float, lost: int) -> None:
    truth = fold(recorded(path)).calls
    folded = _cut(path, _place(path, share), lost)
    assert set(left_behind(folded.tracker).values()) == {0}
    assert all(call.state is CallState.ENDED for call in folded.calls.values())
    assert max(Counter(call.uniqueid for call in folded.calls.values()).values(), default=1) == 1
    for call_id, call in folded.calls.items():
        if call.certainty is Certainty.COMPLETE:
            assert call == truth.get(call_id), "a call without a gap is the true one"


@_ROUNDS
@given(path=traces, share=places, lost=st.integers(0, 40))
def test_state_lists_read_twice_change_nothing(path: Path, share: float, lost: int) -> None:
    place = _place(path, share)
    assert _cut(path, place, lost, lists=2).calls == _cut(path, place, lost).calls


def _contradictions(call: CallFacts, truth: CallFacts) -> list[str]:
    """Values that are neither the true ones nor admitted to be unknown."""
    if call.certainty is Certainty.COMPLETE:
        return [] if call == truth else ["complete, but not the truth"]
    found = [
        field.name
        for field in dataclasses.fields(CallFacts)
        if field.name not in ("certainty", "legs", "holds", "spoke", "queues")
        and getattr(call, field.name) not in (None, getattr(truth, field.name))
    ]
    if len(call.legs) != len(truth.legs):
        return [*found, "legs"]
    for leg, true in zip(call.legs, truth.legs, strict=True):
        found += [
            f"{leg.extension} {field.name}"
            for field in dataclasses.fields(LegFacts)
            if getattr(leg, field.name) not in (None, getattr(true, field.name))
        ]
    return found


def _shape(call: CallFacts) -> tuple[object, ...]:
    """A call without its ids, its names of extensions and its place in time."""
    return (
        call.direction,
        call.status,
        call.caller_name,
        call.queue,
        call.transferred,
        call.ended_by,
        len(call.agents),
        call.certainty,
        [round(value, 3) if value is not None else None for value in (call.wait_seconds, call.talk_seconds)],
        round(call.hold_seconds or 0.0, 3),
        [(leg.outcome, round(leg.talk_seconds or 0.0, 3), leg.queue) for leg in call.legs],
        [(visit.queue, visit.outcome) for visit in call.queues],
    )


def test_a_thousand_overlapping_calls_are_each_what_they_are_alone() -> None:
    rng = random.Random(7)
    chosen = [(rng.choice(_SHORT), number, rng.uniform(0, 60)) for number in range(1, 1001)]
    expected: Counter[str] = Counter()
    streams = []
    for path, number, later in chosen:
        expected.update(str(_shape(call)) for call in fold(recorded(path)).calls.values())
        first = recorded(path)[0].at
        streams.append(copy_of(path, number, later - first + 1.8e9))
    folded = fold(heapq.merge(*streams, key=lambda event: event.at))
    assert Counter(str(_shape(call)) for call in folded.calls.values()) == expected
    assert set(left_behind(folded.tracker).values()) == {0}


@_ROUNDS
@given(path=traces)
def test_the_same_recording_at_another_time_gives_new_calls(path: Path) -> None:
    again = [event._replace(at=event.at + 3600.0) for event in recorded(path)]
    folded = fold([*recorded(path), *again])
    assert len(folded.calls) == 2 * len(fold(recorded(path)).calls)
