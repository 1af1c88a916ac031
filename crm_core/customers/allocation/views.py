"""Allocation as others see it: plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from crm_core.customers.allocation.kinds import (
    ApplicationKind,
    ApplicationState,
    Method,
    ReclaimRule,
    RunState,
    Verdict,
)
from crm_core.customers.kinds import OwnerChangeKind


@dataclass(frozen=True, slots=True)
class Standing:
    """What somebody has and may still get. None is no limit; ``full`` is the code of the limit that stops him first.

    ``quota`` includes what was granted on application; ``used`` is what of it has been given out.
    """

    user_id: int
    name: str
    display_name: str
    department_id: int | None
    active: bool
    new: bool
    open: int
    cap: int | None
    used: int
    quota: int | None
    granted: int
    room: int | None
    full: str


@dataclass(frozen=True, slots=True)
class First:
    """Who was first: the change of owner that another came too late for. Users' names; None: the system, nobody."""

    at: datetime
    by: str | None
    to: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one customer: ``reason`` is the code of a refusal, ``first`` who was before it."""

    customer_id: int
    verdict: Verdict
    reason: str = ""
    user_id: int | None = None
    first: First | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """Who takes part in a run, as asked for."""

    user_id: int
    weight: int = 1
    regions: tuple[str, ...] = ()
    types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunView:
    id: int
    state: RunState
    method: Method
    department_id: int | None
    department: str | None
    choice: Mapping[str, Any]
    reason: str
    requested_by_id: int | None
    requested_by: str | None
    requested_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    executed_by: str | None
    executed_at: datetime | None
    job_id: int | None
    answer: str | None
    given: int
    refused: int
    people: tuple[Person, ...] = ()


@dataclass(frozen=True, slots=True)
class ResultView:
    """One line of a run's result list."""

    position: int
    customer_id: int
    customer: str
    account_number: str
    user: str | None
    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True)
class PlanLine:
    """One line of a preview: who would get the customer, or why nobody."""

    customer_id: int
    customer: str
    account_number: str
    place: str
    type: str | None
    user_id: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do now; ``waiting`` customers fit the choice, ``lines`` are the first of them."""

    total: int
    given: Mapping[int, int]
    reasons: Mapping[str, int]
    lines: tuple[PlanLine, ...]


@dataclass(frozen=True, slots=True)
class OwnerChangeView:
    """A customer's move from one owner to another."""

    id: int
    at: datetime
    customer_id: int
    customer: str
    account_number: str
    type: str | None
    from_user: str | None
    to_user: str | None
    by_user: str | None
    kind: OwnerChangeKind
    reason: str
    batch_id: int | None


@dataclass(frozen=True, slots=True)
class ApplicationView:
    id: int
    user_id: int
    user: str
    department_id: int | None
    kind: ApplicationKind
    state: ApplicationState
    wanted: int
    reason: str
    asked_at: datetime
    granted: int | None
    valid_until: date | None
    decided_by: str | None
    decided_at: datetime | None
    note: str | None
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PersonShare:
    """One line of the fairness report: what somebody was given in the period, of which types and sources."""

    user_id: int
    name: str
    display_name: str
    department_id: int | None
    new: bool
    allocated: int
    transferred: int
    open: int
    cap: int | None
    types: Mapping[str, int] = field(default_factory=dict)
    sources: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fairness:
    """``gini`` and ``evenness`` measure the settled staff alone: new people get less on purpose."""

    lines: tuple[PersonShare, ...]
    total: int
    gini: float
    evenness: str
    least: int
    most: int
    average: float


@dataclass(frozen=True, slots=True)
class ReclaimLine:
    """A customer that a rule sends back to the pool; ``spared`` is the reason why he stays all the same."""

    customer_id: int
    customer: str
    account_number: str
    owner_id: int
    owner: str
    rule: ReclaimRule
    last_contact_at: datetime | None
    since: datetime
    due_on: date | None
    spared: str = ""
    announced: bool = False
