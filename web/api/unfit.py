"""Customers that should perhaps not be in the base, and how often one was contacted."""

from __future__ import annotations

from datetime import tzinfo
from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from crm_core.calls.work_queries import CallsMade
from crm_core.customers import queries as customers
from crm_core.customers.allocation import contact_guard, unfit, unfit_queries
from crm_core.customers.allocation.kinds import UnfitReason, UnfitState
from crm_core.customers.allocation.unfit_queries import UnfitView
from crm_core.kernel import ids
from crm_core.organization.access import Action
from web.api.allocation_json import JobStarted
from web.api.asked import Asked
from web.api.customers import today
from web.api.transfer_json import CustomerName
from web.api.values import EXAMPLE_ID, ById, Cursor, Input, ObjectId, Paging, Time, time_text
from web.registry import Routes

routes = Routes("unfit customers")
_Words = Annotated[str, Field(min_length=1, max_length=500)]


class UnfitAnswer(TypedDict):
    """`marked_by` null: the search found him; `decided_by` null: nobody has decided yet."""

    customer: CustomerName
    owner: str | None
    state: UnfitState
    reasons: list[str]
    note: str | None
    marked_by: str | None
    found_at: Time
    decided_by: str | None
    decided_at: Time | None
    answer: str | None


class UnfitPage(TypedDict):
    items: list[UnfitAnswer]
    next: Cursor | None


class MarkedAnswer(TypedDict):
    """What now stands on the list of this customer."""

    state: UnfitState
    reasons: list[str]
    note: str | None


class DecidedAnswer(TypedDict):
    decided: Annotated[int, Field(description="how many of the named; who is not on the list is left out")]


class ContactsAnswer(TypedDict):
    """`most` null is without limit; `too_often` says that one more would be too many."""

    count: int
    days: int
    most: int | None
    too_often: bool


class UnfitQuery(Paging):
    state: UnfitState = UnfitState.PROPOSED


class MarkInput(Input):
    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "cost", "note": "lives too far away"}]})

    reason: UnfitReason
    note: _Words


class DecideInput(Input):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"ids": [EXAMPLE_ID], "decision": "keep", "answer": "will buy in spring"}]}
    )

    ids: Annotated[list[ObjectId], Field(min_length=1, max_length=unfit.MOST)]
    decision: Literal["keep", "archive"]
    answer: _Words


def _answer(one: UnfitView, zone: tzinfo) -> UnfitAnswer:
    return {
        "customer": {"id": ids.show(one.customer_id), "name": one.customer, "account_number": one.account_number},
        "owner": one.owner,
        "state": one.state,
        "reasons": list(one.reasons),
        "note": one.note,
        "marked_by": one.marked_by,
        "found_at": time_text(one.found_at, zone) or "",
        "decided_by": one.decided_by,
        "decided_at": time_text(one.decided_at, zone),
        "answer": one.answer,
    }


@routes.route("GET", "/unfit-customers", "Who should perhaps not be in the base", right=Action.CUSTOMER_ASSIGN)
async def list_unfit(asked: Asked, query: UnfitQuery) -> UnfitPage:
    """Found by the search or marked by staff; by default those that wait for a decision."""
    async with asked.read() as session:
        page = await unfit_queries.page(session, asked.actor, state=query.state, limit=query.limit, cursor=query.cursor)
    zone = asked.context.settings.timezone
    return {"items": [_answer(one, zone) for one in page.items], "next": page.next}


@routes.route(
    "POST",
    "/unfit-customers/decide",
    "Keep them or archive them",
    right=Action.CUSTOMER_ASSIGN,
    errors={422: ["unfit_decision"]},
)
async def decide(asked: Asked, body: DecideInput) -> DecidedAnswer:
    """An archived customer has no owner and is not allocated; nothing is deleted, and `keep` brings him back."""
    async with asked.uow() as uow:
        archive = body.decision == "archive"
        done = await unfit.decide(uow, body.ids, archive=archive, answer=body.answer, by=asked.actor)
    return {"decided": done}


@routes.route(
    "POST",
    "/unfit-customers/search",
    "Look for them",
    right=Action.CUSTOMER_ALLOCATE,
    status=201,
    errors={409: ["unfit_search_runs"]},
)
async def search(asked: Asked) -> JobStarted:
    """A job asks every source about everybody; what staff have kept comes back only for a reason that is new."""
    async with asked.uow() as uow:
        job = await unfit.start(uow, by=asked.actor)
    return {"job": ids.show(job.id)}


@routes.route(
    "POST",
    "/customers/{id}/unfit",
    "Say that a customer should not be in the base",
    right=Action.CUSTOMER_WRITE,
    subject="customer",
    status=201,
    errors={409: ["customer_archived"], 422: ["unfit_note_missing"]},
)
async def mark(asked: Asked, path: ById, body: MarkInput) -> MarkedAnswer:
    """A manager decides; until then nothing changes."""
    async with asked.uow() as uow:
        one = await unfit.mark(uow, path.id, reason=body.reason, note=body.note, by=asked.actor)
    return {"state": one.state, "reasons": list(one.reasons), "note": one.note}


@routes.route(
    "GET",
    "/customers/{id}/contacts-made",
    "How often a customer was contacted lately",
    right=Action.CUSTOMER_READ,
    subject="customer",
)
async def contacts_made(asked: Asked, path: ById) -> ContactsAnswer:
    """By us, over all ways that are known, in the period of the rules of allocation."""
    async with asked.read() as session:
        customer = await customers.customer(session, asked.actor, path.id, today=today(asked))
        found = await contact_guard.contacted(
            session, [customer.id], now=asked.context.clock.now(), sources=[CallsMade()]
        )
    one = found[customer.id]
    return {"count": one.count, "days": one.days, "most": one.most, "too_often": one.too_often}
