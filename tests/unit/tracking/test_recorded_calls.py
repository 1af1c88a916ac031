"""Recorded traffic of real PBXs gives exactly the calls of the truth table beside it."""

from __future__ import annotations

import csv
import itertools
import random
from pathlib import Path

import pytest

from crm_core.calls.facts import CallState, Certainty
from tests.traces.folding import events_of, fold, left_behind, recorded, recordings
from tests.traces.truth import differences, truth_of


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


every_recording = pytest.mark.parametrize("path", recordings(), ids=_name)


def test_there_are_recordings_of_both_versions_each_with_its_truth() -> None:
    paths = recordings()
    assert {path.parent.name for path in paths} == {"asterisk16", "asterisk22"}
    assert [_name(path) for path in paths if not path.with_suffix(".truth.toml").exists()] == []


@every_recording
def test_a_recording_gives_the_calls_of_its_truth_table(path: Path) -> None:
    assert differences(fold(recorded(path)), truth_of(path)) == []


@every_recording
def test_when_all_calls_are_over_nothing_of_them_is_left(path: Path) -> None:
    folded = fold(recorded(path))
    assert set(left_behind(folded.tracker).values()) == {0}
    assert folded.tracker.live() == []
    assert all(call.state is CallState.ENDED for call in folded.calls.values())
    assert all(call.certainty is Certainty.COMPLETE for call in folded.calls.values())


@every_recording
def test_any_chunking_gives_the_same_events(path: Path) -> None:
    data = path.read_bytes()
    rng = random.Random(path.name)
    assert tuple(events_of(data, iter(lambda: rng.randint(1, 200), 0))) == recorded(path)


@pytest.mark.parametrize("size", [1, 2, 7, 1448])
def test_pieces_of_one_size_give_the_same_events(size: int) -> None:
    path = next(path for path in recordings() if path.stem == "chinese_caller_name")
    assert tuple(events_of(path.read_bytes(), itertools.repeat(size))) == recorded(path)


@every_recording
def test_the_calls_agree_with_what_the_queues_logged(path: Path) -> None:
    """queue_log lines: time|call|queue|agent|event|…; its times are whole seconds, so only who and what is compared."""
    calls = {call.uniqueid: call for call in fold(recorded(path)).calls.values()}
    for line in path.with_suffix(".queue_log").read_text(encoding="utf-8").splitlines():
        _, uniqueid, queue, agent, event, *_ = line.split("|")
        call = calls.get(uniqueid)
        if call is None:
            continue
        visits = [visit for visit in call.queues if visit.queue == queue]
        if event == "ENTERQUEUE":
            assert visits, line
        elif event == "CONNECT":
            extension = agent.removeprefix("Agent ").removeprefix("PJSIP/")
            # Of a picked-up call the queue names the phone that rang.
            taken = ("answered", "answered_elsewhere")
            assert any(leg.extension == extension and leg.outcome in taken for leg in call.legs), line
        elif event == "ABANDON":
            assert visits[-1].outcome == "abandoned", line
        elif event == "EXITWITHTIMEOUT":
            assert any(visit.outcome == "timeout" for visit in visits), line


@every_recording
def test_the_calls_agree_with_the_cdr_of_their_first_channel(path: Path) -> None:
    """Fields used: 1 source, 6 destination channel, 7 application, 14 disposition, 16 uniqueid."""
    calls = {call.uniqueid: call for call in fold(recorded(path)).calls.values()}
    with path.with_suffix(".cdr.csv").open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.reader(lines) if row[16] in calls]
    for row in rows:
        call = calls[row[16]]
        # Sent on to the outside, a caller shows our number there.
        if call.direction == "inbound" and not row[6].startswith("PJSIP/trunk-"):
            assert row[1] == (call.caller_number or ""), row
        if row[7] == "Dial" and row[14] == "ANSWERED" and row[6].startswith("PJSIP/"):
            # Who answered is not compared: of a picked-up call the CDR names the phone that rang.
            assert call.status == "answered", row
