"""Who may be stored already: candidates for what is being typed or imported, by index only."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any, Final

from sqlalchemy import bindparam, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.duplicates import keys, rules
from crm_core.customers.duplicates.models import MatchKey
from crm_core.customers.duplicates.rules import Birthday, Facts, Reason
from crm_core.customers.kinds import Calendar, CustomerKind, Sex
from crm_core.customers.models import Customer, Phone
from crm_core.db.pairs import pairs_of
from crm_core.db.upsert import table_of
from crm_core.kernel.phone import recognise
from crm_core.organization.access import Action, Actor
from crm_core.organization.models import Department, User

_customers, _phones, _keys = table_of(Customer), table_of(Phone), table_of(MatchKey)
_PEOPLE, _PLACES = select(User.id, User.display_name), select(Department.id, Department.name)
_BLOCK: Final = 400  # ids of one statement
FACTS: Final = (
    "name", "pinyin", "initials", "kind", "sex", "birth_calendar", "birth_year", "birth_month", "birth_day",
    "birth_leap", "id_card_index", "province", "city", "street",
)  # fmt: skip
# Built once: SQLAlchemy's statement cache then compiles each once per database.
_COLUMNS = select(
    _customers.c.id,
    _customers.c.account_number,
    _customers.c.name.label("shown_name"),
    _customers.c.owner_id,
    _customers.c.department_id,
    *(_customers.c[name] for name in FACTS),
).where(_customers.c.id.in_(bindparam("ids", expanding=True)))
_NUMBERS = select(_phones.c.customer_id, _phones.c.e164, _phones.c.reversed_digits).where(
    _phones.c.customer_id.in_(bindparam("ids", expanding=True))
)
_OWN = select(_keys.c.key).where(_keys.c.customer_id == bindparam("id"))


@dataclass(frozen=True, slots=True)
class Probe:
    """What is known of somebody who may be stored already. ``phones`` as typed; ``address`` has the columns' names."""

    name: str = ""
    phones: Sequence[str] = ()
    id_card_index: str | None = None
    birthday: Birthday = (None, None, None)
    calendar: Calendar = Calendar.SOLAR
    leap: bool = False
    sex: Sex | None = None
    kind: CustomerKind = CustomerKind.PERSON
    address: Mapping[str, str | None] | None = None
    area_code: str = ""
    but_not: int | None = None  # the customer who is being edited


# Somebody's keys, and what makes his facts when they are needed.
Keyed = tuple[Collection[int], Callable[[], Facts]]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A customer who may be the one. ``reachable`` says whether the asker may see him at all."""

    customer_id: int
    account_number: str
    name: str
    score: float
    reasons: tuple[Reason, ...]
    reachable: bool
    owner_id: int | None = None
    department_id: int | None = None
    ask: Ask | None = None  # whose he is, for those who cannot reach him


@dataclass(frozen=True, slots=True)
class Ask:
    """With whom to speak about a customer whom one may not see."""

    person: str | None
    department: str | None


@dataclass(frozen=True, slots=True)
class Stored:
    """A customer's facts with what a list shows of him and who may see him."""

    facts: Facts
    account_number: str
    name: str
    owner_id: int | None
    department_id: int | None


def probe_facts(probe: Probe) -> Facts:
    """Pure: numbers that are none are passed over, for they are being typed."""
    known = (recognise(number, probe.area_code) for number in probe.phones)
    year, month, day = probe.birthday
    fields: dict[str, Any] = {
        "name": probe.name,
        "kind": probe.kind,
        "sex": probe.sex,
        "birth_calendar": probe.calendar,
        "birth_year": year,
        "birth_month": month,
        "birth_day": day,
        "birth_leap": probe.leap,
        "id_card_index": probe.id_card_index,
        **(probe.address or {}),
    }
    phones = frozenset(number.e164 or number.digits for number in known if number is not None)
    return keys.facts_of(probe.but_not or 0, fields, phones)


async def candidates(
    session: AsyncSession,
    actor: Actor,
    probe: Probe,
    *,
    limit: int = 5,
    least: float = rules.WORTH_A_LOOK,
) -> list[Candidate]:
    """Best first, ``limit`` at most, none below the score ``least``; those out of reach say so."""
    asked = probe_facts(probe)
    wanted = sorted(keys.keys_of(asked))
    found: set[int] = set()
    if wanted:
        values = {f"key{n}": key for n, key in enumerate(wanted)}
        values |= {f"most{n}": keys.LARGEST_BLOCK[keys.kind_of(key)] for n, key in enumerate(wanted)}
        found.update((await (await session.connection()).execute(_members_of(len(wanted)), values)).scalars())
    found.discard(probe.but_not or 0)
    stored = await stored_customers(session, found)
    best = [one for one in _ranked(asked, stored.values(), actor) if one.score >= least][:limit]
    return best if all(one.reachable for one in best) else await _with_askers(session, best)


async def _with_askers(session: AsyncSession, found: Sequence[Candidate]) -> list[Candidate]:
    """Those out of reach without what names them, but with whose they are."""
    hidden = [one for one in found if not one.reachable]
    owners = {one.owner_id for one in hidden if one.owner_id is not None}
    departments = {one.department_id for one in hidden if one.department_id is not None}
    connection = await session.connection()
    people: dict[int | None, str] = {}
    places: dict[int | None, str] = {}
    if owners:
        people |= {row[0]: row[1] for row in await connection.execute(_PEOPLE.where(User.id.in_(owners)))}
    if departments:
        places |= {row[0]: row[1] for row in await connection.execute(_PLACES.where(Department.id.in_(departments)))}
    return [one if one.reachable else _hidden(one, people, places) for one in found]


def _hidden(one: Candidate, people: Mapping[int | None, str], places: Mapping[int | None, str]) -> Candidate:
    whose = Ask(people.get(one.owner_id), places.get(one.department_id))
    return replace(one, name="", account_number="", ask=whose)


@lru_cache(maxsize=64)
def _members_of(count: int) -> Any:
    """One statement for so many keys, each read no further than its block may be large.

    A switchboard's thousand customers cost no more than twenty.
    """
    parts = [
        select(_keys.c.customer_id).where(_keys.c.key == bindparam(f"key{n}")).limit(bindparam(f"most{n}")).subquery()
        for n in range(count)
    ]
    return union_all(*(select(part.c.customer_id) for part in parts))


async def candidates_of_many(
    session: AsyncSession, actor: Actor, probes: Sequence[Probe], *, least: float = rules.LIKELY
) -> list[list[Candidate]]:
    """For each probe its candidates, best first: few statements for thousands of them."""
    asked = [probe_facts(probe) for probe in probes]
    keyed = [(keys.keys_of(facts), partial(_same, facts)) for facts in asked]
    found = await candidates_by_keys(session, actor, keyed, least=least)
    return [[one for one in own if one.customer_id != probe.but_not] for own, probe in zip(found, probes, strict=True)]


def _same(facts: Facts) -> Facts:
    return facts


async def candidates_by_keys(
    session: AsyncSession, actor: Actor, asked: Sequence[Keyed], *, least: float = rules.LIKELY
) -> list[list[Candidate]]:
    """The same for those whose keys are known already; the facts are asked for only where somebody shares a key."""
    members = await _members(session, set().union(*(own for own, _ in asked))) if asked else {}
    ids = [{member for key in own if key in members for member in members[key]} for own, _ in asked]
    stored = await stored_customers(session, set().union(*ids)) if ids else {}
    found: list[list[Candidate]] = []
    for (_, facts), own in zip(asked, ids, strict=True):
        there = [stored[one] for one in own if one in stored]
        found.append([one for one in _ranked(facts(), there, actor) if one.score >= least] if there else [])
    return found


async def _members(session: AsyncSession, wanted: Collection[int]) -> dict[int, list[int]]:
    """Customers by key; blocks beyond their bound are cut as a single look-up would cut them."""
    found = dict[int, list[int]]()
    for key, customer_id in await pairs_of(session, _keys, wanted, max(keys.LARGEST_BLOCK.values())):
        found.setdefault(key, []).append(customer_id)
    return {key: sorted(own)[: keys.LARGEST_BLOCK[keys.kind_of(key)]] for key, own in found.items()}


async def stored_customers(session: AsyncSession, ids: Iterable[int]) -> dict[int, Stored]:
    """Facts of these customers by id."""
    connection, found = await session.connection(), dict[int, Stored]()
    for block in blocks(sorted(ids)):
        numbers: dict[int, list[str]] = {}
        for customer_id, e164, backwards in (await connection.execute(_NUMBERS, {"ids": block})).all():
            numbers.setdefault(customer_id, []).append(e164 or backwards[::-1])
        for one, account, name, owner, department, *values in (
            await connection.execute(_COLUMNS, {"ids": block})
        ).all():
            facts = keys.facts_of(one, dict(zip(FACTS, values, strict=True)), frozenset(numbers.get(one, ())))
            found[one] = Stored(facts, account, name, owner, department)
    return found


def blocks(ids: Sequence[int], size: int = _BLOCK) -> Iterable[Sequence[int]]:
    return (ids[start : start + size] for start in range(0, len(ids), size))


async def keys_stored(session: AsyncSession, customer_id: int) -> set[int]:
    return set((await session.execute(_OWN, {"id": customer_id})).scalars())


def _ranked(asked: Facts, stored: Iterable[Stored], actor: Actor) -> list[Candidate]:
    found = []
    for one in stored:
        alike = rules.compare(asked, one.facts)
        reach = actor.reaches(Action.CUSTOMER_READ, owner_id=one.owner_id, department_id=one.department_id)
        whose = one.owner_id, one.department_id
        who = one.facts.customer_id, one.account_number, one.name
        found.append(Candidate(*who, alike.score, alike.reasons, reach, *whose))
    return sorted(found, key=lambda one: (-one.score, one.customer_id))
