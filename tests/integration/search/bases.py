"""Small random bases of customers, each indexed, and what a plain look at all of them finds."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from crm_core.customers import pinyin, sealed
from crm_core.customers.kinds import Calendar
from crm_core.customers.models import Customer
from crm_core.customers.search import facts_queries, queries, service
from crm_core.customers.search.asked import Sight, fits, words_of
from crm_core.customers.search.tokens import Facts
from crm_core.db.database import Database
from crm_core.organization.access import Actor, Mask
from tests.factories import add_customer

ZONE = ZoneInfo("Asia/Shanghai")
TODAY = date(2026, 11, 21)
NOW = queries.Now(TODAY, ZONE)
YESTERDAY = datetime(2026, 11, 20, 2, tzinfo=UTC)
_SURNAMES = ("王", "曾", "欧阳", "单", "Smith ", "仇")
_GIVEN = ("秀英", "英", "秀", "建国", "王英", "A1", "娜娜", "")
_DIGITS = ("138001380", "0380", "2134", "1382")


async def random_base(db: Database, dice: random.Random, size: int, owners: Sequence[Actor]) -> list[int]:
    """So many customers out of so few parts that fragments meet everywhere; gives their ids."""
    ids = []
    for number in range(size):
        owner = dice.choice(owners)
        customer = await add_customer(
            db, **_person(dice), owner=owner, phones=_phones(dice), account_number=_account(dice, number)
        )
        ids.append(customer.id)
        async with db.uow() as uow:
            kept = await uow.session.get_one(Customer, customer.id)
            if dice.random() < 0.5:
                sealed.set_id_card(
                    uow.keyring, kept, f"31010119{dice.randrange(50, 60)}0815{number:03d}{dice.choice('0X')}"
                )
            await service.index_ids(uow, [customer.id])
    return ids


def _person(dice: random.Random) -> dict[str, Any]:
    name = (dice.choice(_SURNAMES) + dice.choice(_GIVEN)).strip()
    whole, initials = pinyin.keys(name)
    entered = datetime(2026, 11, 21, 12, tzinfo=UTC) - timedelta(days=dice.randrange(0, 5), hours=dice.randrange(24))
    return {
        "name": name,
        "pinyin": whole,
        "initials": initials,
        "birth_calendar": dice.choice([*Calendar, None]),
        "birth_year": dice.choice([1953, 1960, None]),
        "birth_month": dice.choice([7, 11]),
        "birth_day": dice.choice([1, 20]),
        "created_at": entered,
        "custom": {"member_card": f"VIP{dice.randrange(3)}38A"} if dice.random() < 0.2 else {},
    }


def _phones(dice: random.Random) -> list[str]:
    mobiles = [f"13{dice.choice('08')}0{dice.choice('01')}38{dice.randrange(20):04d}" for _ in range(dice.randrange(3))]
    return [*dict.fromkeys(mobiles), *(["6234" + dice.choice(("1380", "0701"))] if dice.random() < 0.3 else [])]


def _account(dice: random.Random, number: int) -> str:
    return dice.choice(("KH", "T")) + f"{number * 137:08d}"


def fragments(dice: random.Random, facts: Facts) -> list[str]:
    """Things that somebody may type who looks for this customer."""
    texts = [facts.name, facts.pinyin.split(" ")[-1], facts.initials.split(" ")[0], *facts.phones, *facts.numbers]
    texts += [facts.id_card_plain] if facts.id_card_plain else []
    found = []
    for text in texts:
        start = dice.randrange(len(text)) if text else 0
        found += [text, text[start : start + dice.randrange(1, 7)]]
    days = ("0701", "7月1日", "2026-11-20", "1953-07-01", "20261119", "11-20")
    found = [one for one in found if one.strip()]  # nothing typed is the whole list
    return [*found, dice.choice(days), f"{facts.name[:1]} {dice.choice(('38', '138', 'y', '0701'))}"]


async def naive(db: Database, ids: Sequence[int], text: str, actor: Actor, own: Sequence[int]) -> list[int]:
    """By the meaning alone: every customer in reach is looked at."""
    words = words_of(text)
    sight = Sight(phones=not actor.masks(Mask.PHONE), id_cards=not actor.masks(Mask.ID_CARD))
    async with db.read() as session:
        facts = await facts_queries.facts_of(session, ids)
    found = [one.id for one in facts if one.id in own and words and fits(words, one, sight, ZONE, TODAY)]
    return sorted(found, reverse=True)


async def found(db: Database, actor: Actor, text: str, limit: int = 3) -> list[int]:
    """By the index, page after page."""
    ids: list[int] = []
    cursor = None
    while True:
        async with db.read() as session:
            page = await queries.find_ids(session, actor, queries.Wanted(text), now=NOW, limit=limit, cursor=cursor)
        ids += page.items
        cursor = page.next
        if cursor is None:
            return ids
