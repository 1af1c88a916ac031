"""Calls to one desk or a few, without queue or transfer."""

from tests.e2e.asterisk.phone import answer_after, refuse_with
from tests.e2e.asterisk.scenes.stage import Stage, scene, sleep


@scene("13800138000 calls 1001; it rings 0.5 s, answers, they talk 2.5 s, the caller hangs up.")
async def direct_answered(stage: Stage) -> None:
    customer, _ = await stage.connected("1001", "13800138000", talk=2.5)
    await customer.hang_up()


@scene("13800138001 calls 1003; nobody answers for 5 s, the dialplan hangs up.")
async def direct_no_answer(stage: Stage) -> None:
    customer = await stage.customer("1003", "13800138001")
    await customer.over()


@scene("13800138002 calls 1003; it rings, the caller gives up after 2 s.")
async def direct_caller_cancels(stage: Stage) -> None:
    customer = await stage.customer("1003", "13800138002")
    await stage.rings("1003")
    await sleep(2)
    await customer.hang_up()


@scene("13800138003 calls 1004, which is busy (486).")
async def direct_busy(stage: Stage) -> None:
    stage.behave("1004", refuse_with(486))
    await (await stage.customer("1004", "13800138003")).over()


@scene("13800138020 calls 1004; it rings 1 s and is declined (603).")
async def direct_declined(stage: Stage) -> None:
    stage.behave("1004", refuse_with(603, after=1))
    await (await stage.customer("1004", "13800138020")).over()


@scene("13800138021 calls 1001; answered after 1 s, they talk 2 s, the agent hangs up.")
async def direct_agent_hangs_up(stage: Stage) -> None:
    _, agent = await stage.connected("1001", "13800138021", talk=2)
    await agent.hang_up()


@scene("13800138004 calls 2012, which rings 1001 and 1002; 1001 answers after 0.5 s, talk 2.5 s, the caller hangs up.")
async def forked_two_agents(stage: Stage) -> None:
    customer = await stage.customer("2012", "13800138004")
    await stage.takes("1001")
    await customer.answered()
    await sleep(2.5)
    await customer.hang_up()


@scene("13800138005 calls 2022, a Local channel to 1002; answered after 0.5 s, talk 2.5 s, the caller hangs up.")
async def local_channel(stage: Stage) -> None:
    customer = await stage.customer("2022", "13800138005")
    await stage.takes("1002")
    await customer.answered()
    await sleep(2.5)
    await customer.hang_up()


@scene('02162345678 "张三" calls 1001; answered after 0.5 s, talk 2 s, the caller hangs up.')
async def chinese_caller_name(stage: Stage) -> None:
    customer = await stage.customer("1001", "02162345678", name="张三")
    await stage.takes("1001")
    await customer.answered()
    await sleep(2)
    await customer.hang_up()


@scene('13800138022 calls 1001 with the name <b>"x"</b><script>alert(1)</script>; answered, talk 2 s, caller hangs up.')
async def caller_name_markup(stage: Stage) -> None:
    customer = await stage.customer("1001", "13800138022", name='<b>"x"</b><script>alert(1)</script>')
    await stage.takes("1001")
    await customer.answered()
    await sleep(2)
    await customer.hang_up()


@scene(
    "13800138023 calls 1001 with tab, ESC and BEL in its name and =CMD() before; answered, talk 2 s, caller hangs up."
)
async def caller_name_control_characters(stage: Stage) -> None:
    customer = await stage.customer("1001", "13800138023", name="=CMD()\tx\x1b[31m\x07y")
    await stage.takes("1001")
    await customer.answered()
    await sleep(2)
    await customer.hang_up()


@scene("A caller who hides his number (anonymous) calls 1001; answered after 0.5 s, talk 2 s, the caller hangs up.")
async def hidden_caller(stage: Stage) -> None:
    customer = await stage.customer("1001", "anonymous", name="Anonymous", host="anonymous.invalid")
    await stage.takes("1001")
    await customer.answered()
    await sleep(2)
    await customer.hang_up()


@scene("13800138015 talks to 1001, who holds for 2 s after 2 s, goes on 1.5 s; the caller hangs up.")
async def hold_resume(stage: Stage) -> None:
    customer, agent = await stage.connected("1001", "13800138015", talk=2)
    await agent.hold()
    await sleep(2)
    await agent.resume()
    await sleep(1.5)
    await customer.hang_up()


@scene("13800138024 talks to 1001, who holds twice (1.5 s, 1 s); the caller hangs up during a third hold of 1 s.")
async def hold_twice_caller_leaves(stage: Stage) -> None:
    customer, agent = await stage.connected("1001", "13800138024", talk=1.5)
    for seconds in (1.5, 1.0):
        await agent.hold()
        await sleep(seconds)
        await agent.resume()
        await sleep(1)
    await agent.hold()
    await sleep(1)
    await customer.hang_up()


@scene("13800138025 rings 1003; 1002 takes the call with *8 after 1 s, talk 2 s, the caller hangs up.")
async def pickup_ringing(stage: Stage) -> None:
    customer = await stage.customer("1003", "13800138025")
    await stage.rings("1003")
    await sleep(1)
    taker = await stage.desk("1002").dial("*8")
    await taker.answered()
    await sleep(2)
    await customer.hang_up()
    await taker.over()


@scene("13800138026 rings 1003; 1002 takes exactly that call with **1003 after 1 s, talk 2 s, 1002 hangs up.")
async def pickup_directed(stage: Stage) -> None:
    customer = await stage.customer("1003", "13800138026")
    await stage.rings("1003")
    await sleep(1)
    taker = await stage.desk("1002").dial("**1003")
    await taker.answered()
    await sleep(2)
    await taker.hang_up()
    await customer.over()


@scene(
    "13800138027 talks to 1001; 13800138028 calls 1001 too (call waiting): 1001 holds the first after 1 s, "
    "answers the second, talks 2 s, the second hangs up; 1001 resumes the first, talks 1.5 s, the first caller "
    "hangs up."
)
async def two_calls_one_agent(stage: Stage) -> None:
    first, first_leg = await stage.connected("1001", "13800138027")
    second = await stage.customer("1001", "13800138028")
    second_leg = await stage.rings("1001")
    await sleep(1)
    await first_leg.hold()
    await second_leg.answer()
    await second.answered()
    await sleep(2)
    await second.hang_up()
    await first_leg.resume()
    await sleep(1.5)
    await first.hang_up()


@scene("1001 calls 1002; answered after 0.5 s, talk 2 s, 1001 hangs up. No trunk.")
async def internal_call(stage: Stage) -> None:
    call = await stage.desk("1001").dial("1002")
    await stage.takes("1002")
    await call.answered()
    await sleep(2)
    await call.hang_up()


@scene("1001 calls 1003; nobody answers for 5 s. No trunk.")
async def internal_no_answer(stage: Stage) -> None:
    await (await stage.desk("1001").dial("1003")).over()


@scene("1001 calls 1004, which is busy (486). No trunk.")
async def internal_busy(stage: Stage) -> None:
    stage.behave("1004", refuse_with(486))
    await (await stage.desk("1001").dial("1004")).over()


@scene(
    "13800138029 talks to 1001; the supervisor's 1008 listens in by Originate into listen-in (answers after 0.5 "
    "s), hangs up after 2 s; the call goes on 1 s, the caller hangs up."
)
async def listen_in(stage: Stage) -> None:
    customer, _ = await stage.connected("1001", "13800138029")
    await stage.pbx.originate("1008", "1001", context="listen-in")
    listener = await stage.takes("1008")
    await sleep(2)
    await listener.hang_up()
    await sleep(1)
    await customer.hang_up()


@scene("13800138030 talks to 1001; 1008 listens in by Originate and stays: the caller hangs up first, that ends it.")
async def listen_in_to_the_end(stage: Stage) -> None:
    customer, _ = await stage.connected("1001", "13800138030")
    await stage.pbx.originate("1008", "1001", context="listen-in")
    listener = await stage.takes("1008")
    await sleep(2)
    await customer.hang_up()
    await listener.over()


@scene(
    "13800138053 talks to 1001; 1008 listens in by Originate with the application ChanSpy on 1001's very channel, "
    "hangs up after 2 s; the caller hangs up 1 s later."
)
async def listen_in_application(stage: Stage) -> None:
    customer, _ = await stage.connected("1001", "13800138053")
    await stage.pbx.listen("1008", on="1001")
    listener = await stage.takes("1008")
    await sleep(2)
    await listener.hang_up()
    await sleep(1)
    await customer.hang_up()


@scene("13800138018 calls 2031: 1003 rings 5 s in vain, then 1002 rings and answers; talk 2 s, the caller hangs up.")
async def follow_me_dialplan(stage: Stage) -> None:
    customer = await stage.customer("2031", "13800138018")
    await stage.takes("1002")
    await customer.answered()
    await sleep(2)
    await customer.hang_up()


@scene(
    "13800138019 calls 2030 (FollowMe): 1003 rings 5 s in vain, 1002 answers and presses 1 after 6 s to take it; "
    "the caller hangs up."
)
async def follow_me(stage: Stage) -> None:
    customer = await stage.customer("2030", "13800138019")
    taker = await stage.takes("1002", within=15)
    # The announcement and the question take their time; a 1 before the question counts for nothing.
    await sleep(6)
    await taker.dtmf("1")
    await sleep(3)
    await customer.hang_up()


@scene(
    "13800138019 calls 2030 (FollowMe): 1003 rings 5 s in vain, 1002 picks up but does not take the call (presses 1 "
    "before it is asked); the caller hangs up after 4.7 s of that. Customer and 1002 never spoke."
)
async def follow_me_not_taken(stage: Stage) -> None:
    customer = await stage.customer("2030", "13800138019")
    taker = await stage.takes("1002", within=15)
    await sleep(1.5)
    await taker.dtmf("1")
    await sleep(3)
    await customer.hang_up()


@scene("Long material: 13800138031 and 1001, 13800138032 and 1002 talk 20 s side by side; the callers hang up.")
async def two_long_calls(stage: Stage) -> None:
    first, _ = await stage.connected("1001", "13800138031", talk=1)
    second, _ = await stage.connected("1002", "13800138032", talk=18)
    await first.hang_up()
    await sleep(1)
    await second.hang_up()


@scene("13800138017 calls the menu 9000, listens 2 s and hangs up.")
async def ivr_only(stage: Stage) -> None:
    customer = await stage.customer("9000", "13800138017")
    await customer.answered()
    await sleep(2)
    await customer.hang_up()


@scene("13800138033 calls the menu 9000 and presses nothing: after the menu's time-out the PBX hangs up.")
async def ivr_times_out(stage: Stage) -> None:
    customer = await stage.customer("9000", "13800138033")
    await customer.over()


@scene("13800138034 calls the menu 9000, presses 9 (not in the menu), then hangs up after 1 s.")
async def ivr_wrong_key_then_gone(stage: Stage) -> None:
    customer = await stage.customer("9000", "13800138034")
    await customer.answered()
    await sleep(1)
    await customer.dtmf("9")
    await sleep(1)
    await customer.hang_up()


@scene(
    "13800138035 talks to 1001 (blind transfer to conference 8501 by REFER); 1002 and 1005 dial 8501; all three "
    "together 2 s; 1005 leaves, 1002 leaves after 1 s, then the caller hangs up after 1 s."
)
async def conference_three(stage: Stage) -> None:
    customer, agent = await stage.connected("1001", "13800138035")
    second = await stage.desk("1002").dial("8501")
    await second.answered()
    await agent.refer("8501")
    await agent.over()
    await sleep(1)
    third = await stage.desk("1005").dial("8501")
    await third.answered()
    await sleep(2)
    await third.hang_up()
    await sleep(1)
    await second.hang_up()
    await sleep(1)
    await customer.hang_up()


@scene(
    "13800138036 talks to 1001, is transferred into conference 8502 where 1001 and 1002 are too (1001 dials in); "
    "the caller hangs up first, the two agents go on 2 s."
)
async def conference_goes_on(stage: Stage) -> None:
    customer, agent = await stage.connected("1001", "13800138036")
    await agent.refer("8502")
    await agent.over()
    first = await stage.desk("1001").dial("8502")
    second = await stage.desk("1002").dial("8502")
    await second.answered()
    await sleep(2)
    await customer.hang_up()
    await sleep(2)
    await first.hang_up()
    await second.hang_up()


@scene("13800138037 calls 2012 (1001 and 1002 ring): both decline (1001 603, 1002 486), nobody is left.")
async def forked_all_refuse(stage: Stage) -> None:
    stage.behave("1001", refuse_with(603, after=0.5))
    stage.behave("1002", refuse_with(486, after=1))
    await (await stage.customer("2012", "13800138037")).over()


@scene("13800138038 calls 2012 (1001 and 1002 ring): nobody answers for 5 s.")
async def forked_no_answer(stage: Stage) -> None:
    await (await stage.customer("2012", "13800138038")).over()


@scene("Twice: 13800138039 calls 1001, answered, caller hangs up after 1 s; the same number calls again at once.")
async def same_caller_twice(stage: Stage) -> None:
    stage.behave("1001", answer_after(0.3))
    for _ in range(2):
        customer = await stage.customer("1001", "13800138039")
        await customer.answered()
        await sleep(1)
        await customer.hang_up()
