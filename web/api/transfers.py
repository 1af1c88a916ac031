"""Transfers of customers, and the history of their owners."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, model_validator
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers import queries as customers
from crm_core.customers.allocation import change_queries, choosing, service
from crm_core.customers.allocation.change_queries import ChangeFilter
from crm_core.customers.allocation.choosing import Filter, Where
from crm_core.customers.kinds import OwnerChangeKind
from crm_core.kernel.errors import Rejected
from crm_core.organization import queries as organization
from crm_core.organization.access import Action
from crm_core.organization.models import User
from web.api.asked import Asked
from web.api.customers import today
from web.api.transfer_json import OwnerChangePage, TransferAnswer, change_answer, transfer_answer
from web.api.values import EXAMPLE_ID, ById, Input, Instant, Line, ObjectId, Paging
from web.registry import Routes

routes = Routes("transfers")
UserName = Annotated[Line, Field(min_length=1, max_length=40, description="name of a user")]
Ids = Annotated[list[ObjectId], Field(min_length=1, max_length=choosing.MOST)]
WhereInput = Annotated[
    dict[str, Any],
    Field(
        description="a tree of conditions over the customer's own fields, or the filters of the list: owner,"
        " department, type, source, membership, province, city, …"
    ),
]


class TransferInput(Input):
    """Either `ids` or `where`."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"ids": [EXAMPLE_ID], "to": "agent", "reason": "moved to another branch"}]}
    )

    ids: Ids | None = None
    where: WhereInput | None = None
    to: UserName
    reason: Annotated[str, Field(min_length=1, max_length=500)]

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.ids is None) == (self.where is None):
            raise ValueError("give either ids or where")
        return self


class TransferQuery(Paging):
    receiver: UserName | None = None
    giver: UserName | None = None
    batch: ObjectId | None = None
    kind: OwnerChangeKind | None = None
    since: Annotated[Instant | None, Field(alias="from")] = None
    until: Annotated[Instant | None, Field(alias="to")] = None


async def user_called(session: AsyncSession, name: str, field: str) -> User:
    """Raises Rejected with the field for a name that nobody has."""
    user = await organization.user_by_name(session, name)
    if user is None:
        raise Rejected("invalid_input", "There is no such user.", errors={field: "there is no such user"})
    return user


async def filter_of(session: AsyncSession, where: Mapping[str, Any]) -> Filter:
    """The list's filter with names turned into ids. Raises Rejected."""
    texts = dict(choosing.checked_where(where))
    owner, department = texts.pop("owner", None), texts.pop("department", None)
    found: dict[str, Any] = dict(texts)
    if owner is not None:
        found["owner_id"] = (await user_called(session, owner, "where.owner")).id
    if department is not None:
        known = await organization.department_by_name(session, department)
        if known is None:
            raise Rejected(
                "invalid_input",
                "There is no such department.",
                errors={"where.department": "there is no such department"},
            )
        found["department_id"] = known.id
    return Filter(**found)


async def where_of(session: AsyncSession, where: Mapping[str, Any]) -> Where:
    """A tree of conditions as it is, checked when it is asked; the list's filter with names as ids. Raises Rejected."""
    return Where(tree=where) if choosing.is_tree(where) else Where(await filter_of(session, where))


@routes.route(
    "POST",
    "/customers/transfer",
    "Give customers to somebody else",
    right=Action.CUSTOMER_ASSIGN,
    status=201,
    errors={
        403: ["owner_out_of_reach"],
        404: ["customer_not_found"],
        422: ["where_invalid", "receiver_inactive", "too_many_customers", "move_reason_missing"],
    },
)
async def transfer(asked: Asked, body: TransferInput) -> TransferAnswer:
    """Each customer gets a verdict; a refusal says why (`cap_reached`, `not_found`, `same_owner`, `no_owner`).

    `moved_meanwhile`: another was first; `first` says who. Up to 500 are moved at once; more become a job.
    """
    zone = asked.context.settings.timezone
    async with asked.read() as session:
        receiver = await user_called(session, body.to, "to")
        where = None if body.where is None else await where_of(session, body.where)
        chosen = await service.picked(session, asked.actor, ids=body.ids or (), where=where)
    async with asked.uow() as uow:
        done = await service.transfer_picked(uow, chosen, receiver.id, body.reason, by=asked.actor, zone=zone)
    return transfer_answer(done, zone)


@routes.route("GET", "/transfers", "Which customers changed hands", right=Action.CUSTOMER_READ)
async def list_transfers(asked: Asked, query: TransferQuery) -> OwnerChangePage:
    """Newest first; `receiver` with one's own name and `from` on Monday is "allocated to me this week"."""
    async with asked.read() as session:
        to = (await user_called(session, query.receiver, "receiver")).id if query.receiver else None
        giver = (await user_called(session, query.giver, "giver")).id if query.giver else None
        where = ChangeFilter(
            to_user_id=to,
            from_user_id=giver,
            batch_id=query.batch,
            kind=query.kind,
            since=query.since,
            until=query.until,
        )
        page = await change_queries.changes(session, asked.actor, where, limit=query.limit, cursor=query.cursor)
    zone = asked.context.settings.timezone
    return {"items": [change_answer(one, zone) for one in page.items], "next": page.next}


@routes.route(
    "GET", "/customers/{id}/owners", "Who looked after a customer", right=Action.CUSTOMER_READ, subject="customer"
)
async def list_owners(asked: Asked, path: ById, query: Paging) -> OwnerChangePage:
    """Newest first."""
    async with asked.read() as session:
        await customers.customer(session, asked.actor, path.id, today=today(asked))
        where = ChangeFilter(customer_id=path.id)
        page = await change_queries.changes(session, asked.actor, where, limit=query.limit, cursor=query.cursor)
    zone = asked.context.settings.timezone
    return {"items": [change_answer(one, zone) for one in page.items], "next": page.next}
