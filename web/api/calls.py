"""The call log, one call, and acting on calls: dial, hang up, join, note, progress, result, customer."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator
from typing_extensions import TypedDict

from crm_core.calls import queries, service
from crm_core.calls.facts import CallStatus, Direction
from crm_core.calls.queries import CallFilter
from crm_core.customers import queries as customers
from crm_core.kernel import ids
from crm_core.organization.access import Action
from web.api.asked import Asked
from web.api.call_json import CallAnswer, CallDetailAnswer, call_answer, detail_answer
from web.api.idempotency import IdempotencyHeader, once
from web.api.values import (
    EXAMPLE_ID,
    ById,
    Cursor,
    Id,
    Input,
    Instant,
    Line,
    ObjectId,
    Paging,
    Prose,
)
from web.ports import ListenMode
from web.registry import Routes

routes = Routes("calls")
# The PBX was asked and did not answer: whether it dials is not known, so the same key must not dial again.
_DOUBTFUL = frozenset({"pbx_timeout", "pbx_link_lost"})
Extension = Annotated[Line, Field(min_length=1, max_length=40)]


class CallPage(TypedDict):
    items: list[CallAnswer]
    next: Cursor | None


class CallQuery(Paging):
    started_from: Annotated[Instant | None, Field(alias="from", description="started at or after")] = None
    started_to: Annotated[Instant | None, Field(alias="to", description="started before")] = None
    status: CallStatus | None = None
    direction: Direction | None = None
    agent: Annotated[Extension | None, Field(description="an extension that spoke or, if nobody did, rang")] = None
    queue: Annotated[Line | None, Field(min_length=1, max_length=80)] = None
    number: Annotated[Line | None, Field(min_length=1, max_length=40, description="a number or a part of one")] = None
    customer: ObjectId | None = None


class Dial(Input):
    """Whom to call: a number or a customer."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"number": "13800138000"}, {"customer_id": EXAMPLE_ID}]})

    number: Annotated[Line | None, Field(min_length=1, max_length=40)] = None
    customer_id: ObjectId | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.number is None) == (self.customer_id is None):
            raise ValueError("give either number or customer_id")
        return self


class DialledAnswer(TypedDict):
    """`id` is the call's, null while the PBX has not named it yet."""

    id: Id | None
    extension: str
    number: str | None
    customer_id: Id | None


class NewNote(Input):
    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "Will call again on Friday."}]})

    text: Annotated[Prose, Field(min_length=1)]


class Progress(Input):
    model_config = ConfigDict(json_schema_extra={"examples": [{"progress": 50}]})

    progress: Annotated[Literal[15, 50, 75, 100] | None, Field(description="per cent; null takes it back")]


class Disposition(Input):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"disposition": "follow_up", "next_at": "2026-07-24T10:00:00+08:00"}]}
    )

    disposition: Annotated[Line | None, Field(max_length=40, description="how the call ended for us")]
    next_at: Annotated[Instant | None, Field(description="when to contact again")] = None


class WriteUp(Input):
    """What the desk saves with one click; only the named fields change, a note is added."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"progress": 50, "disposition": "follow_up", "note": "Asks for a sample."}]}
    )

    progress: Literal[15, 50, 75, 100] | None = None
    disposition: Annotated[Line | None, Field(max_length=40)] = None
    next_at: Instant | None = None
    note: Prose = ""


class Link(Input):
    model_config = ConfigDict(json_schema_extra={"examples": [{"customer_id": EXAMPLE_ID}]})

    customer_id: ObjectId


class Join(Input):
    model_config = ConfigDict(json_schema_extra={"examples": [{"mode": "listen"}]})

    mode: ListenMode = ListenMode.LISTEN


@routes.route("GET", "/calls", "The call log, newest first", right=Action.CALL_READ)
async def list_calls(asked: Asked, query: CallQuery) -> CallPage:
    """Agents see the calls they had to do with, others those of their departments or centres."""
    where = CallFilter(
        started_from=query.started_from,
        started_to=query.started_to,
        status=query.status,
        direction=query.direction,
        agent=query.agent,
        queue=query.queue,
        number=query.number,
        customer_id=query.customer,
    )
    async with asked.read() as session:
        page = await queries.calls(session, asked.actor, where, limit=query.limit, cursor=query.cursor)
    zone = asked.context.settings.timezone
    return {"items": [call_answer(row, zone) for row in page.items], "next": page.next}


@routes.route("GET", "/calls/{id}", "One call with everything", right=Action.CALL_READ, subject="call")
async def get_call(asked: Asked, path: ById) -> CallDetailAnswer:
    """With legs, recordings, notes, queues, holds, and the PBX events that explain it."""
    return await whole_call(asked, path.id)


@routes.route(
    "POST",
    "/calls",
    "Click to dial",
    right=Action.CALL_DIAL,
    status=201,
    errors={
        404: ["number_not_found"],
        409: ["in_progress", "idempotency_mismatch", "dial_in_progress", "outcome_unknown"],
        422: ["no_extension", "no_pbx", "bad_number", "do_not_call", "pbx_refused"],
        503: ["pbx_unavailable", "pbx_busy", "pbx_timeout", "pbx_link_lost"],
    },
)
async def dial(asked: Asked, headers: IdempotencyHeader, body: Dial) -> DialledAnswer:
    """Rings the own extension first, then the other side. Repeated with the same Idempotency-Key it dials once."""

    async def act() -> DialledAnswer:
        number = body.number or await _first_number(asked, body.customer_id)
        done = await asked.context.telephony.dial(asked.actor, number, customer_id=body.customer_id)
        return {
            "id": None if done.call_id is None else ids.show(done.call_id),
            "extension": done.extension,
            # The number of a customer may be masked for the asker; one that was typed is known anyway.
            "number": body.number,
            "customer_id": None if body.customer_id is None else ids.show(body.customer_id),
        }

    return await once(asked, headers.key, act, doubtful=_DOUBTFUL)


async def _first_number(asked: Asked, customer_id: int | None) -> str:
    """The customer's whole number, also for those who see it masked. Raises NotFound."""
    async with asked.read() as session:
        return await customers.dial_number(session, asked.actor, customer_id or 0)


@routes.route(
    "POST",
    "/calls/{id}/hangup",
    "Hang up a live call",
    right=Action.CALL_DIAL,
    status=204,
    subject="call",
    errors={404: ["call_not_live"], 422: ["nothing_to_hang_up"], 503: ["pbx_unavailable"]},
)
async def hang_up(asked: Asked, path: ById) -> None:
    async with asked.read() as session:
        detail = await queries.call(session, asked.actor, path.id)
    await asked.context.telephony.hang_up(asked.actor, detail.call.id)


@routes.route(
    "POST",
    "/calls/{id}/listen",
    "Join a live call unheard, heard by the agent, or by both",
    right=Action.CALL_LISTEN_IN,
    status=204,
    subject="call",
    errors={404: ["call_not_live"], 422: ["no_extension", "nobody_talks", "own_call"], 503: ["pbx_unavailable"]},
)
async def listen(asked: Asked, path: ById, body: Join) -> None:
    async with asked.read() as session:
        detail = await queries.call(session, asked.actor, path.id, Action.CALL_LISTEN_IN)
    await asked.context.telephony.listen(asked.actor, detail.call.id, body.mode)


@routes.route("PATCH", "/calls/{id}", "Write up a call", right=Action.CALL_NOTE, subject="call")
async def write_up(asked: Asked, path: ById, body: WriteUp) -> CallDetailAnswer:
    async with asked.uow() as uow:
        changes = _named(body, "progress", "disposition", "next_at")
        await service.write_up(uow, path.id, by=asked.actor, note=body.note, **changes)
    return await whole_call(asked, path.id)


@routes.route(
    "POST", "/calls/{id}/notes", "Note something on a call", right=Action.CALL_NOTE, status=201, subject="call"
)
async def add_note(asked: Asked, path: ById, body: NewNote) -> CallDetailAnswer:
    async with asked.uow() as uow:
        await service.add_note(uow, path.id, body.text, by=asked.actor)
    return await whole_call(asked, path.id)


@routes.route("PUT", "/calls/{id}/progress", "Set the stage of the sale", right=Action.CALL_NOTE, subject="call")
async def set_progress(asked: Asked, path: ById, body: Progress) -> CallDetailAnswer:
    """15 decision-maker reached, 50 interested, 75 clear intent, 100 closed."""
    async with asked.uow() as uow:
        await service.set_progress(uow, path.id, body.progress, by=asked.actor)
    return await whole_call(asked, path.id)


@routes.route("PUT", "/calls/{id}/disposition", "Set the result of a call", right=Action.CALL_NOTE, subject="call")
async def set_disposition(asked: Asked, path: ById, body: Disposition) -> CallDetailAnswer:
    async with asked.uow() as uow:
        await service.write_up(uow, path.id, by=asked.actor, **_named(body, "disposition", "next_at"))
    return await whole_call(asked, path.id)


@routes.route(
    "PUT",
    "/calls/{id}/customer",
    "Say whose call it is",
    right=Action.CALL_NOTE,
    subject="call",
    errors={404: ["customer_not_found"]},
)
async def link_customer(asked: Asked, path: ById, body: Link) -> CallDetailAnswer:
    """The choice is remembered: the next pop of this number ranks the customer first."""
    async with asked.uow() as uow:
        await service.link_customer(uow, path.id, body.customer_id, by=asked.actor)
    return await whole_call(asked, path.id)


def _named(body: Input, *names: str) -> dict[str, Any]:
    """Those of the fields that the request named: null takes away, what is not named stays."""
    return {name: getattr(body, name) for name in names if name in body.model_fields_set}


async def whole_call(asked: Asked, call_id: int) -> CallDetailAnswer:
    """The call as its asker may see it. Raises NotFound."""
    async with asked.read() as session:
        detail = await queries.call(session, asked.actor, call_id)
        chunks = None
        if asked.actor.may(Action.CALL_EXPLAIN):
            chunks = await queries.events(session, detail.call.id)
    return detail_answer(detail, chunks, asked.context.settings.timezone)
