"""Two kinds of calls in one: transfers out of queues and conferences, consultations that go another way."""

from tests.e2e.asterisk.call import PhoneCall
from tests.e2e.asterisk.scenes.stage import Stage, scene, sleep


async def _into_conference(stage: Stage, endpoint: str, room: str) -> None:
    """As a desk puts somebody who talks or waits into a conference."""
    channel = await stage.pbx.channel(endpoint)
    await stage.pbx.admin.action("Redirect", Channel=channel, Context="from-agents", Exten=room, Priority="1")


async def _called_into_conference(stage: Stage, extension: str, room: str) -> PhoneCall:
    """As a desk calls a colleague into a conference: nothing but the room ties the two."""
    await stage.pbx.originate(extension, room, context="from-agents")
    return await stage.takes(extension)


@scene(
    "1002 waits in conference 8504; 13800138130 talks to 1001, is held; 1001 dials 8504 on a second line (1.5 s) and "
    "hands over by REFER with Replaces; customer and 1002 talk 2 s, the caller hangs up, 1002 after 0.5 s."
)
async def attended_transfer_into_conference(stage: Stage) -> None:
    colleague = await stage.desk("1002").dial("8504")
    await colleague.answered()
    customer, agent = await stage.connected("1001", "13800138130")
    await agent.hold()
    consult = await stage.desk("1001").dial("8504")
    await consult.answered()
    await sleep(1.5)
    await agent.refer_to_call(consult)
    await sleep(2)
    await customer.hang_up()
    await sleep(0.5)
    await colleague.hang_up()


@scene(
    "13800138131 talks to 1001, is held; 1001 calls 1002 on a second line, REFER with Replaces while 1002 still rings; "
    "1002 answers 1 s later, talk 2 s, the caller hangs up."
)
async def attended_transfer_refer_while_ringing(stage: Stage) -> None:
    customer, agent = await stage.connected("1001", "13800138131")
    await agent.hold()
    consult = await stage.desk("1001").dial("1002")
    target = await stage.rings("1002")
    await sleep(1)
    await agent.refer_to_call(consult, within=2)
    await sleep(1)
    await target.answer()
    await sleep(2)
    await customer.hang_up()


@scene(
    "13800138132 talks to 1001; *2 1002 by keys, 1002 answers and hangs up after 1 s: the customer is back with 1001 "
    "by itself; talk 3 s, 1001 hangs up. No transfer."
)
async def consultation_colleague_hangs_up(stage: Stage) -> None:
    customer, agent = await stage.connected("1001", "13800138132")
    await agent.dtmf("*2")
    await sleep(1.2)
    await agent.dtmf("1002")
    colleague = await stage.takes("1002")
    await sleep(1)
    await colleague.hang_up()
    await sleep(3)
    await agent.hang_up()
    await customer.over()


@scene(
    "13800138133 talks to 1001; *2 1002 by keys (1 s), *1 back, 1.5 s; *2 1005 (answers after 0.5 s, 1 s), 1001 hangs "
    "up: transferred to 1005; talk 2 s, the caller hangs up."
)
async def consultation_then_attended_transfer(stage: Stage) -> None:
    customer, agent = await stage.connected("1001", "13800138133")
    await agent.dtmf("*2")
    await sleep(1.2)
    await agent.dtmf("1002")
    await stage.takes("1002")
    await sleep(1)
    await agent.dtmf("*1")
    await sleep(1.5)
    await agent.dtmf("*2")
    await sleep(1.2)
    await agent.dtmf("1005")
    await stage.takes("1005")
    await sleep(1)
    await agent.hang_up()
    await sleep(2)
    await customer.hang_up()


@scene(
    "13800138134 talks to 1001; REFER to 13900139022 outside, who answers after 0.5 s; the two talk 2 s without any "
    "agent, the caller hangs up."
)
async def blind_transfer_to_outside(stage: Stage) -> None:
    customer, agent = await stage.connected("1001", "13800138134")
    await agent.refer("13900139022", within=1)
    outside = await stage.takes("trunk")
    await sleep(2)
    await customer.hang_up()
    await outside.over()


@scene(
    "1001 dials 13900139023 (answers), talk 2 s, *2 1002 by keys (answers after 0.5 s, 2 s), 1001 hangs up; talk 2 s, "
    "1002 hangs up."
)
async def outbound_attended_transfer_by_keys(stage: Stage) -> None:
    agent = await stage.desk("1001").dial("13900139023")
    customer = await stage.takes("trunk")
    await agent.answered()
    await sleep(2)
    await agent.dtmf("*2")
    await sleep(1.2)
    await agent.dtmf("1002")
    target = await stage.takes("1002")
    await sleep(2)
    await agent.hang_up()
    await sleep(2)
    await target.hang_up()
    await customer.over()


@scene(
    "13800138135 in the menu 9000 is put into conference 8505 by AMI after 1 s; 1001, then 1002 are called into it by "
    "Originate; 2 s; 1001 leaves, 1 s later the caller hangs up, 1 s later 1002."
)
async def conference_called_together(stage: Stage) -> None:
    customer = await stage.customer("9000", "13800138135")
    await customer.answered()
    await sleep(1)
    await _into_conference(stage, "trunk", "8505")
    first = await _called_into_conference(stage, "1001", "8505")
    await sleep(0.5)
    second = await _called_into_conference(stage, "1002", "8505")
    await sleep(2)
    await first.hang_up()
    await sleep(1)
    await customer.hang_up()
    await sleep(1)
    await second.hang_up()


@scene(
    "1001 and 1002 are called into conference 8506 by Originate and talk 1 s; only then 13800138136 from the menu 9000 "
    "is put into it by AMI; 2 s; the caller hangs up, the two 1 s later."
)
async def conference_customer_comes_last(stage: Stage) -> None:
    customer = await stage.customer("9000", "13800138136")
    await customer.answered()
    first = await _called_into_conference(stage, "1001", "8506")
    second = await _called_into_conference(stage, "1002", "8506")
    await sleep(1)
    await _into_conference(stage, "trunk", "8506")
    await sleep(2)
    await customer.hang_up()
    await sleep(1)
    await first.hang_up()
    await second.hang_up()


@scene(
    "13800138137 calls 8003 (noone); 1003 rings, 1002 takes the call with **1003 after 1 s; talk 2 s, the caller ends."
)
async def queue_pickup(stage: Stage) -> None:
    customer = await stage.customer("8003", "13800138137")
    await stage.rings("1003")
    await sleep(1)
    taker = await stage.desk("1002").dial("**1003")
    await taker.answered()
    await sleep(2)
    await customer.hang_up()
    await taker.over()


@scene(
    "Queue noone rings 1006 through a Local channel (1003 is paused): 13800138138 calls 8003, 1006 is busy (486), is "
    "rung again after the retry time, answers after 0.5 s, talk 2 s, 1006 hangs up."
)
async def queue_member_behind_local(stage: Stage) -> None:
    pbx, member = stage.pbx.admin, "Local/1006@desks"
    await pbx.action("QueueAdd", Queue="noone", Interface=member, MemberName="Agent 1006")
    await pbx.action("QueuePause", Interface="PJSIP/1003", Paused="true")
    customer = await stage.customer("8003", "13800138138")
    first = await stage.rings("1006")
    await sleep(0.5)
    first.refuse(486)
    second = await stage.takes("1006")
    await sleep(2)
    await second.hang_up()
    await customer.over()
    await pbx.action("QueueRemove", Queue="noone", Interface=member)
    await pbx.action("QueuePause", Interface="PJSIP/1003", Paused="false")


@scene(
    "1001 talks to 1002 (internal); *2 1005 by keys (answers after 0.5 s, 1 s), 1001 hangs up; 1002 and 1005 talk 2 s, "
    "1005 hangs up."
)
async def internal_attended_transfer(stage: Stage) -> None:
    first = await stage.desk("1001").dial("1002")
    await stage.takes("1002")
    await first.answered()
    await sleep(1.5)
    await first.dtmf("*2")
    await sleep(1.2)
    await first.dtmf("1005")
    third = await stage.takes("1005")
    await sleep(1)
    await first.hang_up()
    await sleep(2)
    await third.hang_up()


@scene(
    "1001 talks to 1002 (internal) and parks it by REFER to 700; 1005 picks up after 1.5 s, talk 1.5 s, 1005 hangs up."
)
async def internal_park_and_pickup(stage: Stage) -> None:
    first = await stage.desk("1001").dial("1002")
    second = await stage.takes("1002")
    await first.answered()
    await sleep(1)
    before = len(stage.pbx.admin.events)
    await first.refer("700", within=1)
    event = await stage.pbx.admin.event("ParkedCall", since=before)
    await sleep(1.5)
    third = await stage.desk("1005").dial(event["ParkingSpace"])
    await third.answered()
    await sleep(1.5)
    await third.hang_up()
    await second.over()


@scene(
    "13800138139 and 13800138140 both with 1001: it talks to the first 1 s, holds it, talks to the second 1 s, joins "
    "the two by REFER with Replaces; they talk 2 s, the first hangs up."
)
async def two_callers_joined(stage: Stage) -> None:
    one = await stage.customer("1001", "13800138139")
    first = await stage.takes("1001")
    await one.answered()
    await sleep(1)
    two = await stage.customer("1001", "13800138140")
    second = await stage.rings("1001")
    await sleep(0.5)
    await first.hold()
    await second.answer()
    await sleep(1)
    await first.refer_to_call(second)
    await sleep(2)
    await one.hang_up()
    await two.over()


@scene(
    "13800138141 and 13800138142 both with 1001: it talks to the first 1 s, holds it, talks to the second 1 s, holds "
    "that, talks to the first 1 s; the second hangs up while held, the first 0.5 s later."
)
async def two_calls_in_turn(stage: Stage) -> None:
    one = await stage.customer("1001", "13800138141")
    first = await stage.takes("1001")
    await one.answered()
    await sleep(1)
    two = await stage.customer("1001", "13800138142")
    second = await stage.rings("1001")
    await sleep(0.5)
    await first.hold()
    await second.answer()
    await sleep(1)
    await second.hold()
    await first.resume()
    await sleep(1)
    await two.hang_up()
    await sleep(0.5)
    await one.hang_up()
