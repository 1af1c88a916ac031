"""Rules of transfers, consultations and conferences that hold in whichever order the PBX's threads speak."""

from __future__ import annotations

import pytest

from callcenter.ami import events as e
from callcenter.tracking.changes import LegRang
from crm_core.calls.facts import CallStatus, Transfer
from tests.traces.speaking import Pbx


@pytest.fixture
def pbx() -> Pbx:
    return Pbx()


def _asked_by(pbx: Pbx) -> str | None:
    return [change for change in pbx.folded.changes if isinstance(change, LegRang)][-1].leg.transferred_from


def test_a_phone_that_rings_before_its_dial_is_told_still_shows_who_asks(pbx: Pbx) -> None:
    pbx.inbound_talk()
    pbx.say(e.Hold(pbx.at, b"", "1000.2", "1000.1"))
    pbx.newchannel("1000.3", "PJSIP/1001-00000003", exten="1002")
    pbx.newchannel("1000.4", "PJSIP/1002-00000004", "1000.3", state="Down")
    pbx.state("1000.4", "Ringing")
    assert _asked_by(pbx) == "1001"


def test_so_it_does_when_asked_by_keys_through_a_local_channel(pbx: Pbx) -> None:
    pbx.inbound_talk()
    pbx.say(e.Hold(pbx.at, b"", "1000.2", "1000.1"))
    for uid, half in (("1000.3", 1), ("1000.4", 2)):
        pbx.newchannel(uid, f"Local/1002@from-agents-00000000;{half}", "1000.1", exten="1002")
        pbx.variable(uid, "TRANSFERERNAME", "PJSIP/1001-00000002")
    pbx.newchannel("1000.5", "PJSIP/1002-00000005", "1000.1", state="Down")
    pbx.state("1000.5", "Ringing")
    assert _asked_by(pbx) == "1001"


def test_who_sent_the_call_on_is_not_forgotten_while_the_two_still_hear_each_other(pbx: Pbx) -> None:
    pbx.newchannel("1000.1", "PJSIP/1001-00000001", exten="1002")
    pbx.newchannel("1000.2", "PJSIP/1002-00000002", "1000.1", state="Down")
    pbx.dial("1000.1", "1000.2", "1002")
    pbx.state("1000.2", "Up")
    pbx.state("1000.1", "Up")
    pbx.enter("b1", "1000.1", "1000.2")
    pbx.say(e.BlindTransfer(pbx.at, b"", "Success", "1000.1", "PJSIP/1001-00000001", "1000.2", "1005"))
    pbx.say(e.Unhold(pbx.at, b"", "1000.1", "1000.1"))
    pbx.leave("b1", "1000.1", "1000.2")
    pbx.newchannel("1000.3", "PJSIP/1005-00000003", "1000.1", state="Down")
    pbx.dial("1000.2", "1000.3", "1005")
    pbx.state("1000.3", "Ringing")
    assert _asked_by(pbx) == "1001"


def test_a_desk_forwarded_to_a_mobile_outside_is_spoken_with(pbx: Pbx) -> None:
    pbx.newchannel("1000.1", "PJSIP/trunk-00000001", exten="1001")
    pbx.newchannel("1000.2", "PJSIP/trunk-00000002", "1000.1", state="Down")
    pbx.dial("1000.1", "1000.2", "13900139000")
    pbx.state("1000.2", "Up")
    pbx.state("1000.1", "Up")
    pbx.enter("b1", "1000.2", "1000.1")
    pbx.wait(5)
    pbx.hangup("1000.1", "1000.2")
    call = pbx.call()
    assert (call.status, call.talk_seconds, call.agents) == (CallStatus.ANSWERED, 5.0, ())


def test_two_outside_lines_without_the_agent_who_joined_them_are_no_talk(pbx: Pbx) -> None:
    pbx.inbound_talk()
    pbx.wait(3)
    pbx.say(e.BlindTransfer(pbx.at, b"", "Success", "1000.2", "PJSIP/1001-00000002", "1000.1", "13900139000"))
    pbx.leave("b1000.1", "1000.2", "1000.1")
    pbx.hangup("1000.2")
    pbx.newchannel("1000.3", "PJSIP/trunk-00000003", "1000.1", state="Down")
    pbx.dial("1000.1", "1000.3", "13900139000")
    pbx.state("1000.3", "Up")
    pbx.enter("b2", "1000.3", "1000.1")
    pbx.wait(5)
    pbx.hangup("1000.1", "1000.3")
    call = pbx.call()
    assert (call.talk_seconds, call.hold_seconds, call.transferred) == (3.0, 0.0, Transfer.BLIND)
