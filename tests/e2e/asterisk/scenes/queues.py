"""Calls into queues."""

from tests.e2e.asterisk.phone import refuse_with
from tests.e2e.asterisk.scenes.stage import Stage, scene, sleep


@scene("13800138007 calls 8002 (service, ring all): 1001 answers after 0.7 s, talk 3 s, the caller hangs up.")
async def queue_ringall(stage: Stage) -> None:
    customer = await stage.customer("8002", "13800138007")
    await stage.takes("1001", after=0.7)
    await sleep(3)
    await customer.hang_up()


@scene("13800138010 calls 8003 (noone): 1003 rings, the caller hangs up after 2.5 s.")
async def queue_abandon(stage: Stage) -> None:
    customer = await stage.customer("8003", "13800138010")
    await stage.rings("1003")
    await sleep(2.5)
    await customer.hang_up()


@scene("13800138011 calls 8003 (noone): 1003 rings twice, nobody answers; the queue gives up after its time.")
async def queue_timeout(stage: Stage) -> None:
    await (await stage.customer("8003", "13800138011")).over(40)


@scene("13800138040 calls 8004 (picky): 1004 is busy (486), then 1001 rings, answers after 1 s, talk 2 s, caller ends.")
async def queue_linear_declined_retried(stage: Stage) -> None:
    stage.behave("1004", refuse_with(486))
    customer = await stage.customer("8004", "13800138040")
    await stage.takes("1001", after=1)
    await sleep(2)
    await customer.hang_up()


@scene(
    "13800138041 calls 8004 (picky): 1004 declines (603) after 1 s, then 1001 answers, talk 2 s, the agent hangs up."
)
async def queue_declined_603(stage: Stage) -> None:
    stage.behave("1004", refuse_with(603, after=1))
    customer = await stage.customer("8004", "13800138041")
    agent = await stage.takes("1001", after=0.5)
    await sleep(2)
    await agent.hang_up()
    await customer.over()


@scene("13800138042 calls 8001 (sales, linear): 1005 rings 4 s in vain, then 1006 answers, talk 2 s, the caller ends.")
async def queue_no_answer_next_agent(stage: Stage) -> None:
    customer = await stage.customer("8001", "13800138042")
    await stage.takes("1006", within=12)
    await sleep(2)
    await customer.hang_up()


@scene(
    "13800138043 calls 8010: queue noone for 4 s (1003 does not answer), then queue service, where 1002 answers "
    "after 0.5 s; talk 2 s, the caller hangs up."
)
async def queue_overflow(stage: Stage) -> None:
    customer = await stage.customer("8010", "13800138043")
    await stage.takes("1002", within=12)
    await sleep(2)
    await customer.hang_up()


@scene("13800138044 calls 8010: queue noone for 4 s, then queue service; the caller gives up there after 2 s.")
async def queue_overflow_abandon(stage: Stage) -> None:
    customer = await stage.customer("8010", "13800138044")
    await stage.rings("1002", within=12)
    await sleep(2)
    await customer.hang_up()


@scene("13800138045 calls the menu 9000, presses 2 after 1 s, queue service: 1001 answers, talk 2 s, the caller ends.")
async def ivr_then_queue(stage: Stage) -> None:
    customer = await stage.customer("9000", "13800138045")
    await customer.answered()
    await sleep(1)
    await customer.dtmf("2")
    await stage.takes("1001")
    await sleep(2)
    await customer.hang_up()


@scene(
    "13800138046 calls the menu 9000, presses 1, queue sales: 1005 rings, the caller hangs up while waiting (1.5 s)."
)
async def ivr_then_queue_abandon(stage: Stage) -> None:
    customer = await stage.customer("9000", "13800138046")
    await customer.answered()
    await sleep(1)
    await customer.dtmf("1")
    await stage.rings("1005")
    await sleep(1.5)
    await customer.hang_up()


@scene(
    "13800138047 waits in 8003 (noone: 1003 is on another call, so nothing rings); 1003's first caller "
    "13800138048 hangs up after 3 s, then 1003 rings, answers, talk 1.5 s, the agent hangs up."
)
async def queue_waits_for_busy_agent(stage: Stage) -> None:
    first, _ = await stage.connected("1003", "13800138048", talk=1)
    waiting = await stage.customer("8003", "13800138047")
    await sleep(3)
    await first.hang_up()
    agent = await stage.takes("1003", within=15)
    await sleep(1.5)
    await agent.hang_up()
    await waiting.over()


@scene(
    "13800138049 calls 8002 (service): 1001 answers, talk 2 s, blind transfer by REFER to 1005, who answers "
    "after 1 s, talk 2 s; the caller hangs up."
)
async def queue_then_blind_transfer(stage: Stage) -> None:
    customer = await stage.customer("8002", "13800138049")
    agent = await stage.takes("1001")
    await sleep(2)
    await agent.refer("1005", within=1)
    await stage.takes("1005", after=1)
    await sleep(2)
    await customer.hang_up()


@scene(
    "13800138050 calls 8002 (service): 1001 answers, talk 2 s, holds and consults 1005 (answers after 0.5 s, 2 "
    "s), attended transfer by REFER with Replaces; talk 2 s, 1005 hangs up."
)
async def queue_then_attended_transfer(stage: Stage) -> None:
    customer = await stage.customer("8002", "13800138050")
    agent = await stage.takes("1001")
    await sleep(2)
    await agent.hold()
    consult = await stage.desk("1001").dial("1005")
    target = await stage.takes("1005")
    await consult.answered()
    await sleep(2)
    await agent.refer_to_call(consult)
    await sleep(2)
    await target.hang_up()
    await customer.over()


@scene("13800138051 calls 8002 (service): 1001 answers after 0.5 s, holds 2 s, resumes, talk 1 s, the agent hangs up.")
async def queue_hold(stage: Stage) -> None:
    customer = await stage.customer("8002", "13800138051")
    agent = await stage.takes("1001")
    await sleep(1)
    await agent.hold()
    await sleep(2)
    await agent.resume()
    await sleep(1)
    await agent.hang_up()
    await customer.over()


@scene(
    "13800138052 calls 8002 (service): 1001 declines (603), 1002 goes on ringing and answers after 2 s; caller ends."
)
async def queue_ringall_one_declines(stage: Stage) -> None:
    stage.behave("1001", refuse_with(603, after=0.5))
    customer = await stage.customer("8002", "13800138052")
    await stage.takes("1002", after=2)
    await sleep(2)
    await customer.hang_up()


@scene(
    "13800138054 calls 8003 (noone, 1003 alone): 1003 declines (603) after 0.5 s, is rung again after the queue's "
    "retry time and answers after 0.5 s; talk 2 s, the caller hangs up."
)
async def queue_declined_retried_same_agent(stage: Stage) -> None:
    customer = await stage.customer("8003", "13800138054")
    first = await stage.rings("1003")
    await sleep(0.5)
    first.refuse(603)
    await stage.takes("1003")
    await sleep(2)
    await customer.hang_up()


@scene(
    "13800138055 calls 8003 (noone, 1003 alone): 1003 rings 4 s in vain, is rung again and answers after 0.5 s; talk "
    "2 s, the agent hangs up."
)
async def queue_no_answer_retried_same_agent(stage: Stage) -> None:
    customer = await stage.customer("8003", "13800138055")
    await (await stage.rings("1003")).over()
    agent = await stage.takes("1003")
    await sleep(2)
    await agent.hang_up()
    await customer.over()
