"""The one place where errors become HTTP: kinds of CrmError to status codes, everything to problem+json or a page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

import orjson
import structlog
from aiohttp import web
from aiohttp.typedefs import Handler
from multidict import CIMultiDict

from crm_core.kernel.errors import Conflict, CrmError, Denied, NotFound, Rejected, TooMuch, Unauthenticated, Unavailable
from web import i18n

PROBLEM_JSON: Final = "application/problem+json"
LOG_IN_PATH: Final = "/login"
NEW_PASSWORD_PATH: Final = "/password"  # noqa: S105 - an address
PASSWORD_FIRST: Final = "password_change_required"  # noqa: S105 - the code of a refusal
REQUEST_ID: Final = web.RequestKey("request_id", str)

# The first kind that fits counts, so a kind stands before the one it is derived from.
STATUS: Final[Mapping[type[CrmError], int]] = {
    NotFound: 404,
    Conflict: 409,
    Rejected: 422,
    Unauthenticated: 401,
    Denied: 403,
    TooMuch: 429,
    Unavailable: 503,
}
TITLES: Final[Mapping[int, str]] = {
    400: "The request cannot be read",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    408: "Took too long",
    409: "Conflict",
    412: "Condition not met",
    413: "Too large",
    415: "Wrong content type",
    416: "No such range",
    422: "Invalid input",
    429: "Too many requests",
    500: "Something broke here",
    503: "Not available now",
}
_CODES: Final[Mapping[int, str]] = {
    400: "bad_request",
    404: "no_such_page",
    405: "method_not_allowed",
    413: "too_large",
    415: "wrong_content_type",
}
_log = structlog.get_logger("web")


class Refused(Exception):
    """A refusal that only HTTP knows (unreadable body, wrong type, too many requests)."""

    def __init__(self, status: int, code: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.problem = Problem(status, code, detail, headers=headers or {})


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong, ready to be shown."""

    status: int
    code: str
    detail: str
    errors: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return i18n.gettext(TITLES.get(self.status, "Error"))

    def document(self, request_id: str) -> dict[str, Any]:
        """The members of the problem+json answer."""
        return {
            **self.extra,
            "type": f"urn:callcenter:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": i18n.gettext(self.detail),
            "code": self.code,
            "errors": dict(self.errors),
            "request_id": request_id,
        }


ErrorPage = Callable[[web.Request, Problem], Awaitable[web.StreamResponse]]
# Pages set this to show errors in their own look; without it browsers get the JSON too.
ERROR_PAGE: Final[web.AppKey[ErrorPage]] = web.AppKey("error_page")


def problem_of(error: Exception) -> Problem:
    """Any exception as a problem; what nobody foresaw says nothing of its inside."""
    if isinstance(error, Refused):
        return error.problem
    if isinstance(error, CrmError):
        return _domain_problem(error)
    if isinstance(error, web.HTTPException):
        code = _CODES.get(error.status, "http_error")
        detail = "There is nothing at this address." if error.status == 404 else error.reason
        kept = {name: error.headers[name] for name in ("Allow", "Content-Range") if name in error.headers}
        return Problem(error.status, code, detail, headers=kept)
    return Problem(500, "internal", "An error of ours; nothing was stored. The log has it under the request id.")


def _domain_problem(error: CrmError) -> Problem:
    status = next(number for kind, number in STATUS.items() if isinstance(error, kind))
    headers = {}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="callcenter"'
    wait = error.extra.get("retry_after", 5 if status == 503 else None)
    if wait is not None:
        headers["Retry-After"] = str(wait)
    return Problem(status, error.code, error.detail, error.errors, error.extra, headers)


def problem_response(request: web.Request, problem: Problem) -> web.Response:
    headers: CIMultiDict[str] = CIMultiDict(problem.headers)
    headers["Cache-Control"] = "no-store"
    body = b"" if request.method == "HEAD" else orjson.dumps(problem.document(request.get(REQUEST_ID, "")))
    return web.Response(body=body, status=problem.status, headers=headers, content_type=PROBLEM_JSON)


def wants_page(request: web.Request) -> bool:
    return not request.path.startswith("/api/") and "text/html" in request.headers.get("Accept", "")


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turns every exception below into an answer; unexpected ones are logged with their trace."""
    try:
        return await handler(request)
    except (CrmError, Refused) as error:
        problem = problem_of(error)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        problem = problem_of(error)
    except ConnectionResetError:
        raise  # the browser went away: nobody is left to read an answer
    except Exception as error:
        _log.exception("request_failed", request_id=request.get(REQUEST_ID), error=type(error).__name__)
        problem = problem_of(error)
    return await _answer(request, problem)


async def _answer(request: web.Request, problem: Problem) -> web.StreamResponse:
    if not wants_page(request):
        return problem_response(request, problem)
    if problem.status == 401 and request.path != LOG_IN_PATH:
        return _to_log_in(request)
    if problem.code == PASSWORD_FIRST and request.path != NEW_PASSWORD_PATH:
        return _elsewhere(request, NEW_PASSWORD_PATH)
    page: ErrorPage | None = request.config_dict.get(ERROR_PAGE)
    if page is None:
        return problem_response(request, problem)
    response = await page(request, problem)
    response.headers.update(problem.headers)
    return response


def _to_log_in(request: web.Request) -> web.Response:
    """Back to where the reader was going after the log-in; a partial update reloads the whole page."""
    target = request.path_qs if request.method in ("GET", "HEAD") and "HX-Request" not in request.headers else "/"
    return _elsewhere(request, LOG_IN_PATH if target == "/" else f"{LOG_IN_PATH}?next={quote(target, safe='')}")


def _elsewhere(request: web.Request, address: str) -> web.Response:
    if request.headers.get("HX-Request"):
        return web.Response(status=200, headers={"HX-Redirect": address, "Cache-Control": "no-store"})
    return web.Response(status=303, headers={"Location": address, "Cache-Control": "no-store"})
