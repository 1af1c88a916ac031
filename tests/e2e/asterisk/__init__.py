"""A real Asterisk with phones under a test's fingers.

    async def test_…(stage: Stage) -> None:                       # fixtures root, pbx, stage
        customer = await stage.customer("1001", "13800138000", name="张三")   # rings, nobody has answered
        agent = await stage.rings("1001")                         # … look at the browser now …
        await agent.answer()
        await customer.answered()
        await agent.hold(); await agent.resume()                  # re-INVITE
        await agent.refer("1002")                                 # blind transfer
        consult = await stage.desk("1001").dial("1002"); await agent.refer_to_call(consult)   # attended
        await agent.dtmf("*72"); await customer.hang_up(); await customer.over()
        await stage.pbx.restart()                                 # kill -9, and up again on the same ports
        stage.pbx.pbx                                             # the object for CALLCENTER_PBXES
        stage.pbx.recordings_dir, stage.pbx.cdr(), stage.pbx.queue_log()

SoftPhone plays what must happen at a moment that the test chooses, each phone with a tone of its own; SippAgent and
SippTrunk play fixed scripts with recorded speech, and load. `scenes` holds whole calls by name; `record.py` plays them
and keeps the PBX's traffic as traces.
"""
