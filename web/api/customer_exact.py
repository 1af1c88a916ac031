"""The exact query: a desk that has its entry form open finds its customer by one whole item."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from crm_core.customers import exact_queries
from crm_core.customers.exact_queries import Item
from crm_core.organization.access import Action
from web.api.asked import Asked
from web.api.customer_json import CustomerAnswer, customer_answer
from web.api.customers import today
from web.api.values import Cursor, Input, Line
from web.registry import Routes

routes = Routes("customers")


class ExactQuery(Input):
    q: Annotated[
        Line, Field(min_length=1, max_length=120, description="a whole account number, phone, ID card or name")
    ]


class Hit(TypedDict):
    """`by` is the item that was given."""

    by: Item
    customer: CustomerAnswer


class HitList(TypedDict):
    items: list[Hit]
    next: Cursor | None


@routes.route("GET", "/customers/exact", "Find a customer by one whole item", right=Action.CUSTOMER_READ)
async def exact(asked: Asked, query: ExactQuery) -> HitList:
    """The surest item first, at most ten. Who sees numbers masked finds them whole all the same."""
    settings = asked.context.settings
    async with asked.read() as session:
        found = await exact_queries.exact(
            session, asked.actor, query.q, area_code=settings.area_code, today=today(asked)
        )
    return {
        "items": [{"by": item, "customer": customer_answer(view, settings.timezone)} for item, view in found],
        "next": None,
    }
