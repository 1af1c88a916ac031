"""From a declared route to a running one: who may, is the input right, call, answer."""

from __future__ import annotations

from typing import Any, Final

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import BaseModel, ValidationError

from crm_core.kernel.errors import Denied, Rejected
from web.api.asked import Asked
from web.auth import identity_of
from web.context import context_of
from web.errors import PASSWORD_FIRST, Refused
from web.registry import Route, Routes

ROUTE: Final = "api_route"
# What a user has to be able to reach while the password is only good for being changed.
_BEFORE_PASSWORD: Final = frozenset({"/api/v1/me", "/api/v1/me/password"})
_INVALID: Final = "Some of the input is wrong; see errors."


def mount(app: web.Application, routes: Routes) -> None:
    for route in routes:
        handler = _handler(route)
        setattr(handler, ROUTE, route)
        app.router.add_route(route.method, route.path, handler)


def _handler(route: Route) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        _check_right(route, request)
        asked = Asked(request, context_of(request))
        answer = await route.endpoint(asked, **await _inputs(route, request))
        if isinstance(answer, web.StreamResponse):
            return answer
        return json_answer(answer, route.status, asked.headers)

    return handle


def json_answer(answer: Any, status: int, headers: dict[str, str] | None = None) -> web.Response:
    if answer is None:
        return web.Response(status=204, headers=headers)
    return web.Response(body=orjson.dumps(answer), status=status, headers=headers, content_type="application/json")


def _check_right(route: Route, request: web.Request) -> None:
    if route.public:
        return
    identity = identity_of(request)
    if identity.must_change_password and route.path not in _BEFORE_PASSWORD:
        raise Denied(PASSWORD_FIRST, "Choose a new password first.")
    if route.right is not None:
        identity.actor.require(route.right)


async def _inputs(route: Route, request: web.Request) -> dict[str, BaseModel]:
    """The declared inputs, validated. Raises NotFound for ids that cannot be, Rejected with the wrong fields named."""
    found: dict[str, BaseModel] = {}
    if "path" in route.parts:
        found["path"] = _validated(route.parts["path"], dict(request.match_info))
    if "headers" in route.parts:
        found["headers"] = _validated(route.parts["headers"], _headers(route.parts["headers"], request))
    query = _query(route.parts.get("query", _NoQuery), request)
    if "query" in route.parts:
        found["query"] = query
    if route.form is not None:
        if route.subject is None:
            check_form(request)  # otherwise the endpoint asks first whether its subject is within reach
        return found
    body = await _body(route.parts.get("body"), request)
    if body is not None:
        found["body"] = body
    return found


def check_form(request: web.Request) -> None:
    """Raises Rejected without a body, Refused for one that is no form with files."""
    if not request.can_read_body:
        raise Rejected("invalid_input", _INVALID, errors={"file": "required"})
    if request.content_type != "multipart/form-data":
        raise Refused(415, "wrong_content_type", "Send a form with Content-Type: multipart/form-data.")


class _NoQuery(BaseModel, extra="forbid"):
    """Routes without parameters refuse unknown ones too."""


def _validated(model: type[BaseModel], values: dict[str, Any]) -> BaseModel:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise Rejected("invalid_input", _INVALID, errors=field_errors(error)) from None


def _headers(model: type[BaseModel], request: web.Request) -> dict[str, str]:
    names = [info.alias or name for name, info in model.model_fields.items()]
    return {name: request.headers[name] for name in names if name in request.headers}


def _query(model: type[BaseModel], request: web.Request) -> BaseModel:
    twice = {name: "given more than once" for name in request.query if len(request.query.getall(name)) > 1}
    if twice:
        raise Rejected("invalid_input", _INVALID, errors=twice)
    return _validated(model, dict(request.query))


async def _body(model: type[BaseModel] | None, request: web.Request) -> BaseModel | None:
    if model is None:
        if request.can_read_body and (await request.read()).strip() not in (b"", b"{}"):
            raise Rejected("invalid_input", "This route takes no body.", errors={"body": "not expected"})
        return None
    if request.content_type != "application/json" or "Content-Encoding" in request.headers:
        raise Refused(415, "wrong_content_type", "Send JSON with Content-Type: application/json.")
    try:
        return model.model_validate_json(await request.read(), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        if first["type"] == "json_invalid":
            raise Refused(400, "malformed_json", f"The body is no JSON: {first['msg']}.") from None
        raise Rejected("invalid_input", _INVALID, errors=field_errors(error)) from None


def field_errors(error: ValidationError) -> dict[str, str]:
    """What is wrong by field, as ``phones.0.number``; never the value itself."""
    wrong: dict[str, str] = {}
    for item in error.errors(include_url=False):
        name = ".".join(str(part) for part in item["loc"]) or "body"
        wrong.setdefault(name, _sentence(item))
    return wrong


def _sentence(item: Any) -> str:
    """In the core's words where it has some for the same fault."""
    if item["type"] == "extra_forbidden":
        return "unknown field"
    if item["type"] in ("too_long", "string_too_long") and isinstance(item["input"], str):
        return f"at most {item['ctx']['max_length']} characters"
    if item["type"] in ("too_short", "string_too_short") and item["input"] == "":
        return "must not be empty"
    said: str = item["msg"]
    return said.removeprefix("Value error, ")
