"""Reads what customers can be found by, a batch at a time: for the index, and to make sure of what it found."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers import sealed
from crm_core.customers.models import AccountNumber, Customer, Phone
from crm_core.customers.search.models import SearchEntry
from crm_core.customers.search.tokens import ID_END, Facts
from crm_core.db.types import AnyRow
from crm_core.db.upsert import table_of
from crm_core.kernel.phone import national
from crm_core.kernel.sealing import NO_KEYS, KeyRing

FRAGMENT = 4  # characters of a keyed fragment of an ID card's number
CARD_FIELD = "member_card"  # the own field that a membership card's number is kept in
_customers, _phones, _numbers = table_of(Customer), table_of(Phone), table_of(AccountNumber)
_entries = table_of(SearchEntry)


async def facts_of(
    session: AsyncSession, ids: Sequence[int], *, numbers: bool = True, id_cards: bool = True
) -> list[Facts]:
    """Of those customers that there are, in the order of their ids; without numbers, or ID cards, if so wished."""
    if not ids:
        return []
    c = _customers.c
    rows = await session.execute(
        select(
            c.id, c.account_number, c.name, c.pinyin, c.initials, c.custom,
            c.birth_calendar, c.birth_year, c.birth_month, c.birth_day, c.id_card_sealed, c.created_at,
        ).where(c.id.in_(ids)).order_by(c.id)
    )  # fmt: skip
    phones = await _phones_of(session, ids) if numbers else {}
    old = await _account_numbers(session, ids) if numbers else {}
    ring: KeyRing = session.info.get("keyring", NO_KEYS) if id_cards else NO_KEYS
    return [_facts(row, phones.get(row.id, ()), old.get(row.id, ()), ring) for row in rows]


async def _phones_of(session: AsyncSession, ids: Sequence[int]) -> dict[int, list[str]]:
    p = _phones.c
    rows = await session.execute(select(p.customer_id, p.e164, p.reversed_digits).where(p.customer_id.in_(ids)))
    found: dict[int, list[str]] = {}
    for row in rows:
        digits = national(row.e164) if row.e164 else row.reversed_digits[::-1]
        found.setdefault(row.customer_id, []).append(digits)
    return found


async def _account_numbers(session: AsyncSession, ids: Sequence[int]) -> dict[int, list[str]]:
    """The numbers that lead to each customer, those of customers merged into him too."""
    n = _numbers.c
    rows = await session.execute(select(n.customer_id, n.number).where(n.customer_id.in_(ids)))
    found: dict[int, list[str]] = {}
    for row in rows:
        found.setdefault(row.customer_id, []).append(row.number)
    return found


def _facts(row: AnyRow, phones: Sequence[str], old: Sequence[str], ring: KeyRing) -> Facts:
    card = row.custom.get(CARD_FIELD) if isinstance(row.custom, dict) else None
    numbers = dict.fromkeys([row.account_number, *old, *([str(card)] if card else [])])
    id_card = sealed.open_id_card(ring, row.id, row.id_card_sealed) if row.id_card_sealed and ring.ids else None
    return Facts(
        id=row.id,
        name=row.name,
        pinyin=row.pinyin,
        initials=row.initials,
        created_at=row.created_at,
        numbers=tuple(numbers),
        phones=tuple(phones),
        birth_calendar=row.birth_calendar,
        birth_year=row.birth_year,
        birth_month=row.birth_month,
        birth_day=row.birth_day,
        id_card=card_fragments(ring, id_card) if id_card else (),
        id_card_plain=id_card,
    )


def card_fragments(ring: KeyRing, number: str) -> tuple[str, ...]:
    """What an ID card's number is found by."""
    return tuple(ring.fragments(number + ID_END, sealed.ID_CARD, FRAGMENT))


async def entries(session: AsyncSession, ids: Sequence[int]) -> dict[int, bytes]:
    """What each customer has in the index now."""
    e = _entries.c
    rows = await session.execute(select(e.customer_id, e.tokens).where(e.customer_id.in_(ids)))
    return {row.customer_id: row.tokens for row in rows}


async def ids_after(session: AsyncSession, last: int, limit: int) -> list[int]:
    """The next ids of the base, for a walk through all of it."""
    rows = select(_customers.c.id).where(_customers.c.id > last).order_by(_customers.c.id).limit(limit)
    return list((await session.execute(rows)).scalars())
