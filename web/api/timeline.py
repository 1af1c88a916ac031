"""Everything that happened with one customer."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field
from typing_extensions import TypedDict

from crm_core.calls import timeline_queries
from crm_core.calls.timeline import TimelineItem, TimelineKind
from crm_core.kernel import ids
from crm_core.organization.access import Action
from web.api.asked import Asked
from web.api.call_json import CallAnswer, NoteAnswer, call_answer, note_answer
from web.api.customers import today
from web.api.values import ById, Cursor, Id, Line, Paging, Time, time_text
from web.registry import Routes

routes = Routes("customers")


def _kinds(text: str) -> str:
    wrong = [kind for kind in text.split(",") if kind not in set(TimelineKind)]
    if wrong:
        raise ValueError(f"is no kind: {wrong[0][:40]}")
    return text


class Wanted(Paging):
    """Which part of the story."""

    kind: Annotated[
        Line | None,
        AfterValidator(lambda text: text and _kinds(text)),
        Field(max_length=200, description="kinds, separated by commas; without it all", examples=["call,note"]),
    ] = None


class TimelineAnswer(TypedDict):
    """One thing that happened. A call comes with its legs, recordings and what was written about it.

    `about` is what it happened to (a field, a channel, a number as the reader may see it, an account number, a file),
    `old` and `new` from what to what, `text` the reason or remark, `fields` the names of what was edited.
    `by` is null when a rule or the PBX did it.
    """

    id: Id
    at: Time
    kind: TimelineKind
    by: str | None
    about: str | None
    old: str | None
    new: str | None
    text: str | None
    fields: list[str]
    call: CallAnswer | None
    notes: list[NoteAnswer]


class TimelinePage(TypedDict):
    items: list[TimelineAnswer]
    next: Cursor | None


@routes.route(
    "GET",
    "/customers/{id}/timeline",
    "Everything with a customer, newest first",
    right=Action.CUSTOMER_READ,
    subject="customer",
)
async def timeline(asked: Asked, path: ById, query: Wanted) -> TimelinePage:
    """Who may see the customer may see what happened with him, whoever spoke; reveals only with the audit's right."""
    kinds = [TimelineKind(kind) for kind in query.kind.split(",")] if query.kind else []
    async with asked.read() as session:
        page = await timeline_queries.timeline(
            session, asked.actor, path.id, today=today(asked), kinds=kinds, limit=query.limit, cursor=query.cursor
        )
    return {"items": [_item(asked, item) for item in page.items], "next": page.next}


def _item(asked: Asked, item: TimelineItem) -> TimelineAnswer:
    zone = asked.context.settings.timezone
    return {
        "id": ids.show(item.id),
        "at": time_text(item.at, zone) or "",
        "kind": item.kind,
        "by": item.by,
        "about": item.about,
        "old": item.old,
        "new": item.new,
        "text": item.text,
        "fields": list(item.fields),
        "call": None if item.call is None else call_answer(item.call, zone),
        "notes": [note_answer(note, zone) for note in item.notes],
    }
