"""Generated from the register of routes: every route x every role x an own and another's object."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import FormData

from crm_core.customers.duplicates import pair_queries, pairs
from crm_core.customers.duplicates.merging import merge
from crm_core.customers.duplicates.rules import Alike, Reason
from crm_core.customers.protection.kinds import RequestKind, RequestState
from crm_core.customers.protection.models import DataRequest
from crm_core.customers.search import saved
from crm_core.jobs import service as jobs
from crm_core.kernel import ids
from crm_core.kernel.ids import new_id
from crm_core.organization.access import SYSTEM, Action, Actor, Scope
from crm_core.organization.models import Role
from tests.factories import add_customer, add_import
from tests.integration.allocation.made import add_allocation, add_application
from tests.integration.api.conftest import House
from tests.integration.api.stored import answered, missed, store
from web.api import ROUTES
from web.api.dispatch import ROUTE
from web.app import create_app
from web.registry import Route

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
GUARDED = [route for route in ROUTES if not route.public]
# Without these a body's example names an object that does not exist.
REFERENCES = ("customer_id", "referred_by", "into", "customer")
# One's own whatever the right reaches: nobody sees another's, and nobody takes it away.
PERSONAL = ("saved view", "import preset")


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
        if subject == "job":
            async with self._house.db.uow() as uow:
                return ids.show((await jobs.start(uow, "nothing", {}, by=owner)).id)
        if subject == "saved view":
            async with self._house.db.uow() as uow:
                return ids.show((await saved.save(uow, name=name, wanted={}, columns=[], by=owner)).id)
        if subject in ("duplicate pair", "merge"):
            return await self._twice(subject, owner, name)
        if subject in ("import", "import preset"):
            return await add_import(self._house.db, owner, preset=subject == "import preset")
        if subject == "export":
            return await self._export(owner)
        if subject == "allocation":
            return ids.show(await add_allocation(self._house.db, owner))
        if subject == "quota application":
            return ids.show(await add_application(self._house.db, owner))
        if subject in ("registration", "registration entry", "phone"):
            return await self._of_intake(subject, owner)
        return await self._through_api(subject, owner, name)

    async def path_of(self, route: Route, owner: Actor) -> str:
        """The route's path to an object of that owner; an entry of a customer is made on a customer of its own."""
        if route.subject is None:
            return route.path
        if "{part}" not in route.path:
            return route.path.replace("{id}", await self.make(route.subject, owner))
        self._count += 1
        boss = self._house.as_user("admin")
        whose = {"name": f"part {self._count}", "kind": "organization", "owner": owner.name}
        customer = (await boss("POST", "customers", whose)).json["id"]
        other = (await boss("POST", "customers", {"name": f"other {self._count}", "owner": owner.name})).json["id"]
        place = route.path.replace("{id}", customer).removesuffix("/{part}")
        post = next(r for r in GUARDED if r.method == "POST" and r.path == route.path.removesuffix("/{part}"))
        made = await boss("POST", place, body_of(post, other))
        assert made.status == 201, made.body
        return f"{place}/{made.json['id']}"

    async def _twice(self, subject: str, owner: Actor, name: str) -> str:
        """A pair of two of the owner's customers, or the merge of such two."""
        one, other = [ids.parse(await self._through_api("customer", owner, f"{name} {n}")) for n in "ab"]
        async with self._house.db.uow() as uow:
            if subject == "merge":
                return ids.show((await merge(uow, one, other, by=SYSTEM)).id)
            await pairs.store(uow, [(one, other, Alike(0.9, (Reason.PHONE,)))])
        async with self._house.db.read() as session:
            return ids.show(await pair_queries.pair_of(session, one, other) or 0)

    async def _export(self, owner: Actor) -> str:
        """A request that waits for its second person; who may not ask for one has one all the same here."""
        now = self._house.clock.now()
        found = DataRequest(
            id=new_id(), kind=RequestKind.LIST, state=RequestState.WAITING, filters={}, columns=["name"], labels={},
            reason="x", asked_by_id=owner.user_id, asked_at=now, needs_approval=True,
        )  # fmt: skip
        async with self._house.db.uow() as uow:
            uow.session.add(found)
        return ids.show(found.id)

    async def _of_intake(self, subject: str, owner: Actor) -> str:
        boss = self._house.as_user("admin")
        if subject == "phone":
            number = f"137{self._count:08d}"
            made = await add_customer(self._house.db, phones=[number], owner=owner, department_id=owner.department_id)
            return ids.show(made.phones[0].id)
        stack = await boss("POST", "registrations", {"sheets": 1, "handed_in_by": owner.name})
        assert stack.status == 201, stack.body
        if subject == "registration":
            scan = FormData()
            scan.add_field("file", b"%PDF-1.7", filename="a.pdf")
            assert (await boss("POST", f"registrations/{stack.json['id']}/scan", data=scan)).status == 200
        found: str = stack.json["id"] if subject == "registration" else stack.json["entries"][0]["id"]
        return found

    async def _through_api(self, subject: str, owner: Actor, name: str) -> str:
        boss = self._house.as_user("admin")
        if subject == "customer":
            answer = await boss("POST", "customers", {"name": name, "owner": owner.name})
        elif subject == "field":
            field = {"code": f"own_{self._count}", "type": "text", "zh": name}
            answer = await boss("POST", "fields", field)
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
    known = dict.fromkeys(REFERENCES, customer) | {"ids": [customer]}
    return {name: known.get(name, value) for name, value in examples[0].items()}


def allowed(route: Route, actor: Actor) -> bool:
    return route.right is None or actor.may(route.right)


def reaches(route: Route, actor: Actor, owner: Actor) -> bool:
    """Whether the right alone reaches an object of this owner: the rule that the answer has to follow."""
    right: Action | None = route.right
    if route.subject in PERSONAL:
        return owner.user_id == actor.user_id
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
            path = await objects.path_of(route, owner)
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
        path = route.path.replace("{id}", ids.show(1)).replace("{part}", ids.show(2))
        answer = await nobody(route.method, path)
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
