"""Generated from the pages' routes: another's object answers each role as one that does not exist."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from crm_core.kernel import ids
from crm_core.organization.models import Role
from tests.integration.api.conftest import House
from tests.integration.api.test_rights import Objects
from tests.integration.pages.conftest import Visit
from web.pages import ROUTES

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
NOBODYS = ids.show(4711)
# What the id in a page's address is of; a new page has to be named here.
SUBJECTS = {
    "/customers/views/{id}": "saved view",
    "/customers/{id}": "customer",
    "/calls/{id}": "call",
    "/desk/calls/{call}": "call",
    "/missed/{id}": "missed call",
    "/jobs/{id}": "job",
    "/imports/{id}": "import",
    "/exports/{id}": "export",
    "/duplicates/{id}": "duplicate pair",
    "/merges/{id}": "merge",
    "/allocation/runs/{id}": "allocation",
    "/allocation/applications/{id}": "quota application",
    "/allocation/people/{id}": "user",
    "/intake/entries/{id}": "registration entry",
    "/intake/numbers/{id}": "phone",
    "/intake/{id}": "registration",
    "/admin/users/{id}": "user",
}
# Who may manage users manages all of them.
HOUSE_WIDE = ("/admin/users/{id}",)


@dataclass(frozen=True)
class Place:
    method: str
    path: str  # with one {id}, the choices of the others made
    subject: str


def places() -> list[Place]:
    found = []
    for table in ROUTES:
        for route in table:
            path = re.sub(r"\{(\w+):\[[^]]*\]\{\d+\}\}", r"{\1}", route.path)
            path = re.sub(r"\{\w+:([\w-]+)[|\w-]*\}", r"\1", path)
            if "{" not in path:
                continue
            prefix = next((one for one in SUBJECTS if path.startswith(one)), None)
            assert prefix is not None, f"{path} needs a subject"
            first = re.search(r"\{\w+\}", prefix)
            assert first is not None
            rest = re.sub(r"\{(part|token)\}", NOBODYS, path.removeprefix(prefix))
            found.append(Place(route.method, prefix.replace(first[0], "{id}") + rest, SUBJECTS[prefix]))
    return found


PLACES = places()


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
async def test_anothers_object_is_not_there_on_any_page(house: House, visit: Visit, role: Role) -> None:
    me, stranger, objects = house.actors[role.value], house.actors["stranger"], Objects(house)
    browser, told, asked = await visit(me.name), [], 0
    made: dict[str, str] = {}
    for place in PLACES:
        if place.path.startswith(HOUSE_WIDE):
            continue
        if place.subject not in made:
            made[place.subject] = await objects.make(place.subject, stranger)
        if place.method == "PUT":
            continue  # a body of its own kind: the same address is asked with GET
        ask = browser.get if place.method == "GET" else browser.post
        theirs = await ask(place.path.replace("{id}", made[place.subject]))
        nobodys = await ask(place.path.replace("{id}", NOBODYS))
        asked += 1
        if theirs.status != nobodys.status or theirs.status < 300:
            told.append((place.method, place.path, theirs.status, nobodys.status))
    assert asked > 40
    assert told == []
