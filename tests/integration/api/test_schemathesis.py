"""Schemathesis against the running application: generated requests, good and bad, on every operation."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.integration.api.conftest import House
from tests.integration.api.test_rights import Objects
from web.api import ROUTES
from web.context import RateLimits, WebSettings
from web.openapi import document
from web.registry import Route

pytestmark = [
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
    pytest.mark.timeout(240),
]
EXAMPLES = 12
BUDGET_SECONDS = 75.0
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
# These would sign the test's own user out or lock it in.
LEFT_OUT = {"users.end_sessions", "users.set_password", "me.change_password"}


@pytest.fixture
def settings_of_house() -> WebSettings:
    return WebSettings(version="test", limits=RateLimits(user_rate=1e6, user_burst=10**6))


@pytest.fixture(name="settings")
def unlimited(settings_of_house: WebSettings) -> WebSettings:
    return settings_of_house


def parameters(route: Route, path: str) -> dict[str, str]:
    """What stands in a path in the places of the route's parameters."""
    found = re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", route.path), path)
    assert found is not None, path
    return found.groupdict()


def attack(operation: Any, base: str, token: str, existing: dict[str, str], until: float) -> int:
    """Runs one operation's generated cases, every second one on an object that exists; returns how many there were."""
    count = 0
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def one(case: Any) -> None:
            nonlocal count
            if time.monotonic() > until:
                return
            count += 1
            if existing and count % 2:
                case.path_parameters = {**case.path_parameters, **existing}
            response = case.call(base_url=base, headers={"Authorization": f"Bearer {token}"}, timeout=20)
            case.validate_response(response, checks=CHECKS)

        try:
            one()
        except Unsatisfiable:
            assert mode is GenerationMode.NEGATIVE  # an operation without inputs has no wrong ones
    return count


async def test_no_generated_request_breaks_the_service_or_its_promises(house: House) -> None:
    objects = Objects(house)
    agent = house.actors["agent"]
    existing = {
        route.operation_id: parameters(route, await objects.path_of(route, agent)) for route in ROUTES if route.subject
    }
    schema = schemathesis.openapi.from_dict(document(ROUTES, "test"))
    until = time.monotonic() + BUDGET_SECONDS
    for result in schema.get_all_operations():
        operation = result.ok()  # type: ignore[union-attr]  # a broken schema fails here, as it should
        name = operation.definition.raw["operationId"]
        if name not in LEFT_OUT and time.monotonic() < until:
            known = existing.get(name, {})
            done = await asyncio.to_thread(attack, operation, house.base, house.tokens["admin"], known, until)
            assert done > 0 or time.monotonic() > until, operation.label
