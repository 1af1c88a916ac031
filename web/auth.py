"""Who asks: bearer tokens, the browser's session cookie, CSRF, and where a log-in may lead."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from crm_core.kernel.errors import Denied, Unauthenticated
from crm_core.organization import signing_in
from crm_core.organization.access import Action, Actor
from web import i18n
from web.context import WebContext, context_of
from web.errors import PASSWORD_FIRST
from web.origin import client_address, is_secure, own_hosts

COOKIE: Final = "callcenter_session"
CSRF_HEADER: Final = "X-CSRF-Token"
CSRF_FIELD: Final = "csrf_token"
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_FORMS: Final = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is signed in and how; ``session_token`` and ``csrf_token`` are None for API tokens."""

    actor: Actor
    session_token: str | None = None
    csrf_token: str | None = None
    must_change_password: bool = False


IDENTITY: Final = web.RequestKey("identity", Identity)
# Why the credentials were no good: told only where a route needs somebody, after the rate limit has counted it.
_REFUSAL: Final = web.RequestKey("refusal", Unauthenticated)


def identity_of(request: web.Request) -> Identity:
    """Raises Unauthenticated when nobody is signed in."""
    identity: Identity | None = request.get(IDENTITY)
    if identity is None:
        if (refusal := request.get(_REFUSAL)) is not None:
            raise refusal
        raise Unauthenticated("unauthenticated", "Sign in first, or send a token in the Authorization header.")
    return identity


def actor_of(request: web.Request, right: Action | None = None) -> Actor:
    """The signed-in user, checked for ``right``. Raises Unauthenticated or Denied."""
    identity = identity_of(request)
    if identity.must_change_password:
        raise Denied(PASSWORD_FIRST, "Choose a new password first.")
    if right is not None:
        identity.actor.require(right)
    return identity.actor


@web.middleware
async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Finds out who asks; whether that is enough is decided by the route."""
    identity = None
    if not request.path.startswith("/static/"):
        try:
            identity = await _identify(request)
        except Unauthenticated as refusal:
            request[_REFUSAL] = refusal
    if identity is not None:
        request[IDENTITY] = identity
    language = identity.actor.language if identity is not None and identity.session_token else None
    i18n.use(language or _accepted_language(request))
    return await handler(request)


async def _identify(request: web.Request) -> Identity | None:
    db = context_of(request).db
    header = request.headers.get("Authorization")
    if header is not None:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated("bad_token", "The Authorization header has to be: Bearer TOKEN.")
        return Identity(await signing_in.token_actor(db, token.strip()))
    cookie = request.cookies.get(COOKIE)
    if not cookie:
        return None
    found = await signing_in.session_actor(db, cookie)
    return Identity(found.actor, cookie, found.csrf_token, found.must_change_password)


def _accepted_language(request: web.Request) -> str:
    """The first language of ours that the browser names, else the house's for pages and English for programs."""
    named = [part.split(";")[0].strip()[:2].lower() for part in request.headers.get("Accept-Language", "").split(",")]
    fallback = "en" if request.path.startswith("/api/") else context_of(request).settings.default_language
    return i18n.choose(request.cookies.get("language"), *named, fallback)


@web.middleware
async def guard_writes(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Cross-site request forgery: own origin and, with a session, its token. Bearer requests carry their own proof."""
    identity = request.get(IDENTITY)
    if request.method not in _SAFE_METHODS and (identity is None or identity.session_token is not None):
        _check_origin(request)
        if identity is not None:
            await _check_csrf(request, identity)
    return await handler(request)


def _check_origin(request: web.Request) -> None:
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc.lower() not in own_hosts(request):
        raise Denied("bad_origin", "The request comes from another site.")
    if origin is None and request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise Denied("bad_origin", "The request comes from another site.")


async def _check_csrf(request: web.Request, identity: Identity) -> None:
    given = request.headers.get(CSRF_HEADER)
    if given is None and request.content_type in _FORMS:
        field = (await request.post()).get(CSRF_FIELD)
        given = field if isinstance(field, str) else None
    wanted = identity.csrf_token or ""
    if not given or not hmac.compare_digest(given.encode(), wanted.encode()):
        raise Denied("bad_csrf_token", "The page is too old; reload it and try again.")


async def sign_in(request: web.Request, name: str, password: str) -> signing_in.SignedIn:
    """Checks the password and ends the session the browser had before. Raises Unauthenticated."""
    db = context_of(request).db
    signed = await signing_in.sign_in(
        db, name, password, address=client_address(request), browser=request.headers.get("User-Agent")
    )
    old = request.get(IDENTITY)
    if old is not None and old.session_token is not None:
        async with db.uow() as uow:
            await signing_in.sign_out(uow, old.session_token, by=old.actor)
    return signed


async def sign_out(request: web.Request) -> None:
    identity = request.get(IDENTITY)
    if identity is not None and identity.session_token is not None:
        async with context_of(request).db.uow() as uow:
            await signing_in.sign_out(uow, identity.session_token, by=identity.actor)


def give_cookie(request: web.Request, response: web.StreamResponse, signed: signing_in.SignedIn) -> None:
    response.set_cookie(
        COOKIE,
        signed.token,
        max_age=int(signing_in.SESSION_LIFE.total_seconds()),
        path="/",
        httponly=True,
        samesite="Lax",
        secure=_secure_cookie(request, context_of(request)),
    )


def take_cookie(request: web.Request, response: web.StreamResponse) -> None:
    secure = _secure_cookie(request, context_of(request))
    response.del_cookie(COOKIE, path="/", httponly=True, samesite="Lax", secure=secure)


def _secure_cookie(request: web.Request, context: WebContext) -> bool:
    return (context.settings.public_url or "").startswith("https:") or is_secure(request)


def safe_next(target: str | None) -> str:
    """Where to go after a log-in: a path of ours, never another site; the start page for anything odd."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")):
        return "/"
    if "\\" in target or any(ord(c) < 33 or ord(c) == 127 for c in target) or urlsplit(target).netloc:
        return "/"
    return target
