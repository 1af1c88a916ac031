"""Who may be stored twice: candidates while typing, the pairs of the whole base, merging and undoing it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, tzinfo
from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from crm_core.customers import queries as customers
from crm_core.customers import service as customer_service
from crm_core.customers.duplicates import merging, pair_queries, pairs, undoing
from crm_core.customers.duplicates import queries as duplicates
from crm_core.customers.duplicates.fields import CHOICES
from crm_core.customers.duplicates.jobs import FIND_DUPLICATES
from crm_core.customers.duplicates.models import PairState
from crm_core.customers.duplicates.pair_queries import End, MergeView, PairView
from crm_core.customers.duplicates.queries import Candidate, Probe
from crm_core.customers.kinds import Calendar, CustomerKind, Sex
from crm_core.db.uow import UnitOfWork
from crm_core.jobs import service as jobs
from crm_core.kernel import ids
from crm_core.organization.access import Action
from web.api.asked import Asked
from web.api.customer_input import CustomerChange
from web.api.customer_json import CustomerAnswer, customer_answer
from web.api.customers import fields_of, today
from web.api.values import EXAMPLE_ID, ById, Cursor, Id, Input, Line, ObjectId, Paging, Time, time_text
from web.registry import Routes

routes = Routes("duplicates")
Choice = Annotated[Line, Field(max_length=40)]


class CandidateCustomer(TypedDict):
    id: Id
    name: str
    account_number: str


class AskAnswer(TypedDict):
    """A colleague's name and department."""

    person: str | None
    department: str | None


class CandidateAnswer(TypedDict):
    """`customer` is null for somebody who is there but not within your reach; `ask` says whose he is."""

    customer: CandidateCustomer | None
    ask: AskAnswer | None
    score: float
    reasons: list[str]


class CandidateList(TypedDict):
    items: list[CandidateAnswer]
    next: Cursor | None


class PairEnd(TypedDict):
    id: Id
    name: str
    account_number: str
    owner: str | None


class PairAnswer(TypedDict):
    """`reasons` beginning with `other_` speak against it."""

    id: Id
    customers: list[PairEnd]
    score: float
    reasons: list[str]
    state: PairState
    found_at: Time
    decided_at: Time | None
    decided_by: str | None


class PairPage(TypedDict):
    items: list[PairAnswer]
    next: Cursor | None


class MergeAnswer(TypedDict):
    """`merged` is the id that leads to `into` now; `can_undo` ends when it was undone or `into` was merged further."""

    id: Id
    merged: Id
    account_number: str
    into: PairEnd
    at: Time
    by: str | None
    undone_at: Time | None
    can_undo: bool


class MergePage(TypedDict):
    items: list[MergeAnswer]
    next: Cursor | None


class Merged(TypedDict):
    merge: MergeAnswer
    customer: CustomerAnswer


class MergeUndone(TypedDict):
    """`kept` names what a person changed since the merge: it stays as it is."""

    merge: MergeAnswer
    customer: CustomerAnswer
    separated: CustomerAnswer
    kept: list[str]


class Started(TypedDict):
    job: Id


class CandidateQuery(Input):
    """What is typed so far."""

    name: Annotated[Line, Field(max_length=120)] = ""
    phone: Annotated[Line, Field(max_length=200, description="one number, or several with commas")] = ""
    kind: CustomerKind = CustomerKind.PERSON
    sex: Sex | None = None
    calendar: Calendar = Calendar.SOLAR
    year: Annotated[int | None, Field(ge=1850, le=2150)] = None
    month: Annotated[int | None, Field(ge=1, le=12)] = None
    day: Annotated[int | None, Field(ge=1, le=31)] = None
    leap: bool = False
    province: Annotated[Line, Field(max_length=40)] = ""
    city: Annotated[Line, Field(max_length=40)] = ""
    street: Annotated[Line, Field(max_length=200)] = ""
    but_not: Annotated[ObjectId | None, Field(description="the customer that is being changed")] = None
    limit: Annotated[int, Field(ge=1, le=20)] = 5


class PairQuery(Paging):
    state: PairState = PairState.OPEN


class DecisionInput(Input):
    model_config = ConfigDict(json_schema_extra={"examples": [{"state": "not_duplicate"}]})

    state: Literal[PairState.OPEN, PairState.NOT_DUPLICATE]


class MergeInput(Input):
    """The survivor `into` keeps its values but for what it lacks, what `take` names and what `fields` sets."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"into": EXAMPLE_ID, "fields": {}}]})

    into: ObjectId
    fields: CustomerChange | None = None
    take: Annotated[
        tuple[Choice, ...], Field(max_length=40, description=f"from the merged one: {', '.join(CHOICES)}, …")
    ] = ()


class SearchInput(Input):
    model_config = ConfigDict(json_schema_extra={"examples": [{"least": 0.5}]})

    least: Annotated[float, Field(ge=0.1, le=1, description="the score from which a pair is worth a look")] = 0.5
    renew: Annotated[bool, Field(description="work out all keys anew, not only missing ones")] = False


@routes.route("GET", "/customers/candidates", "Who may be stored already", right=Action.CUSTOMER_WRITE)
async def list_candidates(asked: Asked, query: CandidateQuery) -> CandidateList:
    """Best first. Those out of your reach are told of without their names."""
    address = {"province": query.province, "city": query.city, "street": query.street}
    probe = Probe(
        name=query.name,
        phones=[part for part in query.phone.replace("，", ",").split(",") if part.strip()],
        birthday=(query.year, query.month, query.day),
        calendar=query.calendar,
        leap=query.leap,
        sex=query.sex,
        kind=query.kind,
        address=address,
        area_code=asked.context.settings.area_code,
        but_not=query.but_not,
    )
    async with asked.read() as session:
        found = await duplicates.candidates(session, asked.actor, probe, limit=query.limit)
    return {"items": candidate_answers(found), "next": None}


@routes.route("GET", "/duplicates", "Pairs that may be one customer", right=Action.CUSTOMER_MERGE)
async def list_pairs(asked: Asked, query: PairQuery) -> PairPage:
    """The likeliest first, as the last search through the base found them; only where you may merge both."""
    async with asked.read() as session:
        page = await pair_queries.pairs(session, asked.actor, state=query.state, limit=query.limit, cursor=query.cursor)
    zone = asked.context.settings.timezone
    return {"items": [pair_answer(one, zone) for one in page.items], "next": page.next}


@routes.route("POST", "/duplicates/search", "Search the whole base", right=Action.DUPLICATE_SEARCH, status=202)
async def search_base(asked: Asked, body: SearchInput) -> Started:
    """In the background: follow the job. What was decided on known pairs stays."""
    params = {"least": body.least, "renew": body.renew}
    async with asked.uow() as uow:
        job = await jobs.start(uow, FIND_DUPLICATES, params, by=asked.actor)
        return {"job": ids.show(job.id)}


@routes.route(
    "PATCH",
    "/duplicates/{id}",
    "Say that two are not one, or open the pair again",
    right=Action.CUSTOMER_MERGE,
    subject="duplicate pair",
    errors={409: ["pair_merged"]},
)
async def decide_pair(asked: Asked, path: ById, body: DecisionInput) -> PairAnswer:
    async with asked.uow() as uow:
        await pairs.decide(uow, path.id, body.state, by=asked.actor)
    async with asked.read() as session:
        return pair_answer(await pair_queries.pair(session, asked.actor, path.id), asked.context.settings.timezone)


@routes.route(
    "POST",
    "/customers/{id}/merge",
    "Merge a customer into another",
    right=Action.CUSTOMER_MERGE,
    status=201,
    subject="customer",
    errors={
        409: ["already_merged", "merge_other_kind", "stale"],
        422: ["merge_same", "merge_invalid", "customer_invalid"],
    },
)
async def merge_customer(asked: Asked, path: ById, body: MergeInput) -> Merged:
    """Everything attached moves to `into`; the old id and account number lead there. It can be undone."""
    async with asked.read() as session:
        for one in (path.id, body.into):
            await customers.customer(session, asked.actor, one, today=today(asked), action=Action.CUSTOMER_MERGE)
    changes = body.fields if body.fields is not None and body.fields.model_fields_set - {"reason"} else None
    fields = await fields_of(asked, changes) if changes is not None else {}

    async def apply(uow: UnitOfWork) -> None:
        if changes is not None:
            await customer_service.update(uow, body.into, fields, by=asked.actor, reason=changes.reason)

    async with asked.uow() as uow:
        made = await merging.merge(uow, path.id, body.into, by=asked.actor, take=body.take, apply=apply)
    async with asked.read() as session:
        merge = await pair_queries.merge(session, asked.actor, made.id)
    return {"merge": merge_answer(merge, asked.context.settings.timezone), "customer": await _whole(asked, body.into)}


@routes.route("GET", "/merges", "Merges, newest first", right=Action.CUSTOMER_MERGE)
async def list_merges(asked: Asked, query: Paging) -> MergePage:
    async with asked.read() as session:
        page = await pair_queries.merges(session, asked.actor, limit=query.limit, cursor=query.cursor)
    zone = asked.context.settings.timezone
    return {"items": [merge_answer(one, zone) for one in page.items], "next": page.next}


@routes.route(
    "POST",
    "/merges/{id}/undo",
    "Undo a merge",
    right=Action.CUSTOMER_MERGE,
    subject="merge",
    errors={409: ["merge_undone", "merge_undo_order"]},
)
async def undo_merge(asked: Asked, path: ById) -> MergeUndone:
    """Also after later edits: what a person changed since stays, and `kept` names it."""
    async with asked.uow() as uow:
        undone = await undoing.undo(uow, path.id, by=asked.actor)
    async with asked.read() as session:
        merge = await pair_queries.merge(session, asked.actor, path.id)
    return {
        "merge": merge_answer(merge, asked.context.settings.timezone),
        "customer": await _whole(asked, undone.from_id),
        "separated": await _whole(asked, undone.customer_id),
        "kept": list(undone.kept),
    }


async def _whole(asked: Asked, customer_id: int) -> CustomerAnswer:
    day: date = today(asked)
    async with asked.read() as session:
        view = await customers.customer(session, asked.actor, customer_id, today=day, action=Action.CUSTOMER_MERGE)
    return customer_answer(view, asked.context.settings.timezone)


def candidate_answers(found: Sequence[Candidate]) -> list[CandidateAnswer]:
    """With the customer only where the asker may see him."""
    answers: list[CandidateAnswer] = []
    for one in found:
        seen: CandidateCustomer = {
            "id": ids.show(one.customer_id),
            "name": one.name,
            "account_number": one.account_number,
        }
        reasons = [reason.value for reason in one.reasons]
        ask = ask_answer(one)
        answers.append(
            {"customer": seen if one.reachable else None, "ask": ask, "score": one.score, "reasons": reasons}
        )
    return answers


def ask_answer(one: Candidate) -> AskAnswer | None:
    return None if one.ask is None else {"person": one.ask.person, "department": one.ask.department}


def pair_answer(pair: PairView, zone: tzinfo) -> PairAnswer:
    return {
        "id": ids.show(pair.id),
        "customers": [_end(pair.first), _end(pair.second)],
        "score": pair.score,
        "reasons": list(pair.reasons),
        "state": pair.state,
        "found_at": time_text(pair.found_at, zone) or "",
        "decided_at": time_text(pair.decided_at, zone),
        "decided_by": pair.decided_by,
    }


def merge_answer(merge: MergeView, zone: tzinfo) -> MergeAnswer:
    return {
        "id": ids.show(merge.id),
        "merged": ids.show(merge.customer_id),
        "account_number": merge.account_number,
        "into": _end(End(merge.survivor_id, merge.survivor_account_number, merge.survivor, merge.owner)),
        "at": time_text(merge.at, zone) or "",
        "by": merge.by,
        "undone_at": time_text(merge.undone_at, zone),
        "can_undo": merge.can_undo,
    }


def _end(end: End) -> PairEnd:
    return {"id": ids.show(end.id), "name": end.name, "account_number": end.account_number, "owner": end.owner}
