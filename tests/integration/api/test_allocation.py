"""Transfers, allocations, limits, applications, fairness and reclaim over the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from crm_core.kernel import ids
from crm_core.organization.models import User
from tests.factories import add_call, add_customer
from tests.integration.allocation.made import add_allocation
from tests.integration.api.conftest import House


async def _settled(house: House) -> None:
    """The agents have been here for a year: the quota of new staff does not touch them."""
    async with house.db.uow() as uow:
        for actor in house.actors.values():
            (await uow.session.get_one(User, actor.user_id)).created_at -= timedelta(days=365)


async def _customers(house: House, count: int, **fields: Any) -> list[str]:
    department = house.departments["one"]
    made = [await add_customer(house.db, f"客户{n}", department_id=department, **fields) for n in range(count)]
    return [ids.show(one.id) for one in made]


async def test_a_manager_transfers_and_the_receiver_finds_them_in_his_list(house: House) -> None:
    given = await _customers(house, 2, owner_id=house.actors["supervisor"].user_id)
    manager, agent = house.as_user("manager"), house.as_user("agent")
    answer = await manager("POST", "customers/transfer", {"ids": given, "to": "agent", "reason": "left"})
    assert (answer.status, answer.json["given"], answer.json["refused"], answer.json["job"]) == (201, 2, 0, None)
    assert answer.json["results"][0] == {"customer_id": given[0], "verdict": "given", "reason": "", "first": None}
    mine = await agent.get("transfers?receiver=agent&from=2026-11-16T00:00:00%2B08:00")
    assert {(one["customer"]["id"], one["from_user"], one["by_user"], one["kind"]) for one in mine["items"]} == {
        (one, "supervisor", "manager", "transfer") for one in given
    }
    history = await agent.get(f"customers/{given[0]}/owners")
    assert [one["reason"] for one in history["items"]] == ["left"]
    assert (await agent.get(f"customers/{given[0]}"))["owner"] == "agent"


async def test_a_transfer_by_the_lists_filter_takes_what_the_filter_leaves(house: House) -> None:
    await _customers(house, 2, type="A")
    await _customers(house, 1, type="B")
    body = {"where": {"type": "A"}, "to": "agent", "reason": "all A"}
    answer = await house.as_user("manager")("POST", "customers/transfer", body)
    assert (answer.status, answer.json["given"]) == (201, 2)


@pytest.mark.parametrize(
    ("change", "status", "code", "field"),
    [
        ({"where": {"all": []}, "ids": None}, 422, "where_invalid", "where.all"),
        ({"where": {"colour": "red"}, "ids": None}, 422, "where_invalid", "where.colour"),
        ({"where": {}, "ids": None}, 422, "where_invalid", "where"),
        ({"ids": None}, 422, "invalid_input", "body"),
        ({"to": "nobody"}, 422, "invalid_input", "to"),
        ({"reason": ""}, 422, "invalid_input", "reason"),
        ({"reason": " "}, 422, "move_reason_missing", "reason"),
        ({"color": 1}, 422, "invalid_input", "color"),
        ({"to": "stranger"}, 403, "owner_out_of_reach", None),
    ],
)
async def test_each_wrong_transfer_is_refused_with_its_field(
    house: House, change: dict[str, Any], status: int, code: str, field: str | None
) -> None:
    body = {"ids": await _customers(house, 1), "to": "agent", "reason": "left"} | change
    answer = await house.as_user("manager")(
        "POST", "customers/transfer", {k: v for k, v in body.items() if v is not None}
    )
    assert (answer.status, answer.json["code"]) == (status, code)
    assert field is None or field in answer.json["errors"]


async def test_an_agent_may_not_transfer_and_a_manager_not_what_he_cannot_see(house: House) -> None:
    body = {"ids": await _customers(house, 1), "to": "agent", "reason": "mine"}
    assert (await house.as_user("agent")("POST", "customers/transfer", body)).status == 403
    other = await add_customer(house.db, department_id=house.departments["two"])
    body["ids"] = [ids.show(other.id)]
    assert (await house.as_user("manager")("POST", "customers/transfer", body)).status == 404


async def test_an_allocation_from_the_queue_is_previewed_asked_for_and_carried_out(house: House) -> None:
    await _settled(house)
    await _customers(house, 5)
    manager, boss = house.as_user("manager"), house.as_user("admin")
    body = {"method": "round_robin", "most": 4, "people": [{"user": "agent"}, {"user": "service_agent"}]}
    plan = (await manager("POST", "allocations/preview", body)).json
    assert (plan["total"], plan["given"], plan["refused"]) == (4, {"agent": 2, "service_agent": 2}, {})
    made = await manager("POST", "allocations", body | {"reason": "fair"})
    assert (made.status, made.json["state"], made.json["approved_by"]) == (201, "approved", "manager")
    path = f"allocations/{made.json['id']}"
    refused = await manager("POST", f"{path}/execute")
    assert (refused.status, refused.json["code"]) == (409, "data_department_only")
    done = await boss("POST", f"{path}/execute")
    assert (done.status, done.json["state"], done.json["given"]) == (200, "done", 4)
    results = await manager.get(f"{path}/results?limit=3")
    assert len(results["items"]) == 3 and results["next"]
    rest = await manager.get(f"{path}/results?limit=3&cursor={results['next']}")
    assert [one["verdict"] for one in rest["items"]] == ["given"]
    again = await boss("POST", f"{path}/execute")
    assert (again.status, again.json["code"]) == (409, "allocation_over")
    assert [one["id"] for one in (await manager.get("allocations?state=done"))["items"]] == [made.json["id"]]


async def test_the_data_department_is_named_in_the_rules(house: House) -> None:
    await _settled(house)
    (one,) = await _customers(house, 1)
    boss, manager = house.as_user("admin"), house.as_user("manager")
    assert (await manager("PATCH", "allocation/rules", {"cap": 5})).status == 403
    changed = await boss("PATCH", "allocation/rules", {"data_department": "one", "cap": 5})
    assert (changed.status, changed.json["data_department"], changed.json["cap"]) == (200, "one", 5)
    wrong = await boss("PATCH", "allocation/rules", {"data_department": "nowhere"})
    assert (wrong.status, list(wrong.json["errors"])) == (422, ["data_department"])
    body = {"ids": [one], "people": [{"user": "agent"}], "reason": "x"}
    made = (await manager("POST", "allocations", body)).json
    assert (await manager("POST", f"allocations/{made['id']}/execute")).status == 200
    assert (await manager.get("allocation/rules"))["cap"] == 5


async def test_what_waits_is_approved_or_refused_with_an_answer(house: House) -> None:
    manager = house.as_user("manager")
    first, second = [ids.show(await add_allocation(house.db, house.actors["manager"])) for _ in range(2)]
    assert (await manager("POST", f"allocations/{first}/approve")).json["state"] == "approved"
    refused = await manager("POST", f"allocations/{second}/refuse", {"answer": "not ours"})
    assert (refused.json["state"], refused.json["answer"]) == ("refused", "not ours")
    assert (await manager("POST", f"allocations/{second}/approve")).json["code"] == "allocation_over"
    assert (await manager("POST", f"allocations/{first}/withdraw")).json["state"] == "withdrawn"


async def test_an_application_shows_the_facts_and_what_is_granted_counts(house: House) -> None:
    agent, manager, boss = (house.as_user(name) for name in ("agent", "manager", "admin"))
    await boss("PATCH", "allocation/rules", {"cap": 1})
    await _customers(house, 1, owner_id=house.actors["agent"].user_id)
    await add_call(house.db, agent=house.actors["agent"], seconds=70)
    asked = await agent("POST", "quota-applications", {"kind": "cap", "wanted": 9, "reason": "all are called"})
    assert (asked.status, asked.json["state"], asked.json["facts"]) == (201, "waiting", None)
    path = f"quota-applications/{asked.json['id']}"
    assert (await manager.get(path))["facts"] == {
        "open": 1, "allocated": 0, "notes": 0, "talks": 1, "talk_seconds": 60.0,
    }  # fmt: skip
    done = await manager("POST", f"{path}/decide", {"granted": 2, "valid_until": "2026-12-01", "note": "well done"})
    assert (done.json["state"], done.json["granted"], done.json["valid_until"]) == ("granted", 2, "2026-12-01")
    assert done.json["facts"]["talks"] == 1
    standing = {one["user"]: one for one in (await manager.get("allocation/people"))["items"]}["agent"]
    assert (standing["open"], standing["cap"], standing["granted"], standing["room"]) == (1, 3, 2, 2)
    assert (await manager("POST", f"{path}/decide", {"granted": 2})).json["code"] == "application_over"
    assert (await agent("POST", f"{path}/withdraw")).json["code"] == "application_over"


async def test_a_manager_sets_somebodys_own_limits(house: House) -> None:
    agent = ids.show(house.actors["agent"].user_id or 0)
    put = await house.as_user("manager")("PUT", f"allocation/people/{agent}", {"cap": 7, "quota": None})
    assert (put.status, put.json["cap"]) == (200, 7)
    own = ids.show(house.actors["manager"].user_id or 0)
    assert (await house.as_user("manager")("PUT", f"allocation/people/{own}", {"cap": 7})).json["code"] == "own_limits"


async def test_the_report_says_who_got_what_and_how_evenly(house: House) -> None:
    await _settled(house)
    boss = house.as_user("admin")
    given = await _customers(house, 4, type="A", source="fair")
    body = {"ids": given, "people": [{"user": "agent"}, {"user": "service_agent"}], "reason": "fair"}
    made = (await boss("POST", "allocations", body)).json
    await boss("POST", f"allocations/{made['id']}/execute")
    report = await house.as_user("manager").get("reports/allocation")
    shares = {one["user"]: one for one in report["items"]}
    assert (shares["agent"]["allocated"], shares["agent"]["types"], shares["agent"]["sources"]) == (
        2, {"A": 2}, {"fair": 2},
    )  # fmt: skip
    assert report["total"] == 4 and report["least"] == 0 and report["evenness"] == "uneven"
    wrong = await boss("GET", "reports/allocation?from=2026-11-20&to=2026-11-01")
    assert wrong.status == 422


async def test_reclaim_is_previewed_and_started_only_with_a_rule_and_by_the_data_department(house: House) -> None:
    boss, manager = house.as_user("admin"), house.as_user("manager")
    assert (await boss("POST", "reclaim")).json["code"] == "no_reclaim_rule"
    await boss("PATCH", "allocation/rules", {"not_contacted_days": 30})
    long_ago = house.clock.now() - timedelta(days=40)
    (asleep,) = await _customers(house, 1, owner_id=house.actors["agent"].user_id, created_at=long_ago)
    found = await manager.get("reclaim/preview")
    assert [(one["customer"]["id"], one["owner"], one["rule"], one["due_on"]) for one in found["items"]] == [
        (asleep, "agent", "not_contacted", "2026-11-28")
    ]
    assert (await manager("POST", "reclaim")).json["code"] == "data_department_only"
    assert (await boss("POST", "reclaim")).status == 201
    assert (await boss("POST", "reclaim")).json["code"] == "reclaim_runs"


async def test_an_owner_on_the_card_is_refused_for_the_reasons_of_a_transfer(house: House) -> None:
    boss, manager = house.as_user("admin"), house.as_user("manager")
    mine, theirs = await _customers(house, 2, owner_id=house.actors["supervisor"].user_id)
    await boss("PATCH", "allocation/rules", {"cap": 1, "data_department": "two"})
    first = await manager("PATCH", f"customers/{mine}", {"owner": "agent", "reason": "closer by"})
    assert (first.status, first.json["owner"], first.json["record_state"]) == (200, "agent", "allocated")
    second = await manager("PATCH", f"customers/{theirs}", {"owner": "agent"})
    assert (second.status, second.json["code"], list(second.json["errors"])) == (409, "cap_reached", ["owner"])
    (nobodys,) = await _customers(house, 1)
    third = await manager("PATCH", f"customers/{nobodys}", {"owner": "service_agent"})
    assert (third.status, third.json["code"]) == (409, "no_owner")
    listed = await house.as_user("agent").get("transfers?receiver=agent")
    assert [(one["customer"]["id"], one["kind"], one["reason"]) for one in listed["items"]] == [
        (mine, "edit", "closer by")
    ]


async def test_a_transfer_takes_a_tree_of_conditions_and_refuses_what_it_does_not_know(house: House) -> None:
    manager = house.as_user("manager")
    supervisor = house.actors["supervisor"].user_id
    a, b = await _customers(house, 1, owner_id=supervisor, type="A"), await _customers(house, 1, owner_id=supervisor)
    tree = {
        "all": [
            {"field": "owner", "op": "eq", "value": "supervisor"},
            {"not": {"field": "type", "op": "eq", "value": "A"}},
        ]
    }
    done = await manager("POST", "customers/transfer", {"where": tree, "to": "agent", "reason": "not A"})
    assert (done.status, [one["customer_id"] for one in done.json["results"]]) == (201, b)
    unknown = {"all": [{"related": "nothing", "has": "some"}]}
    wrong = await manager("POST", "customers/transfer", {"where": unknown, "to": "agent", "reason": "x"})
    assert (wrong.status, wrong.json["code"], list(wrong.json["errors"])) == (
        422,
        "where_invalid",
        ["where.all.0.related"],
    )
    assert (await manager.get(f"customers/{a[0]}"))["owner"] == "supervisor"


async def test_who_leaves_is_handed_over_and_who_is_unfit_decided_over_the_api(house: House) -> None:
    manager = house.as_user("manager")
    (one,) = await _customers(house, 1, owner_id=house.actors["agent"].user_id)
    plan = {"leaver": "agent", "people": [{"user": "service_agent"}]}
    assert (await manager("POST", "handovers/preview", plan)).json == {
        "total": 1, "given": {"service_agent": 1}, "refused": {},
    }  # fmt: skip
    assert (await manager("POST", "handovers", plan | {"reason": "left"})).status == 201
    assert (await manager("POST", "handovers", plan | {"people": [{"user": "agent"}], "reason": "x"})).status == 422
    marked = await manager("POST", f"customers/{one}/unfit", {"reason": "cost", "note": "far away"})
    assert (marked.status, marked.json["state"], marked.json["reasons"]) == (201, "proposed", ["cost"])
    body = {"ids": [one], "decision": "archive", "answer": "yes"}
    assert (await manager("POST", "unfit-customers/decide", body)).json == {"decided": 1}
    listed = await manager.get("unfit-customers?state=archived")
    assert [(row["customer"]["id"], row["owner"], row["answer"]) for row in listed["items"]] == [(one, None, "yes")]
    assert (await manager.get(f"customers/{one}/contacts-made")) == {
        "count": 0, "days": 7, "most": 3, "too_often": False,
    }  # fmt: skip
