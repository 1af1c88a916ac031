"""Reads of saved views: one's own and those that are shared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.search.models import SavedView
from crm_core.kernel.errors import NotFound
from crm_core.organization.access import Action, Actor
from crm_core.organization.models import User

_MOST = 200


@dataclass(frozen=True, slots=True)
class SavedViewView:
    """``own``: the reader may change it."""

    id: int
    name: str
    shared: bool
    own: bool
    owner: str | None
    filters: dict[str, Any]
    columns: list[str]
    sort: str


async def saved_views(session: AsyncSession, actor: Actor) -> list[SavedViewView]:
    """One's own first, then the shared ones, by name; at most 200."""
    v = SavedView
    mine = v.owner_id == actor.user_id
    rows = (
        select(v.id, v.name, v.shared, v.owner_id, User.name.label("owner"), v.filters, v.columns, v.sort)
        .join(User, User.id == v.owner_id)
        .where(or_(mine, v.shared.is_(True)))
        .order_by(mine.desc(), v.name, v.id)
        .limit(_MOST)
    )
    return [
        SavedViewView(r.id, r.name, r.shared, r.owner_id == actor.user_id, r.owner, r.filters, r.columns, r.sort)
        for r in await session.execute(rows)
    ]


async def saved_view(session: AsyncSession, actor: Actor, view_id: int) -> SavedViewView:
    """Raises NotFound, also for another's that is not shared."""
    for view in await saved_views(session, actor):
        if view.id == view_id:
            return view
    raise _no_view()


async def own_by_name(session: AsyncSession, user_id: int, name: str) -> SavedView | None:
    rows = select(SavedView).where(SavedView.owner_id == user_id, SavedView.name == name)
    return (await session.scalars(rows)).one_or_none()


async def count_of(session: AsyncSession, user_id: int) -> int:
    return (await session.execute(select(func.count()).where(SavedView.owner_id == user_id))).scalar_one()


async def to_change(session: AsyncSession, actor: Actor, view_id: int) -> SavedView:
    """One's own, for an administrator a shared one too. Raises NotFound."""
    reach = SavedView.owner_id == actor.user_id
    if actor.may(Action.SETTING_WRITE):
        reach = or_(reach, SavedView.shared.is_(True))
    found = (await session.scalars(select(SavedView).where(SavedView.id == view_id, reach))).one_or_none()
    if found is None:
        raise _no_view()
    return found


def _no_view() -> NotFound:
    return NotFound("view_not_found", "There is no such view.")
