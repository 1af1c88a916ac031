"""What a customer allows, with its proof, and who had the customer's card open."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from crm_core.customers import queries as customers
from crm_core.customers.protection import consents, queries
from crm_core.customers.protection.kinds import Channel, ConsentState, ConsentWay, Purpose
from crm_core.kernel import ids
from crm_core.organization.access import Action
from web.api.asked import Asked
from web.api.values import ById, Cursor, Id, Input, Instant, Line, ObjectId, Paging, Time, time_text
from web.registry import Routes

routes = Routes("consents")


class ConsentAnswer(TypedDict):
    """One word of the customer's; `evidence` or `call` is its proof."""

    id: Id
    channel: Channel
    purpose: Purpose
    state: ConsentState
    at: Time
    way: ConsentWay
    text_version: str
    evidence: str
    call: Id | None
    noted_by: str | None
    noted_at: Time


class StandingAnswer(TypedDict):
    """`reason`: `granted`, `withdrawn`, `not_asked`, `not_needed`, `do_not_call`."""

    channel: Channel
    purpose: Purpose
    allowed: bool
    reason: str


class ConsentList(TypedDict):
    """`standing` is what holds now, `items` the whole history, newest first."""

    standing: list[StandingAnswer]
    items: list[ConsentAnswer]
    next: Cursor | None


class ReadAnswer(TypedDict):
    """Somebody had the card open between these times, so often, within one hour."""

    user: str
    first_at: Time
    last_at: Time
    times: int


class ReadPage(TypedDict):
    items: list[ReadAnswer]
    next: Cursor | None


class ConsentInput(Input):
    """A grant needs `text_version` and either `evidence` or `call_id`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "channel": "sms",
                    "purpose": "promotion",
                    "state": "granted",
                    "way": "form",
                    "text_version": "2026-01",
                    "evidence": "登记表第12盒",
                }
            ]
        }
    )

    channel: Channel
    purpose: Purpose
    state: ConsentState
    way: ConsentWay
    at: Instant | None = None
    text_version: Annotated[Line, Field(max_length=80)] = ""
    evidence: Annotated[Line, Field(max_length=400)] = ""
    call_id: ObjectId | None = None


@routes.route(
    "GET", "/customers/{id}/consents", "What a customer allows", right=Action.CUSTOMER_READ, subject="customer"
)
async def list_consents(asked: Asked, path: ById) -> ConsentList:
    return await _answer(asked, path.id)


@routes.route(
    "POST",
    "/customers/{id}/consents",
    "Note what a customer allows or takes back",
    right=Action.CUSTOMER_WRITE,
    status=201,
    subject="customer",
    errors={422: ["consent_invalid"]},
)
async def note_consent(asked: Asked, path: ById, body: ConsentInput) -> ConsentList:
    async with asked.uow() as uow:
        await consents.note(
            uow,
            path.id,
            channel=body.channel,
            purpose=body.purpose,
            state=body.state,
            way=body.way,
            at=body.at,
            text_version=body.text_version,
            evidence=body.evidence,
            call_id=body.call_id,
            by=asked.actor,
        )
    return await _answer(asked, path.id)


async def _answer(asked: Asked, customer_id: int) -> ConsentList:
    zone = asked.context.settings.timezone
    today = asked.context.clock.now().astimezone(zone).date()
    async with asked.read() as session:
        await customers.customer(session, asked.actor, customer_id, today=today)
        history = await queries.consents(session, customer_id)
        now = await queries.standings(session, customer_id)
    items: list[ConsentAnswer] = [
        {
            "id": ids.show(one.id),
            "channel": one.channel,
            "purpose": one.purpose,
            "state": one.state,
            "at": time_text(one.at, zone) or "",
            "way": one.way,
            "text_version": one.text_version,
            "evidence": one.evidence,
            "call": None if one.call_id is None else ids.show(one.call_id),
            "noted_by": one.noted_by,
            "noted_at": time_text(one.noted_at, zone) or "",
        }
        for one in history
    ]
    standing: list[StandingAnswer] = [
        {"channel": channel, "purpose": purpose, "allowed": one.allowed, "reason": one.reason}
        for (channel, purpose), one in now.items()
    ]
    return {"standing": standing, "items": items, "next": None}


@routes.route("GET", "/customers/{id}/reads", "Who had this card open", right=Action.AUDIT_READ, subject="customer")
async def list_reads(asked: Asked, path: ById, query: Paging) -> ReadPage:
    """Newest first, one line a user and hour. What was read in the last second before a crash may be missing."""
    await asked.context.reads.flush(asked.context.db)
    async with asked.read() as session:
        page = await queries.reads(session, path.id, limit=query.limit, cursor=query.cursor)
    zone = asked.context.settings.timezone
    items: list[ReadAnswer] = [
        {
            "user": one.user,
            "first_at": time_text(one.first_at, zone) or "",
            "last_at": time_text(one.last_at, zone) or "",
            "times": one.times,
        }
        for one in page.items
    ]
    return {"items": items, "next": page.next}
