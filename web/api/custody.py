"""For the custodian of the data: who takes more than he used to, and who has promised to keep it secret."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from crm_core.customers.protection import agreements, custody_queries
from crm_core.customers.protection.rules import AGREEMENT, Amounts
from crm_core.organization.access import Action
from web.api.asked import Asked
from web.api.values import Cursor, Input, Time, time_text
from web.registry import Routes

routes = Routes("exports")


class AmountsAnswer(TypedDict):
    """Different cards opened, whole values shown, rows exported."""

    cards: int
    reveals: int
    exported: int


class OpenedAnswer(TypedDict):
    """`before` is the average of the four periods before; `unusual` names what is more than three times that."""

    user: str
    cards: int
    reveals: int
    exported: int
    before: AmountsAnswer
    unusual: list[str]
    agreed_at: Time | None


class OpenedList(TypedDict):
    items: list[OpenedAnswer]
    next: Cursor | None


class OpenedQuery(Input):
    days: Annotated[int, Field(ge=1, le=366)] = 7


class AgreementAnswer(TypedDict):
    """`agreed_at` null: not accepted yet in this version of the words."""

    version: str
    agreed_at: Time | None


@routes.route("GET", "/opened-cards", "Who took how much, against the own past", right=Action.CUSTOMER_EXPORT)
async def list_opened(asked: Asked, query: OpenedQuery) -> OpenedList:
    """The unusual first: what a custodian of the data looks through regularly."""
    await asked.context.reads.flush(asked.context.db)
    async with asked.read() as session:
        found = await custody_queries.custody(session, asked.actor, asked.context.clock.now(), query.days)
    zone = asked.context.settings.timezone
    items: list[OpenedAnswer] = [
        {
            "user": one.user,
            "cards": one.now.cards,
            "reveals": one.now.reveals,
            "exported": one.now.exported,
            "before": _amounts(one.before),
            "unusual": list(one.unusual),
            "agreed_at": time_text(one.agreed_at, zone),
        }
        for one in found
    ]
    return {"items": items, "next": None}


def _amounts(of: Amounts) -> AmountsAnswer:
    return {"cards": of.cards, "reveals": of.reveals, "exported": of.exported}


@routes.route("GET", "/me/agreement", "One's own confidentiality agreement")
async def get_agreement(asked: Asked) -> AgreementAnswer:
    async with asked.read() as session:
        at = await custody_queries.agreed_at(session, asked.actor.user_id or 0)
    return {"version": AGREEMENT, "agreed_at": time_text(at, asked.context.settings.timezone)}


@routes.route("POST", "/me/agreement", "Accept the confidentiality agreement", status=201)
async def accept_agreement(asked: Asked) -> AgreementAnswer:
    """On record with its date; a second time changes nothing."""
    async with asked.uow() as uow:
        at = await agreements.agree(uow, by=asked.actor)
    return {"version": AGREEMENT, "agreed_at": time_text(at, asked.context.settings.timezone)}
