"""What waits for an agent: contacts promised for today or overdue, and missed calls to return."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from types import SimpleNamespace
from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.calls import due_queries, missed_queries
from crm_core.calls.due_queries import DueContact
from crm_core.customers.allocation import change_queries
from crm_core.customers.allocation.kinds import Period
from crm_core.customers.allocation.rules import period_start
from crm_core.kernel import ids
from crm_core.organization.access import Action, Actor
from web.context import context_of
from web.i18n import gettext as _
from web.i18n import ngettext
from web.pages.call_shape import shape
from web.pages.filters import phone
from web.pages.people import Names
from web.pages.words import word

_MISSED_DAYS, _MISSED = 2, 20


async def waiting(
    request: web.Request,
    session: AsyncSession,
    actor: Actor,
    *,
    days: float,
    limit: int,
    names: Names,
    cursor: str | None = None,
) -> tuple[list[dict[str, Any]], str | None]:
    """The callers to be called back as rows, and the cursor of the next page."""
    since = context_of(request).clock.now() - timedelta(days=days)
    page = await missed_queries.to_return(session, actor, since=since, limit=limit, cursor=cursor)
    rows = [shape(missed.call, names, actor) | {"tries": missed.attempts} for missed in page.items]
    return rows, page.next


async def todo(request: web.Request, session: AsyncSession, actor: Actor, names: Names) -> dict[str, Any]:
    """Both lists as the desk's template shows them."""
    missed: list[dict[str, Any]] = []
    if actor.may(Action.MISSED_CLAIM):
        missed, _next = await waiting(request, session, actor, days=_MISSED_DAYS, limit=_MISSED, names=names)
    now = context_of(request).clock.now().astimezone(context_of(request).settings.timezone)
    tonight = datetime.combine(now.date() + timedelta(days=1), time.min, tzinfo=now.tzinfo)
    due = await due_queries.due(session, actor, now=now, until=tonight)
    monday = period_start(now, Period.WEEK, context_of(request).settings.timezone)
    received = await change_queries.received_count(session, actor, monday)
    return {"todo": [_line(one, now) for one in due], "missed": missed, "received": received}


def _line(one: DueContact, now: datetime) -> SimpleNamespace:
    call, card = one.call, one.call.customer
    number = call.called_number if call.direction == "outbound" else call.caller_number
    overdue = one.due_at < now
    said = [_when(one.due_at, now)]
    if call.disposition:
        said.append(word("disposition", call.disposition))
    if call.progress:
        said.append(f"{call.progress}%")
    return SimpleNamespace(
        call_id=ids.show(call.id),
        href=f"/customers/{ids.show(card.id)}" if card and one.open_card else f"/calls/{ids.show(call.id)}",
        icon="alert-triangle" if overdue else "calendar-event",
        overdue=overdue,
        title=card.name if card else phone(number) or _("Number withheld"),
        text=" · ".join(said),
        can_dial=call.customer_number is not None,
    )


def _when(due_at: datetime, now: datetime) -> str:
    """The time of a promise for today, else how many days it is overdue."""
    days = (now.date() - due_at.astimezone(now.tzinfo).date()).days
    if days > 0:
        return ngettext("%(num)d day overdue", "%(num)d days overdue", days) % {"num": days}
    at = due_at.astimezone(now.tzinfo).strftime("%H:%M")
    return (_("promised for %(time)s, overdue") if due_at < now else _("promised for %(time)s")) % {"time": at}
