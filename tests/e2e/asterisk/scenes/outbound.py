"""Calls to outside: dialled on the phone, and click-to-dial."""

from tests.e2e.asterisk.phone import answer_after, refuse_with
from tests.e2e.asterisk.scenes.stage import Stage, scene, sleep


@scene(
    "Click-to-dial: 1001 rings, answers after 0.5 s, 13900139000 answers after 1 s, talk 4 s, the customer hangs up."
)
async def click_to_dial(stage: Stage) -> None:
    await stage.pbx.originate("1001", "13900139000")
    await stage.takes("1001")
    customer = await stage.takes("trunk", after=1)
    await sleep(4)
    await customer.hang_up()


@scene("Click-to-dial: 1003's own phone rings 4 s and nobody picks it up; 13900139002 is never dialled.")
async def click_to_dial_own_phone_ignored(stage: Stage) -> None:
    await stage.pbx.originate("1003", "13900139002", ring=4)
    await (await stage.rings("1003")).over()
    await sleep(0.5)


@scene("Click-to-dial: 1004's own phone refuses (603) after 1 s; 13900139003 is never dialled.")
async def click_to_dial_own_phone_declined(stage: Stage) -> None:
    stage.behave("1004", refuse_with(603, after=1))
    await stage.pbx.originate("1004", "13900139003")
    await (await stage.rings("1004")).over()
    await sleep(0.5)


@scene("Click-to-dial: 1001 answers after 0.5 s, 13900139004 is busy (486).")
async def click_to_dial_far_busy(stage: Stage) -> None:
    stage.behave("trunk", refuse_with(486, after=0.5))
    await stage.pbx.originate("1001", "13900139004")
    await (await stage.takes("1001")).over()


@scene("Click-to-dial: 1001 answers after 0.5 s, 13900139005 rings 6 s in vain, the dialplan hangs up.")
async def click_to_dial_far_no_answer(stage: Stage) -> None:
    await stage.pbx.originate("1001", "13900139005")
    await (await stage.takes("1001")).over()


@scene("Click-to-dial: 1001 answers after 0.5 s, the trunk answers 503 for 13900139006.")
async def click_to_dial_far_failed(stage: Stage) -> None:
    stage.behave("trunk", refuse_with(503, after=0.5))
    await stage.pbx.originate("1001", "13900139006")
    await (await stage.takes("1001")).over()


@scene("Click-to-dial: 1001 answers after 0.5 s, the trunk answers 404 (no such number) for 13900139007.")
async def click_to_dial_far_unknown(stage: Stage) -> None:
    stage.behave("trunk", refuse_with(404))
    await stage.pbx.originate("1001", "13900139007")
    await (await stage.takes("1001")).over()


@scene("Click-to-dial: 1001 answers after 0.5 s, 13900139008 rings; 1001 hangs up after 2 s of that.")
async def click_to_dial_agent_gives_up(stage: Stage) -> None:
    await stage.pbx.originate("1001", "13900139008")
    agent = await stage.takes("1001")
    await stage.rings("trunk")
    await sleep(2)
    await agent.hang_up()


@scene(
    "Click-to-dial to a colleague: 1001 answers, 1002 rings, answers after 0.5 s, talk 2 s, 1001 hangs up. No trunk."
)
async def click_to_dial_internal(stage: Stage) -> None:
    await stage.pbx.originate("1001", "1002")
    agent = await stage.takes("1001")
    await stage.takes("1002")
    await sleep(2)
    await agent.hang_up()


@scene("1001 dials 13900139010 on its phone; answered after 1 s, talk 3 s, 1001 hangs up.")
async def outbound_answered(stage: Stage) -> None:
    call = await stage.desk("1001").dial("13900139010")
    await stage.takes("trunk", after=1)
    await call.answered()
    await sleep(3)
    await call.hang_up()


@scene("1001 dials 13900139011; it rings 6 s in vain, the dialplan hangs up.")
async def outbound_no_answer(stage: Stage) -> None:
    await (await stage.desk("1001").dial("13900139011")).over()


@scene("1001 dials 13900139012, which is busy (486).")
async def outbound_busy(stage: Stage) -> None:
    stage.behave("trunk", refuse_with(486, after=0.5))
    await (await stage.desk("1001").dial("13900139012")).over()


@scene("1001 dials 13900139013; it rings, 1001 gives up after 2 s.")
async def outbound_cancelled(stage: Stage) -> None:
    call = await stage.desk("1001").dial("13900139013")
    await stage.rings("trunk")
    await sleep(2)
    await call.hang_up()


@scene("1001 dials 13900139014; the trunk answers 503.")
async def outbound_failed(stage: Stage) -> None:
    stage.behave("trunk", refuse_with(503))
    await (await stage.desk("1001").dial("13900139014")).over()


@scene("1001 dials 13900139015 (answers), talk 2 s, REFER to 1002, who answers after 1 s, talk 2 s, 1002 hangs up.")
async def outbound_blind_transfer(stage: Stage) -> None:
    call = await stage.desk("1001").dial("13900139015")
    customer = await stage.takes("trunk")
    await call.answered()
    await sleep(2)
    await call.refer("1002", within=1)
    colleague = await stage.takes("1002", after=1)
    await sleep(2)
    await colleague.hang_up()
    await customer.over()


@scene(
    "1001 dials 13900139016 (answers), talk 2 s, holds, consults 1002 on a second line (2 s), REFER with "
    "Replaces; talk 2 s, the customer hangs up."
)
async def outbound_attended_transfer(stage: Stage) -> None:
    call = await stage.desk("1001").dial("13900139016")
    customer = await stage.takes("trunk")
    await call.answered()
    await sleep(2)
    await call.hold()
    consult = await stage.desk("1001").dial("1002")
    await stage.takes("1002")
    await consult.answered()
    await sleep(2)
    await call.refer_to_call(consult)
    await sleep(2)
    await customer.hang_up()


@scene("1001 dials 13900139017 (answers), talk 1 s, holds 2 s, resumes, talk 1 s, the customer hangs up.")
async def outbound_hold(stage: Stage) -> None:
    call = await stage.desk("1001").dial("13900139017")
    customer = await stage.takes("trunk")
    await call.answered()
    await sleep(1)
    await call.hold()
    await sleep(2)
    await call.resume()
    await sleep(1)
    await customer.hang_up()


@scene("Two at once: 1001 dials 13900139018, 1002 dials 13900139019; both answered, talk 2 s, the agents hang up.")
async def outbound_two_at_once(stage: Stage) -> None:
    stage.behave("trunk", answer_after(0.5))
    first = await stage.desk("1001").dial("13900139018")
    second = await stage.desk("1002").dial("13900139019")
    await first.answered()
    await second.answered()
    await sleep(2)
    await first.hang_up()
    await second.hang_up()
