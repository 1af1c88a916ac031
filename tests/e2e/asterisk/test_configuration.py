"""The configuration as it is delivered does what its page says, no less and no more."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.asterisk.ami import AmiSession
from tests.e2e.asterisk.scenes import Stage
from tests.e2e.asterisk.server import CONFIG, AsteriskServer

QUESTIONS = ["CoreStatus", "CoreSettings", "CoreShowChannels", "BridgeList", "QueueStatus", "Status", "Ping"]
# Answers differ where the object is missing; what counts is that the permission is there.
DEEDS: list[tuple[str, dict[str, str]]] = [
    ("Hangup", {"Channel": "PJSIP/none"}),
    ("Redirect", {"Channel": "PJSIP/none", "Context": "from-agents", "Exten": "1002", "Priority": "1"}),
    ("Atxfer", {"Channel": "PJSIP/none", "Exten": "1002", "Context": "from-agents"}),
    ("BlindTransfer", {"Channel": "PJSIP/none", "Exten": "1002", "Context": "from-agents"}),
    ("Park", {"Channel": "PJSIP/none"}),
    ("MixMonitorMute", {"Channel": "PJSIP/none", "Direction": "both", "State": "1"}),
    ("QueuePause", {"Interface": "PJSIP/1001", "Paused": "true"}),
    ("QueuePause", {"Interface": "PJSIP/1001", "Paused": "false"}),
]


def installed(target: Path, *arguments: str) -> dict[str, str]:
    done = subprocess.run(
        [str(CONFIG / "install.sh"), "--target", str(target), *arguments], check=True, capture_output=True, text=True
    )
    (pbx,) = json.loads(done.stdout)
    assert isinstance(pbx, dict)
    return pbx


def test_every_installation_has_secrets_of_its_own_and_keeps_them(tmp_path: Path) -> None:
    first, second = installed(tmp_path / "a"), installed(tmp_path / "b")
    assert len({first["secret"], first["action_secret"], second["secret"], second["action_secret"]}) == 4
    assert installed(tmp_path / "a") == first
    agents = (tmp_path / "a/site/pjsip_agents.conf").read_text()
    passwords = [line for line in agents.splitlines() if line.startswith("password = ")]
    assert len(passwords) == len(set(passwords)) == 8


def test_secrets_are_not_readable_by_everybody(tmp_path: Path) -> None:
    installed(tmp_path)
    for file in (tmp_path / "site").iterdir():
        assert file.stat().st_mode & 0o007 == 0, file.name


def test_a_configuration_that_was_there_is_kept_aside(tmp_path: Path) -> None:
    (tmp_path / "queues.conf").write_text("; mine\n")
    installed(tmp_path)
    assert (tmp_path / "queues.conf.before-callcenter").read_text() == "; mine\n"


async def listening(pbx: AsteriskServer) -> AmiSession:
    return await AmiSession(pbx.ports.ami, pbx.pbx["username"], pbx.pbx["secret"]).open()


@pytest.mark.real
async def test_the_listening_user_may_ask_and_may_not_act(pbx: AsteriskServer) -> None:
    session = await listening(pbx)
    for name in QUESTIONS:
        assert (await session.action(name))["Response"] == "Success", name
    for name, fields in [
        *DEEDS,
        ("Originate", {"Channel": "PJSIP/1001"}),
        ("Command", {"Command": "core show uptime"}),
    ]:
        if name != "MixMonitorMute":  # asks for nothing but a log-in on Asterisk 16
            assert (await session.action(name, **fields)).get("Message") == "Permission denied", name
    await session.close()


@pytest.mark.real
async def test_the_acting_user_may_do_what_the_desk_offers_and_no_more(pbx: AsteriskServer) -> None:
    session = await pbx.acting().open()
    for name, fields in DEEDS:
        assert (await session.action(name, **fields)).get("Message") != "Permission denied", name
    forbidden = [
        ("Command", {"Command": "core show uptime"}),
        ("UpdateConfig", {"SrcFilename": "manager.conf", "DstFilename": "manager.conf"}),
        ("GetConfig", {"Filename": "manager.conf"}),
        ("ModuleLoad", {"LoadType": "unload", "Module": "cdr_csv.so"}),
        ("Originate", {"Channel": "PJSIP/1001", "Application": "System", "Data": "touch /tmp/x"}),
    ]
    for name, fields in forbidden:
        assert (await session.action(name, **fields))["Response"] == "Error", name
    await session.close()


@pytest.mark.real
async def test_programs_cannot_be_run_by_any_way(pbx: AsteriskServer) -> None:
    for name in ("System", "TrySystem", "AGI", "ExternalIVR"):
        assert "not registered" in await pbx.admin.command(f"core show application {name}"), name
    for name in ("SHELL", "CURL", "ENV"):
        assert "No function by that name" in await pbx.admin.command(f"core show function {name}"), name


@pytest.mark.real
async def test_the_listening_user_gets_what_a_call_needs_and_not_what_nobody_reads(stage: Stage) -> None:
    session = await listening(stage.pbx)
    customer = await stage.customer("8002", "13800138000", name="张三")
    await stage.takes("1001", after=0.2)
    await customer.hang_up()
    await stage.pbx.admin.quiet()
    await session.event("AgentComplete")
    seen = {event["Event"] for event in session.events}
    needed = {
        "Newchannel",
        "Newstate",
        "Newexten",
        "DialBegin",
        "DialEnd",
        "BridgeEnter",
        "BridgeLeave",
        "Hangup",
        "CEL",
    }
    needed |= {"VarSet", "QueueCallerJoin", "QueueCallerLeave", "AgentCalled", "AgentConnect", "MixMonitorStart"}
    assert needed <= seen
    assert not seen & {"RTCPSent", "RTCPReceived", "TestEvent", "DeviceStateChange", "Cdr", "SuccessfulAuth"}
    names = {event["Variable"] for event in session.events if event["Event"] == "VarSet"}
    assert "MIXMONITOR_FILENAME" in names
    assert not any(name.startswith("RTPAUDIOQOS") for name in names)
    assert all("Timestamp" in event for event in session.events if event["Event"] != "FullyBooted")
    await session.close()


@pytest.mark.real
async def test_nothing_listens_beyond_loopback(pbx: AsteriskServer) -> None:
    assert "127.0.0.1" in await pbx.admin.command("manager show settings")
    bound = (pbx.scratch / "etc/site/manager_bind.conf").read_text()
    assert "bindaddr = 127.0.0.1" in bound


@pytest.mark.real
async def test_the_configuration_loads_without_complaint(pbx: AsteriskServer) -> None:
    # Files that the distribution ships and this configuration does without.
    absent = "Unable to load config file"
    lines = (pbx.scratch / "log/messages").read_text().splitlines()
    assert [line for line in lines if " ERROR[" in line and absent not in line] == []


@pytest.mark.real
@pytest.mark.parametrize("number", ["1001&PJSIP/trunk", "0086%24%7BSHELL(id)%7D", "001234567890", "7999", "700;x"])
async def test_a_customer_reaches_no_number_but_ours(stage: Stage, number: str) -> None:
    customer = await stage.customer(number, "13800138000")
    await customer.over(10)
    assert not customer.up.is_set()


@pytest.mark.real
async def test_customers_keys_transfer_nothing(stage: Stage) -> None:
    customer, agent = await stage.connected("1001", "13800138000", talk=0.5)
    await customer.dtmf("##")
    await customer.dtmf("1002")
    assert not agent.ended.is_set()
    assert not any(event["Event"] == "BlindTransfer" for event in stage.pbx.admin.events)
    await customer.hang_up()


@pytest.mark.real
async def test_international_numbers_are_refused_until_opened(stage: Stage) -> None:
    call = await stage.desk("1001").dial("0012125550100")
    await call.over(10)
    assert not any(event.get("DestChannel", "").startswith("PJSIP/trunk") for event in stage.pbx.admin.events)


@pytest.mark.real
async def test_the_doctor_finds_nothing_wrong(pbx: AsteriskServer, tmp_path: Path) -> None:
    data = tmp_path / "var"
    settings = {"CALLCENTER_DATA_DIR": str(data), "CALLCENTER_PBXES": json.dumps([pbx.pbx])}
    for command in (["db", "upgrade"], ["doctor"]):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "callcenter", *command, env={**os.environ, **settings}, cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output, _ = await process.communicate()
        assert process.returncode == 0, output.decode()
    assert b"Connected to Asterisk" in output
