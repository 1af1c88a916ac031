"""Acting on the PBX: who may ring whom, exactly what is sent, and what a live connection may ask for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from callcenter.actions_service import TelephoneService, dialable
from callcenter.push_commands import Commands
from crm_core.customers import service as customers
from crm_core.customers.rules import PhoneInput
from crm_core.kernel import ids
from crm_core.kernel.errors import CrmError, NotFound, Rejected, Unavailable
from crm_core.organization import queries, service
from crm_core.organization.access import SYSTEM, Actor
from crm_core.organization.models import Role
from tests.integration.service.centre import Centre, centre, packets
from web.ports import ListenMode

ANSWERED = packets("asterisk22/direct_answered")
TALKING = max(number for number, packet in enumerate(ANSWERED, 1) if packet.startswith(b"Event: BridgeEnter"))


@pytest.fixture
async def place(tmp_path: Path, sqlite_url: str) -> AsyncIterator[Centre]:
    async with centre(tmp_path, sqlite_url) as made:
        await made.start()
        made.pbx.originate = lambda _: None
        yield made


async def person(place: Centre, name: str, role: Role, extension: str | None = None) -> Actor:
    async with place.service.db.uow() as uow:
        await service.add_user(
            uow, name=name, role=role, password="Correct-horse-7battery", extension=extension, by=SYSTEM
        )
    await place.service.people.refresh()
    async with place.service.db.read() as session:
        return await queries.actor_by_name(session, name)


async def customer(place: Centre, **fields: Any) -> int:
    async with place.service.db.uow() as uow:
        made = await customers.create(
            uow, {"name": "李四", **fields}, [PhoneInput("13900139000")], by=SYSTEM, area_code="021"
        )
        return made.id


def sent(place: Centre, action: str) -> list[dict[str, str]]:
    return [fields for fields in place.pbx.received if fields.get("Action") == action]


def telephony(place: Centre) -> TelephoneService:
    return place.service.telephony


def commands(place: Centre) -> Commands:
    return Commands(place.service.db, place.service.telephony, place.service.people)


async def test_dialling_rings_the_own_phone_first_and_only_once(place: Centre) -> None:
    agent = await person(place, "wangwei", Role.AGENT, "1001")
    dialled = await telephony(place).dial(agent, "139-0013 9000")
    assert (dialled.extension, dialled.number) == ("1001", "13900139000")
    (action,) = sent(place, "Originate")
    assert action["Channel"] == "PJSIP/1001"
    assert (action["Context"], action["Exten"], action["Async"]) == ("click-to-dial", "13900139000", "true")


@pytest.mark.parametrize(
    ("given", "dialled"),
    [
        ("+86 139 0013 9000", "13900139000"),
        ("+862162345678", "02162345678"),
        ("(021) 6234-5678", "02162345678"),
        ("+4930123456", "+4930123456"),
        ("*98#", "*98#"),
    ],
)
def test_numbers_are_dialled_as_the_trunk_wants_them(given: str, dialled: str) -> None:
    assert dialable(given) == dialled


@pytest.mark.parametrize(
    "number",
    ["", "abc", "1" * 33, "139\r\nAction: Command", "13900139000&PJSIP/x", "1;2", "${SHELL(id)}", "139\x00", "１３９"],
)
async def test_no_number_can_be_more_than_a_number(place: Centre, number: str) -> None:
    agent = await person(place, "wangwei", Role.AGENT, "1001")
    with pytest.raises(Rejected) as refused:
        await telephony(place).dial(agent, number)
    assert refused.value.code == "bad_number"
    assert sent(place, "Originate") == []


async def test_a_customer_is_dialled_without_the_number_being_told(place: Centre) -> None:
    agent = await person(place, "wangwei", Role.AGENT, "1001")
    who = await customer(place, owner_id=agent.user_id)
    answer = await commands(place).run(agent, "call.dial", {"customer_id": ids.show(who)})
    assert answer == {"extension": "1001", "number": None}
    assert sent(place, "Originate")[0]["Exten"] == "13900139000"


async def test_a_customer_out_of_reach_cannot_be_dialled(place: Centre) -> None:
    agent = await person(place, "wangwei", Role.AGENT, "1001")
    who = await customer(place)
    with pytest.raises(NotFound):
        await commands(place).run(agent, "call.dial", {"customer_id": ids.show(who)})
    assert sent(place, "Originate") == []


async def test_who_does_not_want_to_be_called_is_not_called(place: Centre) -> None:
    agent = await person(place, "wangwei", Role.AGENT, "1001")
    await customer(place, do_not_call=True, owner_id=agent.user_id)
    with pytest.raises(Rejected) as refused:
        await telephony(place).dial(agent, "13900139000")
    assert refused.value.code == "do_not_call"


async def test_without_a_phone_or_a_link_nothing_is_dialled(place: Centre) -> None:
    clerk = await person(place, "clerk", Role.ADMIN)
    with pytest.raises(Rejected) as refused:
        await telephony(place).dial(clerk, "13900139000")
    assert refused.value.code == "no_extension"
    agent = await person(place, "wangwei", Role.AGENT, "1001")
    await place.pbx.stop()
    await place.until(lambda: not place.line.link.action_state.up)
    with pytest.raises(Unavailable):
        await telephony(place).dial(agent, "13900139000")


async def test_a_refusal_of_the_pbx_is_told(place: Centre) -> None:
    agent = await person(place, "wangwei", Role.AGENT, "1001")
    place.pbx.originate = lambda _: "Extension does not exist."
    with pytest.raises(Rejected, match="Extension does not exist"):
        await telephony(place).dial(agent, "13900139000")


async def test_hanging_up_ends_the_own_phone_and_nobody_elses(place: Centre) -> None:
    agent = await person(place, "wangwei", Role.AGENT, "1001")
    other = await person(place, "lina", Role.AGENT, "1002")
    place.pbx.hang_up = lambda _: True
    await place.play(ANSWERED[:TALKING])
    (live,) = place.line.live_calls()
    with pytest.raises(NotFound):
        await commands(place).run(other, "call.hangup", {"call_id": ids.show(live.id)})
    await commands(place).run(agent, "call.hangup", {"call_id": ids.show(live.id)})
    assert [action["Channel"].partition("-")[0] for action in sent(place, "Hangup")] == ["PJSIP/1001"]
    with pytest.raises(NotFound):
        await commands(place).run(agent, "call.hangup", {"call_id": ids.show(12345)})


async def test_listening_in_is_for_those_who_lead(place: Centre) -> None:
    agent = await person(place, "wangwei", Role.AGENT, "1002")
    boss = await person(place, "boss", Role.ADMIN, "1008")
    await place.play(ANSWERED[:TALKING])
    (live,) = place.line.live_calls()
    with pytest.raises(CrmError, match="right"):
        await commands(place).run(agent, "call.listen", {"call_id": ids.show(live.id)})
    await commands(place).run(boss, "call.listen", {"call_id": ids.show(live.id), "mode": "whisper"})
    (action,) = sent(place, "Originate")
    assert (action["Channel"], action["Application"]) == ("PJSIP/1008", "ChanSpy")
    assert action["Data"].startswith("PJSIP/1001-")
    with pytest.raises(Rejected):
        await commands(place).run(boss, "call.listen", {"call_id": ids.show(live.id), "mode": "shout"})


async def test_nobody_listens_to_a_call_in_which_nobody_talks(place: Centre) -> None:
    boss = await person(place, "boss", Role.ADMIN, "1008")
    ringing = next(number for number, packet in enumerate(ANSWERED, 1) if b"ChannelStateDesc: Ringing" in packet)
    await place.play(ANSWERED[:ringing])
    (live,) = place.line.live_calls()
    with pytest.raises(Rejected, match="nobody talking"):
        await telephony(place).listen(boss, live.id, ListenMode.LISTEN)


async def test_notes_and_progress_reach_the_call(place: Centre) -> None:
    agent = await person(place, "wangwei", Role.AGENT, "1001")
    await place.play(ANSWERED)
    await place.written()
    ((call_id,),) = await place.rows("SELECT id FROM calls")
    await commands(place).run(agent, "call.note", {"call_id": ids.show(call_id), "text": "要两箱水"})
    await commands(place).run(agent, "call.progress", {"call_id": ids.show(call_id), "progress": 75})
    assert [tuple(row) for row in await place.rows("SELECT text FROM call_notes")] == [("要两箱水",)]
    assert [tuple(row) for row in await place.rows("SELECT progress FROM calls")] == [(75,)]
    for bad in (10, "75", True):
        with pytest.raises(Rejected):
            await commands(place).run(agent, "call.progress", {"call_id": ids.show(call_id), "progress": bad})


async def test_pausing_tells_the_queues_why(place: Centre) -> None:
    agent = await person(place, "wangwei", Role.AGENT, "1001")
    for name, data in (("agent.pause", {"reason": "lunch"}), ("agent.resume", {}), ("agent.wrapup", {})):
        try:
            await commands(place).run(agent, name, data)
        except Rejected as refused:
            assert refused.code == "pbx_refused", "the replayed PBX has no queues"
    told = [(action["Paused"], action.get("Reason")) for action in sent(place, "QueuePause")]
    assert told == [("true", "lunch"), ("false", None), ("true", "wrap_up")]
    with pytest.raises(Rejected):
        await commands(place).run(agent, "agent.state", {"status": "asleep"})


@pytest.mark.parametrize("name", ["", "call.steal", "__class__", "run"])
async def test_an_unknown_command_is_refused(place: Centre, name: str) -> None:
    agent = await person(place, "wangwei", Role.AGENT, "1001")
    with pytest.raises(Rejected) as refused:
        await commands(place).run(agent, name, {})
    assert refused.value.code == "unknown_command"
