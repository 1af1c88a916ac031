"""The OpenAPI document is valid and complete: every route, parameter, body, answer and error."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest
from pydantic import BaseModel
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from web.api import ROUTES
from web.openapi import codes, document
from web.registry import Route

DOCUMENT = document(ROUTES, "test")
each_route = pytest.mark.parametrize("route", list(ROUTES), ids=lambda route: route.operation_id)


def operation(route: Route) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["paths"][route.path][route.method.lower()]
    return found


def test_the_document_is_valid_openapi_31() -> None:
    assert [error.message for error in OPENAPI_31_VALIDATOR.iter_errors(DOCUMENT)] == []


def test_every_shared_schema_is_valid_json_schema() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})
        assert "description" in schema or "enum" in schema or name, name


def test_operation_ids_are_unique() -> None:
    names = [route.operation_id for route in ROUTES]
    assert sorted(names) == sorted(set(names))


@each_route
def test_every_error_is_problem_json_with_an_example(route: Route) -> None:
    answers = operation(route)["responses"]
    assert set(answers) == {str(route.status), *map(str, codes(route)), *map(str, route.also)}
    for status in codes(route):
        if status != route.status:
            content = answers[str(status)]["content"]["application/problem+json"]
            assert content["schema"] == {"$ref": "#/components/schemas/ProblemDocument"}
            assert content["example"]["status"] == status


@each_route
def test_every_route_but_the_open_ones_names_its_security(route: Route) -> None:
    security = operation(route)["security"]
    assert bool(security) is not route.public
    if not route.public and route.method not in ("GET", "HEAD"):
        assert {"session": [], "csrf": []} in security


@each_route
def test_every_parameter_and_body_is_declared(route: Route) -> None:
    declared = {(p["in"], p["name"]) for p in operation(route).get("parameters", ())}
    for part, place in (("path", "path"), ("query", "query"), ("headers", "header")):
        model: type[BaseModel] | None = route.parts.get(part)
        for name, field in model.model_fields.items() if model else ():
            assert (place, field.alias or name) in declared
    bodies = {"application/json"} if "body" in route.parts else set()
    bodies |= {"multipart/form-data"} if route.form is not None else set()
    assert len(bodies) <= 1
    assert set(operation(route).get("requestBody", {}).get("content", ())) == bodies


@each_route
def test_every_body_has_an_example_that_is_valid(route: Route) -> None:
    body = route.parts.get("body")
    if body is None:
        return
    extra = body.model_config.get("json_schema_extra")
    assert isinstance(extra, dict), f"{body.__name__} has no examples"
    examples = extra["examples"]
    assert isinstance(examples, list)
    for example in examples:
        body.model_validate(example)


@each_route
def test_inputs_refuse_what_they_do_not_know(route: Route) -> None:
    for part in ("path", "query", "body"):
        model = route.parts.get(part)
        assert model is None or model.model_config.get("extra") == "forbid"
