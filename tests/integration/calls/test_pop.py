"""What the screen-pop knows of a caller, and the customer's timeline."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from crm_core.calls import service
from crm_core.calls.facts import CallStatus
from crm_core.calls.pop import PopMatch, ranked
from crm_core.calls.pop_queries import caller_facts, earlier_calls
from crm_core.calls.timeline import TimelineItem
from crm_core.calls.timeline_queries import timeline
from crm_core.customers import service as customer_service
from crm_core.customers.kinds import Calendar, Sex
from crm_core.customers.rules import MatchReason
from crm_core.db.database import Database
from crm_core.kernel.errors import NotFound
from crm_core.organization.access import Actor
from tests.factories import add_actor, add_call, add_customer
from tests.integration.statements import counted

TODAY = date(2026, 11, 21)
NUMBER = "+8613800138000"


async def _pop(db: Database, agent: Actor | None = None) -> list[PopMatch]:
    async with db.read() as session:
        facts = await caller_facts(session, NUMBER, NUMBER[1:], db.clock.now())
    return ranked(facts, agent.user_id if agent else None, TODAY)


async def test_the_brief_says_all_that_matters_before_hello(db: Database) -> None:
    agent = await add_actor(db, "lili", extension="1001")
    customer = await add_customer(
        db,
        "张三",
        phones=["13800138000", "021-62345678"],
        owner=agent,
        form_of_address="张老师",
        sex=Sex.FEMALE,
        birth_calendar=Calendar.SOLAR,
        birth_year=1950,
        birth_month=11,
        birth_day=25,
        membership="gold",
        taboos="青霉素",
        remarks="要大声说",
    )
    start = db.clock.now() - timedelta(days=5)
    calls = [await add_call(db, agent=agent, customer=customer, started_at=start + timedelta(days=n)) for n in range(5)]
    tomorrow = db.clock.now() + timedelta(days=1)
    async with db.uow() as uow:
        await service.write_up(uow, calls[4].id, by=agent, note="Asked for the price", progress=50, next_at=tomorrow)
        await service.set_progress(uow, calls[0].id, 15, by=agent)
    (match,) = await _pop(db, agent)
    brief = match.customer
    assert (brief.name, brief.form_of_address, brief.sex, brief.age) == ("张三", "张老师", Sex.FEMALE, 75)
    assert (brief.birthday_in_days, brief.membership, brief.owner) == (4, "gold", "lili")
    assert (brief.taboos, brief.remarks, brief.do_not_call) == ("青霉素", "要大声说", False)
    assert brief.numbers == ("138****8000", "021****5678")
    assert [contact.call_id for contact in brief.contacts] == [call.id for call in reversed(calls)][:3]
    assert (brief.contacts[0].note, brief.contacts[0].agent, brief.progress) == ("Asked for the price", "lili", 50)
    assert brief.next_at == tomorrow
    assert match.reasons == (
        MatchReason.OWNER_IS_YOU,
        MatchReason.LAST_SPOKE,
        MatchReason.OPEN_FOLLOW_UP,
        MatchReason.EXACT,
    )


async def test_several_customers_are_ranked_for_each_agent(db: Database) -> None:
    owner, speaker = await add_actor(db, extension="1001"), await add_actor(db, extension="1002")
    await add_customer(db, "父", phones=["13800138000"], household_key="h")
    son = await add_customer(db, "子", phones=["13800138000"], owner=owner)
    mother = await add_customer(db, "母", phones=["13800138000"], household_key="h")
    await add_call(db, agent=owner, customer=mother, started_at=db.clock.now() - timedelta(days=2))
    await add_call(db, agent=speaker, customer=mother, started_at=db.clock.now() - timedelta(days=1))
    assert [match.customer.name for match in await _pop(db, owner)] == ["子", "父", "母"]
    assert next(match.customer.name for match in await _pop(db, speaker)) == "母"
    call = await add_call(db, agent=owner)
    async with db.uow() as uow:
        for _ in range(3):
            await service.link_customer(uow, call.id, son.id, by=owner)
    assert next(match.customer.name for match in await _pop(db)) == "子"
    assert next(match.customer.name for match in await _pop(db, speaker)) == "母"


async def test_the_pop_takes_the_same_statements_whatever_the_history(db: Database) -> None:
    customer = await add_customer(db, phones=["13800138000"])
    with counted(db) as few:
        await _pop(db)
    for _ in range(15):
        await add_call(db, customer=customer)
    for _ in range(5):
        await add_customer(db, phones=["13800138000"])
    with counted(db) as many:
        assert len(await _pop(db)) == 6
    assert len(few) == len(many) == 4


async def test_of_an_unknown_number_its_earlier_calls_are_told(db: Database) -> None:
    agent = await add_actor(db, extension="1001")
    now = db.clock.now()
    for n in range(5):
        await add_call(db, agent=agent, status=CallStatus.MISSED, started_at=now - timedelta(days=5 - n))
    assert await _pop(db) == []
    async with db.read() as session:
        earlier = await earlier_calls(session, NUMBER, now)
        assert (earlier.count, len(earlier.last), earlier.last[0].at) == (5, 3, now - timedelta(days=1))
        assert (await earlier_calls(session, "+8613900139000", now)).count == 0


async def test_the_timeline_has_calls_and_notes_newest_first_in_pages(db: Database) -> None:
    agent = await add_actor(db, extension="1001")
    customer = await add_customer(db, owner=agent)
    now = db.clock.now()
    calls = [
        await add_call(
            db, agent=agent, customer=customer, started_at=now - timedelta(hours=n + 1), recording=f"{n}.wav"
        )
        for n in range(4)
    ]
    async with db.uow() as uow:
        note = await customer_service.add_note(uow, customer.id, "Likes tea", by=agent)
        await service.add_note(uow, calls[0].id, "Called about tea", by=agent)
    seen: list[TimelineItem] = []
    cursor = None
    async with db.read() as session:
        while True:
            with counted(db) as statements:
                page = await timeline(session, agent, customer.id, today=TODAY, limit=2, cursor=cursor)
            assert len(statements) <= 8
            seen += page.items
            cursor = page.next
            if cursor is None:
                break
        assert [item.id for item in seen] == [note.id, customer.id, *(call.id for call in calls)]
        assert [one.text for one in seen[0].notes] == ["Likes tea"]
        assert [one.text for one in seen[2].notes] == ["Called about tea"]
        assert seen[2].call is not None and seen[2].call.caller_number == "138****8000"
        with pytest.raises(NotFound):
            await timeline(session, await add_actor(db), customer.id, today=TODAY)
