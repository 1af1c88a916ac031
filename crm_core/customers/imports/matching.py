"""What a chunk of rows meets in the database: a few statements for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers import sealed
from crm_core.customers.custom import queries as custom
from crm_core.customers.duplicates import queries as duplicates
from crm_core.customers.duplicates.queries import Probe
from crm_core.customers.imports import queries
from crm_core.customers.imports.cleaning import CleanRow
from crm_core.customers.imports.deciding import Met, Names, Person
from crm_core.customers.kinds import Calendar, CustomerKind, Sex
from crm_core.kernel.sealing import KeyRing
from crm_core.organization.access import Actor

_BLOCK = 400  # values of one statement


async def names(session: AsyncSession) -> Names:
    """Users by the name they sign in with and the one that is shown; one that several bear means nobody."""
    people: dict[str, Person | None] = {}
    shown: dict[str, Person | None] = {}
    rows = await queries.people(session)
    for user_id, name, display_name, department_id, active in rows:
        person = Person(user_id, department_id, active)
        people[name.casefold()] = person
        key = display_name.casefold()
        shown[key] = None if shown.get(key, person) not in (person, None) or key in shown else person
    homes = {row[0]: row[3] for row in rows}
    departments, own_fields = await queries.departments(session), await custom.definitions(session)
    return Names({**shown, **people}, departments, homes, own_fields, await custom.user_names(session))


async def met(session: AsyncSession, actor: Actor, ring: KeyRing, import_id: int, rows: Sequence[CleanRow]) -> Met:
    """Rows with errors of their own are asked about as little as possible: they come to nothing."""
    good = [row for row in rows if not row.errors]
    numbers = {row.values[name] for row in good for name in ("account_number", "referred_by") if name in row.values}
    cards = {row.number: sealed.id_card_index(ring, row.values["id_card"]) for row in good if "id_card" in row.values}
    probes = [_probe(row, cards.get(row.number)) for row in good]
    found = await duplicates.candidates_of_many(session, actor, probes)
    own = await queries.made_by(session, import_id, {one.customer_id for there in found for one in there})
    # Whom this very file brought is known by the keys of the file: a dry run has to come to the same verdict.
    candidates = {
        row.number: [one for one in there if one.customer_id not in own] for row, there in zip(good, found, strict=True)
    }
    holders = await queries.card_holders(session, set(cards.values()))
    by_row = {number: holders[index] for number, index in cards.items() if index in holders}
    keys = sorted({key for row in good for key in row.keys})
    earlier: dict[int, int] = {}
    for start in range(0, len(keys), _BLOCK):
        earlier |= await queries.rows_with_keys(session, import_id, keys[start : start + _BLOCK])
    return Met(await queries.account_holders(session, numbers), candidates, by_row, earlier)


def _probe(row: CleanRow, card: str | None) -> Probe:
    values: dict[str, Any] = row.values
    return Probe(
        name=values["name"],
        phones=[phone[1] or phone[2][::-1] for phone in row.phones],
        id_card_index=card,
        birthday=(values.get("birth_year"), values.get("birth_month"), values.get("birth_day")),
        calendar=Calendar(values.get("birth_calendar") or Calendar.SOLAR),
        leap=bool(values.get("birth_leap")),
        sex=Sex(values["sex"]) if values.get("sex") else None,
        kind=CustomerKind(values.get("kind") or CustomerKind.PERSON),
        address={name: values.get(name) for name in ("province", "city", "street")},
    )
