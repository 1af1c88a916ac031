"""Pure rules of the call log."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from crm_core.calls.facts import AgentTalk, CallStatus, Direction, LegOutcome
from crm_core.calls.rules import (
    Party,
    WriteUp,
    band,
    checked_progress,
    day_bounds,
    is_missed,
    is_outlier,
    merged,
    owner_extension,
    pack_events,
    parties,
    raw_packets,
    unpack_events,
)
from crm_core.kernel.errors import Rejected
from tests.factories import call_facts, leg_facts

T = 1795226400.0


def test_a_call_is_counted_with_who_spoke_last() -> None:
    call = call_facts(
        leg_facts("1001", answered_at=T + 5),
        leg_facts("1002", rang_at=T + 50, answered_at=T + 60),
        leg_facts("1003", rang_at=T + 90, answered_at=None, outcome=LegOutcome.NO_ANSWER),
    )
    assert owner_extension(call) == "1002"


def test_a_missed_call_is_counted_with_who_was_rung_last() -> None:
    ring = {"answered_at": None, "outcome": LegOutcome.NO_ANSWER}
    call = call_facts(
        leg_facts("1001", **ring), leg_facts("1002", rang_at=T + 20, **ring), status=CallStatus.MISSED, agents=()
    )
    assert owner_extension(call) == "1002"
    assert is_missed(call)


def test_a_call_that_nobody_was_rung_for_is_counted_with_nobody() -> None:
    call = call_facts(status=CallStatus.ABANDONED)
    assert owner_extension(call) is None
    assert parties(call) == []


def test_an_outbound_call_is_counted_with_who_dialled_though_his_phone_never_rang() -> None:
    call = call_facts(direction=Direction.OUTBOUND, caller_number="1001", status=CallStatus.MISSED, answered_at=None)
    assert owner_extension(call) == "1001"
    assert parties(call) == [Party("1001", True)]
    assert not is_missed(call)


def test_who_began_a_call_and_spoke_has_the_talk_of_the_whole_call() -> None:
    call = call_facts(direction=Direction.OUTBOUND, caller_number="1001", agents=("1001",))
    assert parties(call) == [Party("1001", True, T + 10, 50.0)]


def test_the_talk_of_each_agent_is_taken_from_the_facts_when_they_say_it() -> None:
    call = call_facts(
        leg_facts("1001"),
        leg_facts("1002"),
        spoke=(AgentTalk("1001", T + 10, 20.0), AgentTalk("1002", T + 30, 30.0)),
    )
    assert [(p.extension, p.talk_seconds) for p in parties(call)] == [("1001", 20.0), ("1002", 30.0)]
    assert owner_extension(call) == "1002"


def test_a_listener_took_part_but_is_no_agent_of_the_call() -> None:
    call = call_facts(leg_facts("1001"), leg_facts("1009", outcome=LegOutcome.LISTENED, rang_at=T + 20))
    assert owner_extension(call) == "1001"
    assert [(p.extension, p.as_agent) for p in parties(call)] == [("1001", True), ("1009", False)]


def test_when_somebody_answered_the_others_that_rang_are_no_agents() -> None:
    call = call_facts(leg_facts("1001"), leg_facts("1002", answered_at=None, outcome=LegOutcome.ANSWERED_ELSEWHERE))
    assert [(p.extension, p.as_agent) for p in parties(call)] == [("1001", True), ("1002", False)]


def test_a_merge_loses_nothing_that_people_entered() -> None:
    soon, late = datetime(2026, 11, 22, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
    kept = WriteUp(progress=15, next_at=late)
    gone = WriteUp(progress=75, disposition="sale", next_at=soon, claimed_by_id=7, claimed_at=soon, customer_id=9)
    both = WriteUp(75, "sale", soon, 7, soon, None, 9)
    assert merged(kept, gone) == both
    assert merged(gone, kept) == both
    assert merged(kept, WriteUp()) == kept


@pytest.mark.parametrize("progress", [15, 50, 75, 100, None])
def test_the_stages_of_a_sale(progress: int | None) -> None:
    assert checked_progress(progress) == progress


@pytest.mark.parametrize("progress", [0, 1, 20, 101, -15])
def test_no_other_stage_is_accepted(progress: int) -> None:
    with pytest.raises(Rejected):
        checked_progress(progress)


def test_packed_events_come_back_as_they_were() -> None:
    packets = [
        b"Event: Newchannel\r\nCallerIDName: \xe5\xbc\xa0\r\n\r\n",
        b"Event: Hangup\r\nVariable: a\r\nVariable: b",
    ]
    chunk = pack_events(packets)
    assert raw_packets(chunk) == [packet.strip(b"\r\n") for packet in packets]
    assert unpack_events(chunk) == [
        [("Event", "Newchannel"), ("CallerIDName", "张")],
        [("Event", "Hangup"), ("Variable", "a"), ("Variable", "b")],
    ]


def test_a_business_day_follows_the_clocks_of_its_zone() -> None:
    assert day_bounds(date(2026, 11, 21), ZoneInfo("Asia/Shanghai"))[0] == datetime(2026, 11, 20, 16, tzinfo=UTC)
    start, end = day_bounds(date(2026, 3, 29), ZoneInfo("Europe/Berlin"))
    assert end - start == timedelta(hours=23)


@pytest.mark.parametrize(("average", "name"), [(209.9, "short"), (210, "normal"), (240, "normal"), (240.1, "long")])
def test_an_average_is_compared_with_three_and_a_half_to_four_minutes(average: float, name: str) -> None:
    assert band(average) == name


@pytest.mark.parametrize(("seconds", "flagged"), [(104, True), (106, False), (479, False), (481, True)])
def test_single_calls_far_from_normal_are_outliers(seconds: float, flagged: bool) -> None:
    assert is_outlier(seconds) is flagged
