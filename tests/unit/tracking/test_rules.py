"""Rules of the fold that no recording shows, each by a handful of events."""

from __future__ import annotations

import pytest

from callcenter.ami import events as e
from callcenter.tracking.changes import CallChanged, CallMerged, LegClosed, LegRang
from callcenter.tracking.live import AgentState
from callcenter.tracking.naming import Kind, age_of, extension_of, kind_of
from crm_core.calls.facts import CallStatus, Direction, EndedBy, LegOutcome, Transfer
from tests.traces.speaking import Pbx


@pytest.fixture
def pbx() -> Pbx:
    return Pbx()


@pytest.mark.parametrize(
    ("channel", "kind", "extension"),
    [
        ("PJSIP/trunk-0000000a", Kind.TRUNK, ""),
        ("PJSIP/trunk2-0000000a", Kind.EXTENSION, "trunk2"),
        ("PJSIP/1001-0000000a", Kind.EXTENSION, "1001"),
        ("PJSIP/east-1001-0000000a", Kind.EXTENSION, "east-1001"),
        ("SIP/1001-0000beef", Kind.EXTENSION, "1001"),
        ("Local/1001@agents-00000001;1", Kind.LOCAL, ""),
        ("Message/ast_msg_queue", Kind.MACHINE, ""),
        ("CBAnn/8501-00000001;2", Kind.MACHINE, ""),
        ("AsyncGoto/PJSIP/1001-0000000a", Kind.MACHINE, ""),
    ],
)
def test_the_name_of_a_channel_tells_its_side(channel: str, kind: Kind, extension: str) -> None:
    assert kind_of(channel, ("PJSIP/trunk",)) is kind
    if kind is Kind.EXTENSION:
        assert extension_of(channel) == extension


def test_uniqueids_are_compared_as_numbers() -> None:
    assert age_of("1795295257.10") > age_of("1795295257.9")
    assert age_of("pbx-east-1795295257.10") > age_of("pbx-east-1795295257.9")


def test_an_extension_that_could_not_even_be_rung_makes_the_call_failed(pbx: Pbx) -> None:
    pbx.newchannel("1000.1", "PJSIP/trunk-00000001", exten="1009")
    pbx.variable("1000.1", "DIALSTATUS", "CHANUNAVAIL")
    pbx.hangup("1000.1", cause=20)
    assert pbx.call().status is CallStatus.FAILED


def test_a_refused_queue_was_tried_so_the_call_was_missed(pbx: Pbx) -> None:
    pbx.newchannel("1000.1", "PJSIP/trunk-00000001", exten="8001")
    pbx.variable("1000.1", "QUEUESTATUS", "JOINEMPTY")
    pbx.hangup("1000.1")
    assert pbx.call().status is CallStatus.MISSED


def test_an_ignored_own_phone_may_be_named_only_after_the_call(pbx: Pbx) -> None:
    pbx.newchannel("1000.1", "PJSIP/1001-00000001", state="Down")
    pbx.dial("", "1000.1")
    pbx.state("1000.1", "Ringing")
    pbx.wait(4)
    pbx.hangup("1000.1", cause=0)
    assert pbx.call().called_number is None
    pbx.say(e.OriginateResponse(pbx.at, b"", "7", "Failure", "<null>", "PJSIP/1001", "13900139000", ""))
    call = pbx.call()
    assert (call.direction, call.status) == (Direction.OUTBOUND, CallStatus.CANCELLED)
    assert (call.caller_number, call.called_number) == ("1001", "13900139000")


def test_the_own_phone_of_a_click_to_dial_is_a_leg_without_a_pop(pbx: Pbx) -> None:
    pbx.newchannel("1000.1", "PJSIP/1001-00000001", state="Down")
    pbx.dial("", "1000.1")
    pbx.state("1000.1", "Ringing")
    pbx.hangup("1000.1")
    assert [leg.extension for leg in pbx.call().legs] == ["1001"]
    assert pbx.folded.shown() == []


def test_a_phone_that_answers_without_ringing_pops_all_the_same(pbx: Pbx) -> None:
    pbx.newchannel("1000.1", "PJSIP/trunk-00000001", exten="1001")
    pbx.newchannel("1000.2", "PJSIP/1001-00000002", "1000.1", state="Down")
    pbx.dial("1000.1", "1000.2")
    pbx.state("1000.2", "Up")
    assert [extension for _, extension in pbx.folded.shown()] == ["1001"]


def test_a_second_call_to_a_customer_while_one_is_held_is_a_call_of_its_own(pbx: Pbx) -> None:
    pbx.inbound_talk()
    pbx.say(e.Hold(pbx.at, b"", "1000.2", "1000.1"))
    pbx.newchannel("1000.3", "PJSIP/1001-00000003", exten="13900139000")
    assert len(pbx.calls()) == 1, "it may yet be a question to a colleague"
    pbx.newchannel("1000.4", "PJSIP/trunk-00000004", "1000.3", state="Down")
    pbx.dial("1000.3", "1000.4", "13900139000")
    first, second = pbx.calls()
    assert (first.direction, second.direction) == (Direction.INBOUND, Direction.OUTBOUND)
    assert (second.caller_number, second.called_number) == ("1001", "13900139000")


def test_a_consultation_is_part_of_the_call_from_its_first_ring(pbx: Pbx) -> None:
    pbx.inbound_talk()
    pbx.say(e.Hold(pbx.at, b"", "1000.2", "1000.1"))
    pbx.newchannel("1000.3", "PJSIP/1001-00000003", exten="1002")
    pbx.newchannel("1000.4", "PJSIP/1002-00000004", "1000.3", state="Down")
    pbx.dial("1000.3", "1000.4", "1002")
    pbx.state("1000.4", "Ringing")
    (call,) = pbx.calls()
    last = [change for change in pbx.folded.changes if isinstance(change, LegRang)][-1]
    assert (last.call_id, last.leg.extension, last.leg.transferred_from) == (call.id, "1002", "1001")
    assert call.customer_number == "13800138000"


def test_two_calls_that_meet_become_one_the_customer_s(pbx: Pbx) -> None:
    pbx.newchannel("1000.1", "PJSIP/1001-00000001", exten="1002")
    pbx.newchannel("1000.2", "PJSIP/1002-00000002", "1000.1", state="Down")
    pbx.dial("1000.1", "1000.2", "1002")
    pbx.state("1000.2", "Up")
    pbx.state("1000.1", "Up")
    pbx.enter("b1", "1000.1", "1000.2")
    pbx.newchannel("1000.3", "PJSIP/trunk-00000003", exten="8001")
    pbx.state("1000.3", "Up")
    pbx.leave("b1", "1000.1")
    pbx.hangup("1000.1")
    pbx.wait(1)
    pbx.enter("b1", "1000.3")
    (call,) = pbx.calls()
    assert (call.direction, call.uniqueid) == (Direction.INBOUND, "1000.3")
    assert [change for change in pbx.folded.changes if isinstance(change, CallMerged)][-1].into == call.id


def test_a_conference_may_hold_two_customers_each_with_a_call(pbx: Pbx) -> None:
    for uid in ("1000.1", "1000.2"):
        pbx.newchannel(uid, f"PJSIP/trunk-0000000{uid[-1]}", exten="8501")
        pbx.state(uid, "Up")
    pbx.enter("c1", "1000.1", "1000.2", kind="base", technology="softmix")
    assert len(pbx.calls()) == 2


def test_a_parking_lot_joins_nobody(pbx: Pbx) -> None:
    for uid in ("1000.1", "1000.2"):
        pbx.newchannel(uid, f"PJSIP/trunk-0000000{uid[-1]}", exten="1001")
        pbx.state(uid, "Up")
    pbx.enter("lot", "1000.1", "1000.2", kind="parking", technology="holding_bridge")
    assert len(pbx.calls()) == 2
    assert all(call.answered_at is None for call in pbx.calls())


def test_an_agent_alone_in_a_bridge_talks_with_nobody(pbx: Pbx) -> None:
    pbx.inbound_talk()
    pbx.wait(5)
    pbx.leave("b1000.1", "1000.1")
    pbx.wait(30)
    pbx.hangup("1000.1", "1000.2")
    assert pbx.call().talk_seconds == pytest.approx(5)


def test_whoever_hung_up_first_ended_it(pbx: Pbx) -> None:
    pbx.inbound_talk()
    pbx.ask_hangup("1000.2")
    pbx.leave("b1000.1", "1000.2", "1000.1")
    pbx.hangup("1000.2", "1000.1")
    assert pbx.call().ended_by is EndedBy.CALLED


def test_an_agent_who_left_a_conference_did_not_end_the_call(pbx: Pbx) -> None:
    pbx.inbound_talk()
    pbx.newchannel("1000.3", "PJSIP/1002-00000003", "1000.1", state="Up")
    pbx.enter("b1000.1", "1000.3")
    pbx.ask_hangup("1000.2")
    pbx.leave("b1000.1", "1000.2")
    pbx.hangup("1000.2")
    pbx.wait(10)
    pbx.ask_hangup("1000.1")
    pbx.hangup("1000.1", "1000.3")
    call = pbx.call()
    assert call.ended_by is EndedBy.CALLER
    assert call.agents == ("1001", "1002")
    assert call.talk_seconds == pytest.approx(10)


def test_a_hold_that_is_never_taken_back_ends_with_the_call(pbx: Pbx) -> None:
    pbx.inbound_talk()
    pbx.wait(2)
    pbx.say(e.Hold(pbx.at, b"", "1000.2", "1000.1"))
    pbx.wait(3)
    pbx.hangup("1000.1", "1000.2")
    call = pbx.call()
    assert (call.talk_seconds, call.hold_seconds) == (pytest.approx(2), pytest.approx(3))
    assert [(hold.kind, hold.by) for hold in call.holds] == [("hold", "1001")]


def test_a_transfer_that_only_parked_is_no_transfer_whatever_comes_first(pbx: Pbx) -> None:
    for transfer_first in (True, False):
        line = Pbx()
        line.inbound_talk()
        blind = e.BlindTransfer(line.at, b"", "Success", "1000.2", "PJSIP/1001-00000002", "1000.1", "700")
        parked = e.ParkedCall(line.at, b"", "1000.1", "1000.2", "PJSIP/1001", "701", "default")
        line.leave("b1000.1", "1000.1")
        line.say(blind) if transfer_first else None
        line.enter("lot", "1000.1", kind="parking", technology="holding_bridge")
        line.say(parked)
        line.say(blind) if not transfer_first else None
        line.hangup("1000.2", "1000.1")
        assert line.call().transferred is None


def test_a_failed_transfer_is_none(pbx: Pbx) -> None:
    pbx.inbound_talk()
    pbx.say(e.BlindTransfer(pbx.at, b"", "Invalid", "1000.2", "PJSIP/1001-00000002", "1000.1", "7999"))
    pbx.say(e.AttendedTransfer(pbx.at, b"", "Fail", "1000.2", "PJSIP/1001-00000002", "", "", "1000.1", "", "Fail"))
    pbx.hangup("1000.2", "1000.1")
    assert pbx.call().transferred is None


def test_an_attended_transfer_counts_when_it_went_well(pbx: Pbx) -> None:
    pbx.inbound_talk()
    name = "PJSIP/1001-00000002"
    pbx.say(e.AttendedTransfer(pbx.at, b"", "Success", "1000.2", name, "1000.2", name, "1000.1", "", "Bridge"))
    pbx.hangup("1000.2", "1000.1")
    assert pbx.call().transferred is Transfer.ATTENDED


def test_a_listener_who_goes_on_to_another_call_is_a_leg_of_both_and_prolongs_neither(pbx: Pbx) -> None:
    pbx.inbound_talk("1000.1", "1000.2", "1001")
    pbx.inbound_talk("1000.5", "1000.6", "1002")
    pbx.newchannel("1000.9", "PJSIP/1008-00000009", exten="555")
    pbx.say(e.ChanSpyStart(pbx.at, b"", "1000.9", "1000.2"))
    pbx.wait(2)
    pbx.hangup("1000.2", "1000.1")
    pbx.say(e.ChanSpyStart(pbx.at, b"", "1000.9", "1000.6"))
    pbx.wait(2)
    pbx.hangup("1000.6", "1000.5")
    for call in pbx.calls():
        assert [leg.outcome for leg in call.legs] == [LegOutcome.ANSWERED, LegOutcome.LISTENED]
        assert call.ended_at is not None
        assert "1008" not in call.agents
    pbx.hangup("1000.9")
    assert pbx.tracker.live() == []


def test_a_pbx_that_counts_anew_gives_a_new_call(pbx: Pbx) -> None:
    pbx.newchannel("1000.1", "PJSIP/trunk-00000001", exten="1001")
    pbx.wait(100)
    pbx.newchannel("1000.1", "PJSIP/trunk-00000001", exten="1001")
    first, second = pbx.calls()
    assert first.id != second.id
    assert (first.status, first.ended_at) == (None, None)
    assert [call.id for call in pbx.tracker.live()] == [second.id]


def test_the_same_events_give_the_same_ids() -> None:
    ids = []
    for _ in range(2):
        line = Pbx()
        line.inbound_talk()
        ids.append((line.call().id, [leg.id for leg in line.call().legs]))
    assert ids[0] == ids[1]


def test_every_call_starts_once_and_ends_once_and_its_last_word_is_marked(pbx: Pbx) -> None:
    pbx.inbound_talk()
    pbx.hangup("1000.1")
    pbx.wait(1)
    pbx.hangup("1000.2")
    said = [(change.what, change.last) for change in pbx.folded.changes if isinstance(change, CallChanged)]
    assert [what for what, _ in said].count("started") == 1
    assert [what for what, _ in said].count("ended") == 1
    assert [last for _, last in said].index(True) == len(said) - 1


def test_a_fork_s_loser_is_told_who_took_it(pbx: Pbx) -> None:
    pbx.newchannel("1000.1", "PJSIP/trunk-00000001", exten="2012")
    for uid, extension in (("1000.2", "1001"), ("1000.3", "1002")):
        pbx.newchannel(uid, f"PJSIP/{extension}-0000000{uid[-1]}", "1000.1", state="Down")
        pbx.dial("1000.1", uid)
        pbx.state(uid, "Ringing")
    pbx.state("1000.3", "Up")
    pbx.dial_end("1000.1", "1000.2", "CANCEL")
    pbx.hangup("1000.2", cause=26)
    (closed,) = [change for change in pbx.folded.changes if isinstance(change, LegClosed)]
    assert (closed.leg.extension, closed.reason, closed.by) == ("1001", "answered_elsewhere", "1002")


def test_a_question_taken_back_while_the_colleague_s_phone_rings_was_answered_by_nobody(pbx: Pbx) -> None:
    pbx.inbound_talk()
    pbx.say(e.Hold(pbx.at, b"", "1000.2", "1000.1"))
    pbx.newchannel("1000.3", "PJSIP/1001-00000003", exten="1002")
    pbx.newchannel("1000.4", "PJSIP/1002-00000004", "1000.3", state="Down")
    pbx.dial("1000.3", "1000.4", "1002")
    pbx.state("1000.4", "Ringing")
    pbx.wait(2)
    pbx.ask_hangup("1000.3")
    pbx.dial_end("1000.3", "1000.4", "CANCEL")
    pbx.hangup("1000.4", cause=0)
    pbx.hangup("1000.3")
    (closed,) = [change for change in pbx.folded.changes if isinstance(change, LegClosed)]
    assert (closed.leg.outcome, closed.reason, closed.by) == (LegOutcome.CANCELLED, "caller_gone", None)


def test_an_extension_shows_what_it_does(pbx: Pbx) -> None:
    def member(status: int, paused: int) -> e.QueueMemberStatus:
        return e.QueueMemberStatus(
            pbx.at, b"", "sales", "PJSIP/1001", "Agent", "", "lunch", 0, 0, 0, 0, status, paused, 0
        )

    pbx.say(member(5, 0))
    assert pbx.tracker.agent("1001").state is AgentState.OFFLINE
    pbx.say(member(1, 0))
    assert pbx.tracker.agent("1001").state is AgentState.IDLE
    pbx.say(member(1, 1))
    assert pbx.tracker.agent("1001").state is AgentState.PAUSED
    pbx.inbound_talk()
    assert pbx.tracker.agent("1001").state is AgentState.TALKING
    pbx.say(e.Hold(pbx.at, b"", "1000.2", "1000.1"))
    assert pbx.tracker.agent("1001").state is AgentState.HOLDING
    pbx.hangup("1000.2", "1000.1")
    assert pbx.tracker.agent("1001").state is AgentState.PAUSED


def test_a_queue_shows_who_waits_in_order(pbx: Pbx) -> None:
    for uid in ("1000.1", "1000.2", "1000.3"):
        pbx.newchannel(uid, f"PJSIP/trunk-0000000{uid[-1]}", exten="8001")
    pbx.say(e.QueueCallerJoin(pbx.at, b"", "1000.1", "1000.1", "sales", 1))
    pbx.say(e.QueueCallerJoin(pbx.at, b"", "1000.2", "1000.2", "sales", 2))
    pbx.say(e.QueueCallerJoin(pbx.at, b"", "1000.3", "1000.3", "sales", 1))
    ids = {call.uniqueid: call.id for call in pbx.calls()}
    waiting = [row.call_id for row in pbx.tracker.queue("sales").waiting]
    assert waiting == [ids["1000.3"], ids["1000.1"], ids["1000.2"]]
    pbx.say(e.QueueCallerLeave(pbx.at, b"", "1000.1", "sales"))
    assert [row.call_id for row in pbx.tracker.queue("sales").waiting] == [ids["1000.3"], ids["1000.2"]]
