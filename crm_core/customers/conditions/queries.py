"""Customers by a condition: the condition itself for other reads, a page of those that hold it, and how many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers import queries as customers
from crm_core.customers.conditions.asked import Asking
from crm_core.customers.conditions.compiling import Compiler
from crm_core.customers.conditions.fields import own_fields
from crm_core.customers.conditions.tree import parsed
from crm_core.customers.custom import queries as custom
from crm_core.customers.models import Customer
from crm_core.customers.search import queries as search
from crm_core.customers.search.filters import Sort
from crm_core.customers.search.queries import Now
from crm_core.customers.views import CustomerView
from crm_core.kernel.errors import Rejected
from crm_core.kernel.pages import Page, checked_limit
from crm_core.organization.access import Action, Actor


async def condition(session: AsyncSession, actor: Actor, tree: Any, *, now: Now | None = None) -> ColumnElement[bool]:
    """For a query over customers; no tree is everybody. Without the asker's reach: the query adds that.

    Raises Rejected ``where_invalid`` naming the node.
    """
    if not tree:
        return true()
    now = now or now_of(session)
    node = parsed(tree)
    own = own_fields(await custom.definitions(session, retired=True))
    return Compiler(Asking(actor, now, session.info["keyring"]), own).condition(node)


def now_of(session: AsyncSession) -> Now:
    """The business's day by the database's clock."""
    zone = session.info["zone"]
    return Now(session.info["clock"].now().astimezone(zone).date(), zone)


async def found(
    session: AsyncSession,
    actor: Actor,
    tree: Any,
    *,
    now: Now,
    sort: Sequence[str] = (),
    limit: int = 50,
    cursor: str | None = None,
) -> Page[CustomerView]:
    """A page of those who hold it and whom the actor may see. Raises Rejected, Denied."""
    checked_limit(limit)
    conditions = await _within(session, actor, tree, now)
    page = await search.in_order(session, conditions, _sort(sort), limit, cursor)
    return Page(await search.views(session, actor, page.items, today=now.today), page.next)


async def count(session: AsyncSession, actor: Actor, tree: Any, *, now: Now) -> int:
    """How many of those whom the actor may see hold it. Raises Rejected, Denied."""
    rows = select(func.count()).select_from(Customer).where(*await _within(session, actor, tree, now))
    return int((await session.execute(rows)).scalar_one())


async def _within(session: AsyncSession, actor: Actor, tree: Any, now: Now) -> list[ColumnElement[bool]]:
    seen = customers.visible_to(actor, Action.CUSTOMER_READ)
    return [await condition(session, actor, tree, now=now), *([] if seen is None else [seen])]


def _sort(given: Sequence[str]) -> Sort:
    if not given:
        return Sort.NEWEST
    try:
        (only,) = given
        return Sort(only)
    except ValueError:
        known = ", ".join(Sort)
        raise Rejected(
            "sort_unknown", "There is no such order; see errors.", errors={"sort": f"has to be one of {known}"}
        ) from None
