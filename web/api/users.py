"""Users, their passwords, sessions and API tokens, for administrators."""

from __future__ import annotations

from datetime import tzinfo
from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from crm_core.kernel import ids
from crm_core.kernel.errors import Rejected
from crm_core.kernel.pages import parse_text_cursor, text_cursor
from crm_core.organization import queries, service, signing_in
from crm_core.organization.access import Action
from crm_core.organization.models import ApiToken, Role, User
from web.api.asked import Asked
from web.api.values import ById, Cursor, Id, Input, Instant, Line, ObjectId, Paging, Time, time_text
from web.registry import Routes

routes = Routes("users")
_RIGHT = Action.USER_MANAGE
Language = Literal["zh", "en"]
Password = Annotated[str, Field(max_length=200, description="at least 10 characters")]


class Named(TypedDict):
    id: Id
    name: str


class UserAnswer(TypedDict):
    """Somebody who can sign in."""

    id: Id
    name: str
    display_name: str
    role: Role
    extension: str | None
    pbx: str
    department: Named | None
    language: str
    active: bool
    must_change_password: bool
    locked_until: Time | None
    created_at: Time


class UserPage(TypedDict):
    items: list[UserAnswer]
    next: Cursor | None


class TokenAnswer(TypedDict):
    """An API token; its text is shown only when it is made."""

    id: Id
    label: str
    created_at: Time
    expires_at: Time | None
    last_used_at: Time | None
    revoked_at: Time | None


class NewTokenAnswer(TokenAnswer):
    token: str


class TokenList(TypedDict):
    items: list[TokenAnswer]
    next: Cursor | None


class UserQuery(Paging):
    q: Annotated[Line, Field(max_length=80, description="part of a name, or an extension")] = ""
    active: bool | None = None


class NewUser(Input):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "wangwei", "role": "agent", "password": "green-door-7-river", "extension": "1001"}]
        }
    )

    name: Annotated[Line, Field(max_length=40)]
    role: Role
    password: Password
    display_name: Annotated[Line, Field(max_length=80)] = ""
    extension: Annotated[Line | None, Field(max_length=20)] = None
    pbx: Annotated[Line, Field(min_length=1, max_length=40)] = "main"
    department_id: ObjectId | None = None
    language: Language = "zh"
    must_change_password: bool = False


class UserChange(Input):
    model_config = ConfigDict(json_schema_extra={"examples": [{"display_name": "王伟"}]})

    display_name: Annotated[Line, Field(min_length=1, max_length=80)] = ""
    role: Role = Role.AGENT
    extension: Annotated[Line | None, Field(max_length=20)] = None
    pbx: Annotated[Line, Field(min_length=1, max_length=40)] = "main"
    department_id: ObjectId | None = None
    language: Language = "zh"
    active: bool = True


class NewPassword(Input):
    model_config = ConfigDict(json_schema_extra={"examples": [{"password": "green-door-7-river"}]})

    password: Password
    must_change: Annotated[bool, Field(description="good only for choosing another at the next log-in")] = True


class NewToken(Input):
    model_config = ConfigDict(json_schema_extra={"examples": [{"label": "reporting script"}]})

    label: Annotated[Line, Field(min_length=1, max_length=80)]
    expires_at: Instant | None = None


def user_answer(user: User, zone: tzinfo, departments: dict[int, str]) -> UserAnswer:
    department = user.department_id
    return {
        "id": ids.show(user.id),
        "name": user.name,
        "display_name": user.display_name,
        "role": user.role,
        "extension": user.extension,
        "pbx": user.pbx,
        "department": None
        if department is None
        else {"id": ids.show(department), "name": departments.get(department, "")},
        "language": user.language,
        "active": user.active,
        "must_change_password": user.must_change_password,
        "locked_until": time_text(user.locked_until, zone),
        "created_at": time_text(user.created_at, zone) or "",
    }


def token_answer(token: ApiToken, zone: tzinfo) -> TokenAnswer:
    return {
        "id": ids.show(token.id),
        "label": token.label,
        "created_at": time_text(token.created_at, zone) or "",
        "expires_at": time_text(token.expires_at, zone),
        "last_used_at": time_text(token.last_used_at, zone),
        "revoked_at": time_text(token.revoked_at, zone),
    }


@routes.route("GET", "/users", "Users by name", right=_RIGHT)
async def list_users(asked: Asked, query: UserQuery) -> UserPage:
    async with asked.read() as session:
        rows = await queries.users(
            session,
            after=parse_text_cursor(query.cursor)[0] if query.cursor else "",
            limit=query.limit + 1,
            text=query.q,
            with_inactive=query.active is not True,
        )
        departments = {d.id: d.name for d in await queries.departments(session)}
    shown = [row for row in rows[: query.limit] if query.active is None or row.active is query.active]
    return {
        "items": [user_answer(row, asked.context.settings.timezone, departments) for row in shown],
        "next": text_cursor(rows[query.limit - 1].name, 0) if len(rows) > query.limit else None,
    }


@routes.route("GET", "/users/{id}", "One user", right=_RIGHT, subject="user")
async def get_user(asked: Asked, path: ById) -> UserAnswer:
    return await _whole(asked, path.id)


@routes.route("POST", "/users", "Add a user", right=_RIGHT, status=201, errors={409: ["name_taken", "extension_taken"]})
async def add_user(asked: Asked, body: NewUser) -> UserAnswer:
    async with asked.uow() as uow:
        await _check_department(asked, body.department_id)
        user = await service.add_user(
            uow,
            name=body.name,
            role=body.role,
            password=body.password,
            by=asked.actor,
            display_name=body.display_name,
            extension=body.extension,
            pbx=body.pbx,
            department_id=body.department_id,
            language=body.language,
            must_change_password=body.must_change_password,
        )
    return await _whole(asked, user.id)


@routes.route(
    "PATCH",
    "/users/{id}",
    "Change a user",
    right=_RIGHT,
    subject="user",
    errors={409: ["extension_taken"], 422: ["own_rights"]},
)
async def change_user(asked: Asked, path: ById, body: UserChange) -> UserAnswer:
    """Only the named fields change. A change of rights ends nothing but is noticed by live connections at once."""
    changes = {name: getattr(body, name) for name in body.model_fields_set}
    await _check_department(asked, changes.get("department_id"))
    async with asked.uow() as uow:
        await service.change_user(uow, path.id, changes, by=asked.actor)
    return await _whole(asked, path.id)


@routes.route("POST", "/users/{id}/password", "Give a user a new password", right=_RIGHT, subject="user")
async def set_password(asked: Asked, path: ById, body: NewPassword) -> UserAnswer:
    """Ends the lock-out and all of the user's browser sessions."""
    async with asked.uow() as uow:
        await service.set_password(uow, path.id, body.password, by=asked.actor, must_change=body.must_change)
        await signing_in.end_sessions(uow, path.id, by=asked.actor, keep=_own_session(asked, path.id))
    return await _whole(asked, path.id)


@routes.route("DELETE", "/users/{id}/sessions", "Sign a user out everywhere", right=_RIGHT, status=204, subject="user")
async def end_sessions(asked: Asked, path: ById) -> None:
    async with asked.uow() as uow:
        await queries.user_by_id(uow.session, path.id)
        await signing_in.end_sessions(uow, path.id, by=asked.actor, keep=_own_session(asked, path.id))


@routes.route("GET", "/users/{id}/tokens", "A user's API tokens", right=_RIGHT, subject="user")
async def list_tokens(asked: Asked, path: ById) -> TokenList:
    async with asked.read() as session:
        await queries.user_by_id(session, path.id)
        rows = await queries.tokens_of(session, path.id)
    return {"items": [token_answer(row, asked.context.settings.timezone) for row in rows], "next": None}


@routes.route("POST", "/users/{id}/tokens", "Make an API token", right=_RIGHT, status=201, subject="user")
async def add_token(asked: Asked, path: ById, body: NewToken) -> NewTokenAnswer:
    """The answer is the only place where the token's text is ever shown."""
    async with asked.uow() as uow:
        row, text = await signing_in.issue_token(uow, path.id, body.label, by=asked.actor, expires_at=body.expires_at)
    return {**token_answer(row, asked.context.settings.timezone), "token": text}


@routes.route("DELETE", "/tokens/{id}", "Revoke an API token", right=_RIGHT, status=204, subject="token")
async def revoke_token(asked: Asked, path: ById) -> None:
    async with asked.uow() as uow:
        await signing_in.revoke_token(uow, path.id, by=asked.actor)


def _own_session(asked: Asked, user_id: int) -> str | None:
    return asked.identity.session_token if asked.actor.user_id == user_id else None


async def _whole(asked: Asked, user_id: int) -> UserAnswer:
    async with asked.read() as session:
        user = await queries.user_by_id(session, user_id)
        departments = {d.id: d.name for d in await queries.departments(session)}
    return user_answer(user, asked.context.settings.timezone, departments)


async def _check_department(asked: Asked, department_id: int | None) -> None:
    if department_id is None:
        return
    async with asked.read() as session:
        known = {d.id for d in await queries.departments(session)}
    if department_id not in known:
        raise Rejected("invalid_input", "There is no such department.", errors={"department_id": "unknown"})
