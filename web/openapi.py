"""The OpenAPI 3.1 document, written from the register of routes: complete by construction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from web.errors import PROBLEM_JSON, TITLES
from web.registry import Route

_REF: Final = "#/components/schemas/{model}"
_COOKIE: Final = "callcenter_session"
_READS: Final = ("GET", "HEAD")


class ProblemDocument(TypedDict):
    """RFC 9457 problem details; `code` is stable, `detail` is for people."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: dict[str, str]
    request_id: str


def document(routes: Iterable[Route], version: str) -> dict[str, Any]:
    """The whole document as JSON values."""
    routes = list(routes)
    schemas, definitions = _schemas(routes)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas, definitions)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Callcenter API",
            "version": version or "0",
            "description": "Times are ISO 8601 with offset, durations seconds with fractions. "
            "Another's object answers 404, never 403. Unknown fields and parameters are refused.",
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(route.tag for route in routes)],
        "paths": paths,
        "components": {
            "schemas": _used(paths, definitions),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "An API token of a user."},
                "session": {"type": "apiKey", "in": "cookie", "name": _COOKIE, "description": "The browser's session."},
                "csrf": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "X-CSRF-Token",
                    "description": "Needed beside the session for everything that writes.",
                },
            },
        },
    }


def _schemas(routes: Iterable[Route]) -> tuple[dict[tuple[str, str], Any], dict[str, Any]]:
    """Schema of each (operation, part), and the shared definitions they refer to."""
    wanted: list[tuple[tuple[str, str], Any, TypeAdapter[Any]]] = [
        (("", "problem"), "serialization", TypeAdapter(ProblemDocument))
    ]
    for route in routes:
        for name, model in route.parts.items():
            wanted.append(((route.operation_id, name), "validation", TypeAdapter(model)))
        if route.form is not None:
            wanted.append(((route.operation_id, "form"), "validation", TypeAdapter(route.form)))
        if route.answers is not None:
            wanted.append(((route.operation_id, "answer"), "serialization", TypeAdapter(route.answers)))
    found, definitions = TypeAdapter.json_schemas(wanted, ref_template=_REF)
    return {key: schema for (key, _), schema in found.items()}, definitions.get("$defs", {})


def _used(paths: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Only what an operation refers to: models of parameters are written out where they are used."""
    wanted = _references(paths)
    seen: set[str] = set()
    while wanted - seen:
        name = (wanted - seen).pop()
        seen.add(name)
        wanted |= _references(definitions[name])
    return {name: schema for name, schema in definitions.items() if name in seen}


def _references(value: Any) -> set[str]:
    if isinstance(value, Mapping):
        own = {value["$ref"].rsplit("/", 1)[1]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(_references(part) for part in value.values()))
    if isinstance(value, list):
        return set[str]().union(*(_references(part) for part in value))
    return set()


def _resolved(schema: dict[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        found: dict[str, Any] = definitions[schema["$ref"].rsplit("/", 1)[1]]
        return found
    return schema


def _operation(route: Route, schemas: Mapping[tuple[str, str], Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.operation_id,
        "summary": route.summary,
        "description": _description(route),
        "tags": [route.tag],
        "responses": _responses(route, schemas),
        "security": _security(route),
    }
    parameters = [
        parameter
        for part, place in (("path", "path"), ("query", "query"), ("headers", "header"))
        if part in route.parts
        for parameter in _parameters(place, _resolved(schemas[route.operation_id, part], definitions))
    ]
    if parameters:
        operation["parameters"] = parameters
    if "body" in route.parts:
        body = schemas[route.operation_id, "body"]
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    if route.form is not None:
        form = schemas[route.operation_id, "form"]
        operation["requestBody"] = {"required": True, "content": {"multipart/form-data": {"schema": form}}}
    return operation


def _description(route: Route) -> str:
    right = f"Needs the right `{route.right}`." if route.right else "Open to all." if route.public else ""
    return " ".join(part for part in (route.description, right) if part)


def _security(route: Route) -> list[dict[str, list[str]]]:
    if route.public:
        return []
    session: dict[str, list[str]] = {"session": []}
    return [{"token": []}, session if route.method in _READS else {**session, "csrf": []}]


def _parameters(place: str, schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    required = set(schema.get("required", ()))
    parameters = []
    for name, plain in schema.get("properties", {}).items():
        about = dict(plain)
        parameter = {"name": name, "in": place, "required": place == "path" or name in required, "schema": about}
        if "description" in about:
            parameter["description"] = about.pop("description")
        parameters.append(parameter)
    return parameters


def codes(route: Route) -> dict[int, list[str]]:
    """Every error of a route by status: its own, and those that follow from how it is declared."""
    found: dict[int, list[str]] = {429: ["too_many_requests"], 500: ["internal"], 503: ["database_unavailable"]}
    found[400] = ["bad_request"]
    found[422] = ["invalid_input"]
    if "body" in route.parts:
        found[400] = ["malformed_json"]
        found[413] = ["too_large"]
        found[415] = ["wrong_content_type"]
    if route.form is not None:
        found[415] = ["wrong_content_type"]
    if not route.public:
        found[401] = ["unauthenticated", "bad_token", "signed_out"]
        found[403] = ["not_allowed"] if route.right else []
        found[403] += ["password_change_required"] + (
            [] if route.method in _READS else ["bad_csrf_token", "bad_origin"]
        )
    if "path" in route.parts:
        found[404] = ["not_found"]
    for status, own in route.errors.items():
        found[status] = [*found.get(status, ()), *own]
    return dict(sorted(found.items()))


def _responses(route: Route, schemas: Mapping[tuple[str, str], Any]) -> dict[str, Any]:
    good: dict[str, Any] = {"description": route.summary}
    if route.answers is not None:
        good["content"] = {route.media_type: {"schema": schemas[route.operation_id, "answer"]}}
    elif route.media_type != "application/json":
        good["content"] = {route.media_type: {"schema": {}}}
    responses: dict[str, Any] = {str(route.status): good}
    for status, meaning in route.also.items():
        responses[str(status)] = {**good, "description": meaning} if status != 304 else {"description": meaning}
    for status, slugs in codes(route).items():
        if str(status) not in responses:
            responses[str(status)] = _problem(status, slugs, schemas["", "problem"])
    return responses


def _problem(status: int, slugs: list[str], schema: Any) -> dict[str, Any]:
    title = TITLES.get(status, "Error")
    example = {
        "type": f"urn:callcenter:problem:{slugs[0]}",
        "title": title,
        "status": status,
        "detail": title + ".",
        "code": slugs[0],
        "errors": {},
        "request_id": "5f2b7c9d1e3a4b60",
    }
    answer: dict[str, Any] = {
        "description": f"{title}: " + ", ".join(f"`{slug}`" for slug in slugs),
        "content": {PROBLEM_JSON: {"schema": schema, "example": example}},
    }
    if status in (429, 503):
        answer["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "seconds"}}
    return answer
