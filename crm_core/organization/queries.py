"""Reads of the organisation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from crm_core.kernel.errors import NotFound
from crm_core.organization.access import Action, Actor
from crm_core.organization.models import (
    ApiToken,
    Centre,
    Department,
    IdempotencyKey,
    PushTicket,
    Setting,
    UnknownLogin,
    User,
    UserSession,
)
from crm_core.organization.preferences import Preferences, parse


@dataclass(frozen=True, slots=True)
class ExtensionUser:
    """Whose phone an extension is."""

    user_id: int
    name: str
    display_name: str
    extension: str
    department_id: int | None


@dataclass(frozen=True, slots=True)
class Person:
    """Who somebody is on a page; ``phone`` is PBX and extension."""

    user_id: int
    name: str
    display_name: str
    phone: tuple[str, str] | None


async def user_by_name(session: AsyncSession, name: str) -> User | None:
    return (await session.scalars(select(User).where(func.lower(User.name) == name.lower()))).first()


async def unknown_login(session: AsyncSession, name_hash: str) -> UnknownLogin | None:
    return await session.get(UnknownLogin, name_hash)


async def user_by_id(session: AsyncSession, user_id: int) -> User:
    """Raises NotFound."""
    user = (
        await session.scalars(select(User).where(User.id == user_id).options(joinedload(User.department)))
    ).one_or_none()
    if user is None:
        raise NotFound("user_not_found", "There is no such user.")
    return user


async def user_with_extension(session: AsyncSession, pbx: str, extension: str) -> User | None:
    return (await session.scalars(select(User).where(User.pbx == pbx, User.extension == extension))).first()


async def users(
    session: AsyncSession,
    *,
    after: str = "",
    limit: int = 50,
    text: str = "",
    departments: Iterable[int] | None = None,
    with_inactive: bool = True,
) -> Sequence[User]:
    """By name; ``after`` is the name of the last one seen."""
    rows = select(User).options(joinedload(User.department)).where(User.name > after).order_by(User.name).limit(limit)
    if text:
        rows = rows.where(
            or_(
                User.name.icontains(text, autoescape=True),
                User.display_name.icontains(text, autoescape=True),
                User.extension == text,
            )
        )
    if departments is not None:
        rows = rows.where(User.department_id.in_(list(departments)))
    if not with_inactive:
        rows = rows.where(User.active)
    return (await session.scalars(rows)).all()


async def extensions(session: AsyncSession) -> dict[tuple[str, str], ExtensionUser]:
    """All active users with a phone, by (PBX, extension)."""
    return await (await session.connection()).run_sync(extension_users)


def extension_users(connection: Connection) -> dict[tuple[str, str], ExtensionUser]:
    """As ``extensions``, for a glance."""
    columns = (User.pbx, User.extension, User.id, User.name, User.display_name, User.department_id)
    rows = connection.execute(select(*columns).where(User.extension.is_not(None), User.active))
    return {
        (row.pbx, row.extension): ExtensionUser(row.id, row.name, row.display_name, row.extension, row.department_id)
        for row in rows
    }


def rights_versions(connection: Connection, ids: Iterable[int]) -> dict[int, int]:
    """The present rights version of those who may sign in; the others are missing. For a glance."""
    rows = connection.execute(select(User.id, User.rights_version).where(User.id.in_(list(ids)), User.active))
    return {row.id: row.rights_version for row in rows}


async def names_of(session: AsyncSession, ids: Iterable[int]) -> dict[int, tuple[str, str]]:
    """(name, display name) of each user."""
    rows = await session.execute(select(User.id, User.name, User.display_name).where(User.id.in_(list(ids))))
    return {row.id: (row.name, row.display_name) for row in rows}


async def departments(session: AsyncSession) -> Sequence[Department]:
    return (await session.scalars(select(Department).order_by(Department.name))).all()


async def department_by_name(session: AsyncSession, name: str) -> Department | None:
    return (await session.scalars(select(Department).where(Department.name == name))).first()


async def centres(session: AsyncSession) -> Sequence[Centre]:
    return (await session.scalars(select(Centre).order_by(Centre.kind, Centre.name))).all()


async def actor_of(session: AsyncSession, user: User) -> Actor:
    """The user with the reach that follows from department and centres."""
    tree = await departments(session) if user.department_id is not None else ()
    return build_actor(user, tree)


def build_actor(user: User, tree: Sequence[Department]) -> Actor:
    own = {user.department_id} if user.department_id is not None else set()
    grown = True
    while grown:
        below = {d.id for d in tree if d.parent_id in own} - own
        own |= below
        grown = bool(below)
    mine = [d for d in tree if d.id == user.department_id]
    reach = {
        d.id
        for d in tree
        for m in mine
        if (d.sales_centre_id is not None and d.sales_centre_id == m.sales_centre_id)
        or (d.profit_centre_id is not None and d.profit_centre_id == m.profit_centre_id)
        or (d.service_centre_id is not None and d.service_centre_id == m.service_centre_id)
    }
    return Actor(
        user_id=user.id,
        name=user.name,
        role=user.role,
        extension=user.extension,
        pbx=user.pbx,
        department_id=user.department_id,
        department_ids=frozenset(d for d in own if d is not None),
        centre_department_ids=frozenset(reach | {d for d in own if d is not None}),
        language=user.language,
        rights_version=user.rights_version,
        display_name=user.display_name,
    )


async def actor_by_name(session: AsyncSession, name: str) -> Actor:
    """Raises NotFound when no active user has the name."""
    user = await user_by_name(session, name)
    if user is None or not user.active:
        raise NotFound("user_not_found", f"There is no active user {name!r}.")
    return await actor_of(session, user)


async def actor_by_id(session: AsyncSession, user_id: int) -> Actor | None:
    """None when there is no such user, or when he may not sign in any more."""
    user = await session.get(User, user_id)
    return await actor_of(session, user) if user is not None and user.active else None


async def watchers(session: AsyncSession, user_id: int) -> tuple[str, list[int]]:
    """How somebody is called, and who watches over him: the others whose right to watch reaches his department."""
    person = await user_by_id(session, user_id)
    tree = await departments(session)
    others = await session.scalars(select(User).where(User.active.is_(True), User.extension.is_not(None)))
    reach = {"owner_id": None, "department_id": person.department_id}
    watching = [
        user.id for user in others
        if user.id != user_id and build_actor(user, tree).reaches(Action.BOARD_WATCH, **reach)
    ]  # fmt: skip
    return person.display_name or person.name, watching


async def session_by_hash(session: AsyncSession, token_hash: str, now: datetime) -> UserSession | None:
    rows = (
        select(UserSession)
        .where(UserSession.token_hash == token_hash, UserSession.expires_at > now)
        .options(joinedload(UserSession.user))
    )
    return (await session.scalars(rows)).one_or_none()


async def token_by_hash(session: AsyncSession, token_hash: str, now: datetime) -> ApiToken | None:
    rows = (
        select(ApiToken)
        .where(
            ApiToken.token_hash == token_hash,
            ApiToken.revoked_at.is_(None),
            or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > now),
        )
        .options(joinedload(ApiToken.user))
    )
    return (await session.scalars(rows)).one_or_none()


async def tokens_of(session: AsyncSession, user_id: int) -> Sequence[ApiToken]:
    return (
        await session.scalars(select(ApiToken).where(ApiToken.user_id == user_id).order_by(ApiToken.created_at))
    ).all()


async def token_by_id(session: AsyncSession, token_id: int) -> ApiToken:
    """Raises NotFound."""
    token = await session.get(ApiToken, token_id)
    if token is None:
        raise NotFound("token_not_found", "There is no such token.")
    return token


async def ticket_by_hash(session: AsyncSession, ticket_hash: str) -> PushTicket | None:
    rows = select(PushTicket).where(PushTicket.ticket_hash == ticket_hash).options(joinedload(PushTicket.user))
    return (await session.scalars(rows)).one_or_none()


async def idempotency_key(session: AsyncSession, user_id: int, key: str) -> IdempotencyKey | None:
    return await session.get(IdempotencyKey, (user_id, key))


async def setting(session: AsyncSession, key: str, default: Any) -> Any:
    row = await session.get(Setting, key)
    return default if row is None else row.value


async def settings(session: AsyncSession) -> dict[str, Any]:
    return {row.key: row.value for row in await session.scalars(select(Setting))}


async def preferences(session: AsyncSession) -> Preferences:
    """What administrators have set, with the defaults of what they have not."""
    return parse(await settings(session))


async def everybody(session: AsyncSession) -> Sequence[Person]:
    """Everybody who works or worked here, with the phone of those who may still sign in: all names in one look."""
    columns = (User.id, User.name, User.display_name, User.pbx, User.extension, User.active)
    return [
        Person(row.id, row.name, row.display_name, (row.pbx, row.extension) if row.extension and row.active else None)
        for row in await session.execute(select(*columns))
    ]


async def people(session: AsyncSession) -> Sequence[tuple[int, str, str]]:
    """(id, name, display name) of everybody who works or worked here."""
    rows = await session.execute(select(User.id, User.name, User.display_name))
    return [(row.id, row.name, row.display_name) for row in rows]
