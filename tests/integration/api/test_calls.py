"""The call log over REST: exactly the contract's words, the list equal to the detail, paging, acting on calls."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import event

from crm_core.calls.facts import CallState, CallStatus, Certainty, Direction
from crm_core.kernel import ids
from crm_core.kernel.errors import Conflict, Unavailable
from tests.integration.api.conftest import Client, House
from tests.integration.api.stored import START, answered, many, missed, store
from tests.integration.api.test_errors import is_problem

# fmt: off
CONTRACT_FIELDS = {
    "id", "pbx", "direction", "status", "caller_number", "caller_name", "called_number", "customer", "queue",
    "started_at", "answered_at", "ended_at", "wait_seconds", "talk_seconds", "hold_seconds", "agents", "transferred",
    "ended_by", "progress", "legs", "recordings", "certainty",
}
LEG_FIELDS = (
    "extension", "rang_at", "answered_at", "ended_at", "outcome", "talk_seconds", "hold_seconds",
)
# fmt: on


async def test_a_call_has_every_field_of_the_contract_with_its_value(house: House, boss: Client) -> None:
    call = answered("a", "1000")
    await store(house, call)
    shown = await boss.get(f"calls/{ids.show(call.id)}")
    assert set(shown) >= CONTRACT_FIELDS
    expected = {
        "pbx": "main",
        "direction": "inbound",
        "status": "answered",
        "caller_number": "13800138000",
        "caller_name": "张三",
        "called_number": "8001",
        "customer": None,
        "queue": "sales",
        "started_at": "2026-11-21T10:00:00.250000+08:00",
        "answered_at": "2026-11-21T10:00:03.450000+08:00",
        "ended_at": "2026-11-21T10:00:44.450000+08:00",
        "wait_seconds": 3.2,
        "talk_seconds": 40.0,
        "hold_seconds": 1.0,
        "agents": ["1000"],
        "transferred": None,
        "ended_by": "caller",
        "progress": None,
        "certainty": "complete",
    }
    assert {name: shown[name] for name in expected} == expected
    (leg,) = shown["legs"]
    assert [leg[name] for name in LEG_FIELDS] == [
        "1000",
        "2026-11-21T10:00:01.250000+08:00",
        "2026-11-21T10:00:03.450000+08:00",
        "2026-11-21T10:00:44.450000+08:00",
        "answered",
        40.0,
        1.0,
    ]
    assert datetime.fromisoformat(shown["started_at"]).timestamp() == pytest.approx(START)


async def test_the_detail_says_queues_holds_recordings_and_why(house: House, boss: Client) -> None:
    call = answered("a", "1000")
    await store(house, call)
    shown = await boss.get(f"calls/{ids.show(call.id)}")
    (visit,) = shown["queues"]
    assert (visit["queue"], visit["outcome"]) == ("sales", "answered")
    assert visit["wait_seconds"] == pytest.approx(2.7)
    (hold,) = shown["holds"]
    assert (hold["kind"], hold["seconds"], hold["by"]) == ("hold", 1.0, "1000")
    (recording,) = shown["recordings"]
    assert recording["id"] == ids.show(call.recordings[0].id)
    assert (recording["seconds"], recording["state"]) == (41.0, "ready")
    assert [event["event"] for event in shown["explain"]] == ["Newchannel", "BridgeEnter"]
    assert shown["explain"][0]["at"] == "2026-11-21T10:00:00.250000+08:00"
    assert shown["explain"][0]["fields"] == {"Channel": "PJSIP/trunk-00000001"}


async def test_the_list_equals_the_detail_in_all_they_share(house: House, boss: Client) -> None:
    live = replace(
        answered("live", "1000"),
        state=CallState.TALKING,
        status=None,
        ended_at=None,
        ended_by=None,
        talk_seconds=None,
        certainty=Certainty.GAP,
    )
    await store(house, answered("a", "1000"), missed("m", "1001"), live)
    rows = (await boss.get("calls"))["items"]
    assert len(rows) == 3
    for row in rows:
        detail = await boss.get(f"calls/{row['id']}")
        assert row == {name: detail[name] for name in row}


async def test_newest_first_and_every_filter_cuts(house: House, boss: Client) -> None:
    await store(
        house,
        answered("a", "1000", start=START),
        answered("b", "1001", number="13900139000", start=START + 3600),
        missed("c", "1000", number="13700137000", start=START + 7200),
        replace(answered("d", "1002", start=START + 9000), direction=Direction.OUTBOUND, queue=None),
    )
    a, b, c, d = (ids.show(answered(name, "x").id) for name in "abcd")

    async def found(query: str) -> list[str]:
        return [item["id"] for item in (await boss.get(f"calls{query}"))["items"]]

    assert await found("") == [d, c, b, a]
    at = quote(datetime.fromtimestamp(START + 3600, UTC).isoformat())
    assert await found(f"?from={at}") == [d, c, b]
    assert await found(f"?to={at}") == [a]
    assert await found(f"?from={at}&to={at}") == []
    assert await found("?status=abandoned") == [c]
    assert await found("?direction=outbound") == [d]
    assert await found("?agent=1001") == [b]
    assert await found("?queue=sales") == [c, b, a]
    assert await found("?number=13900139000") == [b]
    assert await found("?number=9001390") == [b]
    assert await found("?queue=sales&agent=1000&status=answered") == [a]
    assert await found(f"?customer={ids.show(1)}") == []


async def test_a_plus_sign_that_was_not_encoded_is_understood(house: House, boss: Client) -> None:
    await store(house, answered("a", "1000"))
    assert len((await boss.get("calls?from=2026-11-21T00:00:00+08:00"))["items"]) == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=501", "limit=x", "cursor=zzz", "from=yesterday", "from=2026-11-21T00:00:00",
        "from=0001-01-01T00:00:00Z", "status=odd", "direction=up", "customer=x", "number=%00", "agents=1000",
        "queue=", "customer=0000000000000%20",
    ],
)  # fmt: skip
async def test_wrong_filters_are_422_and_named(boss: Client, query: str) -> None:
    answer = await boss("GET", f"calls?{query}")
    assert answer.status == 422, answer.body
    assert list(answer.json["errors"]) == [query.split("=", maxsplit=1)[0]]


async def test_pages_stay_right_while_calls_come_in(house: House, boss: Client) -> None:
    calls = many(7, "1000")
    await store(house, *calls)
    page = await boss.get("calls?limit=3")
    await store(house, answered("newer", "1000", start=START + 10_000))
    seen = [item["id"] for item in page["items"]]
    while page["next"]:
        page = await boss.get(f"calls?limit=3&cursor={page['next']}")
        seen += [item["id"] for item in page["items"]]
    assert seen == [ids.show(call.id) for call in reversed(calls)]


async def test_the_number_of_queries_does_not_grow_with_the_list(house: House, boss: Client) -> None:
    counts: list[int] = []
    await boss.get("calls")  # a connection's first words are not counted
    for count in (3, 30):
        await store(house, *many(count, "1000"))
        asked: list[str] = []

        def note(_c: Any, _k: Any, statement: str, *_rest: Any, asked: list[str] = asked) -> None:
            asked.append(statement)

        engine = house.db._reader.sync_engine
        event.listen(engine, "before_cursor_execute", note)
        assert len((await boss.get("calls?limit=500"))["items"]) == count
        event.remove(engine, "before_cursor_execute", note)
        counts.append(len(asked))
    assert counts[0] == counts[1]


async def test_an_agent_sees_own_calls_with_masked_numbers_and_no_pbx_events(house: House) -> None:
    mine, other = answered("a", "1000"), answered("b", "1099")
    await store(house, mine, other)
    agent = house.as_user("agent")
    assert [item["id"] for item in (await agent.get("calls"))["items"]] == [ids.show(mine.id)]
    answer = await agent("GET", f"calls/{ids.show(mine.id)}")
    assert answer.json["caller_number"] == "138****8000"
    assert answer.json["explain"] is None
    assert b"13800138000" not in answer.body
    assert is_problem(await agent("GET", f"calls/{ids.show(other.id)}"), 404, "call_not_found")


async def test_notes_progress_and_results_are_kept_and_answered_whole(house: House) -> None:
    call = answered("a", "1000")
    await store(house, call)
    agent, path = house.as_user("agent"), f"calls/{ids.show(call.id)}"
    noted = await agent("POST", f"{path}/notes", {"text": "Asks for a sample.\nFriday."})
    assert noted.status == 201
    assert [(n["author"], n["text"]) for n in noted.json["notes"]] == [("agent", "Asks for a sample.\nFriday.")]
    assert (await agent("PUT", f"{path}/progress", {"progress": 50})).json["progress"] == 50
    result = {"disposition": "follow_up", "next_at": "2026-11-28T02:00:00+00:00"}
    done = (await agent("PUT", f"{path}/disposition", result)).json
    assert (done["disposition"], done["next_at"]) == ("follow_up", "2026-11-28T10:00:00+08:00")
    saved = (await agent("PATCH", path, {"progress": 75, "next_at": None, "note": "again"})).json
    assert (saved["progress"], saved["disposition"], saved["next_at"]) == (75, "follow_up", None)
    assert len(saved["notes"]) == 2
    assert (await agent("PUT", f"{path}/progress", {"progress": None})).json["progress"] is None
    for wrong in (1, "50", 50.5, True):
        assert is_problem(await agent("PUT", f"{path}/progress", {"progress": wrong}), 422, "invalid_input")
    await store(house, call)
    assert (await agent.get(path))["disposition"] == "follow_up"


async def test_a_call_can_be_said_to_be_a_customers(house: House, boss: Client) -> None:
    call = answered("a", "1000")
    await store(house, call)
    made = (await boss("POST", "customers", {"name": "李秀英", "owner": "agent"})).json
    foreign = (await boss("POST", "customers", {"name": "王伟", "owner": "stranger"})).json
    agent, path = house.as_user("agent"), f"calls/{ids.show(call.id)}/customer"
    linked = await agent("PUT", path, {"customer_id": made["id"]})
    assert linked.json["customer"] == {"id": made["id"], "name": "李秀英"}
    assert (await agent("PUT", path, {"customer_id": foreign["id"]})).status == 404
    assert [i["id"] for i in (await boss.get(f"calls?customer={made['id']}"))["items"]] == [ids.show(call.id)]


async def test_dialling_rings_from_the_own_extension(house: House, boss: Client) -> None:
    agent = house.as_user("agent")
    answer = await agent("POST", "calls", {"number": "13800138000"})
    assert answer.status == 201, answer.body
    assert answer.json == {"id": None, "extension": "1000", "number": "13800138000", "customer_id": None}
    phones = [{"number": "13900139000"}]
    made = (await boss("POST", "customers", {"name": "x", "owner": "agent", "phones": phones})).json
    by_customer = await agent("POST", "calls", {"customer_id": made["id"]})
    assert by_customer.status == 201
    assert b"13900139000" not in by_customer.body
    assert house.telephony.asked == [
        ("dial", "agent", "13800138000", None),
        ("dial", "agent", "13900139000", ids.parse(made["id"])),
    ]
    foreign = (await boss("POST", "customers", {"name": "y", "owner": "stranger", "phones": phones})).json
    assert is_problem(await agent("POST", "calls", {"customer_id": foreign["id"]}), 404, "number_not_found")
    for body in ({}, {"number": "1", "customer_id": made["id"]}, {"number": ""}, {"number": "1\r\nAction: x"}):
        assert (await agent("POST", "calls", body)).status == 422
    assert len(house.telephony.asked) == 2


async def test_a_repeated_key_dials_once_and_hears_the_same(house: House) -> None:
    agent, key = house.as_user("agent"), {"Idempotency-Key": "k1"}
    first = await agent("POST", "calls", {"number": "10086"}, headers=key)
    again = await agent("POST", "calls", {"number": "10086"}, headers=key)
    assert (first.status, again.status) == (201, 201)
    assert first.json == again.json
    assert again.headers["Idempotent-Replay"] == "true"
    assert len(house.telephony.asked) == 1
    other = await agent("POST", "calls", {"number": "10010"}, headers=key)
    assert is_problem(other, 409, "idempotency_mismatch")
    assert (await house.as_user("supervisor")("POST", "calls", {"number": "10010"}, headers=key)).status == 201


async def test_a_refused_dial_may_be_tried_again_and_a_doubtful_one_never(house: House) -> None:
    agent, key = house.as_user("agent"), {"Idempotency-Key": "k2"}
    for refusal in (Unavailable("pbx_unavailable", "No link."), Conflict("dial_in_progress", "It rings.")):
        house.telephony.refusal = refusal
        assert (await agent("POST", "calls", {"number": "1"}, headers=key)).json["code"] == refusal.code
    house.telephony.refusal = Unavailable("pbx_timeout", "The PBX did not answer.")
    assert is_problem(await agent("POST", "calls", {"number": "1"}, headers=key), 503, "pbx_timeout")
    house.telephony.refusal = None
    assert is_problem(await agent("POST", "calls", {"number": "1"}, headers=key), 409, "outcome_unknown")
    assert len(house.telephony.asked) == 3


async def test_hanging_up_and_listening_reach_the_live_call_of_those_who_may(house: House) -> None:
    call = answered("a", "1000")
    await store(house, call)
    path = f"calls/{ids.show(call.id)}"
    assert (await house.as_user("agent")("POST", f"{path}/hangup")).status == 204
    assert (await house.as_user("supervisor")("POST", f"{path}/listen", {"mode": "whisper"})).status == 204
    assert house.telephony.asked == [("hang_up", "agent", call.id), ("listen", "supervisor", call.id, "whisper")]
    assert is_problem(await house.as_user("agent")("POST", f"{path}/listen", {}), 403, "not_allowed")


async def test_missed_calls_are_one_line_a_caller_and_one_agent_claims(house: House) -> None:
    await store(house, missed("m1", "1000"), missed("m2", "1000", start=START + 60), answered("a", "1000"))
    agent, colleague = house.as_user("agent"), house.as_user("service_agent")
    (line,) = (await agent.get("missed-calls"))["items"]
    assert (line["attempts"], line["first_at"]) == (2, "2026-11-21T10:00:00.250000+08:00")
    assert line["call"]["status"] == "abandoned"
    path = f"calls/{line['call']['id']}/claim"
    claimed = await agent("POST", path)
    assert claimed.status == 200, claimed.body
    assert claimed.json["claimed_by"]["name"] == "agent"
    assert is_problem(await colleague("POST", path), 409, "already_claimed")
    assert is_problem(await colleague("DELETE", path), 403, "not_your_claim")
    assert (await agent("DELETE", path)).status == 204
    assert (await colleague("POST", path)).status == 200
    assert (await colleague("POST", f"calls/{line['call']['id']}/returned")).status == 204
    assert (await agent.get("missed-calls"))["items"] == []
    assert is_problem(await agent("POST", path), 409, "already_returned")
    assert (await agent.get("missed-calls?since=2026-11-22T00:00:00Z"))["items"] == []


async def test_the_status_of_a_live_call_is_null(house: House, boss: Client) -> None:
    live = replace(answered("l", "1000"), state=CallState.TALKING, status=None, ended_at=None)
    await store(house, live)
    (row,) = (await boss.get("calls"))["items"]
    assert (row["status"], row["ended_at"], row["state"]) == (None, None, "talking")
    await store(house, replace(live, state=CallState.ENDED, status=CallStatus.ANSWERED, ended_at=START + 50))
    (row,) = (await boss.get("calls"))["items"]
    assert (row["status"], row["ended_at"]) == ("answered", "2026-11-21T10:00:50.250000+08:00")
