"""Reports, settings, timeline, board, PBXs, audit: the right figures in the declared shape."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crm_core.kernel import ids
from tests.integration.api.conftest import Client, House
from tests.integration.api.stored import START, answered, many, missed, store
from tests.integration.api.test_errors import is_problem


def spoken(name: str, seconds: float, start: float) -> object:
    call = answered(name, "1000", start=start)
    leg = replace(call.legs[0], talk_seconds=seconds)
    return replace(call, talk_seconds=seconds, legs=(leg,))


async def test_talk_time_is_by_agent_and_business_day_against_the_normal_one(house: House, boss: Client) -> None:
    calls = [spoken(f"t{i}", seconds, START + 600 * i) for i, seconds in enumerate((220.0, 230.0, 600.0))]
    await store(house, *calls)  # type: ignore[arg-type]
    report = await boss.get("reports/talk-time?from=2026-11-20&to=2026-11-21")
    assert report["normal"] == {"low": 210.0, "high": 240.0}
    (row,) = report["items"]
    assert (row["agent"]["name"], row["day"], row["calls"]) == ("agent", "2026-11-21", 3)
    assert (row["average_seconds"], row["median_seconds"]) == (350.0, 230.0)
    assert (row["within_normal"], row["outliers"], row["band"]) == (2, 1, "long")
    assert await boss.get("reports/talk-time") == report
    assert is_problem(await boss("GET", "reports/talk-time?from=2026-01-01&to=2026-12-31"), 422, "period_invalid")
    assert is_problem(await boss("GET", "reports/talk-time?from=soon"), 422, "invalid_input")


async def test_the_normal_talk_time_is_a_setting(house: House, boss: Client) -> None:
    await store(house, answered("a", "1000"))
    assert (await boss.get("settings"))["normal_talk"] == {"low": 210.0, "high": 240.0}
    changed = await boss("PATCH", "settings", {"normal_talk": {"low": 30, "high": 50}})
    assert changed.json["normal_talk"] == {"low": 30.0, "high": 50.0}
    assert (await boss.get("reports/talk-time"))["items"][0]["band"] == "normal"
    for wrong in ({"low": 50, "high": 30}, {"low": 0, "high": 30}, {"low": 1}):
        assert is_problem(await boss("PATCH", "settings", {"normal_talk": wrong}), 422, "invalid_input")
    (line,) = (await boss.get("audit?action=setting.changed"))["items"]
    assert line["detail"]["new"] == {"low": 30.0, "high": 50.0}


async def test_lists_limits_targets_and_names_are_settings(house: House, boss: Client) -> None:
    await store(house, answered("a", "1000"))
    change = {
        "limits": {"talk": 600, "wrap_up": 60, "queue_wait": 20},
        "targets": {"answered_rate": 0.9, "service_level": 0.7, "service_level_seconds": 1},
        "pause_reasons": [{"code": "lunch", "zh": "午饭", "en": "Lunch"}],
        "queue_labels": {"sales": "销售热线"},
        "wrap_up_seconds": 30,
    }
    changed = await boss("PATCH", "settings", change)
    assert changed.json == await boss.get("settings")
    assert {name: changed.json[name] for name in change} == change
    assert [one["code"] for one in changed.json["dispositions"]][:2] == ["sale", "follow_up"]
    assert (await boss.get("reports/today"))["service_level"] == 0.0
    twice = [{"code": "x", "zh": "甲"}, {"code": "x", "zh": "乙"}]
    assert is_problem(await boss("PATCH", "settings", {"dispositions": twice}), 422, "setting_invalid")
    for wrong in ({"limits": {"talk": 0}}, {"pause_reasons": []}, {"dispositions": [{"code": "A B"}]}):
        assert is_problem(await boss("PATCH", "settings", wrong), 422, "invalid_input")
    assert await boss.get("settings") == changed.json
    assert is_problem(await house.as_user("supervisor")("PATCH", "settings", change), 403, "not_allowed")


async def test_the_day_so_far_counts_since_midnight(house: House, boss: Client) -> None:
    await store(house, answered("a", "1000"), missed("m", "1000"), answered("old", "1000", start=START - 90_000))
    numbers = await boss.get("reports/today")
    assert numbers["since"] == "2026-11-21T00:00:00+08:00"
    assert (numbers["offered"], numbers["answered"], numbers["abandoned"]) == (2, 1, 1)
    assert (numbers["answered_rate"], numbers["to_return"]) == (0.5, 1)


async def test_the_timeline_shows_calls_and_notes_newest_first_in_pages(house: House, boss: Client) -> None:
    phones = [{"number": "13800138000"}]
    made = (await boss("POST", "customers", {"name": "x", "owner": "agent", "phones": phones})).json
    await store(house, *many(3, "1099"))
    assert (await boss("POST", f"customers/{made['id']}/notes", {"text": "Her daughter decides."})).status == 201
    agent, path = house.as_user("agent"), f"customers/{made['id']}/timeline"
    everything = await agent.get(path)
    assert {"call", "note", "created"} <= {item["kind"] for item in everything["items"]}
    whole = await agent.get(f"{path}?kind=call,note")
    assert sorted(item["kind"] for item in whole["items"]) == ["call", "call", "call", "note"]
    assert [item["at"] for item in whole["items"]] == sorted((item["at"] for item in whole["items"]), reverse=True)
    assert {item["call"]["caller_number"] for item in whole["items"] if item["call"]} == {"138****8000"}
    first = await agent.get(f"{path}?kind=call,note&limit=3")
    rest = await agent.get(f"{path}?kind=call,note&limit=3&cursor={first['next']}")
    assert first["items"] + rest["items"] == whole["items"]
    assert is_problem(await agent("GET", f"{path}?kind=call,gossip"), 422, "invalid_input")
    assert is_problem(await house.as_user("stranger")("GET", path), 404, "customer_not_found")


async def test_board_pbxes_and_doctor_show_what_the_telephony_side_says(house: House, boss: Client) -> None:
    board = await boss.get("board")
    assert (board["at"], board["agents"]) == ("2026-11-21T10:00:00+08:00", [{"extension": "1001"}])
    (pbx,) = (await boss.get("pbxes"))["items"]
    assert (pbx["name"], pbx["link"], pbx["since"]) == ("main", "connected", "2026-11-20T16:00:00+08:00")
    (finding,) = (await boss.get("doctor"))["items"]
    assert (finding["code"], finding["severity"]) == ("database", "ok")
    assert (finding["message"], finding["params"]) == ("Version %(version)s is there.", {"version": "7"})
    assert finding["detail"] == "Version 7 is there."


async def test_readiness_is_503_with_the_reasons_by_part(house: House) -> None:
    nobody = house.nobody()
    assert (await nobody("GET", "/readyz")).json == {"status": "ready"}
    house.health.reasons["pbx main"] = "connection refused"
    answer = await nobody("GET", "/readyz")
    assert is_problem(answer, 503, "not_ready")
    assert answer.json["errors"] == {"pbx main": "connection refused"}
    assert (await nobody("GET", "/healthz")).status == 200
    assert b"callcenter_up 1" in (await nobody("GET", "/metrics")).body


async def test_the_audit_is_paged_newest_first_and_filtered(house: House, boss: Client) -> None:
    for name in ("x", "y", "z"):
        await boss("POST", "departments", {"name": name})
    page = await boss.get("audit?limit=2&action=department.added")
    rest = await boss.get(f"audit?limit=2&action=department.added&cursor={page['next']}")
    lines = page["items"] + rest["items"]
    names = [line["detail"]["name"] for line in lines]
    assert names[:3] == ["z", "y", "x"]
    assert [line["seq"] for line in lines] == sorted((line["seq"] for line in lines), reverse=True)
    one = await boss.get(f"audit?object_type=department&object_id={lines[0]['object_id']}")
    assert [line["detail"]["name"] for line in one["items"]] == ["z"]


async def test_users_are_added_changed_and_locked_out_at_once(house: House, boss: Client) -> None:
    body = {"name": "wang", "role": "agent", "password": "green-door-7-river", "extension": "2001"}
    made = await boss("POST", "users", {**body, "department_id": ids.show(house.departments["one"])})
    assert made.status == 201, made.body
    assert made.json["department"]["name"] == "one"
    assert is_problem(await boss("POST", "users", body), 409, "name_taken")
    assert is_problem(await boss("POST", "users", {**body, "name": "li"}), 409, "extension_taken")
    unknown = await boss("POST", "users", {**body, "name": "li", "extension": "2002", "department_id": ids.show(7)})
    assert list(unknown.json["errors"]) == ["department_id"]
    path = f"users/{made.json['id']}"
    token = (await boss("POST", f"{path}/tokens", {"label": "x"})).json["token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert (await house.nobody()("GET", "me", headers=headers)).status == 200
    assert (await boss("PATCH", path, {"active": False})).json["active"] is False
    assert (await house.nobody()("GET", "me", headers=headers)).status == 401
    own = ids.show(house.actors["admin"].user_id or 0)
    assert is_problem(await boss("PATCH", f"users/{own}", {"role": "agent"}), 422, "own_rights")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_push_ticket_names_the_address_the_browser_can_reach(house: House) -> None:
    answer = await house.as_user("agent")("POST", "push-ticket")
    assert answer.status == 201
    assert answer.json["url"] == "ws://127.0.0.1:8765/"
    again = await house.as_user("agent")("POST", "push-ticket")
    assert again.json["ticket"] != answer.json["ticket"]
