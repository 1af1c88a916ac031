"""The decoder takes anything that a socket can give and never raises."""

from __future__ import annotations

from callcenter.ami.decoder import AmiDecoder, AmiMessage
from callcenter.ami.events import (
    Banner,
    FullyBooted,
    Hangup,
    ListItem,
    Newchannel,
    QueueMemberStatus,
    Response,
    VarSet,
)

BANNER = b"Asterisk Call Manager/9.0.0\r\n"


def packet(*lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n"


def newchannel(name: str = "Zhang", uniqueid: str = "1.1") -> bytes:
    return packet(
        "Event: Newchannel",
        "Privilege: call,all",
        "Timestamp: 1795295257.544700",
        "Channel: PJSIP/trunk-00000000",
        "ChannelState: 4",
        "ChannelStateDesc: Ring",
        "CallerIDNum: 13800138000",
        f"CallerIDName: {name}",
        "ConnectedLineNum: <unknown>",
        "Context: from-trunk",
        "Exten: 1001",
        "Priority: 1",
        f"Uniqueid: {uniqueid}",
        f"Linkedid: {uniqueid}",
    )


def hangup(cause: str = "16") -> bytes:
    return packet("Event: Hangup", "Channel: PJSIP/1001-1", "Uniqueid: 1.2", "Linkedid: 1.1", f"Cause: {cause}")


def decoded(*parts: bytes, now: float = 5.0) -> list[AmiMessage]:
    decoder = AmiDecoder()
    return [message for part in parts for message in decoder.feed(part, now)]


def one(*parts: bytes) -> AmiMessage:
    (message,) = decoded(*parts)
    return message


def test_the_banner_is_told_as_soon_as_its_line_is_whole() -> None:
    assert decoded(BANNER[:5], BANNER[5:-2]) == []
    assert one(BANNER[:5], BANNER[5:]) == Banner("Asterisk Call Manager/9.0.0")


def test_an_event_has_its_fields_its_time_and_its_bytes() -> None:
    event = one(newchannel())
    assert isinstance(event, Newchannel)
    assert event.channel == "PJSIP/trunk-00000000"
    assert (event.state, event.caller_number, event.exten) == ("Ring", "13800138000", "1001")
    assert event.at == 1795295257.5447
    assert event.raw == newchannel()[:-4]


def test_an_event_without_a_time_is_dated_by_its_arrival() -> None:
    event = one(hangup())
    assert isinstance(event, Hangup)
    assert event.at == 5.0
    assert event.cause == 16


def test_a_time_that_is_none_is_not_believed() -> None:
    for text in ("nan", "inf", "-1", "soon", ""):
        event = one(packet("Event: Hangup", f"Timestamp: {text}", "Uniqueid: 1.2", "Linkedid: 1.1", "Cause: 16"))
        assert isinstance(event, Hangup)
        assert event.at == 5.0


def test_a_chinese_name_survives_any_cut() -> None:
    data = newchannel("张三")
    for cut in range(len(data)):
        event = one(data[:cut], data[cut:])
        assert isinstance(event, Newchannel)
        assert event.caller_name == "张三"


def test_broken_utf8_is_shown_as_such_and_the_next_event_is_whole() -> None:
    data = newchannel().replace(b"Zhang", b"\xff\xfe\xc3") + hangup()
    first, second = decoded(data)
    assert isinstance(first, Newchannel)
    assert first.caller_name == "\ufffd\ufffd\ufffd"
    assert isinstance(second, Hangup)


def test_what_the_pbx_calls_unknown_is_empty() -> None:
    event = one(newchannel("<unknown>"))
    assert isinstance(event, Newchannel)
    assert event.caller_name == ""


def test_nul_characters_never_come_through() -> None:
    event = one(newchannel("a\0b"))
    assert isinstance(event, Newchannel)
    assert event.caller_name == "ab"


def test_headers_in_another_order_are_understood() -> None:
    lines = newchannel().decode().removesuffix("\r\n\r\n").split("\r\n")
    other = packet(lines[0], *reversed(lines[1:]))
    first, second, third = decoded(newchannel(uniqueid="1.1"), other, newchannel(uniqueid="1.3"))
    assert isinstance(first, Newchannel) and isinstance(second, Newchannel) and isinstance(third, Newchannel)
    assert first[2:] == second[2:]
    assert third.uniqueid == "1.3"


def test_an_absent_header_is_empty_also_after_whole_events() -> None:
    short = packet("Event: Newchannel", "Timestamp: 7.0", "Channel: PJSIP/1001-1", "Uniqueid: 1.5")
    _, event, after = decoded(newchannel(), short, newchannel())
    assert isinstance(event, Newchannel)
    assert (event.at, event.uniqueid, event.linkedid, event.exten) == (7.0, "1.5", "", "")
    assert isinstance(after, Newchannel) and after.exten == "1001"


def test_a_number_that_is_none_counts_as_zero() -> None:
    event = one(hangup("sixteen"))
    assert isinstance(event, Hangup)
    assert event.cause == 0


def test_only_variables_that_say_something_of_a_call_are_wanted() -> None:
    def variable(name: str, value: str) -> bytes:
        return packet(
            "Event: VarSet", "Timestamp: 1.0", "Channel: c", "Uniqueid: 1.1", f"Variable: {name}", f"Value: {value}"
        )

    decoder = AmiDecoder()
    data = (
        variable("RTPAUDIOQOS", "x")
        + variable("MIXMONITOR_FILENAME", "/a.wav")
        + variable("DIALSTATUS", "ANSWER")
        + variable("DIALSTATUS", "CHANUNAVAIL")
        + variable("DIALEDPEERNUMBER", "1001")
        + variable("QUEUESTATUS", "TIMEOUT")
    )
    events = decoder.feed(data, 0.0)
    assert [(e.variable, e.value) for e in events if isinstance(e, VarSet)] == [
        ("MIXMONITOR_FILENAME", "/a.wav"),
        ("DIALSTATUS", "CHANUNAVAIL"),
        ("QUEUESTATUS", "TIMEOUT"),
    ]
    assert decoder.stats.skipped == 3


def test_every_way_of_telling_of_a_queue_member_gives_the_same_event() -> None:
    for name in ("QueueMemberStatus", "QueueMemberAdded", "QueueMemberPause"):
        event = one(
            packet(f"Event: {name}", "Queue: sales", "Interface: PJSIP/1001", "Status: 5", "Paused: 1", "Penalty: 2")
        )
        assert isinstance(event, QueueMemberStatus)
        assert (event.queue, event.interface, event.status, event.paused, event.penalty) == (
            "sales",
            "PJSIP/1001",
            5,
            1,
            2,
        )


def test_a_response_keeps_its_fields_and_whether_it_went_well() -> None:
    good = one(packet("Response: Success", "ActionID: 7", "Message: Originate successfully queued"))
    assert good == Response("7", True, "Originate successfully queued", good.fields, ())  # type: ignore[union-attr]
    bad = one(packet("Response: Error", "ActionID: 8", "Message: Authentication failed"))
    assert isinstance(bad, Response)
    assert not bad.success


def test_repeated_output_headers_are_all_kept() -> None:
    answer = one(packet("Response: Success", "ActionID: 1", "Output: first", "Output:  second", "Output: "))
    assert isinstance(answer, Response)
    assert answer.output == ("first", " second", "")


def test_command_output_of_the_old_style_may_hold_empty_lines() -> None:
    head = b"Response: Follows\r\nPrivilege: Command\r\nActionID: 3\r\n"
    data = head + b"one\n\ntwo: 2\r\n\r\nthree\r\n--END COMMAND--\r\n\r\n"
    answer, after = decoded(data + hangup())
    assert isinstance(answer, Response)
    assert answer.success
    assert [line for line in answer.output if line] == ["one", "two: 2", "three"]
    assert isinstance(after, Hangup)


def test_rows_of_a_list_are_told_from_events_by_their_action() -> None:
    row, end = decoded(
        packet("Event: CoreShowChannel", "ActionID: 4", "Channel: PJSIP/1001-1", "Uniqueid: 1.1")
        + packet("Event: CoreShowChannelsComplete", "ActionID: 4", "EventList: Complete", "ListItems: 1")
    )
    assert row == ListItem("CoreShowChannel", "4", row.fields, False)  # type: ignore[union-attr]
    assert isinstance(end, ListItem)
    assert end.complete


def test_events_that_nobody_knows_are_skipped_and_counted() -> None:
    decoder = AmiDecoder()
    assert decoder.feed(packet("Event: SomethingNew", "Channel: x"), 0.0) == []
    assert decoder.stats.skipped == 1


def test_a_line_of_many_kilobytes_is_taken() -> None:
    event = one(newchannel("x" * 100_000))
    assert isinstance(event, Newchannel)
    assert len(event.caller_name) == 100_000


def test_a_packet_without_end_is_dropped_and_the_next_is_taken() -> None:
    decoder = AmiDecoder()
    for _ in range(80):
        assert decoder.feed(b"x" * 65_536, 0.0) == []
    assert len(decoder._buffer) < 2_000_000
    (event,) = decoder.feed(b"rest\r\n\r\n" + hangup(), 0.0)
    assert isinstance(event, Hangup)
    assert decoder.stats.oversize == 1


def test_the_end_of_a_dropped_packet_may_be_cut_anywhere() -> None:
    for cut in range(1, 4):
        decoder = AmiDecoder()
        decoder.feed(b"Event: CEL\r\n" + b"y" * 1_200_000 + b"\r\n\r\n"[:cut], 0.0)
        (event,) = decoder.feed(b"\r\n\r\n"[cut:] + hangup(), 0.0)
        assert isinstance(event, Hangup)


def test_garbage_before_an_event_costs_only_itself() -> None:
    for rubbish in (b"\x00\xff\n\n{}\r\n", b"\x80\x81", b"GET / HTTP/1.1\n\nHost: x\n\n\r\n"):
        messages = decoded(BANNER, rubbish + hangup(), hangup())
        assert len([m for m in messages if isinstance(m, Hangup)]) == 2


def test_a_caller_name_that_looks_like_an_event_stays_a_name() -> None:
    event = one(newchannel("Event: Hangup"))
    assert isinstance(event, Newchannel)
    assert event.caller_name == "Event: Hangup"


def test_an_event_with_one_empty_line_too_many_does_not_disturb_the_next() -> None:
    first, second = decoded(hangup() + b"\r\n" + hangup())
    assert isinstance(first, Hangup)
    assert isinstance(second, Hangup)


def test_a_stream_that_begins_without_a_banner_is_read_all_the_same() -> None:
    assert isinstance(one(packet("Event: FullyBooted", "Status: Fully Booted")), FullyBooted)
