"""The combined search: customers by a tree of conditions."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from crm_core.customers.conditions import queries
from crm_core.organization.access import Action
from web.api.asked import Asked
from web.api.customer_json import CustomerAnswer, customer_answer
from web.api.customer_lists import now_of
from web.api.values import Cursor, Input, Line
from web.registry import Routes

routes = Routes("customers")


class SearchInput(Input):
    """Nodes: `all`, `any`, `not`, a test of a field, a test of a related fact (`phones`, `family`, `transfers`)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "where": {
                        "all": [
                            {"field": "address.city", "op": "eq", "value": "上海"},
                            {"field": "last_contact_at", "op": "before_last", "value": "3 months"},
                            {"related": "family", "has": "some", "where": {"field": "relation", "value": "女儿"}},
                        ]
                    },
                    "sort": ["-created_at"],
                    "count": True,
                }
            ]
        }
    )

    where: Annotated[dict[str, Any] | None, Field(description="without one it is all that the right reaches")] = None
    sort: Annotated[list[Annotated[Line, Field(max_length=40)]], Field(default_factory=list, max_length=1)]
    limit: Annotated[int, Field(ge=1, le=500)] = 50
    cursor: Cursor | None = None
    count: Annotated[bool, Field(description="whether to count all of them too")] = False


class SearchAnswer(TypedDict):
    """`count` is null unless it was asked for."""

    items: list[CustomerAnswer]
    next: Cursor | None
    count: int | None


@routes.route(
    "POST",
    "/customers/search",
    "Customers by a tree of conditions",
    right=Action.CUSTOMER_READ,
    errors={422: ["where_invalid", "sort_unknown", "cursor_invalid"]},
)
async def search(asked: Asked, body: SearchInput) -> SearchAnswer:
    """What cannot be is refused with the place of the node; who sees numbers masked asks for whole ones only."""
    now = now_of(asked.context)
    async with asked.read() as session:
        page = await queries.found(
            session, asked.actor, body.where, now=now, sort=body.sort, limit=body.limit, cursor=body.cursor
        )
        count = await queries.count(session, asked.actor, body.where, now=now) if body.count else None
    zone = asked.context.settings.timezone
    return {"items": [customer_answer(one, zone) for one in page.items], "next": page.next, "count": count}
