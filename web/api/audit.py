"""The audit log: who did what, when and from where."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

from crm_core.audit import queries
from crm_core.kernel import ids
from crm_core.kernel.pages import parse_text_cursor, text_cursor
from crm_core.organization.access import Action
from web.api.asked import Asked
from web.api.values import Cursor, Id, Line, ObjectId, Paging, Time, time_text
from web.registry import Routes

routes = Routes("audit")


class AuditLineAnswer(TypedDict):
    """One act; `seq` has no holes, `hash` covers the line and the one before."""

    seq: int
    at: Time
    actor: str
    action: str
    object_type: str
    object_id: Id | None
    detail: dict[str, Any]
    address: str | None
    request_id: str | None
    hash: str


class AuditPage(TypedDict):
    items: list[AuditLineAnswer]
    next: Cursor | None


class AuditQuery(Paging):
    action: Annotated[Line | None, Field(max_length=80)] = None
    actor: Annotated[Line | None, Field(max_length=80, description="a user's name")] = None
    object_type: Annotated[Line | None, Field(max_length=40)] = None
    object_id: ObjectId | None = None


@routes.route("GET", "/audit", "The audit log, newest first", right=Action.AUDIT_READ)
async def list_audit(asked: Asked, query: AuditQuery) -> AuditPage:
    async with asked.read() as session:
        rows = await queries.page(
            session,
            before=parse_text_cursor(query.cursor)[1] if query.cursor else None,
            limit=query.limit + 1,
            action=query.action,
            actor=query.actor,
            object_type=query.object_type,
            object_id=query.object_id,
        )
    zone = asked.context.settings.timezone
    items: list[AuditLineAnswer] = [
        {
            "seq": row.seq,
            "at": time_text(row.at, zone) or "",
            "actor": row.actor_name,
            "action": row.action,
            "object_type": row.object_type,
            "object_id": None if row.object_id is None else ids.show(row.object_id),
            "detail": row.detail,
            "address": row.address,
            "request_id": row.request_id,
            "hash": row.hash,
        }
        for row in rows[: query.limit]
    ]
    return {"items": items, "next": text_cursor("", items[-1]["seq"]) if len(rows) > query.limit else None}
