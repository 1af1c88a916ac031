"""What happens around every request: its id, the log line, rate limits, security headers."""

from __future__ import annotations

import re
import secrets
import time
from typing import Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from crm_core.audit.service import Origin, origin
from web.auth import IDENTITY, authenticate, guard_writes
from web.context import WebSettings, context_of
from web.errors import LOG_IN_PATH, REQUEST_ID, Refused, errors
from web.limits import Buckets
from web.origin import client_address, host_name, is_secure

_GIVEN_ID: Final = re.compile(r"[A-Za-z0-9_-]{8,64}")
_NONCE: Final = web.RequestKey("nonce", str)
_UNLIMITED: Final = ("/static/", "/healthz", "/readyz", "/metrics")
_log = structlog.get_logger("web.access")


def chain(settings: WebSettings) -> list[Middleware]:
    """All middlewares, outermost first: ids and log see every answer, errors of all others become answers."""
    return [observe, errors, authenticate, limiter(settings), guard_writes]


@web.middleware
async def observe(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Gives the request its id, tells the audit where it comes from, writes one log line without personal data."""
    given = request.headers.get("X-Request-ID", "")
    request_id = given if _GIVEN_ID.fullmatch(given) else secrets.token_hex(8)
    request[REQUEST_ID] = request_id
    token = origin.set(Origin(client_address(request)[:64], request_id))
    started, status = time.perf_counter(), 0
    try:
        response = await handler(request)
        status = response.status
        return response
    except web.HTTPException as moved:
        status = moved.status
        raise
    finally:
        origin.reset(token)
        _write_line(request, status, time.perf_counter() - started)


def _write_line(request: web.Request, status: int, seconds: float) -> None:
    # The route's pattern, not the path: addresses and queries hold names and numbers.
    resource = request.match_info.route.resource
    identity = request.get(IDENTITY)
    _log.info(
        "request",
        request_id=request[REQUEST_ID],
        method=request.method,
        route=resource.canonical if resource is not None else None,
        status=status,
        ms=round(seconds * 1000, 1),
        user_id=identity.actor.user_id if identity is not None else None,
    )


def limiter(settings: WebSettings) -> Middleware:
    """Refuses who asks far too often, a user by the account, others by address."""
    limits = settings.limits
    users = Buckets(limits.user_rate, limits.user_burst, limits.keys)
    addresses = Buckets(limits.address_rate, limits.address_burst, limits.keys)
    log_ins = Buckets(limits.log_in_rate, limits.log_in_burst, limits.keys)

    @web.middleware
    async def limit(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith(_UNLIMITED):
            return await handler(request)
        identity, now = request.get(IDENTITY), time.monotonic()
        if request.path == LOG_IN_PATH and request.method == "POST":
            wait = log_ins.take(client_address(request), now)
        elif identity is not None:
            wait = users.take(str(identity.actor.user_id), now)
        else:
            wait = addresses.take(client_address(request), now)
        if wait:
            headers = {"Retry-After": str(int(wait) + 1)}
            raise Refused(429, "too_many_requests", "Too many requests; slow down and try again.", headers)
        return await handler(request)

    return limit


def csp_nonce(request: web.Request) -> str:
    """The nonce that lets this page's own ``<style>`` elements in; scripts are files only."""
    nonce = request.get(_NONCE)
    if nonce is None:
        request[_NONCE] = nonce = secrets.token_urlsafe(12)
    return nonce


async def secure_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Set on every answer just before it leaves, errors and files included."""
    headers = response.headers
    headers.setdefault("Content-Security-Policy", _policy(request))
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("X-Frame-Options", "DENY")
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
    if not request.path.startswith("/static/"):
        headers.setdefault("Cache-Control", "no-store")
    if is_secure(request):
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if REQUEST_ID in request:
        headers["X-Request-ID"] = request[REQUEST_ID]


def _policy(request: web.Request) -> str:
    push = context_of(request).push.url(host=host_name(request), secure=is_secure(request))
    # Style attributes are let in because charts write them; a style cannot run anything.
    parts = (
        "default-src 'none'",
        "script-src 'self'",
        f"style-src 'self' 'nonce-{csp_nonce(request)}'",
        "style-src-attr 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "media-src 'self' blob:",
        "worker-src 'self'",
        "manifest-src 'self'",
        f"connect-src 'self' {push.split('?')[0].rstrip('/')}",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
    return "; ".join(parts)
