"""Transfers by keys and by REFER, consultations, parking."""

from tests.e2e.asterisk.phone import refuse_with
from tests.e2e.asterisk.scenes.stage import Stage, scene, sleep


@scene(
    "13800138013 talks to 1001; blind transfer by keys (##1002); 1002 answers after 0.5 s, talk 3 s, the caller ends."
)
async def blind_transfer(stage: Stage) -> None:
    customer, agent = await stage.connected("1001", "13800138013")
    await agent.dtmf("##")
    await sleep(1.2)
    await agent.dtmf("1002")
    await stage.takes("1002")
    await sleep(3)
    await customer.hang_up()


@scene(
    "13800138014 talks to 1001; attended transfer by keys (*2 1002); 1002 answers after 0.5 s, consultation 2.5 "
    "s, 1001 hangs up; talk 3 s, the caller hangs up."
)
async def attended_transfer(stage: Stage) -> None:
    customer, agent = await stage.connected("1001", "13800138014")
    await agent.dtmf("*2")
    await sleep(1.2)
    await agent.dtmf("1002")
    await stage.takes("1002")
    await sleep(2.5)
    await agent.hang_up()
    await sleep(3)
    await customer.hang_up()


@scene("13800138060 talks to 1001; REFER to 1002, who rings 1 s and answers, talk 2 s; the caller hangs up.")
async def blind_transfer_refer(stage: Stage) -> None:
    customer, agent = await stage.connected("1001", "13800138060")
    await agent.refer("1002", within=1)
    await stage.takes("1002", after=1)
    await sleep(2)
    await customer.hang_up()


@scene("13800138061 talks to 1001; REFER to queue 8001 (sales), 1005 rings 2 s and answers, talk 2 s; caller ends.")
async def blind_transfer_to_queue(stage: Stage) -> None:
    customer, agent = await stage.connected("1001", "13800138061")
    await agent.refer("8001", within=1)
    await stage.takes("1005", after=1)
    await sleep(2)
    await customer.hang_up()


@scene("13800138062 talks to 1001; REFER to 1004, which is busy (486): the dialplan hangs the customer up.")
async def blind_transfer_busy(stage: Stage) -> None:
    stage.behave("1004", refuse_with(486))
    customer, agent = await stage.connected("1001", "13800138062")
    await agent.refer("1004", within=1)
    await customer.over()


@scene("13800138063 talks to 1001; REFER to 1003, which rings 5 s in vain: the dialplan hangs the customer up.")
async def blind_transfer_no_answer(stage: Stage) -> None:
    customer, agent = await stage.connected("1001", "13800138063")
    await agent.refer("1003", within=1)
    await customer.over()


@scene(
    "13800138064 talks to 1001; REFER to 7999, which does not exist: refused, they talk on 2 s, the caller hangs up."
)
async def blind_transfer_unknown_target(stage: Stage) -> None:
    customer, agent = await stage.connected("1001", "13800138064")
    await agent.refer("7999", within=2)
    await sleep(2)
    await customer.hang_up()
    await agent.over()


@scene("13800138065 talks to 1001; REFER to 1003, which rings; the caller hangs up after 2 s of that ringing.")
async def blind_transfer_caller_gives_up(stage: Stage) -> None:
    customer, agent = await stage.connected("1001", "13800138065")
    await agent.refer("1003", within=1)
    await stage.rings("1003")
    await sleep(2)
    await customer.hang_up()


@scene(
    "13800138066 talks to 1001, is held; 1001 calls 1002 on a second line (answers after 0.5 s, 2 s), then REFER "
    "with Replaces; talk 2 s, the caller hangs up."
)
async def attended_transfer_refer(stage: Stage) -> None:
    customer, agent = await stage.connected("1001", "13800138066")
    await agent.hold()
    consult = await stage.desk("1001").dial("1002")
    await stage.takes("1002")
    await consult.answered()
    await sleep(2)
    await agent.refer_to_call(consult)
    await sleep(2)
    await customer.hang_up()


@scene(
    "13800138067 talks to 1001, is held; 1001 calls outside 13900139001 (answers after 0.5 s), REFER with "
    "Replaces joins the two customers; talk 2 s, the outside party hangs up."
)
async def attended_transfer_to_outside(stage: Stage) -> None:
    customer, agent = await stage.connected("1001", "13800138067")
    await agent.hold()
    consult = await stage.desk("1001").dial("13900139001")
    outside = await stage.takes("trunk")
    await consult.answered()
    await sleep(1.5)
    await agent.refer_to_call(consult)
    await sleep(2)
    await outside.hang_up()
    await customer.over()


@scene(
    "13800138068 talks to 1001, is held; 1001 consults 1002 on a second line (2 s), hangs that up, resumes the "
    "customer, talk 1.5 s; the caller hangs up. No transfer."
)
async def consultation_without_transfer(stage: Stage) -> None:
    customer, agent = await stage.connected("1001", "13800138068")
    await agent.hold()
    consult = await stage.desk("1001").dial("1002")
    await stage.takes("1002")
    await consult.answered()
    await sleep(2)
    await consult.hang_up()
    await agent.resume()
    await sleep(1.5)
    await customer.hang_up()


@scene(
    "13800138069 talks to 1001; attended transfer by keys (*2 1002), 1002 answers, 1001 takes the customer back "
    "with *1 after 2 s; talk 2 s, the caller hangs up. No transfer."
)
async def attended_transfer_aborted(stage: Stage) -> None:
    customer, agent = await stage.connected("1001", "13800138069")
    await agent.dtmf("*2")
    await sleep(1.2)
    await agent.dtmf("1002")
    await stage.takes("1002")
    await sleep(2)
    await agent.dtmf("*1")
    await sleep(2)
    await customer.hang_up()


@scene(
    "13800138070 talks to 1001; attended transfer by keys (*2 1004), 1004 declines (603): the customer is back "
    "with 1001 by itself; talk 2 s, the caller hangs up."
)
async def attended_transfer_target_declines(stage: Stage) -> None:
    stage.behave("1004", refuse_with(603, after=0.5))
    customer, agent = await stage.connected("1001", "13800138070")
    await agent.dtmf("*2")
    await sleep(1.2)
    await agent.dtmf("1004")
    await sleep(5)
    await customer.hang_up()


@scene(
    "13800138071 talks to 1001; *2 1003 (rings), 1001 hangs up at once (half-attended); 1003 answers after 1.5 s "
    "more, talk 2 s, the caller hangs up."
)
async def attended_transfer_while_ringing(stage: Stage) -> None:
    customer, agent = await stage.connected("1001", "13800138071")
    await agent.dtmf("*2")
    await sleep(1.2)
    await agent.dtmf("1003")
    target = await stage.rings("1003")
    await sleep(1)
    await agent.hang_up()
    await sleep(1.5)
    await target.answer()
    await sleep(2)
    await customer.hang_up()


@scene(
    "13800138072 talks to 1001; *2 1002, 1002 answers, *3 makes it a talk of three; 2.5 s later 1001, then all hang up."
)
async def attended_transfer_threeway(stage: Stage) -> None:
    customer, agent = await stage.connected("1001", "13800138072")
    await agent.dtmf("*2")
    await sleep(1.2)
    await agent.dtmf("1002")
    target = await stage.takes("1002")
    await sleep(1.5)
    await agent.dtmf("*3")
    await sleep(2.5)
    await agent.hang_up()
    await sleep(1)
    await target.hang_up()
    await customer.over()


@scene("13800138073 talks to 1001; the customer hangs up during a consultation by keys with 1002 (after 2 s of it).")
async def attended_transfer_caller_gives_up(stage: Stage) -> None:
    customer, agent = await stage.connected("1001", "13800138073")
    await agent.dtmf("*2")
    await sleep(1.2)
    await agent.dtmf("1002")
    target = await stage.takes("1002")
    await sleep(2)
    await customer.hang_up()
    await sleep(1)
    await agent.hang_up()
    await target.over()


@scene(
    "13800138074 talks to 1001, is parked by REFER to 700; 1002 picks up at its space after 3 s, talk 2 s, "
    "caller hangs up."
)
async def park_and_pickup(stage: Stage) -> None:
    customer, agent = await stage.connected("1001", "13800138074")
    await agent.refer("700", within=1)
    space = await stage.parked("13800138074")
    await sleep(2)
    taker = await stage.desk("1002").dial(space)
    await taker.answered()
    await sleep(2)
    await customer.hang_up()
    await taker.over()


@scene(
    "13800138075 talks to 1001, is parked by keys (*72); 1001 itself picks up at the space after 2 s, talk 2 s, "
    "caller ends."
)
async def park_by_keys_and_pickup(stage: Stage) -> None:
    customer, agent = await stage.connected("1001", "13800138075")
    await agent.dtmf("*72")
    space = await stage.parked("13800138075")
    await sleep(2)
    await agent.hang_up()
    taker = await stage.desk("1001").dial(space)
    await taker.answered()
    await sleep(2)
    await customer.hang_up()
    await taker.over()


@scene("13800138076 talks to 1001, is parked; after 6 s it comes back to 1001, who answers, talk 2 s, the caller ends.")
async def park_timeout(stage: Stage) -> None:
    customer, agent = await stage.connected("1001", "13800138076")
    await agent.refer("700", within=1)
    await stage.takes("1001", within=15)
    await sleep(2)
    await customer.hang_up()


@scene("13800138077 talks to 1001, is parked; the caller hangs up while parked, after 3.5 s.")
async def park_given_up(stage: Stage) -> None:
    customer, agent = await stage.connected("1001", "13800138077")
    await agent.refer("700", within=1)
    await sleep(2.5)
    await customer.hang_up()


@scene("13800138078 to 1001, REFER to 1002 (answers, 2 s), REFER on to 1005 (answers, 2 s); the caller hangs up.")
async def blind_transfer_twice(stage: Stage) -> None:
    customer, agent = await stage.connected("1001", "13800138078")
    await agent.refer("1002", within=1)
    second = await stage.takes("1002")
    await sleep(2)
    await second.refer("1005", within=1)
    await stage.takes("1005")
    await sleep(2)
    await customer.hang_up()


@scene("1001 talks to 1002 (internal) and transfers it by REFER to 1005, who answers; talk 2 s, 1002 hangs up.")
async def internal_blind_transfer(stage: Stage) -> None:
    first = await stage.desk("1001").dial("1002")
    second = await stage.takes("1002")
    await first.answered()
    await sleep(1.5)
    await first.refer("1005", within=1)
    await stage.takes("1005")
    await sleep(2)
    await second.hang_up()


@scene(
    "13800138056 talks to 1001, is held; 1001 dials queue 8001 (sales) on a second line and hands over by REFER with "
    "Replaces while 1005 still rings; 1005 answers 1 s later, talk 2 s, the caller hangs up."
)
async def attended_transfer_into_queue(stage: Stage) -> None:
    customer, agent = await stage.connected("1001", "13800138056")
    await agent.hold()
    consult = await stage.desk("1001").dial("8001")
    target = await stage.rings("1005")
    await consult.answered()
    await sleep(1)
    await agent.refer_to_call(consult, within=1)
    await sleep(1)
    await target.answer()
    await sleep(2)
    await customer.hang_up()


@scene(
    "13800138057 talks to 1001, is parked; after 6 s it comes back to 1001, which rings in vain until the PBX gives up "
    "(the caller hangs up 4 s into that ringing)."
)
async def park_timeout_not_answered(stage: Stage) -> None:
    customer, agent = await stage.connected("1001", "13800138057")
    await agent.refer("700", within=1)
    await stage.rings("1001", within=15)
    await sleep(4)
    await customer.hang_up()


@scene(
    "13800138075 talks to 1001, is parked by keys (*72); 1001 dials the wrong space 720, where nobody is; the caller "
    "hangs up while parked, 2 s later."
)
async def park_given_up_wrong_space(stage: Stage) -> None:
    customer, agent = await stage.connected("1001", "13800138075")
    await agent.dtmf("*72")
    await sleep(3)
    await agent.hang_up()
    await stage.desk("1001").dial("720")
    await sleep(2)
    await customer.hang_up()
