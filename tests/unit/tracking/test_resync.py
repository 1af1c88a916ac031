"""After a broken link: nothing is invented, nothing is doubled, nothing stays open."""

from __future__ import annotations

import pytest

from callcenter.ami import events as e
from callcenter.ami.state import BridgeState, PbxState
from callcenter.tracking.changes import LegClosed
from crm_core.calls.facts import CallState, CallStatus, Certainty, Direction, LegOutcome
from tests.traces.speaking import Pbx, channel_row, lists


@pytest.fixture
def pbx() -> Pbx:
    return Pbx()


TRUNK = channel_row("1000.1", "PJSIP/trunk-00000001", caller_number="13800138000", exten="1001", application="Dial")
AGENT = channel_row("1000.2", "PJSIP/1001-00000002", linkedid="1000.1", application="AppDial")
TALK = BridgeState("b1000.1", "basic", "simple_bridge", uniqueids=("1000.2", "1000.1"))


def reconnect(pbx: Pbx, state: PbxState, away: float = 3.0) -> None:
    pbx.folded.note(pbx.tracker.link_lost(pbx.at))
    pbx.wait(away)
    pbx.folded.note(pbx.tracker.reconcile(state, pbx.at))


def test_a_call_that_vanished_is_over_but_nobody_knows_when_or_how(pbx: Pbx) -> None:
    pbx.inbound_talk()
    reconnect(pbx, lists())
    call = pbx.call()
    assert (call.state, call.status, call.certainty) == (CallState.ENDED, CallStatus.ANSWERED, Certainty.GAP)
    assert (call.ended_at, call.ended_by, call.talk_seconds, call.hold_seconds) == (None, None, None, None)
    assert call.wait_seconds == pytest.approx(1)
    assert pbx.tracker.live() == []


def test_a_ringing_call_that_vanished_takes_its_pop_with_it_and_has_no_status(pbx: Pbx) -> None:
    pbx.newchannel("1000.1", "PJSIP/trunk-00000001", exten="1001")
    pbx.newchannel("1000.2", "PJSIP/1001-00000002", "1000.1", state="Down")
    pbx.dial("1000.1", "1000.2")
    pbx.state("1000.2", "Ringing")
    reconnect(pbx, lists())
    call = pbx.call()
    assert (call.status, call.wait_seconds) == (None, None)
    assert call.legs[0].outcome is None
    (closed,) = [change for change in pbx.folded.changes if isinstance(change, LegClosed)]
    assert (closed.leg.extension, closed.reason) == ("1001", "caller_gone")


def test_a_talk_that_goes_on_stays_one_call_and_its_length_is_not_known(pbx: Pbx) -> None:
    pbx.inbound_talk()
    reconnect(pbx, lists(TRUNK, AGENT, bridges=(TALK,)))
    pbx.wait(5)
    pbx.ask_hangup("1000.1")
    pbx.hangup("1000.1", "1000.2")
    call = pbx.call()
    assert (call.status, call.certainty, call.talk_seconds) == (CallStatus.ANSWERED, Certainty.GAP, None)
    assert call.ended_at is not None
    assert call.agents == ("1001",)


def test_an_answer_that_nobody_heard_has_no_time(pbx: Pbx) -> None:
    pbx.newchannel("1000.1", "PJSIP/trunk-00000001", exten="1001")
    pbx.newchannel("1000.2", "PJSIP/1001-00000002", "1000.1", state="Down")
    pbx.dial("1000.1", "1000.2")
    pbx.state("1000.2", "Ringing")
    reconnect(pbx, lists(TRUNK, AGENT, bridges=(TALK,)))
    pbx.hangup("1000.1", "1000.2")
    call = pbx.call()
    assert (call.status, call.answered_at, call.wait_seconds) == (CallStatus.ANSWERED, None, None)
    assert [(leg.outcome, leg.talk_seconds) for leg in call.legs] == [(LegOutcome.ANSWERED, None)]


def test_a_phone_that_still_rings_was_not_answered_meanwhile(pbx: Pbx) -> None:
    pbx.newchannel("1000.1", "PJSIP/trunk-00000001", exten="1001")
    pbx.newchannel("1000.2", "PJSIP/1001-00000002", "1000.1", state="Down")
    pbx.dial("1000.1", "1000.2")
    pbx.state("1000.2", "Ringing")
    ringing = channel_row("1000.2", "PJSIP/1001-00000002", 5, linkedid="1000.1", application="AppDial")
    waiting = channel_row("1000.1", "PJSIP/trunk-00000001", 4)
    reconnect(pbx, lists(waiting, ringing))
    pbx.state("1000.2", "Up")
    pbx.state("1000.1", "Up")
    pbx.enter("b1", "1000.2", "1000.1")
    pbx.hangup("1000.1", "1000.2")
    call = pbx.call()
    assert call.wait_seconds == pytest.approx(3)
    assert call.certainty is Certainty.GAP
    assert len(pbx.folded.shown()) == 1


def test_a_service_that_starts_in_mid_call_takes_the_call_in(pbx: Pbx) -> None:
    pbx.folded.note(pbx.tracker.reconcile(lists(TRUNK, AGENT, bridges=(TALK,)), pbx.at))
    (live,) = pbx.tracker.live()
    assert (live.direction, live.state, live.caller_number) == (Direction.INBOUND, CallState.TALKING, "13800138000")
    assert pbx.folded.shown() == [], "who talks already needs no pop"
    pbx.wait(9)
    pbx.ask_hangup("1000.1")
    pbx.hangup("1000.1", "1000.2")
    call = pbx.call()
    assert (call.status, call.certainty) == (CallStatus.ANSWERED, Certainty.GAP)
    assert (call.wait_seconds, call.talk_seconds, call.answered_at) == (None, None, None)
    assert call.agents == ("1001",)


def test_a_service_that_starts_while_a_phone_rings_pops_it(pbx: Pbx) -> None:
    ringing = channel_row("1000.2", "PJSIP/1001-00000002", 5, linkedid="1000.1", application="AppDial")
    pbx.folded.note(pbx.tracker.reconcile(lists(channel_row("1000.1", "PJSIP/trunk-00000001", 4), ringing), pbx.at))
    assert [extension for _, extension in pbx.folded.shown()] == ["1001"]


def test_lists_that_show_nothing_new_change_nothing(pbx: Pbx) -> None:
    state = lists(TRUNK, AGENT, bridges=(TALK,))
    pbx.folded.note(pbx.tracker.reconcile(state, pbx.at))
    before = pbx.tracker.live()
    for _ in range(3):
        assert pbx.tracker.reconcile(state, pbx.at) == []
    assert pbx.tracker.live() == before


def test_the_event_of_a_channel_that_the_list_showed_first_makes_no_second_call(pbx: Pbx) -> None:
    pbx.folded.note(pbx.tracker.reconcile(lists(channel_row("1000.1", "PJSIP/trunk-00000001", 4)), pbx.at))
    pbx.newchannel("1000.1", "PJSIP/trunk-00000001", exten="1001")
    assert len(pbx.tracker.live()) == 1


def test_what_may_not_be_asked_is_not_taken_for_gone(pbx: Pbx) -> None:
    pbx.inbound_talk()
    reconnect(pbx, PbxState(pbx="main", read_at=0.0, channels=None, bridges=None, queues=None))
    assert [call.state for call in pbx.tracker.live()] == [CallState.TALKING]
    pbx.hangup("1000.1", "1000.2")
    call = pbx.call()
    assert (call.certainty, call.talk_seconds) == (Certainty.GAP, None)


def test_calls_before_and_after_the_cut_have_no_gap(pbx: Pbx) -> None:
    pbx.inbound_talk()
    pbx.hangup("1000.1", "1000.2")
    reconnect(pbx, lists())
    pbx.inbound_talk("1000.5", "1000.6")
    pbx.hangup("1000.5", "1000.6")
    assert [call.certainty for call in pbx.calls()] == [Certainty.COMPLETE, Certainty.COMPLETE]


def test_a_hold_that_was_taken_back_unseen_is_not_counted(pbx: Pbx) -> None:
    pbx.inbound_talk()
    pbx.say(e.Hold(pbx.at, b"", "1000.2", "1000.1"))
    reconnect(pbx, lists(TRUNK, AGENT, bridges=(TALK,)))
    pbx.wait(60)
    pbx.hangup("1000.1", "1000.2")
    assert pbx.call().hold_seconds is None


def test_the_own_clock_of_the_service_never_enters_the_books(pbx: Pbx) -> None:
    pbx.newchannel("1000.1", "PJSIP/trunk-00000001", exten="1001")
    pbx.folded.note(pbx.tracker.link_lost(5e9))
    pbx.folded.note(pbx.tracker.reconcile(lists(channel_row("1000.1", "PJSIP/trunk-00000001", 4)), 5e9 + 2))
    pbx.wait(4)
    pbx.ask_hangup("1000.1")
    pbx.hangup("1000.1")
    call = pbx.call()
    assert call.ended_at == pytest.approx(1004)


def test_a_call_taken_in_began_by_the_clock_of_the_pbx(pbx: Pbx) -> None:
    # The service's own clock is a day ahead, and the last thing heard of this PBX is hours ago.
    born = 1.8e9
    rows = (
        channel_row(f"{born:.0f}.7", "PJSIP/trunk-00000007", caller_number="13800138000", duration_seconds=4),
        channel_row(f"{born + 1:.0f}.8", "PJSIP/1001-00000008", linkedid=f"{born:.0f}.7", duration_seconds=3),
    )
    pbx.folded.note(pbx.tracker.link_lost(born - 9000))
    pbx.folded.note(pbx.tracker.reconcile(lists(*rows), born + 86400))
    (call,) = pbx.tracker.live()
    assert call.started_at == pytest.approx(born, abs=1)
    assert call.wait_seconds is None


def test_a_phone_that_was_taken_unseen_is_not_answered_by_what_is_heard_later(pbx: Pbx) -> None:
    pbx.newchannel("1000.1", "PJSIP/trunk-00000001", exten="1001")
    pbx.newchannel("1000.2", "PJSIP/1001-00000002", "1000.1", state="Down")
    pbx.dial("1000.1", "1000.2")
    pbx.state("1000.2", "Ringing")
    reconnect(pbx, lists(TRUNK, AGENT, bridges=(TALK,)))
    pbx.wait(3)
    pbx.enter("elsewhere", "1000.2", "1000.1")
    (leg,) = pbx.call().legs
    assert (leg.outcome, leg.answered_at, leg.talk_seconds) == (LegOutcome.ANSWERED, None, None)


def test_a_colleague_found_in_the_conference_came_nobody_knows_when(pbx: Pbx) -> None:
    pbx.inbound_talk()
    pbx.leave("b1000.1", "1000.2")
    pbx.hangup("1000.2")
    pbx.enter("room", "1000.1", kind="base", technology="softmix")
    trunk = channel_row("1000.1", "PJSIP/trunk-00000001", exten="8501", application="ConfBridge")
    guest = channel_row("1000.9", "PJSIP/1005-00000009", exten="8501", application="ConfBridge")
    room = BridgeState("room", "base", "softmix", uniqueids=("1000.1", "1000.9"))
    reconnect(pbx, lists(trunk, guest, bridges=(room,)))
    call = pbx.call()
    guests = [leg for leg in call.legs if leg.extension == "1005"]
    assert [(leg.outcome, leg.answered_at, leg.talk_seconds) for leg in guests] == [(LegOutcome.ANSWERED, None, None)]
    assert call.agents == ("1001", "1005")


def test_a_stay_in_a_queue_that_ended_unseen_has_no_length(pbx: Pbx) -> None:
    pbx.newchannel("1000.1", "PJSIP/trunk-00000001", exten="8001")
    pbx.state("1000.1", "Up")
    pbx.say(e.QueueCallerJoin(pbx.at, b"", "1000.1", "1000.1", "sales", 1))
    reconnect(pbx, lists(TRUNK, AGENT, bridges=(TALK,)))
    (visit,) = pbx.call().queues
    assert (visit.queue, visit.left_at, visit.outcome) == ("sales", None, "left")


def test_what_a_customer_dialled_before_anybody_looked_is_not_known(pbx: Pbx) -> None:
    reconnect(pbx, lists(TRUNK, AGENT, bridges=(TALK,)))
    assert pbx.call().called_number is None
