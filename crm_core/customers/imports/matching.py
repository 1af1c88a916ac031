"""What a chunk of rows meets in the database: a few statements for all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.custom import queries as custom
from crm_core.customers.duplicates import queries as duplicates
from crm_core.customers.duplicates.keys import card_key
from crm_core.customers.duplicates.queries import Keyed
from crm_core.customers.duplicates.rules import Facts
from crm_core.customers.imports import queries
from crm_core.customers.imports.cleaning import CleanRow, facts_of
from crm_core.customers.imports.deciding import Met, Names, Person
from crm_core.organization.access import Actor


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


async def met(
    session: AsyncSession, actor: Actor, import_id: int, rows: Sequence[CleanRow], cards: Mapping[int, str]
) -> Met:
    """Rows with errors of their own are asked about as little as possible: they come to nothing.

    ``cards``: by row number the keyed index of its ID card.
    """
    good = [row for row in rows if not row.errors]
    numbers = {row.values[name] for row in good for name in ("account_number", "referred_by") if name in row.values}
    keyed = [_keyed(row, cards.get(row.number)) for row in good]
    found = await duplicates.candidates_by_keys(session, actor, keyed)
    own = await queries.made_by(session, import_id, {one.customer_id for there in found for one in there})
    # Whom this very file brought is known by the keys of the file: a dry run has to come to the same verdict.
    candidates = {
        row.number: [one for one in there if one.customer_id not in own]
        for row, there in zip(good, found, strict=True)
        if there
    }
    holders = await queries.card_holders(session, sorted(cards.values()))
    by_row = {number: holders[index] for number, index in cards.items() if index in holders} if holders else {}
    earlier = await queries.rows_with_keys(session, import_id, {key for row in good for key in row.keys})
    return Met(await queries.account_holders(session, numbers), candidates, by_row, earlier)


def _keyed(row: CleanRow, card: str | None) -> Keyed:
    own = row.match if card is None else [*row.match, card_key(card)]
    return own, partial(_facts, row, card)


def _facts(row: CleanRow, card: str | None) -> Facts:
    return replace(facts_of(row), id_card_index=card)
