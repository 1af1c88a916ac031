"""Numbers that nobody has verified yet, and what came of trying them."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from crm_core.customers.intake import verification, verification_queries
from crm_core.customers.intake.kinds import CheckResult
from crm_core.customers.kinds import PhoneState
from crm_core.organization.access import Action
from web.api.asked import Asked
from web.api.registration_json import NumberAnswer, number_answer
from web.api.values import ById, Cursor, Input, Line, Paging
from web.registry import Routes

routes = Routes("phone checks")


class NumberPage(TypedDict):
    items: list[NumberAnswer]
    next: Cursor | None


class CheckInput(Input):
    model_config = ConfigDict(json_schema_extra={"examples": [{"result": "unreachable", "note": "Nobody answers."}]})

    result: Annotated[CheckResult, Field(description="`unreachable`: this time; the number itself after some tries")]
    note: Annotated[Line | None, Field(max_length=400)] = None


class CheckAnswer(TypedDict):
    state: PhoneState
    tries: int


@routes.route("GET", "/phone-checks", "Numbers to verify, in order of entry", right=Action.CUSTOMER_WRITE)
async def list_numbers(asked: Asked, query: Paging) -> NumberPage:
    async with asked.read() as session:
        page = await verification_queries.to_verify(session, asked.actor, limit=query.limit, cursor=query.cursor)
    zone = asked.context.settings.timezone
    return {"items": [number_answer(view, zone) for view in page.items], "next": page.next}


@routes.route(
    "POST", "/phones/{id}/checks", "Note a try of a number", right=Action.CUSTOMER_WRITE, status=201, subject="phone"
)
async def add_check(asked: Asked, path: ById, body: CheckInput) -> CheckAnswer:
    """The number's state after it; the tries that it takes to be unreachable are a setting."""
    async with asked.uow() as uow:
        phone = await verification.record_check(uow, path.id, body.result, by=asked.actor, note=body.note)
    return {"state": phone.state, "tries": phone.failed_tries}
