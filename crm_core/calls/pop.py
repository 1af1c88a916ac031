"""What the screen-pop says of a caller (pure): the brief of each possible customer, ranked for one agent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from crm_core.calls.facts import CallStatus, Direction
from crm_core.customers.kinds import Calendar, CustomerKind, Sex
from crm_core.customers.lookup_queries import NumberMatch
from crm_core.customers.rules import BIRTHDAY_SOON_DAYS, CandidateFacts, MatchReason, age, days_to_birthday, rank

CONTACTS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class PopContact:
    """An earlier call with the customer, in one line."""

    call_id: int
    at: datetime
    direction: Direction
    status: CallStatus | None
    agent_id: int | None
    agent: str | None
    talk_seconds: float | None
    progress: int | None
    disposition: str | None
    next_at: datetime | None
    note: str | None


@dataclass(frozen=True, slots=True)
class PopCustomer:
    """All that an agent should know before saying hello; ``numbers`` are masked for every role."""

    id: int
    account_number: str
    name: str
    kind: CustomerKind
    form_of_address: str | None
    sex: Sex | None
    age: int | None
    birthday_in_days: int | None
    city: str | None
    type: str | None
    membership: str | None
    owner_id: int | None
    owner: str | None
    owner_display_name: str | None
    department_id: int | None
    taboos: str | None
    do_not_call: bool
    remarks: str | None
    numbers: tuple[str, ...]
    contacts: tuple[PopContact, ...]
    progress: int | None
    next_at: datetime | None
    version: int


@dataclass(frozen=True, slots=True)
class PopMatch:
    customer: PopCustomer
    reason: MatchReason
    reasons: tuple[MatchReason, ...]
    score: float


@dataclass(frozen=True, slots=True)
class CallerFacts:
    """What the database knows of a number, for whichever agent it rings; ``contacts`` newest first, by customer."""

    matches: Sequence[NumberMatch]
    contacts: Mapping[int, Sequence[PopContact]]
    numbers: Mapping[int, Sequence[str]]
    next_at: Mapping[int, datetime]
    times_chosen: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class EarlierCalls:
    """How often a number that belongs to nobody has called or been called, and how it went last."""

    count: int
    last: tuple[PopContact, ...]


def ranked(facts: CallerFacts, agent_id: int | None, today: date) -> list[PopMatch]:
    """The possible customers, best first for this agent (None: for nobody in particular)."""
    by_id = {match.customer_id: match for match in facts.matches}
    order = rank([_candidate(match, facts, agent_id) for match in facts.matches])
    return [
        PopMatch(_customer(by_id[one.customer_id], facts, today), one.reason, one.reasons, one.score) for one in order
    ]


def _candidate(match: NumberMatch, facts: CallerFacts, agent_id: int | None) -> CandidateFacts:
    spoken = (c for c in facts.contacts.get(match.customer_id, ()) if c.status is CallStatus.ANSWERED)
    last = next(spoken, None)
    others = [m for m in facts.matches if m.customer_id != match.customer_id]
    return CandidateFacts(
        customer_id=match.customer_id,
        exact=match.exact,
        primary=match.primary,
        owner_is_you=agent_id is not None and match.owner_id == agent_id,
        last_spoke=agent_id is not None and last is not None and last.agent_id == agent_id,
        open_follow_up=match.customer_id in facts.next_at,
        times_chosen=facts.times_chosen.get(match.customer_id, 0),
        same_household=match.household_key is not None and any(m.household_key == match.household_key for m in others),
    )


def _customer(match: NumberMatch, facts: CallerFacts, today: date) -> PopCustomer:
    contacts = tuple(facts.contacts.get(match.customer_id, ()))
    solar = match.birth_calendar is not Calendar.LUNAR
    month, day = (match.birth_month, match.birth_day) if solar else (None, None)
    days = days_to_birthday(month, day, today)
    return PopCustomer(
        id=match.customer_id,
        account_number=match.account_number,
        name=match.name,
        kind=match.kind,
        form_of_address=match.form_of_address,
        sex=match.sex,
        age=age(match.birth_year, month, day, today),
        birthday_in_days=days if days is not None and days <= BIRTHDAY_SOON_DAYS else None,
        city=match.city,
        type=match.type,
        membership=match.membership,
        owner_id=match.owner_id,
        owner=match.owner_name,
        owner_display_name=match.owner_display_name,
        department_id=match.department_id,
        taboos=match.taboos,
        do_not_call=match.do_not_call,
        remarks=match.remarks,
        numbers=tuple(facts.numbers.get(match.customer_id, ())),
        contacts=contacts[:CONTACTS_SHOWN],
        progress=next((c.progress for c in contacts if c.progress is not None), None),
        next_at=facts.next_at.get(match.customer_id),
        version=match.version,
    )
