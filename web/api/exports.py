"""Exports, one person's data and erasure: asked with a reason, allowed by a second person, handed out once."""

from __future__ import annotations

from datetime import tzinfo
from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from crm_core.customers.protection import queries, service
from crm_core.customers.protection.chosen import Chosen
from crm_core.customers.protection.kinds import FileFormat, RequestKind, RequestState
from crm_core.customers.protection.queries import RequestView
from crm_core.customers.protection.rules import Limits
from crm_core.customers.search.queries import Wanted
from crm_core.kernel import ids
from crm_core.organization.access import Action
from web.api.asked import Asked
from web.api.customer_lists import BulkFilter, filters_of
from web.api.values import ById, Cursor, Id, Input, Line, Paging, Prose, Time, time_text
from web.export_file import send_once
from web.export_labels import labels
from web.registry import Routes

routes = Routes("exports")
Reason = Annotated[Prose, Field(min_length=1, max_length=500, description="why it is needed; kept for ever")]


class RequestAnswer(TypedDict):
    """`waiting` needs a second person, `ready` has a file for its asker, once, until `expires_at`."""

    id: Id
    kind: RequestKind
    state: RequestState
    format: FileFormat | None
    customer: Id | None
    where: dict[str, Any]
    listed: dict[str, Any]
    columns: list[str]
    reason: str
    rows_expected: int
    rows: int | None
    needs_approval: bool
    asked_by: str
    asked_at: Time
    decided_by: str | None
    decided_at: Time | None
    decision: str | None
    job: Id | None
    expires_at: Time | None
    collected_at: Time | None
    sha256: str | None
    failure: str | None


class RequestPage(TypedDict):
    items: list[RequestAnswer]
    next: Cursor | None


class LimitsAnswer(TypedDict):
    """Whole values a user may be shown an hour and a day, rows that need no second person, hours a file waits.

    `agreement_required` 1: whole values and exports only after the confidentiality agreement.
    """

    reveals_hour: int
    reveals_day: int
    approval_rows: int
    file_hours: int
    agreement_required: int


class ExportQuery(Paging):
    state: RequestState | None = None


class ExportInput(Input):
    """`where` is a condition tree as for `/customers/search`; without any it is all that the right reaches."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "of": "customers",
                    "where": {"all": [{"field": "address.city", "op": "eq", "value": "上海"}]},
                    "columns": ["account_number", "name", "phones"],
                    "reason": "年度核对",
                    "format": "xlsx",
                }
            ]
        }
    )

    of: Literal["customers"] = "customers"
    where: dict[str, Any] | None = None
    listed: Annotated[
        BulkFilter | None, Field(description="also what a list of customers shows: its filters and its text")
    ] = None
    columns: Annotated[list[Annotated[Line, Field(max_length=80)]], Field(default_factory=list, max_length=60)]
    reason: Reason
    format: Literal["xlsx", "csv"] = "xlsx"


class PersonInput(Input):
    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "客户书面要求"}]})

    reason: Reason


class DecisionInput(Input):
    """A refusal says why."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"comment": "同意"}]})

    comment: Annotated[Prose, Field(max_length=500)] = ""


class LimitsInput(Input):
    """Only the named ones change."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reveals_hour": 20}]})

    reveals_hour: Annotated[int | None, Field(ge=1, le=10_000)] = None
    reveals_day: Annotated[int | None, Field(ge=1, le=100_000)] = None
    approval_rows: Annotated[int | None, Field(ge=0, le=10_000_000)] = None
    file_hours: Annotated[int | None, Field(ge=1, le=168)] = None
    agreement_required: Annotated[int | None, Field(ge=0, le=1)] = None


def request_answer(found: RequestView, zone: tzinfo) -> RequestAnswer:
    return {
        "id": ids.show(found.id),
        "kind": found.kind,
        "state": found.state,
        "format": found.format,
        "customer": None if found.customer_id is None else ids.show(found.customer_id),
        "where": found.filters.get("where", {}),
        "listed": {name: value for name, value in found.filters.items() if name != "where"},
        "columns": found.columns,
        "reason": found.reason,
        "rows_expected": found.rows_expected,
        "rows": found.rows,
        "needs_approval": found.needs_approval,
        "asked_by": found.asked_by,
        "asked_at": time_text(found.asked_at, zone) or "",
        "decided_by": found.decided_by,
        "decided_at": time_text(found.decided_at, zone),
        "decision": found.decision,
        "job": None if found.job_id is None else ids.show(found.job_id),
        "expires_at": time_text(found.expires_at, zone),
        "collected_at": time_text(found.collected_at, zone),
        "sha256": found.sha256,
        "failure": found.failure,
    }


@routes.route("GET", "/exports", "Requests for data, newest first", right=Action.CUSTOMER_EXPORT)
async def list_exports(asked: Asked, query: ExportQuery) -> RequestPage:
    """One's own and those of the people whom the right reaches."""
    async with asked.read() as session:
        page = await queries.requests(session, asked.actor, state=query.state, limit=query.limit, cursor=query.cursor)
    zone = asked.context.settings.timezone
    return {"items": [request_answer(one, zone) for one in page.items], "next": page.next}


@routes.route(
    "POST",
    "/exports",
    "Ask for an export",
    right=Action.CUSTOMER_EXPORT,
    status=201,
    errors={422: ["export_invalid", "where_invalid"]},
)
async def ask_export(asked: Asked, body: ExportInput) -> RequestAnswer:
    """Written by a job; above the number of rows in the settings somebody else has to allow it first."""
    listed = None
    if body.listed is not None:
        async with asked.read() as session:
            listed = Wanted(body.listed.q, await filters_of(session, body.listed))
    async with asked.uow() as uow:
        found = await service.ask_for_list(
            uow,
            chosen=Chosen(body.where, listed),
            zone=asked.context.settings.timezone,
            columns=body.columns,
            reason=body.reason,
            form=FileFormat(body.format),
            labels=labels(),
            by=asked.actor,
        )
    asked.headers["Location"] = f"/api/v1/exports/{ids.show(found.id)}"
    return await _answer(asked, found.id)


@routes.route("GET", "/exports/{id}", "One request", right=Action.CUSTOMER_EXPORT, subject="export")
async def get_export(asked: Asked, path: ById) -> RequestAnswer:
    return await _answer(asked, path.id)


@routes.route(
    "POST",
    "/exports/{id}/approve",
    "Allow somebody else's request",
    right=Action.CUSTOMER_EXPORT,
    subject="export",
    errors={409: ["export_decided", "asker_gone"], 422: ["second_person"]},
)
async def approve(asked: Asked, path: ById, body: DecisionInput) -> RequestAnswer:
    """An erasure cannot be taken back once it is allowed."""
    async with asked.uow() as uow:
        await service.decide(uow, path.id, approve=True, comment=body.comment, by=asked.actor)
    return await _answer(asked, path.id)


@routes.route(
    "POST",
    "/exports/{id}/refuse",
    "Refuse somebody else's request",
    right=Action.CUSTOMER_EXPORT,
    subject="export",
    errors={409: ["export_decided"], 422: ["second_person", "reason_missing"]},
)
async def refuse(asked: Asked, path: ById, body: DecisionInput) -> RequestAnswer:
    async with asked.uow() as uow:
        await service.decide(uow, path.id, approve=False, comment=body.comment, by=asked.actor)
    return await _answer(asked, path.id)


class FileHeaders(BaseModel):
    range: str | None = Field(None, alias="Range", description="goes on where a broken connection ended")


@routes.route(
    "GET",
    "/exports/{id}/file",
    "Fetch the file, once",
    right=Action.CUSTOMER_EXPORT,
    subject="export",
    media_type="application/octet-stream",
    also={206: "The range that was asked for"},
    errors={
        409: ["export_not_yours", "export_not_ready", "export_collected", "export_expired"],
        416: ["range_outside"],
    },
)
async def fetch(asked: Asked, path: ById, headers: FileHeaders) -> web.StreamResponse:
    """Only the asker, only once: it is deleted once its last byte has left.

    When the connection breaks before, it can be fetched again, or on with `Range`, for a quarter of an hour.
    """
    return await send_once(asked.request, asked.context, path.id, asked.actor, headers.range)


@routes.route(
    "POST",
    "/customers/{id}/export",
    "Ask for all that is kept of one customer",
    right=Action.CUSTOMER_EXPORT,
    status=201,
    subject="customer",
    errors={422: ["export_invalid"]},
)
async def ask_person(asked: Asked, path: ById, body: PersonInput) -> RequestAnswer:
    """A zip with everything as JSON and as a page for people; fetched as any export."""
    async with asked.uow() as uow:
        found = await service.ask_for_person(uow, path.id, reason=body.reason, labels=labels(), by=asked.actor)
    return await _answer(asked, found.id)


@routes.route(
    "POST",
    "/customers/{id}/erase",
    "Ask for one customer to be forgotten",
    right=Action.CUSTOMER_ERASE,
    status=201,
    subject="customer",
    errors={409: ["erasure_asked"], 422: ["export_invalid"]},
)
async def ask_erasure(asked: Asked, path: ById, body: PersonInput) -> RequestAnswer:
    """Somebody else has to allow it (`/exports/{id}/approve`); then nobody can bring the data back."""
    async with asked.uow() as uow:
        found = await service.ask_for_erasure(uow, path.id, reason=body.reason, by=asked.actor)
    return await _answer(asked, found.id)


@routes.route("GET", "/protection-limits", "What may be seen and taken", right=Action.SETTING_WRITE)
async def get_limits(asked: Asked) -> LimitsAnswer:
    async with asked.read() as session:
        return limits_answer(await queries.limits(session))


@routes.route(
    "PATCH",
    "/protection-limits",
    "Change what may be seen and taken",
    right=Action.SETTING_WRITE,
    errors={422: ["setting_invalid"]},
)
async def change_limits(asked: Asked, body: LimitsInput) -> LimitsAnswer:
    async with asked.uow() as uow:
        return limits_answer(await service.change_limits(uow, body.model_dump(exclude_none=True), by=asked.actor))


def limits_answer(now: Limits) -> LimitsAnswer:
    return {
        "reveals_hour": now.reveals_hour,
        "reveals_day": now.reveals_day,
        "approval_rows": now.approval_rows,
        "file_hours": now.file_hours,
        "agreement_required": now.agreement_required,
    }


async def _answer(asked: Asked, request_id: int) -> RequestAnswer:
    async with asked.read() as session:
        found = await queries.request(session, asked.actor, request_id)
    return request_answer(found, asked.context.settings.timezone)
