"""The explanation of a call says in order what its events meant."""

from __future__ import annotations

import pytest

from callcenter.tracking.explain import explain
from tests.traces.folding import TRACES, TRUNKS, recorded, recordings


def said(name: str) -> list[str]:
    rows = explain(recorded(TRACES / "asterisk22" / f"{name}.ami"), "main", TRUNKS)
    return [row.sentence % row.values for row in rows]


def test_a_queue_that_ran_out_of_time_is_explained() -> None:
    assert said("queue_timeout") == [
        "A call came in from 13800138011 for 8003.",
        "The caller waits in the queue noone.",
        "1003 rings for the queue noone.",
        "A dial ended: NOANSWER.",
        "1003 did not answer.",
        "1003 rings for the queue noone.",
        "A dial ended: NOANSWER.",
        "The caller left the queue noone.",
        "The queue let the caller go: TIMEOUT.",
        "1003 did not answer.",
        "The PBX ended the call (a time-out or the dialplan).",
        "The call counts as: missed.",
    ]


def test_a_transfer_says_for_whom_the_colleague_rings() -> None:
    lines = said("blind_transfer_refer")
    assert lines.index("The call was transferred without asking first.") < lines.index("1002 rings, on behalf of 1001.")


def test_a_consultation_and_its_end_are_told() -> None:
    lines = said("attended_transfer")
    assert "1001 asked a colleague while the caller waited." in lines
    assert "The call was transferred after asking first." in lines


@pytest.mark.parametrize("path", recordings(), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_recording_is_explained_and_every_sentence_can_be_filled_in(path) -> None:  # type: ignore[no-untyped-def]
    rows = explain(recorded(path), "main", TRUNKS)
    assert rows
    assert all("%" not in row.sentence % row.values for row in rows)
    assert [row.at for row in rows] == [row.at for row in rows if row.at > 0]
