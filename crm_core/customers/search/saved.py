"""Saved views: a list's filters, columns and order under a name, for oneself or for everybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crm_core.audit import service as audit
from crm_core.customers.rules import clean
from crm_core.customers.search import filters, saved_queries
from crm_core.customers.search.columns import checked_columns
from crm_core.customers.search.filters import Sort
from crm_core.customers.search.models import SavedView
from crm_core.db.uow import UnitOfWork
from crm_core.kernel.errors import Conflict, Denied, Rejected
from crm_core.kernel.ids import new_id
from crm_core.organization.access import Action, Actor

_NAME = 80
_MOST = 100  # views of one person


async def save(
    uow: UnitOfWork,
    *,
    name: str,
    wanted: Mapping[str, Any],
    columns: Sequence[str],
    sort: Sort = Sort.NEWEST,
    shared: bool = False,
    by: Actor,
) -> SavedView:
    """Keeps the view; one of the same name is replaced. Raises Rejected with wrong fields, Denied for sharing."""
    user_id, kept = _owner(by), _checked_name(name)
    _may_share(by, shared)
    plain = filters.read(wanted).kept()
    view = await saved_queries.own_by_name(uow.session, user_id, kept)
    if view is None:
        if await saved_queries.count_of(uow.session, user_id) >= _MOST:
            raise Conflict("too_many_views", f"A person has at most {_MOST} saved views; delete one first.")
        view = SavedView(id=new_id(), owner_id=user_id, name=kept, created_at=uow.clock.now())
        uow.session.add(view)
    view.filters, view.columns, view.sort, view.shared = plain, checked_columns(columns), sort, shared
    view.updated_at = uow.clock.now()
    await uow.session.flush()
    if shared:
        audit.record(uow, by, "view.share", "saved_view", view.id, {"name": kept})
    return view


async def remove(uow: UnitOfWork, view_id: int, *, by: Actor) -> None:
    """One's own; an administrator also what others have shared. Raises NotFound."""
    view = await saved_queries.to_change(uow.session, by, view_id)
    if view.shared:
        audit.record(uow, by, "view.delete", "saved_view", view.id, {"name": view.name})
    await uow.session.delete(view)


def _owner(by: Actor) -> int:
    by.require(Action.CUSTOMER_READ)
    if by.user_id is None:
        raise Denied("not_allowed", "Only a person has saved views.")
    return by.user_id


def _may_share(by: Actor, shared: bool) -> None:
    if shared and not by.may(Action.CUSTOMER_ASSIGN):
        raise Denied("not_allowed", "Only who allocates customers may share a view with everybody.")


def _checked_name(name: str) -> str:
    kept = " ".join(clean(name).split())
    if not kept or len(kept) > _NAME:
        raise Rejected(
            "view_name", f"A view's name has 1 to {_NAME} characters.", errors={"name": "1 to 80 characters"}
        )
    return kept
