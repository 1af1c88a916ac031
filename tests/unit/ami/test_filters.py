"""What doctor concludes from what a link has seen."""

from __future__ import annotations

import re

import pytest

from callcenter.ami import shapes
from callcenter.ami.config import PbxConfig, TlsOptions
from callcenter.ami.filters import Observation, Severity, eventfilter_lines, findings, link_finding
from callcenter.ami.state import LinkPhase, LinkState

GOOD = PbxConfig(
    "main", "127.0.0.1", "listener", "s", action_username="actor", action_secret="a", trunks=("PJSIP/trunk",)
)
UP = LinkState(LinkPhase.UP, 0.0)
WELL = Observation(
    version="22.10.1",
    queues=2,
    kinds={"FullyBooted": 1, "Newchannel": 100, "MixMonitorStart": 50, "VarSet": 50, "QueueCallerJoin": 10},
    listener_may=frozenset({"Ping", "CoreShowChannels"}),
    actor_may=frozenset({"Originate", "Hangup", "Atxfer", "BlindTransfer", "QueuePause", "MixMonitorMute"}),
    actor_state=UP,
)


def codes(config: PbxConfig = GOOD, **changes: object) -> list[str]:
    values = {name: getattr(WELL, name) for name in WELL.__dataclass_fields__} | changes
    return [finding.code for finding in findings(config, Observation(**values))]  # type: ignore[arg-type]


def test_a_good_set_up_has_no_findings() -> None:
    assert codes() == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"without_timestamp": 3}, "ami_no_timestamps"),
        ({"refused": {"CoreShowChannels": "Permission denied"}}, "ami_state_refused"),
        ({"kinds": {"FullyBooted": 1}}, "ami_no_events"),
        ({"kinds": {"DeviceStateChange": 30}}, "ami_no_call_events"),
        ({"kinds": {"Newchannel": 9, "MixMonitorStart": 4}}, "ami_no_file_names"),
        ({"kinds": {"Newchannel": 99}}, "ami_no_queue_events"),
        ({"skipped": 10_000}, "ami_unfiltered"),
        ({"listener_may": frozenset({"Originate"})}, "ami_listener_mighty"),
        ({"actor_may": frozenset({"Originate"})}, "ami_actor_weak"),
        ({"actor_state": LinkState(LinkPhase.REFUSED, 0.0, "no")}, "ami_actor_down"),
        ({"clock_offset": -7.0}, "ami_clock"),
    ],
)
def test_each_lack_has_its_finding(changes: dict[str, object], code: str) -> None:
    assert codes(**changes) == [code]


def test_findings_of_the_settings_themselves() -> None:
    far = PbxConfig("main", "192.0.2.1", "listener", "s")
    assert codes(far) == ["ami_no_trunks", "ami_plain", "ami_one_user"]
    unverified = PbxConfig("m", "192.0.2.1", "l", "s", tls=True, tls_options=TlsOptions(verify=False), trunks=("X/y",))
    assert "ami_tls_unverified" in codes(unverified)


def test_the_worst_comes_first_and_every_sentence_is_whole() -> None:
    seen = Observation(without_timestamp=1, skipped=99_999, kinds={"Newchannel": 1}, clock_offset=5, actor_state=UP)
    found = findings(GOOD, seen)
    order = list(Severity)
    assert [order.index(f.severity) for f in found] == sorted(order.index(f.severity) for f in found)
    assert all("%(" not in f.sentence and f.sentence.endswith(".") for f in found)


def test_a_refused_log_in_names_the_section_of_manager_conf() -> None:
    finding = link_finding(GOOD, LinkState(LinkPhase.REFUSED, 0.0, "Authentication failed"))
    assert finding is not None
    assert "Authentication failed" in finding.sentence
    assert finding.lines[0] == "[listener]"
    assert link_finding(GOOD, UP) is None


def test_filter_lines_let_through_every_event_that_the_decoder_wants() -> None:
    advanced = "\n".join(eventfilter_lines())
    legacy = [
        re.compile(line.split(" = ", 1)[1].replace("[[:cntrl:]]", "[\r\n]"))
        for line in eventfilter_lines(advanced=False)
    ]
    for name in (wanted.decode() for wanted in shapes.WANTED if wanted != b"VarSet"):
        assert f"name({name})" in advanced
        assert any(rule.search(f"Event: {name}\r\nPrivilege: call,all\r\n") for rule in legacy)
    assert "MIXMONITOR_FILENAME" in advanced
    assert not any(rule.search("Event: VarSet\r\nVariable: SIPDOMAIN\r\n") for rule in legacy)
    assert any(rule.search("Event: VarSet\r\nVariable: MIXMONITOR_FILENAME\r\n") for rule in legacy)
