"""Lists of customers: the quick search with filters, saved views, one change for many."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, model_validator
from sqlalchemy.ext.asyncio import AsyncSession
from typing_extensions import TypedDict

from crm_core.customers import bulk
from crm_core.customers.kinds import CustomerKind, PurchaseState, RecordState, RetentionState
from crm_core.customers.search import queries, saved, saved_queries
from crm_core.customers.search.filters import Filters, Sort, TimeList
from crm_core.customers.search.queries import Now, Wanted
from crm_core.customers.search.saved_queries import SavedViewView
from crm_core.kernel import ids
from crm_core.kernel.errors import Rejected
from crm_core.organization import queries as organization
from crm_core.organization.access import Action
from web.api.asked import Asked
from web.api.customer_json import CustomerAnswer, customer_answer
from web.api.values import EXAMPLE_ID, ById, Cursor, Id, Input, Line, ObjectId, Paging
from web.context import WebContext
from web.registry import Routes

routes = Routes("customers")
Text = Annotated[
    Line,
    Field(
        max_length=80,
        description="part of a name, of its pinyin or initials (one letter: how they begin), of a phone, card, account"
        " or ID-card number (three digits), or a date; several words have all to fit",
    ),
]
Name = Annotated[Line, Field(min_length=1, max_length=80)]
Word = Annotated[Line, Field(min_length=1, max_length=40)]


class CustomerPage(TypedDict):
    """Found by text, a page may be short, even empty, and still have a next one: the search goes on there."""

    items: list[CustomerAnswer]
    next: Cursor | None


class FilterInput(Input):
    """What a list is cut by; all of it has to hold."""

    centre: Word | None = None
    department: Annotated[Line, Field(min_length=1, max_length=120)] | None = None
    owner: Annotated[Word, Field(description="name of a user")] | None = None
    unowned: Annotated[bool, Field(description="only those without an owner")] = False
    type: Word | None = None
    membership: Word | None = None
    source: Word | None = None
    kind: CustomerKind | None = None
    record_state: RecordState | None = None
    purchase_state: PurchaseState | None = None
    retention_state: RetentionState | None = None
    list: TimeList | None = None
    not_contacted_months: Annotated[int | None, Field(ge=1, le=120, description="or never")] = None
    birthday_from: Annotated[date | None, Field(description="solar and lunar birthdays from this day on")] = None
    birthday_to: Annotated[date | None, Field(description="at most 92 days from the first on")] = None


class CustomerQuery(Paging, FilterInput):
    q: Text = ""
    sort: Annotated[Sort, Field(description="not together with `q`: what is found comes newest first")] = Sort.NEWEST


class BulkFilter(FilterInput):
    q: Text = ""


class BulkInput(Input):
    """Either `ids` or `where`; either `set` (type, source or membership) or `to` with a `reason`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"ids": [EXAMPLE_ID], "set": {"type": "A"}}]})

    ids: Annotated[list[ObjectId], Field(min_length=1, max_length=bulk.MOST_PICKED)] | None = None
    where: BulkFilter | None = None
    set: Annotated[dict[str, str | None], Field(min_length=1, max_length=1, examples=[{"type": "A"}])] | None = None
    to: Annotated[Word, Field(description="name of the new owner")] | None = None
    reason: Annotated[Line, Field(max_length=500)] = ""

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        if (self.ids is None) == (self.where is None):
            raise ValueError("give either ids or where")
        if (self.set is None) == (self.to is None):
            raise ValueError("give either set or to")
        return self


class BulkAnswer(TypedDict):
    """The job that does it; `GET /jobs/{id}` tells how far it is, `/jobs/{id}/rows` what became of whom."""

    job: Id


class ViewInput(Input):
    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "A", "filters": {"type": "A"}}]})

    name: Name
    filters: Annotated[dict[str, Any], Field(max_length=30, default_factory=dict, examples=[{"type": "A"}])]
    columns: Annotated[list[Word], Field(max_length=30, default_factory=list)]
    sort: Sort = Sort.NEWEST
    shared: Annotated[bool, Field(description="for everybody; needs the right to allocate customers")] = False


class ViewAnswer(TypedDict):
    """`own`: the reader may replace and delete it."""

    id: Id
    name: str
    filters: dict[str, Any]
    columns: list[str]
    sort: str
    shared: bool
    own: bool
    owner: str | None


class ViewList(TypedDict):
    items: list[ViewAnswer]
    next: Cursor | None


def now_of(context: WebContext) -> Now:
    zone = context.settings.timezone
    return Now(context.clock.now().astimezone(zone).date(), zone)


async def filters_of(session: AsyncSession, given: FilterInput) -> Filters:
    """Names turned into ids. Raises Rejected for names that nobody and nothing has."""
    values = given.model_dump(include=set(FilterInput.model_fields) - {"centre", "department", "owner"})
    wrong: dict[str, str] = {}
    if given.owner is not None:
        user = await organization.user_by_name(session, given.owner)
        values["owner_id"] = user.id if user else None
        wrong |= {} if user else {"owner": "there is no such user"}
    if given.department is not None:
        department = await organization.department_by_name(session, given.department)
        values["department_id"] = department.id if department else None
        wrong |= {} if department else {"department": "there is no such department"}
    if given.centre is not None:
        known = {centre.name: centre.id for centre in await organization.centres(session)}
        values["centre_id"] = known.get(given.centre)
        wrong |= {} if given.centre in known else {"centre": "there is no such centre"}
    if wrong:
        raise Rejected("invalid_input", "Some of the input is wrong; see errors.", errors=wrong)
    return Filters(**values)


@routes.route(
    "GET",
    "/customers",
    "Customers: quick search and filters",
    right=Action.CUSTOMER_READ,
    errors={422: ["bad_filter", "sort_with_text", "cursor_invalid"]},
)
async def list_customers(asked: Asked, query: CustomerQuery) -> CustomerPage:
    """Who sees numbers masked finds them whole or by the last four digits that the mask shows."""
    async with asked.read() as session:
        wanted = Wanted(query.q, await filters_of(session, query), query.sort)
        page = await queries.find(
            session, asked.actor, wanted, now=now_of(asked.context), limit=query.limit, cursor=query.cursor
        )
    zone = asked.context.settings.timezone
    return {"items": [customer_answer(row, zone) for row in page.items], "next": page.next}


@routes.route(
    "POST",
    "/customers/bulk",
    "One change for many customers",
    right=Action.CUSTOMER_WRITE,
    status=201,
    errors={403: ["not_allowed"], 422: ["bulk_who", "bulk_field", "move_reason_missing", "customer_invalid"]},
)
async def change_many(asked: Asked, body: BulkInput) -> BulkAnswer:
    """Starts a job: each customer gets his verdict there, and one that is refused stops no other."""
    receiver = None
    async with asked.read() as session:
        wanted = None if body.where is None else Wanted(body.where.q, await filters_of(session, body.where))
        if body.to is not None:
            receiver = await organization.user_by_name(session, body.to)
            if receiver is None:
                raise Rejected("invalid_input", "There is no such user.", errors={"to": "there is no such user"})
    field, value = next(iter(body.set.items())) if body.set else (None, None)
    change = bulk.Change(field, value, receiver.id if receiver else None, body.reason)
    async with asked.uow() as uow:
        job = await bulk.start(
            uow, change, ids=body.ids, wanted=wanted, by=asked.actor, zone=asked.context.settings.timezone
        )
    return {"job": ids.show(job.id)}


@routes.route("GET", "/customer-views", "Saved views of the customer list", right=Action.CUSTOMER_READ)
async def list_views(asked: Asked) -> ViewList:
    """One's own first, then those that are shared; all of them at once."""
    async with asked.read() as session:
        found = await saved_queries.saved_views(session, asked.actor)
    return {"items": [_view(one) for one in found], "next": None}


@routes.route(
    "POST",
    "/customer-views",
    "Save a view",
    right=Action.CUSTOMER_READ,
    status=201,
    errors={403: ["not_allowed"], 409: ["too_many_views"], 422: ["view_name", "bad_filter", "bad_columns"]},
)
async def save_view(asked: Asked, body: ViewInput) -> ViewAnswer:
    """One of the same name is replaced. In `filters` there are ids: `owner_id`, `department_id`, `centre_id`."""
    async with asked.uow() as uow:
        view = await saved.save(
            uow,
            name=body.name,
            wanted=body.filters,
            columns=body.columns,
            sort=body.sort,
            shared=body.shared,
            by=asked.actor,
        )
    async with asked.read() as session:
        return _view(await saved_queries.saved_view(session, asked.actor, view.id))


@routes.route(
    "DELETE",
    "/customer-views/{id}",
    "Delete a saved view",
    right=Action.CUSTOMER_READ,
    status=204,
    subject="saved view",
    errors={404: ["view_not_found"]},
)
async def delete_view(asked: Asked, path: ById) -> None:
    """One's own; an administrator also what others have shared."""
    async with asked.uow() as uow:
        await saved.remove(uow, path.id, by=asked.actor)


def _view(view: SavedViewView) -> ViewAnswer:
    return {
        "id": ids.show(view.id),
        "name": view.name,
        "filters": view.filters,
        "columns": view.columns,
        "sort": view.sort,
        "shared": view.shared,
        "own": view.own,
        "owner": view.owner,
    }
