"""Generated from the register of routes: every route x every role x an own and another's object."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from crm_core.kernel import ids
from crm_core.organization.access import Action, Actor, Scope
from crm_core.organization.models import Role
from tests.integration.api.conftest import House
from tests.integration.api.stored import answered, missed, store
from web.api import ROUTES
from web.api.dispatch import ROUTE
from web.app import create_app
from web.registry import Route

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
GUARDED = [route for route in ROUTES if not route.public]
# Without these a body's example names an object that does not exist.
REFERENCES = ("customer_id", "referred_by")


class Objects:
    """Makes an object of a kind for one user: a fresh one each time, because some routes use it up."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._count = 0

    async def make(self, subject: str, owner: Actor) -> str:
        self._count += 1
        name = f"{subject} {self._count}"
        if subject in ("call", "recording"):
            call = answered(name, owner.extension or "")
            await store(self._house, call)
            self._house.recordings.sounds[f"{name}.wav"] = b"sound"
            return ids.show(call.id if subject == "call" else call.recordings[0].id)
        if subject == "missed call":
            call = missed(name, owner.extension or "", number=f"1390013{self._count:04d}")
            await store(self._house, call)
            return ids.show(call.id)
        return await self._through_api(subject, owner, name)

    async def _through_api(self, subject: str, owner: Actor, name: str) -> str:
        boss = self._house.as_user("admin")
        if subject == "customer":
            answer = await boss("POST", "customers", {"name": name, "owner": owner.name})
        elif subject == "token":
            answer = await boss("POST", f"users/{ids.show(owner.user_id or 0)}/tokens", {"label": name})
        else:
            assert subject == "user"
            return ids.show(owner.user_id or 0)
        assert answer.status == 201, answer.body
        found: str = answer.json["id"]
        return found


@pytest.fixture
async def objects(house: House) -> AsyncIterator[Objects]:
    yield Objects(house)


def body_of(route: Route, customer: str) -> Any:
    model = route.parts.get("body")
    if model is None:
        return None
    extra = model.model_config.get("json_schema_extra")
    assert isinstance(extra, dict)
    examples: Any = extra["examples"]
    return {name: customer if name in REFERENCES else value for name, value in examples[0].items()}


def allowed(route: Route, actor: Actor) -> bool:
    return route.right is None or actor.may(route.right)


def reaches(route: Route, actor: Actor, owner: Actor) -> bool:
    """Whether the right alone reaches an object of this owner: the rule that the answer has to follow."""
    right: Action | None = route.right
    if right is None or actor.scope(right) is Scope.ALL:
        return True
    return actor.reaches(right, owner_id=owner.user_id, department_id=owner.department_id)


@pytest.mark.parametrize("role", list(Role))
async def test_each_role_reaches_with_each_route_what_its_right_reaches(
    house: House, objects: Objects, role: Role
) -> None:
    me, stranger = house.actors[role.value], house.actors["stranger"]
    customer = await objects.make("customer", me)
    wrong = []
    for route in GUARDED:
        for owner in (me, stranger) if route.subject is not None else (me,):
            path = route.path
            if route.subject is not None:
                path = path.replace("{id}", await objects.make(route.subject, owner))
            assert "{" not in path, f"{route.operation_id} needs a subject"
            answer = await house.as_user(role.value)(route.method, path, body_of(route, customer))
            if not fits(answer.status, route, me, owner):
                whose = "own" if owner is me else "another's"
                wrong.append((route.method, route.path, whose, answer.status, answer.body[:200]))
    assert wrong == []


def fits(status: int, route: Route, actor: Actor, owner: Actor) -> bool:
    if not allowed(route, actor):
        return status == 403
    if route.subject is not None and not reaches(route, actor, owner):
        return status == 404
    return status < 400 or status in (409, 422)


async def test_nobody_gets_in_without_signing_in(house: House) -> None:
    nobody = house.nobody()
    got_in = []
    for route in GUARDED:
        answer = await nobody(route.method, route.path.replace("{id}", ids.show(1)))
        if answer.status != 401:
            got_in.append((route.method, route.path, answer.status))
    assert got_in == []


async def test_no_api_route_exists_outside_the_register(house: House) -> None:
    app = create_app(house.context)
    declared = {(route.method, route.path) for route in ROUTES}
    found = set()
    for route in app.router.routes():
        resource = route.resource
        path = resource.canonical if resource is not None else ""
        if hasattr(route.handler, ROUTE):
            found.add((route.method, path))
        else:
            assert not re.match(r"/(api|healthz|readyz|metrics)\b", path), (route.method, path)
    assert found == declared
