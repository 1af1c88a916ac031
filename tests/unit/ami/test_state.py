"""The rows of a state reading become values, whatever a PBX leaves out."""

from __future__ import annotations

import pytest

from callcenter.ami.config import PbxConfig
from callcenter.ami.state import LinkPhase, LinkState, PbxState, bridge_of, channel_of, known, queues_of


def test_a_channel_row_with_everything() -> None:
    channel = channel_of(
        {
            "Channel": "PJSIP/1001-00000001",
            "Uniqueid": "1.2",
            "Linkedid": "1.1",
            "ChannelState": "6",
            "CallerIDNum": "13800138000",
            "CallerIDName": "张三",
            "ConnectedLineNum": "<unknown>",
            "BridgeId": "b1",
            "Duration": "01:02:03",
        }
    )
    assert (channel.uniqueid, channel.linkedid, channel.state, channel.bridge_id) == ("1.2", "1.1", 6, "b1")
    assert (channel.caller_name, channel.connected_number, channel.duration_seconds) == ("张三", None, 3723)


def test_a_channel_row_with_nothing() -> None:
    channel = channel_of({"Uniqueid": "1.2", "ChannelState": "x", "Duration": "soon"})
    assert (channel.linkedid, channel.state, channel.bridge_id, channel.duration_seconds) == ("1.2", 0, None, None)


@pytest.mark.parametrize("text", [None, "", "<unknown>"])
def test_no_caller_id_is_none(text: str | None) -> None:
    assert known(text) is None


def test_a_bridge_that_vanished_is_not_an_empty_one() -> None:
    row = {"BridgeUniqueid": "b1", "BridgeType": "basic", "BridgeNumChannels": "2"}
    assert not bridge_of(row, None).channels_known
    assert bridge_of(row, []).channels_known
    assert bridge_of(row, [{"Uniqueid": "1.1", "Channel": "PJSIP/a-1"}]).uniqueids == ("1.1",)


def test_members_and_callers_find_their_queue_in_any_order() -> None:
    queues = queues_of(
        [
            ("QueueParams", {"Queue": "a", "Strategy": "ringall", "ServicelevelPerf": "87.5"}),
            ("QueueMember", {"Queue": "b", "Location": "PJSIP/1", "Paused": "1", "PausedReason": "午休"}),
            ("QueueEntry", {"Queue": "a", "Uniqueid": "1.1", "Position": "1", "Wait": "7", "CallerIDNum": "1"}),
            ("QueueParams", {"Queue": "b", "ServicelevelPerf": "broken"}),
        ]
    )
    first, second = queues
    assert (first.name, first.service_level_percent, first.waiting[0].wait_seconds) == ("a", 87.5, 7)
    assert (second.members[0].paused, second.members[0].paused_reason, second.waiting) == (True, "午休", ())


def test_a_state_without_channels_or_bridges_proves_no_absence() -> None:
    assert not PbxState("main", 0.0, channels=()).complete
    assert not PbxState("main", 0.0, bridges=()).complete
    assert PbxState("main", 0.0, channels=(), bridges=()).complete


def test_only_up_is_up() -> None:
    assert [phase for phase in LinkPhase if LinkState(phase, 0.0).up] == [LinkPhase.UP]


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"port": 0},
        {"port": 70000},
        {"secret": "a\r\nAction: Command"},
        {"action_username": "x"},
        {"action_secret": "x"},
        {"action_username": "x\n", "action_secret": "y"},
    ],
)
def test_a_pbx_that_cannot_be_right_is_refused(wrong: dict[str, object]) -> None:
    good: dict[str, object] = {"name": "main", "host": "h", "username": "u", "secret": "s"}
    with pytest.raises(ValueError):
        PbxConfig(**(good | wrong))  # type: ignore[arg-type]


def test_secrets_are_not_shown_when_a_configuration_is_printed() -> None:
    config = PbxConfig("main", "h", "u", "hush-1", action_username="a", action_secret="hush-2")
    assert "hush" not in repr(config)
