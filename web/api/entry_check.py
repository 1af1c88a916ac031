"""What the entry page is told while somebody types: numbers, ID card, address and who may be stored already.

One question that changes nothing; it is posted because what is typed belongs into no address and no log.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from crm_core.customers.duplicates import queries as duplicates
from crm_core.customers.duplicates.queries import Candidate, Probe
from crm_core.customers.identity import read_id_card
from crm_core.customers.kinds import Calendar, CustomerKind, Sex
from crm_core.customers.sealed import id_card_index
from crm_core.kernel import ids, places
from crm_core.kernel.errors import Rejected
from crm_core.kernel.id_card import IdCard
from crm_core.kernel.phone import NumberKind, normalise
from crm_core.kernel.regions import region_of
from crm_core.organization.access import Action
from web.api.asked import Asked
from web.api.customer_input import AddressInput, BirthdayInput
from web.api.duplicates import AskAnswer, ask_answer
from web.api.values import Day, Id, Input, Line, ObjectId
from web.registry import Routes

routes = Routes("entry")


class NumberVerdict(TypedDict):
    """`problem` says in English what is wrong; then the rest is null."""

    number: str | None
    e164: str | None
    kind: NumberKind | None
    region: str | None
    carrier: str | None
    problem: str | None


class CardVerdict(TypedDict):
    """The number with 18 digits and what it says of its holder, or what is wrong with it."""

    number: str | None
    sex: Sex | None
    birthday: Day | None
    problem: str | None


class PlaceVerdict(TypedDict):
    """An address taken apart; what is behind the district stays in `rest`."""

    province: str
    city: str | None
    district: str | None
    rest: str


class CandidateCustomer(TypedDict):
    id: Id
    name: str
    account_number: str


class CandidateVerdict(TypedDict):
    """`customer` is null when it is there but not within your reach; `ask` says whose it is."""

    customer: CandidateCustomer | None
    ask: AskAnswer | None
    score: float
    reasons: list[str]


class EntryVerdict(TypedDict):
    phones: list[NumberVerdict]
    id_card: CardVerdict | None
    address: PlaceVerdict | None
    candidates: list[CandidateVerdict]


class EntryDraft(Input):
    """What is typed so far; every part may be missing or wrong."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "李秀英", "phones": ["13800138000"], "address": "上海市浦东新区张江镇"}]
        }
    )

    kind: CustomerKind = CustomerKind.PERSON
    name: Annotated[Line, Field(max_length=120)] = ""
    sex: Sex | None = None
    birthday: BirthdayInput | None = None
    phones: Annotated[tuple[Annotated[Line, Field(max_length=60)], ...], Field(max_length=20)] = ()
    id_card: Annotated[Line, Field(max_length=60)] = ""
    address: Annotated[Line, Field(max_length=400, description="an address as it is written")] = ""
    parts: Annotated[AddressInput | None, Field(description="an address that is taken apart already")] = None
    but_not: Annotated[ObjectId | None, Field(description="the customer that is being changed")] = None


class PlaceQuery(Input):
    province: Annotated[Line, Field(max_length=40)] = ""
    city: Annotated[Line, Field(max_length=40)] = ""


class PlaceNames(TypedDict):
    items: list[str]


@routes.route("POST", "/entry-check", "Check what is being typed", right=Action.CUSTOMER_WRITE)
async def check(asked: Asked, body: EntryDraft) -> EntryVerdict:
    """Never refuses what is half typed; nothing is stored."""
    area_code = asked.context.settings.area_code
    card, verdict = _card(body.id_card)
    async with asked.read() as session:
        found = await duplicates.candidates(session, asked.actor, _probe(asked, body, card))
    return {
        "phones": [_number(text, area_code) for text in body.phones],
        "id_card": verdict,
        "address": _place(body.address),
        "candidates": [_candidate(one) for one in found],
    }


@routes.route("GET", "/places", "Provinces, cities of one, districts of one", right=Action.CUSTOMER_READ)
async def list_places(asked: Asked, query: PlaceQuery) -> PlaceNames:
    """Without a province the provinces, with one its cities, with both the districts; none for an unknown one."""
    if not query.province:
        return {"items": list(places.provinces())}
    if not query.city:
        return {"items": list(places.cities(query.province))}
    return {"items": list(places.districts(query.province, query.city))}


def _number(text: str, area_code: str) -> NumberVerdict:
    try:
        known = normalise(text, area_code)
    except Rejected as error:
        return {
            "number": None, "e164": None, "kind": None, "region": None, "carrier": None, "problem": error.detail
        }  # fmt: skip
    region = region_of(known.e164)
    return {
        "number": known.national,
        "e164": known.e164,
        "kind": known.kind,
        "region": region.chinese if region else None,
        "carrier": region.carrier if region else None,
        "problem": None,
    }


def _card(text: str) -> tuple[IdCard | None, CardVerdict | None]:
    if not text:
        return None, None
    try:
        card = read_id_card(text)
    except ValueError as error:
        return None, {"number": None, "sex": None, "birthday": None, "problem": str(error)}
    verdict: CardVerdict = {
        "number": card.number18,
        "sex": Sex(card.sex),
        "birthday": card.birthday.isoformat(),
        "problem": None,
    }
    return card, verdict


def _place(text: str) -> PlaceVerdict | None:
    found = places.complete(text) if text else None
    if found is None:
        return None
    return {"province": found.province, "city": found.city, "district": found.district, "rest": found.rest}


def _probe(asked: Asked, body: EntryDraft, card: IdCard | None) -> Probe:
    born = body.birthday or BirthdayInput()
    day: date | None = card.birthday if card is not None and born.year is None else None
    return Probe(
        name=body.name,
        phones=body.phones,
        id_card_index=id_card_index(asked.context.db.keyring, card.number18) if card is not None else None,
        birthday=(day.year, day.month, day.day) if day is not None else (born.year, born.month, born.day),
        calendar=Calendar.SOLAR if day is not None else born.calendar,
        leap=born.leap,
        sex=body.sex or (Sex(card.sex) if card is not None else None),
        kind=body.kind,
        address=None if body.parts is None else body.parts.model_dump(),
        area_code=asked.context.settings.area_code,
        but_not=body.but_not,
    )


def _candidate(one: Candidate) -> CandidateVerdict:
    shown: CandidateCustomer = {
        "id": ids.show(one.customer_id),
        "name": one.name,
        "account_number": one.account_number,
    }
    return {
        "customer": shown if one.reachable else None,
        "ask": ask_answer(one),
        "score": one.score,
        "reasons": [str(reason) for reason in one.reasons],
    }
