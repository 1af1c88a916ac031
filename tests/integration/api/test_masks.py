"""Generated from the register of routes: what a role sees masked is whole in no answer, list, file, page or log."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from crm_core.customers import sealed
from crm_core.customers.models import Customer
from crm_core.customers.protection.chosen import Chosen
from crm_core.customers.protection.jobs import handlers
from crm_core.customers.protection.kinds import FileFormat
from crm_core.customers.protection.service import ask_for_list
from crm_core.jobs.runner import run_one
from crm_core.kernel import ids
from crm_core.organization.access import MASKS, Action, Actor, Mask
from crm_core.organization.models import Role
from tests.factories import add_call, add_customer
from tests.integration.api.conftest import House
from web.api import ROUTES
from web.registry import Route

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
SHANGHAI = ZoneInfo("Asia/Shanghai")
NUMBER, CARD, ALLERGY = "13912345678", "110101194912310022", "青霉素过敏史"
READS = [route for route in ROUTES if route.method == "GET" and not route.public]
# Asked for a customer in one of these ways, a list holds this one.
QUERIES = {
    "/api/v1/customers": ("", "?q=张桂兰", "?q=12345678", f"?q={NUMBER}", f"?q={CARD}"),
    "/api/v1/calls": ("", f"?number={NUMBER}"),
    "/api/v1/customers/candidates": (f"?phone={NUMBER}", f"?name=张桂兰&phone={NUMBER}"),
}
SEEN_WHOLE = {Mask.PHONE: NUMBER, Mask.ID_CARD: CARD}


async def stored(house: House, owner: Actor) -> tuple[Customer, int]:
    """A customer with a number, an ID card and a call, all the owner's."""
    made = await add_customer(house.db, "张桂兰", phones=[NUMBER], owner=owner, department_id=owner.department_id)
    async with house.db.uow() as uow:
        customer = await uow.session.get_one(Customer, made.id)
        sealed.set_id_card(uow.keyring, customer, CARD)
        sealed.set_medical(uow.keyring, customer, {"allergies": ALLERGY})
    call = await add_call(house.db, number=NUMBER, agent=owner, customer=made)
    return made, call.id


def paths(route: Route, customer: Customer, call_id: int) -> list[str]:
    if route.subject is None:
        return [route.path + query for query in QUERIES.get(route.path, ("",))]
    found = {"customer": customer.id, "call": call_id}.get(route.subject)
    return [] if found is None else [route.path.replace("{id}", ids.show(found))]


@pytest.mark.parametrize("role", [role for role in Role if MASKS[role]])
async def test_what_a_role_sees_masked_is_whole_in_no_answer(
    house: House, role: Role, capsys: pytest.CaptureFixture[str]
) -> None:
    me = house.actors[role.value]
    customer, call_id = await stored(house, me)
    ask, leaks, answered = house.as_user(role.value), [], 0
    hidden = [SEEN_WHOLE[mask] for mask in MASKS[role] if mask in SEEN_WHOLE]
    for route in READS:
        for path in paths(route, customer, call_id):
            if "{" in path:
                continue
            answer = await ask("GET", path)
            answered += answer.status == 200
            leaks += [(path, secret) for secret in hidden if secret in answer.body.decode("utf-8", "replace")]
    assert leaks == []
    assert answered > 3
    told = capsys.readouterr()
    for secret in (NUMBER, CARD, ALLERGY):
        assert secret not in told.out + told.err


@pytest.mark.parametrize("role", list(Role))
async def test_pages_and_errors_hide_the_same(house: House, role: Role) -> None:
    me = house.actors[role.value]
    customer, _ = await stored(house, me)
    ask = house.as_user(role.value)
    hidden = [SEEN_WHOLE[mask] for mask in MASKS[role] if mask in SEEN_WHOLE]
    path = f"/customers/{ids.show(customer.id)}"
    for place in (path, f"{path}/edit", f"{path}/protection", "/customers", "/customers?q=12345678", "/calls", "/desk"):
        answer = await ask("GET", place, headers={"Accept": "text/html"})
        shown = answer.body.decode("utf-8", "replace").replace(" ", "")
        assert not [secret for secret in hidden if secret in shown], place


@pytest.mark.parametrize("mask", list(SEEN_WHOLE))
async def test_an_export_is_masked_for_whom_the_screen_is(
    house: House, mask: Mask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No role of today both exports and sees masks; one that does gets its file masked."""
    boss = house.actors["manager"]
    await stored(house, boss)
    monkeypatch.setitem(MASKS, Role.MANAGER, frozenset({mask}))
    assert boss.may(Action.CUSTOMER_EXPORT)
    files: Any = house.context.files
    async with house.db.uow() as uow:
        request = await ask_for_list(
            uow,
            chosen=Chosen(),
            zone=SHANGHAI,
            columns=["name", "phones", "id_card"],
            reason="x",
            form=FileFormat.CSV,
            labels={},
            by=boss,
        )
    assert await run_one(house.db, handlers(files, SHANGHAI))
    file = await house.as_user("manager")("GET", f"exports/{ids.show(request.id)}/file")
    assert file.status == 200, file.body
    text = file.body.decode("utf-8-sig")
    assert "张桂兰" in text
    assert SEEN_WHOLE[mask] not in text
    assert all(secret in text for other, secret in SEEN_WHOLE.items() if other is not mask)
    again = await house.as_user("manager")("GET", f"exports/{ids.show(request.id)}/file")
    assert (again.status, again.json["code"]) == (409, "export_collected")


async def test_too_many_whole_values_are_refused_with_a_sentence(house: House) -> None:
    customer, _ = await stored(house, house.actors["service_agent"])
    await house.as_user("admin")("PATCH", "protection-limits", {"reveals_hour": 1})
    ask, path = house.as_user("service_agent"), f"customers/{ids.show(customer.id)}/reveal"
    assert (await ask("POST", path, {"reason": "送货"})).status == 200
    refused = await ask("POST", path, {"reason": "送货"})
    assert (refused.status, refused.json["code"]) == (429, "reveal_limit")
    assert int(refused.headers["Retry-After"]) > 3000
    lines = await house.as_user("admin").get("audit?action=reveal.refused")
    assert [line["actor"] for line in lines["items"]] == ["service_agent"]
