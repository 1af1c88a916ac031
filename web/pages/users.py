"""Users: list, add, change, password, tokens, disabling."""

from __future__ import annotations

from datetime import datetime
from types import SimpleNamespace
from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.kernel import ids
from crm_core.kernel.errors import CrmError, Rejected
from crm_core.organization import queries, service, signing_in
from crm_core.organization.access import Action
from crm_core.organization.models import ApiToken, Role, User
from web import i18n
from web.auth import actor_of
from web.context import context_of
from web.i18n import gettext as _
from web.pages.calls import address, options
from web.pages.frame import Errors, errors_of, form_of, html, said, see_other

routes = web.RouteTableDef()
_PAGE = 100


def _row(user: User, now: datetime) -> SimpleNamespace:
    return SimpleNamespace(
        id=ids.show(user.id),
        name=user.name,
        display_name=user.display_name,
        role=str(user.role),
        extension=user.extension,
        department=user.department.name if user.department is not None else None,
        department_id=None if user.department_id is None else ids.show(user.department_id),
        language=user.language,
        active=user.active,
        locked=user.locked_until is not None and user.locked_until > now,
        locked_until=user.locked_until,
    )


@routes.get("/admin/users")
async def list_users(request: web.Request) -> web.StreamResponse:
    actor_of(request, Action.USER_MANAGE)
    context = context_of(request)
    fields = {name: request.query[name].strip() for name in ("q", "role") if request.query.get(name, "").strip()}
    after = request.query.get("after", "")
    async with context.db.read() as session:
        found = await queries.users(session, after=after, limit=_PAGE + 1, text=fields.get("q", ""))
    shown = [user for user in found[:_PAGE] if fields.get("role") in (None, user.role)]
    more = {**fields, "after": found[_PAGE - 1].name} if len(found) > _PAGE else None
    now = context.clock.now()
    return html(
        request,
        "admin/users.html",
        users=[_row(user, now) for user in shown],
        filter=fields,
        roles=options("role"),
        first=address("/admin/users", fields) if after else None,
        next=address("/admin/users", more) if more else None,
    )


@routes.get("/admin/users/new")
async def blank_user(request: web.Request) -> web.StreamResponse:
    actor_of(request, Action.USER_MANAGE)
    return await _form(request, _blank({}), Errors(), None)


def _blank(form: dict[str, str]) -> SimpleNamespace:
    given = {name: form.get(name, "") for name in ("name", "display_name", "extension")}
    return SimpleNamespace(
        id=None,
        role=form.get("role", str(Role.AGENT)),
        department_id=form.get("department"),
        language=form.get("language", i18n.DEFAULT_LANGUAGE),
        active=True,
        locked=False,
        **given,
    )


async def _form(
    request: web.Request, person: SimpleNamespace, errors: Errors, problem: str | None, **more: Any
) -> web.Response:
    async with context_of(request).db.read() as session:
        departments = await queries.departments(session)
        tokens = [] if person.id is None else await queries.tokens_of(session, ids.parse(person.id))
    values: dict[str, Any] = {
        "person": person,
        "errors": errors,
        "problem": problem,
        "roles": options("role"),
        "departments": [(ids.show(department.id), department.name) for department in departments],
        "tokens": [_token(token) for token in tokens if token.revoked_at is None],
        "new_secret": None,
    }
    return html(request, "admin/user.html", status=422 if problem else 200, **values | more)


def _token(token: ApiToken) -> SimpleNamespace:
    return SimpleNamespace(
        id=ids.show(token.id), label=token.label, created_at=token.created_at, last_used_at=token.last_used_at
    )


def _changes(form: dict[str, str]) -> dict[str, Any]:
    """The fields that may be changed, from the form. Raises Rejected for an unknown role."""
    try:
        role = Role(form.get("role", ""))
    except ValueError:
        raise Rejected("bad_filter", "There is no such role.", errors={"role": "unknown"}) from None
    department = form.get("department")
    return {
        "display_name": form.get("display_name", "")[:80],
        "role": role,
        "extension": form.get("extension") or None,
        "department_id": ids.parse(department) if department else None,
        "language": i18n.choose(form.get("language")),
    }


@routes.post("/admin/users/new")
async def add_user(request: web.Request) -> web.StreamResponse:
    actor = actor_of(request, Action.USER_MANAGE)
    form = await form_of(request)
    password = str((await request.post()).get("password", ""))
    try:
        async with context_of(request).db.uow() as uow:
            name, values = form.get("name", ""), _changes(form)
            user = await service.add_user(
                uow, name=name, password=password, by=actor, must_change_password=True, **values
            )
    except CrmError as error:
        return await _form(request, _blank(form), errors_of(error), said(error))
    return see_other(f"/admin/users/{ids.show(user.id)}")


async def _person(request: web.Request, session: AsyncSession) -> SimpleNamespace:
    user = await queries.user_by_id(session, ids.parse(request.match_info["id"]))
    return _row(user, context_of(request).clock.now())


@routes.get("/admin/users/{id}")
async def show_user(request: web.Request) -> web.StreamResponse:
    actor_of(request, Action.USER_MANAGE)
    return await _again(request)


async def _again(request: web.Request, error: CrmError | None = None, **more: Any) -> web.Response:
    async with context_of(request).db.read() as session:
        person = await _person(request, session)
    errors = Errors() if error is None else errors_of(error)
    return await _form(request, person, errors, None if error is None else said(error), **more)


@routes.post("/admin/users/{id}")
async def change_user(request: web.Request) -> web.StreamResponse:
    actor = actor_of(request, Action.USER_MANAGE)
    form = await form_of(request)
    try:
        async with context_of(request).db.uow() as uow:
            await service.change_user(uow, ids.parse(request.match_info["id"]), _changes(form), by=actor)
    except CrmError as error:
        return await _again(request, error)
    return see_other(request.path)


@routes.post("/admin/users/{id}/password")
async def set_password(request: web.Request) -> web.StreamResponse:
    actor = actor_of(request, Action.USER_MANAGE)
    password, user_id = str((await request.post()).get("password", "")), request.match_info["id"]
    try:
        async with context_of(request).db.uow() as uow:
            await service.set_password(uow, ids.parse(user_id), password, by=actor, must_change=True)
    except CrmError as error:
        return await _again(request, error)
    return see_other(f"/admin/users/{user_id}")


@routes.post("/admin/users/{id}/{what:disable|enable}")
async def set_access(request: web.Request) -> web.StreamResponse:
    actor = actor_of(request, Action.USER_MANAGE)
    user_id, what = ids.parse(request.match_info["id"]), request.match_info["what"]
    try:
        async with context_of(request).db.uow() as uow:
            await service.change_user(uow, user_id, {"active": what == "enable"}, by=actor)
            if what == "disable":
                await signing_in.end_sessions(uow, user_id, by=actor)
    except CrmError as error:
        return await _again(request, error)
    return see_other(f"/admin/users/{request.match_info['id']}")


@routes.post("/admin/users/{id}/tokens")
async def new_token(request: web.Request) -> web.StreamResponse:
    """Drawn at once and not after a redirect: the token's text is shown only here."""
    actor = actor_of(request, Action.USER_MANAGE)
    form = await form_of(request)
    async with context_of(request).db.uow() as uow:
        label = form.get("label", "") or _("Token")
        _row_of, text = await signing_in.issue_token(uow, ids.parse(request.match_info["id"]), label, by=actor)
    secret = SimpleNamespace(title=_("New token: copy it now, it is shown only once."), text=text)
    return await _again(request, new_secret=secret)


@routes.post("/admin/users/{id}/tokens/{token}/revoke")
async def revoke_token(request: web.Request) -> web.StreamResponse:
    actor = actor_of(request, Action.USER_MANAGE)
    async with context_of(request).db.uow() as uow:
        await signing_in.revoke_token(uow, ids.parse(request.match_info["token"]), by=actor)
    return see_other(f"/admin/users/{request.match_info['id']}")
