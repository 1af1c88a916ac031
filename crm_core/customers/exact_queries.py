"""The exact query of the desks: one whole item (account number, phone, ID card, name) leads to its customer."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers import identity, queries, sealed
from crm_core.customers.models import Customer, Phone
from crm_core.customers.rules import clean
from crm_core.customers.views import CustomerView
from crm_core.kernel.phone import recognise
from crm_core.organization.access import Actor

MOST: Final = 10


class Item(StrEnum):
    """Which item was given, the surest first."""

    ACCOUNT_NUMBER = "account_number"
    ID_CARD = "id_card"
    PHONE = "phone"
    NAME = "name"


async def exact(
    session: AsyncSession, actor: Actor, text: str, *, area_code: str, today: date
) -> list[tuple[Item, CustomerView]]:
    """Who has exactly this, within the asker's reach, the surest item first; at most ``MOST``."""
    wanted = clean(text)
    found: dict[int, Item] = {}
    for item, customer_ids in (
        (Item.ACCOUNT_NUMBER, await _by_account(session, wanted)),
        (Item.ID_CARD, await _by_id_card(session, wanted)),
        (Item.PHONE, await _by_phone(session, wanted, area_code)),
        (Item.NAME, await _by_name(session, actor, wanted)),
    ):
        for customer_id in customer_ids:
            found.setdefault(customer_id, item)
    if not found:
        return []
    rows, seen = queries.columns().where(Customer.id.in_(found)), queries.visible_to(actor)
    rows = (rows if seen is None else rows.where(seen)).order_by(Customer.id.desc())
    shown = (await session.execute(rows)).all()
    phones = await queries.phones_of(session, actor, [row.id for row in shown])
    views = [queries.shown(session, actor, row, tuple(phones.get(row.id, ())), today) for row in shown]
    order = list(Item)
    return sorted(((found[view.id], view) for view in views), key=lambda pair: order.index(pair[0]))[:MOST]


async def _by_account(session: AsyncSession, text: str) -> list[int]:
    found = await queries.id_of_account(session, text) if text else None
    return [] if found is None else [found]


async def _by_id_card(session: AsyncSession, text: str) -> list[int]:
    try:
        card = identity.read_id_card(text)
    except ValueError:
        return []
    found = await queries.with_id_card(session, sealed.id_card_index(session.info["keyring"], card.number18))
    return [] if found is None else [found]


async def _by_phone(session: AsyncSession, text: str, area_code: str) -> list[int]:
    number = recognise(text, area_code)
    if number is None:
        return []
    same = Phone.reversed_digits == number.reversed_digits if number.e164 is None else Phone.e164 == number.e164
    return list((await session.scalars(select(Phone.customer_id).where(same).limit(50))).all())


async def _by_name(session: AsyncSession, actor: Actor, text: str) -> list[int]:
    rows, seen = select(Customer.id).where(Customer.name == text), queries.visible_to(actor)
    rows = (rows if seen is None else rows.where(seen)).order_by(Customer.id.desc()).limit(MOST)
    return list((await session.scalars(rows)).all()) if text else []
