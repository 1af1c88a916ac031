"""Users, departments, centres and settings: the writes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError

from crm_core.audit.service import record
from crm_core.db.uow import UnitOfWork
from crm_core.kernel.errors import Conflict, Rejected
from crm_core.kernel.ids import new_id
from crm_core.organization import passwords, queries
from crm_core.organization.access import Action, Actor
from crm_core.organization.events import RightsChanged
from crm_core.organization.models import Centre, CentreKind, Department, Role, Setting, User, UserSession
from crm_core.organization.preferences import Preferences, checked, plain

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_EXTENSION = re.compile(r"[0-9A-Za-z_-]{1,20}")
_CHANGEABLE = ("display_name", "role", "extension", "pbx", "department_id", "language", "active")
_RIGHTS = ("role", "extension", "pbx", "department_id", "active")


async def add_user(
    uow: UnitOfWork,
    *,
    name: str,
    role: Role,
    password: str,
    by: Actor,
    display_name: str = "",
    extension: str | None = None,
    pbx: str = "main",
    department_id: int | None = None,
    language: str = "zh",
    must_change_password: bool = False,
) -> User:
    """A new user. Raises Rejected for a bad name, password or extension, Conflict when name or extension is taken."""
    if not _NAME.fullmatch(name):
        sentence = "The name may hold letters, digits, dots, dashes and underscores, at most 40."
        raise Rejected("bad_name", sentence, errors={"name": sentence})
    passwords.check_new(password, name)
    if await queries.user_by_name(uow.session, name) is not None:
        raise Conflict("name_taken", f"There is a user {name!r} already.", errors={"name": "taken"})
    await _check_extension(uow, pbx, extension, None)
    user = User(
        id=new_id(),
        name=name,
        display_name=display_name or name,
        role=role,
        password_hash=await passwords.hashed(password),
        extension=extension,
        pbx=pbx,
        department_id=department_id,
        language=language,
        active=True,
        must_change_password=must_change_password,
        failed_logins=0,
        rights_version=1,
        created_at=uow.clock.now(),
    )
    uow.session.add(user)
    await _flush(uow, "name_taken", "That name or extension was taken a moment ago.")
    record(uow, by, "user.added", "user", user.id, {"name": name, "role": role, "extension": extension})
    return user


async def change_user(uow: UnitOfWork, user_id: int, changes: dict[str, Any], *, by: Actor) -> User:
    """Changes some of the fields in ``_CHANGEABLE``. Raises NotFound, Rejected, Conflict."""
    user = await queries.user_by_id(uow.session, user_id)
    unknown = set(changes) - set(_CHANGEABLE)
    if unknown:
        raise Rejected(
            "unknown_field", "These fields cannot be changed.", errors=dict.fromkeys(unknown, "cannot be changed")
        )
    if user.id == by.user_id and (changes.get("active") is False or changes.get("role", user.role) is not user.role):
        raise Rejected("own_rights", "You cannot take your own rights away; ask another administrator.")
    if "extension" in changes or "pbx" in changes:
        await _check_extension(uow, changes.get("pbx", user.pbx), changes.get("extension", user.extension), user.id)
    old = {key: getattr(user, key) for key in changes}
    for key, value in changes.items():
        setattr(user, key, value)
    if any(key in _RIGHTS and old[key] != changes[key] for key in changes):
        user.rights_version += 1
        uow.emit(RightsChanged(user_id=user.id, rights_version=user.rights_version))
    await _flush(uow, "extension_taken", "That extension was taken a moment ago.")
    record(uow, by, "user.changed", "user", user.id, {"old": old, "new": changes})
    return user


async def set_password(uow: UnitOfWork, user_id: int, password: str, *, by: Actor, must_change: bool = False) -> None:
    """A new password; ends the lock-out. Raises NotFound, Rejected."""
    user = await queries.user_by_id(uow.session, user_id)
    passwords.check_new(password, user.name)
    user.password_hash = await passwords.hashed(password)
    user.must_change_password = must_change
    user.failed_logins, user.locked_until = 0, None
    user.rights_version += 1
    await uow.session.execute(delete(UserSession).where(UserSession.user_id == user.id))
    uow.emit(RightsChanged(user_id=user.id, rights_version=user.rights_version))
    record(uow, by, "user.password_set", "user", user.id)


async def _check_extension(uow: UnitOfWork, pbx: str, extension: str | None, own_id: int | None) -> None:
    if extension is None:
        return
    if not _EXTENSION.fullmatch(extension):
        sentence = "An extension holds letters, digits, dashes and underscores, at most 20."
        raise Rejected("bad_extension", sentence, errors={"extension": sentence})
    holder = await queries.user_with_extension(uow.session, pbx, extension)
    if holder is not None and holder.id != own_id:
        raise Conflict(
            "extension_taken", f"Extension {extension} belongs to {holder.name}.", errors={"extension": "taken"}
        )


async def add_centre(
    uow: UnitOfWork, *, kind: CentreKind, name: str, by: Actor, parent_id: int | None = None, pbx: str | None = None
) -> Centre:
    """Raises Conflict when the kind has a centre of that name already."""
    centre = Centre(id=new_id(), kind=kind, name=name.strip(), parent_id=parent_id, pbx=pbx)
    uow.session.add(centre)
    await _flush(uow, "centre_taken", f"There is a centre {name!r} of this kind already.")
    record(uow, by, "centre.added", "centre", centre.id, {"kind": kind, "name": name})
    return centre


async def add_department(
    uow: UnitOfWork,
    *,
    name: str,
    by: Actor,
    parent_id: int | None = None,
    sales_centre_id: int | None = None,
    profit_centre_id: int | None = None,
    service_centre_id: int | None = None,
) -> Department:
    """Raises Rejected for an empty name, Conflict when the name is taken."""
    if not name.strip():
        raise Rejected("bad_name", "A department needs a name.", errors={"name": "missing"})
    department = Department(
        id=new_id(),
        name=name.strip(),
        parent_id=parent_id,
        sales_centre_id=sales_centre_id,
        profit_centre_id=profit_centre_id,
        service_centre_id=service_centre_id,
    )
    uow.session.add(department)
    await _flush(uow, "department_taken", f"There is a department {name!r} already.")
    record(uow, by, "department.added", "department", department.id, {"name": name})
    return department


async def put_setting(uow: UnitOfWork, key: str, value: Any, *, by: Actor) -> None:
    """Stores a setting that an admin may change while the service runs; the caller has checked its form."""
    old = await queries.setting(uow.session, key, None)
    await uow.session.merge(Setting(key=key, value=value, changed_at=uow.clock.now(), changed_by=by.name))
    record(uow, by, "setting.changed", "setting", None, {"key": key, "old": old, "new": value})


async def change_preferences(uow: UnitOfWork, changes: Mapping[str, Any], *, by: Actor) -> Preferences:
    """Sets the named ones (see ``preferences.plain`` for their form); only what differs is stored and on record.

    Raises Denied, Rejected with every wrong field; then none is set.
    """
    by.require(Action.SETTING_WRITE)
    before = await queries.preferences(uow.session)
    wanted, present = checked(changes), checked(plain(before))
    for key, value in wanted.items():
        if value != present[key]:
            await put_setting(uow, key, value, by=by)
    await uow.session.flush()
    return await queries.preferences(uow.session)


async def _flush(uow: UnitOfWork, code: str, sentence: str) -> None:
    # The check before is for a friendly answer; the unique constraint is what holds when two ask at once.
    try:
        await uow.session.flush()
    except IntegrityError as error:
        raise Conflict(code, sentence) from error
