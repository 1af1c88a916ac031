"""JSON of transfers and owner changes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import tzinfo
from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from crm_core.customers.allocation.kinds import Verdict
from crm_core.customers.allocation.service import Transferred
from crm_core.customers.allocation.views import First, Outcome, OwnerChangeView
from crm_core.customers.kinds import OwnerChangeKind
from crm_core.kernel import ids
from web.api.values import Cursor, Id, Time, time_text

Reason = Annotated[str, Field(description="code of a refusal: cap_reached, not_found, moved_meanwhile, no_owner, …")]


class FirstAnswer(TypedDict):
    """Who was first: names of users, null for the system or nobody."""

    by: str | None
    to: str | None
    at: Time


class OutcomeAnswer(TypedDict):
    customer_id: Id
    verdict: Verdict
    reason: Reason
    first: Annotated[FirstAnswer | None, Field(description="who has given the customer away before, when that is why")]


class TransferAnswer(TypedDict):
    """`job` when there were too many for one go: the result list is then at `/jobs/{id}/rows`."""

    id: Id
    job: Id | None
    given: int
    refused: int
    results: list[OutcomeAnswer]


class CustomerName(TypedDict):
    id: Id
    name: str
    account_number: str


class OwnerChangeAnswer(TypedDict):
    """`from`, `to` and `by` are user names; null where there was or is no owner, or the system did it."""

    id: Id
    at: Time
    customer: CustomerName
    from_user: str | None
    to_user: str | None
    by_user: str | None
    kind: OwnerChangeKind
    reason: str
    batch: Id | None


class OwnerChangePage(TypedDict):
    items: list[OwnerChangeAnswer]
    next: Cursor | None


def shown(identifier: int | None) -> str | None:
    return None if identifier is None else ids.show(identifier)


def _first(one: First | None, zone: tzinfo) -> FirstAnswer | None:
    return None if one is None else {"by": one.by, "to": one.to, "at": time_text(one.at, zone) or ""}


def outcomes(found: Iterable[Outcome], zone: tzinfo) -> list[OutcomeAnswer]:
    return [
        {
            "customer_id": ids.show(one.customer_id),
            "verdict": one.verdict,
            "reason": one.reason,
            "first": _first(one.first, zone),
        }
        for one in found
    ]


def transfer_answer(done: Transferred, zone: tzinfo) -> TransferAnswer:
    return {
        "id": ids.show(done.batch_id),
        "job": shown(done.job_id),
        "given": done.given,
        "refused": len(done.outcomes) - done.given,
        "results": outcomes(done.outcomes, zone),
    }


def change_answer(one: OwnerChangeView, zone: tzinfo) -> OwnerChangeAnswer:
    return {
        "id": ids.show(one.id),
        "at": time_text(one.at, zone) or "",
        "customer": {
            "id": ids.show(one.customer_id),
            "name": one.customer,
            "account_number": one.account_number,
        },
        "from_user": one.from_user,
        "to_user": one.to_user,
        "by_user": one.by_user,
        "kind": one.kind,
        "reason": one.reason,
        "batch": shown(one.batch_id),
    }
