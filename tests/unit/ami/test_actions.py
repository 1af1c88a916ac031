"""Every value of an action is what it claims to be, or the action is refused."""

from __future__ import annotations

import pytest

from callcenter.ami import actions
from callcenter.ami.actions import MuteDirection, SpyMode
from callcenter.ami.protocol import packet
from crm_core.kernel.errors import Rejected

CHANNEL = "PJSIP/1001-00000001"


def test_click_to_dial_rings_the_own_phone_first_and_never_blocks() -> None:
    name, fields = actions.originate(
        endpoint="1001",
        to="13800138000",
        in_context="from-agents",
        caller_number="13800138000",
        caller_name="张三",
        variables={"__CRM_CALL": "7"},
    )
    assert name == "Originate"
    assert dict(fields) == {
        "Channel": "PJSIP/1001",
        "Context": "from-agents",
        "Exten": "13800138000",
        "Priority": "1",
        "Timeout": "30000",
        "Async": "true",
        "CallerID": '"张三" <13800138000>',
        "Variable": "__CRM_CALL=7",
    }


def test_several_variables_are_several_headers() -> None:
    _, fields = actions.originate(endpoint="1001", to="1", in_context="c", variables={"A": "1", "B": "2"})
    assert [value for key, value in fields if key == "Variable"] == ["A=1", "B=2"]


@pytest.mark.parametrize(
    "number", ["1380013&8000", "abc", "", "1380013 8000", "1\n", "１２３", "9" * 33, "138,1", "${X}"]
)
def test_a_number_is_digits_star_and_hash_only(number: str) -> None:
    with pytest.raises(Rejected):
        actions.originate(endpoint="1001", to=number, in_context="from-agents")


@pytest.mark.parametrize("endpoint", ["1001&PJSIP/1002", "1001/x", "../1", "1001\r\nX: y", "", "-1", "1001@evil"])
def test_an_extension_is_one_endpoint(endpoint: str) -> None:
    with pytest.raises(Rejected):
        actions.originate(endpoint=endpoint, to="1", in_context="from-agents")


@pytest.mark.parametrize(
    "variables", [{"FILE(/tmp/x)": "1"}, {"SHELL(id)": "x"}, {"A": "$" + "{SHELL(id)}"}, {"A": "1,B=2"}, {"A": "1\nB"}]
)
def test_a_variable_is_a_plain_name_with_a_plain_value(variables: dict[str, str]) -> None:
    with pytest.raises(Rejected):
        actions.originate(endpoint="1001", to="1", in_context="c", variables=variables)


@pytest.mark.parametrize("name", ['x" <1>', "x\r\ny", "<script>", "a,b", "x" * 81])
def test_a_caller_name_cannot_leave_its_quotes(name: str) -> None:
    with pytest.raises(Rejected):
        actions.originate(endpoint="1001", to="1", in_context="c", caller_name=name)


@pytest.mark.parametrize("channel", ["PJSIP", "PJSIP/1001&PJSIP/1", "", "PJSIP/1 2", "PJSIP/1\n", "/x", "a/b/c"])
def test_a_channel_is_one_channel(channel: str) -> None:
    for build in (
        lambda: actions.hangup(channel),
        lambda: actions.redirect(channel, to="1", in_context="c"),
        lambda: actions.attended_transfer(channel, to="1", in_context="c"),
        lambda: actions.blind_transfer(channel, to="1", in_context="c"),
        lambda: actions.mute_recording(channel, muted=True),
        lambda: actions.cancel_attended_transfer(channel),
        lambda: actions.spy(endpoint="1001", on_channel=channel, mode=SpyMode.LISTEN),
    ):
        with pytest.raises(Rejected):
            build()


@pytest.mark.parametrize("channel", [CHANNEL, "Local/1002@from-agents-00000001;1", "SIP/trunk.a-0000"])
def test_real_channel_names_pass(channel: str) -> None:
    assert actions.hangup(channel).fields[0] == ("Channel", channel)


def test_a_redirect_may_take_the_other_side_along() -> None:
    _, fields = actions.redirect(CHANNEL, to="1002", in_context="c", extra_channel="PJSIP/trunk-00000002")
    assert dict(fields)["ExtraExten"] == "1002"
    assert dict(fields)["ExtraChannel"] == "PJSIP/trunk-00000002"


def test_recordings_are_muted_and_unmuted() -> None:
    assert dict(actions.mute_recording(CHANNEL, muted=True).fields)["State"] == "1"
    unmuted = actions.mute_recording(CHANNEL, muted=False, direction=MuteDirection.WRITE)
    assert dict(unmuted.fields) == {"Channel": CHANNEL, "Direction": "write", "State": "0"}


def test_queue_actions_name_one_device_and_one_queue() -> None:
    assert dict(actions.queue_pause("PJSIP/1001", paused=True, queue_name="sales", reason="午休").fields) == {
        "Interface": "PJSIP/1001",
        "Paused": "true",
        "Queue": "sales",
        "Reason": "午休",
    }
    assert dict(actions.queue_add("sales", "PJSIP/1001", member_name="王伟", penalty=2).fields)["Penalty"] == "2"
    assert actions.queue_remove("sales", "PJSIP/1001").name == "QueueRemove"
    with pytest.raises(Rejected):
        actions.queue_add("sales,x", "PJSIP/1001")
    with pytest.raises(Rejected):
        actions.queue_add("sales", "PJSIP/1001&PJSIP/1002")
    with pytest.raises(Rejected):
        actions.queue_add("sales", "PJSIP/1001", penalty=-1)


@pytest.mark.parametrize(("mode", "options"), [("listen", "qES"), ("whisper", "qESw"), ("barge", "qESB")])
def test_listening_in_names_exactly_one_channel(mode: str, options: str) -> None:
    _, fields = actions.spy(endpoint="1009", on_channel=CHANNEL, mode=SpyMode(mode))
    assert dict(fields)["Data"] == f"{CHANNEL},{options}"


def test_a_refusal_names_the_field_and_does_not_repeat_the_value() -> None:
    with pytest.raises(Rejected) as refusal:
        actions.originate(endpoint="1001", to="secret-number", in_context="c")
    assert list(refusal.value.errors) == ["number"]
    assert "secret-number" not in refusal.value.detail


@pytest.mark.parametrize("bad", ["\r", "\n", "\0", "a\r\nb"])
@pytest.mark.parametrize("where", ["name", "key", "value"])
def test_no_line_break_leaves_in_any_place(bad: str, where: str) -> None:
    name, key, value = (bad if where == part else "x" for part in ("name", "key", "value"))
    with pytest.raises(Rejected):
        packet(name, [(key, value)], "id-1")


def test_a_packet_is_utf8_lines_with_one_empty_line_at_its_end() -> None:
    raw = packet("Originate", [("CallerID", '"张三" <1>'), ("Variable", "A=1"), ("Variable", "B=2")], "id-1")
    lines = ["Action: Originate", "ActionID: id-1", 'CallerID: "张三" <1>', "Variable: A=1", "Variable: B=2", "", ""]
    assert raw.decode().split("\r\n") == lines
