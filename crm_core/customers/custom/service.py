"""Changes to own fields, and the check of the values that a record gets for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.exc import StaleDataError

from crm_core.audit import service as audit
from crm_core.customers.custom import queries, rules
from crm_core.customers.custom.kinds import FieldSubject, FieldType
from crm_core.customers.custom.models import CustomField
from crm_core.customers.custom.rules import Definition
from crm_core.db.uow import UnitOfWork
from crm_core.kernel.errors import Conflict, Rejected
from crm_core.kernel.ids import new_id
from crm_core.organization.access import Action, Actor

_EMPTY: Mapping[str, Any] = {
    "subject": FieldSubject.CUSTOMER,
    "zh": "",
    "en": "",
    "group": "",
    "required": False,
    "active": True,
    "choices": (),
}


async def add(uow: UnitOfWork, given: Mapping[str, Any], *, by: Actor) -> Definition:
    """A new own field, at the end of the others. Raises Rejected, Conflict when the code is taken, Denied."""
    by.require(Action.SETTING_WRITE)
    values = {**_EMPTY, **rules.definition(given, new=True)}
    rules.whole(values)
    there = await queries.definitions(uow.session, values["subject"], retired=True)
    if any(one.code == values["code"] for one in there):
        raise _taken(values["code"])
    if len(there) >= rules.MOST_FIELDS:
        raise Rejected("too_many_fields", f"At most {rules.MOST_FIELDS} fields; use one that is retired again.")
    values.setdefault("position", min(9999, 10 + max((one.position for one in there), default=0)))
    values["choices"] = list(values["choices"])
    row = CustomField(id=new_id(), created_at=uow.clock.now(), created_by_id=by.user_id, **values)
    uow.session.add(row)
    await _flush(uow, row.code)
    audit.record(uow, by, "field.added", "field", row.id, {"code": row.code, "type": row.type})
    return queries.as_definition(row)


async def change(
    uow: UnitOfWork, field_id: int, given: Mapping[str, Any], *, by: Actor, version: int | None = None
) -> Definition:
    """Changes what is given; code, type and subject stay. An entry that is left out of ``choices`` is retired.

    Raises NotFound, Rejected, Conflict ``stale``, Denied.
    """
    by.require(Action.SETTING_WRITE)
    row = await queries.field(uow.session, field_id)
    if version is not None and version != row.version:
        raise _stale()
    changes = rules.definition(given, new=False)
    if "choices" in changes:
        named = {choice["code"] for choice in changes["choices"]}
        left = [{**choice, "active": False} for choice in row.choices if choice["code"] not in named]
        changes["choices"] = [*changes["choices"], *left]
    now = {name: getattr(row, name) for name in ("type", *_EMPTY, "position")}
    rules.whole({**now, **changes})
    changes = {name: value for name, value in changes.items() if value != now[name]}
    for name, value in changes.items():
        setattr(row, name, value)
    if changes:
        await _flush(uow, row.code)
        old = {name: now[name] for name in changes}
        audit.record(uow, by, "field.changed", "field", row.id, {"code": row.code, "old": old, "new": changes})
    return queries.as_definition(row)


async def checked(
    session: AsyncSession,
    given: Mapping[str, Any],
    *,
    before: Mapping[str, Any] | None = None,
    subject: str = FieldSubject.CUSTOMER,
) -> dict[str, Any]:
    """All own values of a record after the change, see ``rules.checked``. Raises Rejected."""
    fields = await queries.definitions(session, subject, retired=True)
    asked = any(one.type is FieldType.USER and one.code in given for one in fields)
    return rules.checked(fields, given, before=before, users=await queries.user_names(session) if asked else ())


async def _flush(uow: UnitOfWork, code: str) -> None:
    try:
        await uow.session.flush()
    except IntegrityError as error:
        raise _taken(code) from error
    except StaleDataError:
        raise _stale() from None


def _taken(code: str) -> Conflict:
    return Conflict("field_taken", f"There is a field {code!r} already.", errors={"code": "is taken"})


def _stale() -> Conflict:
    return Conflict("stale", "Somebody else has changed this field meanwhile; read it again and repeat the change.")
