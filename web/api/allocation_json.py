"""JSON of allocation: runs, plans, people, applications, fairness, reclaim."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from typing import Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

from crm_core.customers.allocation.kinds import (
    ApplicationKind,
    ApplicationState,
    Method,
    Period,
    ReclaimRule,
    RunState,
    Verdict,
)
from crm_core.customers.allocation.policy import Policy
from crm_core.customers.allocation.views import (
    ApplicationView,
    Fairness,
    Plan,
    ReclaimLine,
    ResultView,
    RunView,
    Standing,
)
from crm_core.kernel import ids
from web.api.transfer_json import CustomerName, Reason, shown
from web.api.values import Cursor, Day, Id, Seconds, Time, day_text, time_text


class PersonAnswer(TypedDict):
    user: str | None
    weight: int
    regions: list[str]
    types: list[str]


class AllocationAnswer(TypedDict):
    """One allocation: a manager asked or approved, the data department carries out."""

    id: Id
    state: RunState
    method: Method
    department: str | None
    most: int
    customers: Annotated[int, Field(description="how many were named; 0: the queue, cut by `where`")]
    people: list[PersonAnswer]
    reason: str
    requested_by: str | None
    requested_at: Time
    approved_by: str | None
    approved_at: Time | None
    executed_by: str | None
    executed_at: Time | None
    answer: str | None
    job: Id | None
    given: int
    refused: int


class AllocationPage(TypedDict):
    items: list[AllocationAnswer]
    next: Cursor | None


class ResultAnswer(TypedDict):
    customer: CustomerName
    user: str | None
    verdict: Verdict
    reason: Reason


class ResultPage(TypedDict):
    items: list[ResultAnswer]
    next: Cursor | None


class PlanAnswer(TypedDict):
    """What would happen now; `items` are the first two hundred."""

    total: int
    given: Annotated[dict[str, int], Field(description="how many each person would get, by user name")]
    refused: Annotated[dict[str, int], Field(description="how many would be given to nobody, by reason")]
    items: list[ResultAnswer]


class StandingAnswer(TypedDict):
    """What somebody has and may still get; null is without limit."""

    id: Id
    user: str
    display_name: str
    new: bool
    open: int
    cap: int | None
    used: Annotated[int, Field(description="allocated in the period, of new staff since the first day")]
    quota: int | None
    granted: int
    room: int | None


class PeopleAnswer(TypedDict):
    items: list[StandingAnswer]
    next: Cursor | None


class FactsAnswer(TypedDict):
    """What a manager looks at before he grants more; the last three could be from the last 90 days."""

    open: int
    allocated: int
    notes: int
    talks: int
    talk_seconds: Seconds


class ApplicationAnswer(TypedDict):
    id: Id
    user: str
    kind: ApplicationKind
    state: ApplicationState
    wanted: int
    reason: str
    asked_at: Time
    granted: int | None
    valid_until: Day | None
    decided_by: str | None
    decided_at: Time | None
    note: str | None
    facts: FactsAnswer | None


class ApplicationPage(TypedDict):
    items: list[ApplicationAnswer]
    next: Cursor | None


class PersonShareAnswer(TypedDict):
    id: Id
    user: str
    display_name: str
    new: bool
    allocated: int
    transferred: int
    open: int
    cap: int | None
    types: dict[str, int]
    sources: dict[str, int]


class FairnessAnswer(TypedDict):
    """`gini` is 0 when all settled staff got the same; `evenness` says it in a word."""

    items: list[PersonShareAnswer]
    total: int
    gini: float
    evenness: Annotated[str, Field(description="even, fairly_even, uneven")]
    least: int
    most: int
    average: float


class PolicyAnswer(TypedDict):
    """The rules of the house; null is no limit, or a rule that sleeps."""

    data_department: str | None
    cap: int | None
    quota: int | None
    period: Period
    new_days: int
    new_quota: int | None
    not_contacted_days: int | None
    not_bought_days: int | None
    notice_days: int
    unfit_tries: int | None
    contacts_most: int | None
    contacts_days: int
    grant_days: int


class ReclaimLineAnswer(TypedDict):
    customer: CustomerName
    owner: str
    rule: ReclaimRule
    last_contact_at: Time | None
    since: Time
    due_on: Day | None
    announced: bool
    spared: Annotated[str, Field(description="why the customer stays all the same; empty: he does not")]


class ReclaimPreview(TypedDict):
    items: list[ReclaimLineAnswer]
    next: Cursor | None


class JobStarted(TypedDict):
    job: Id


def run_answer(run: RunView, names: Mapping[int, str], zone: tzinfo) -> AllocationAnswer:
    return {
        "id": ids.show(run.id),
        "state": run.state,
        "method": run.method,
        "department": run.department,
        "most": run.choice.get("most", 0),
        "customers": len(run.choice.get("ids", ())),
        "people": [
            {
                "user": names.get(one.user_id),
                "weight": one.weight,
                "regions": list(one.regions),
                "types": list(one.types),
            }
            for one in run.people
        ],
        "reason": run.reason,
        "requested_by": run.requested_by,
        "requested_at": time_text(run.requested_at, zone) or "",
        "approved_by": run.approved_by,
        "approved_at": time_text(run.approved_at, zone),
        "executed_by": run.executed_by,
        "executed_at": time_text(run.executed_at, zone),
        "answer": run.answer,
        "job": shown(run.job_id),
        "given": run.given,
        "refused": run.refused,
    }


def result_answer(one: ResultView) -> ResultAnswer:
    customer: CustomerName = {
        "id": ids.show(one.customer_id),
        "name": one.customer,
        "account_number": one.account_number,
    }
    return {"customer": customer, "user": one.user, "verdict": one.verdict, "reason": one.reason}


def plan_answer(plan: Plan, names: Mapping[int, str]) -> PlanAnswer:
    return {
        "total": plan.total,
        "given": {names.get(user, ids.show(user)): count for user, count in plan.given.items()},
        "refused": dict(plan.reasons),
        "items": [
            {
                "customer": {
                    "id": ids.show(line.customer_id),
                    "name": line.customer,
                    "account_number": line.account_number,
                },
                "user": None if line.user_id is None else names.get(line.user_id),
                "verdict": Verdict.REFUSED if line.user_id is None else Verdict.GIVEN,
                "reason": line.reason,
            }
            for line in plan.lines
        ],
    }


def standing_answer(one: Standing) -> StandingAnswer:
    return {
        "id": ids.show(one.user_id),
        "user": one.name,
        "display_name": one.display_name,
        "new": one.new,
        "open": one.open,
        "cap": one.cap,
        "used": one.used,
        "quota": one.quota,
        "granted": one.granted,
        "room": one.room,
    }


def facts_answer(facts: Mapping[str, Any]) -> FactsAnswer | None:
    if not facts:
        return None
    return {
        "open": int(facts.get("open", 0)),
        "allocated": int(facts.get("allocated", 0)),
        "notes": int(facts.get("notes", 0)),
        "talks": int(facts.get("talks", 0)),
        "talk_seconds": float(facts.get("talk_seconds", 0.0)),
    }


def application_answer(one: ApplicationView, zone: tzinfo) -> ApplicationAnswer:
    return {
        "id": ids.show(one.id),
        "user": one.user,
        "kind": one.kind,
        "state": one.state,
        "wanted": one.wanted,
        "reason": one.reason,
        "asked_at": time_text(one.asked_at, zone) or "",
        "granted": one.granted,
        "valid_until": day_text(one.valid_until),
        "decided_by": one.decided_by,
        "decided_at": time_text(one.decided_at, zone),
        "note": one.note,
        "facts": facts_answer(one.facts),
    }


def fairness_answer(found: Fairness) -> FairnessAnswer:
    return {
        "items": [
            {
                "id": ids.show(line.user_id),
                "user": line.name,
                "display_name": line.display_name,
                "new": line.new,
                "allocated": line.allocated,
                "transferred": line.transferred,
                "open": line.open,
                "cap": line.cap,
                "types": dict(line.types),
                "sources": dict(line.sources),
            }
            for line in found.lines
        ],
        "total": found.total,
        "gini": round(found.gini, 4),
        "evenness": found.evenness,
        "least": found.least,
        "most": found.most,
        "average": round(found.average, 2),
    }


def policy_answer(policy: Policy, department: str | None) -> PolicyAnswer:
    return {
        "data_department": department,
        "cap": policy.cap,
        "quota": policy.quota,
        "period": policy.period,
        "new_days": policy.new_days,
        "new_quota": policy.new_quota,
        "not_contacted_days": policy.not_contacted_days,
        "not_bought_days": policy.not_bought_days,
        "notice_days": policy.notice_days,
        "unfit_tries": policy.unfit_tries,
        "contacts_most": policy.contacts_most,
        "contacts_days": policy.contacts_days,
        "grant_days": policy.grant_days,
    }


def reclaim_answer(line: ReclaimLine, zone: tzinfo) -> ReclaimLineAnswer:
    return {
        "customer": {"id": ids.show(line.customer_id), "name": line.customer, "account_number": line.account_number},
        "owner": line.owner,
        "rule": line.rule,
        "last_contact_at": time_text(line.last_contact_at, zone),
        "since": time_text(line.since, zone) or "",
        "due_on": day_text(line.due_on),
        "announced": line.announced,
        "spared": line.spared,
    }
