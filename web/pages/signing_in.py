"""Log-in, log-out, the own password, and the reader's language and theme."""

from __future__ import annotations

from types import SimpleNamespace

from aiohttp import web

from crm_core.kernel.errors import CrmError, Unauthenticated
from crm_core.organization import service, signing_in
from web import auth, i18n
from web.auth import actor_of, identity_of, safe_next
from web.context import context_of
from web.pages.frame import (
    LANGUAGE_COOKIE,
    THEME_COOKIE,
    errors_of,
    form_of,
    html,
    said,
    see_other,
    session_identity,
)
from web.pages.navigation import start_page
from web.pages.render import THEMES

routes = web.RouteTableDef()
_YEAR = 365 * 24 * 3600


@routes.get("/")
async def start(request: web.Request) -> web.StreamResponse:
    return see_other(start_page(actor_of(request)))


@routes.get("/login")
async def show_log_in(request: web.Request) -> web.StreamResponse:
    target = safe_next(request.query.get("next"))
    if session_identity(request) is not None:
        return see_other(target)
    return html(request, "login.html", problem=None, next=target, name="")


@routes.post("/login")
async def log_in(request: web.Request) -> web.StreamResponse:
    form = await request.post()  # not stripped: spaces may belong to a password
    name, password = str(form.get("name", "")).strip(), str(form.get("password", ""))
    target = safe_next(str(form.get("next", "")))
    try:
        signed = await auth.sign_in(request, name, password)
    except Unauthenticated as error:
        problem = _problem(error)
        return html(request, "login.html", status=401, problem=problem, next=target, name=name[:40])
    response = see_other("/password" if signed.must_change_password else target)
    auth.give_cookie(request, response, signed)
    return response


def _problem(error: CrmError) -> SimpleNamespace:
    locked = error.code == "locked"
    if not locked:
        return SimpleNamespace(locked=False, title=said(error), text=i18n.gettext("Check the keyboard and try again."))
    minutes = -(-int(str(error.extra.get("retry_after", 60))) // 60)
    text = i18n.ngettext("Try again in %(num)d minute.", "Try again in %(num)d minutes.", minutes) % {"num": minutes}
    return SimpleNamespace(locked=True, title=i18n.gettext("Locked after too many wrong passwords."), text=text)


@routes.post("/logout")
async def log_out(request: web.Request) -> web.StreamResponse:
    await auth.sign_out(request)
    response = see_other("/login")
    auth.take_cookie(request, response)
    return response


@routes.get("/password")
async def show_password(request: web.Request) -> web.StreamResponse:
    forced = identity_of(request).must_change_password
    return html(request, "password.html", forced=forced, errors={}, problem=None)


@routes.post("/password")
async def change_password(request: web.Request) -> web.StreamResponse:
    identity = identity_of(request)
    form = await request.post()
    try:
        async with context_of(request).db.uow() as uow:
            old, new = str(form.get("old_password", "")), str(form.get("new_password", ""))
            await signing_in.change_own_password(uow, identity.actor, old, new)
            if identity.actor.user_id is not None:
                keep = identity.session_token
                await signing_in.end_sessions(uow, identity.actor.user_id, by=identity.actor, keep=keep)
    except CrmError as error:
        shown = {"forced": identity.must_change_password, "problem": said(error), "errors": errors_of(error)}
        return html(request, "password.html", status=422, **shown)
    return see_other("/")


@routes.post("/preferences")
async def set_preferences(request: web.Request) -> web.StreamResponse:
    """Kept in cookies, so that the log-in page knows them too; the language also at the user."""
    form = await form_of(request)
    response = see_other(safe_next(form.get("next")))
    language, theme = form.get("language"), form.get("theme")
    if theme in THEMES:
        response.set_cookie(THEME_COOKIE, str(theme), max_age=_YEAR, samesite="Lax", httponly=True)
    if language in i18n.LANGUAGES:
        response.set_cookie(LANGUAGE_COOKIE, str(language), max_age=_YEAR, samesite="Lax", httponly=True)
        identity = session_identity(request)
        if identity is not None and identity.actor.user_id is not None:
            async with context_of(request).db.uow() as uow:
                await service.change_user(uow, identity.actor.user_id, {"language": language}, by=identity.actor)
    return response
