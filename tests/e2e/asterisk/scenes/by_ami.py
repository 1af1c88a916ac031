"""What an agent does with the desk on the screen instead of the phone: through AMI, as the acting user."""

from tests.e2e.asterisk.scenes.stage import Stage, scene, sleep


@scene("13800138081 talks to 1001; the desk's hang-up (AMI Hangup on 1001's channel) ends the call after 2 s.")
async def hang_up_by_ami(stage: Stage) -> None:
    customer, _ = await stage.connected("1001", "13800138081")
    await stage.pbx.act("Hangup", Channel=await stage.pbx.channel("1001"), Cause="16")
    await customer.over()


@scene("13800138082 talks to 1001; AMI BlindTransfer to 1002, who answers after 0.5 s, talk 2 s, the caller hangs up.")
async def blind_transfer_by_ami(stage: Stage) -> None:
    customer, _ = await stage.connected("1001", "13800138082")
    channel = await stage.pbx.channel("1001")
    await stage.pbx.act("BlindTransfer", Channel=channel, Context="from-agents", Exten="1002")
    await stage.takes("1002")
    await sleep(2)
    await customer.hang_up()


@scene(
    "13800138083 talks to 1001; AMI Atxfer to 1002, who answers after 0.5 s; consultation 2 s, 1001 hangs up; talk 2 "
    "s, the caller hangs up."
)
async def attended_transfer_by_ami(stage: Stage) -> None:
    customer, agent = await stage.connected("1001", "13800138083")
    channel = await stage.pbx.channel("1001")
    await stage.pbx.act("Atxfer", Channel=channel, Context="from-agents", Exten="1002")
    await stage.takes("1002")
    await sleep(2)
    await agent.hang_up()
    await sleep(2)
    await customer.hang_up()


@scene(
    "13800138084 talks to 1001; AMI Redirect sends the customer's channel to queue 8001 (sales); 1005 answers after "
    "0.5 s, talk 2 s, the caller hangs up."
)
async def redirect_into_queue_by_ami(stage: Stage) -> None:
    customer, _ = await stage.connected("1001", "13800138084")
    channel = await stage.pbx.channel("trunk")
    await stage.pbx.act("Redirect", Channel=channel, Context="from-agents", Exten="8001", Priority="1")
    await stage.takes("1005")
    await sleep(2)
    await customer.hang_up()


@scene("13800138085 talks to 1001; the recording is muted for 1.5 s after 1.5 s (AMI MixMonitorMute), goes on 1 s.")
async def recording_paused(stage: Stage) -> None:
    customer, _ = await stage.connected("1001", "13800138085", talk=1.5)
    channel = await stage.pbx.channel("trunk")
    for state, seconds in (("1", 1.5), ("0", 1.0)):
        await stage.pbx.act("MixMonitorMute", Channel=channel, Direction="both", State=state)
        await sleep(seconds)
    await customer.hang_up()


@scene(
    "Member 1001 of queue service is paused by AMI; 13800138086 calls 8002: only 1002 rings and answers after 0.5 s; "
    "talk 1.5 s, the caller hangs up; 1001 is unpaused."
)
async def queue_member_paused(stage: Stage) -> None:
    await stage.pbx.act("QueuePause", Interface="PJSIP/1001", Paused="true", Queue="service", Reason="Lunch")
    customer = await stage.customer("8002", "13800138086")
    await stage.takes("1002")
    await sleep(1.5)
    await customer.hang_up()
    await stage.pbx.act("QueuePause", Interface="PJSIP/1001", Paused="false", Queue="service")


@scene(
    "Click-to-dial: 1001 answers, 13900139020 answers after 0.5 s, talk 2 s, REFER to 1002, who answers after 0.5 s; "
    "talk 2 s, the customer hangs up."
)
async def click_to_dial_blind_transfer(stage: Stage) -> None:
    await stage.pbx.originate("1001", "13900139020")
    agent = await stage.takes("1001")
    customer = await stage.takes("trunk")
    await sleep(2)
    await agent.refer("1002", within=1)
    await stage.takes("1002")
    await sleep(2)
    await customer.hang_up()


@scene(
    "1001 dials 13900139021 (answers), talk 1.5 s, parks it by REFER to 700; 1002 picks up 2 s later, talk 2 s, 1002 "
    "hangs up."
)
async def outbound_park_and_pickup(stage: Stage) -> None:
    call = await stage.desk("1001").dial("13900139021")
    customer = await stage.takes("trunk")
    await call.answered()
    await sleep(1.5)
    before = len(stage.pbx.admin.events)
    await call.refer("700", within=1)
    event = await stage.pbx.admin.event("ParkedCall", since=before)
    await sleep(2)
    taker = await stage.desk("1002").dial(event["ParkingSpace"])
    await taker.answered()
    await sleep(2)
    await taker.hang_up()
    await customer.over()
