"""The story of a customer: everything in order, by pages that lose nothing, at the same cost however long it is."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, text

from crm_core.calls.timeline import TimelineItem, TimelineKind
from crm_core.calls.timeline_queries import shown_kinds, story, timeline
from crm_core.customers import service as customers
from crm_core.customers.change_models import ChangeKind, CustomerChange
from crm_core.customers.classification.kinds import ClassField
from crm_core.customers.classification.models import ClassificationChange
from crm_core.customers.detail_models import Attitude
from crm_core.customers.imports.kinds import Verdict
from crm_core.customers.imports.models import CustomerImport, ImportRow
from crm_core.customers.intake.kinds import EntryState
from crm_core.customers.intake.models import Registration, RegistrationEntry
from crm_core.customers.kinds import AttitudeKind, PhoneState
from crm_core.customers.merge_models import CustomerMerge
from crm_core.customers.models import Customer, CustomerNote, OwnerChange
from crm_core.customers.phones import note_try
from crm_core.customers.protection.kinds import Channel, ConsentState, ConsentWay, Purpose, Secret
from crm_core.customers.protection.models import Consent, Reveal
from crm_core.db.database import Database
from crm_core.kernel.errors import NotFound, Rejected
from crm_core.kernel.ids import new_id
from crm_core.organization.access import Actor
from crm_core.organization.models import Role
from tests.factories import add_actor, add_call, add_customer
from tests.integration.statements import counted

TODAY = date(2026, 11, 21)
BASE_STATEMENTS = 5  # who reads, the customer with phones and the like, and the page of keys


def _rows(customer: Customer, by: Actor, at: datetime) -> list[Any]:
    """One thing of every kind but calls, imports and registrations, all at once."""
    own: dict[str, Any] = {"customer_id": customer.id, "at": at}
    change = own | {"by_id": by.user_id}
    return [
        CustomerNote(id=new_id(), **own, author_id=by.user_id, text="Likes tea"),
        OwnerChange(id=new_id(), **own, to_user_id=by.user_id, by_user_id=by.user_id, reason="new"),
        ClassificationChange(id=new_id(), **change, field=ClassField.TYPE, old="B", new="A", rule="entered"),
        Attitude(
            id=new_id(),
            customer_id=customer.id,
            kind=AttitudeKind.INTEREST,
            noted_on=at.date(),
            noted_at=at,
            noted_by_id=by.user_id,
            score=4,
        ),
        Consent(
            id=new_id(),
            **own,
            channel=Channel.SMS,
            purpose=Purpose.CARE,
            state=ConsentState.GRANTED,
            way=ConsentWay.FORM,
            noted_at=at,
        ),
        CustomerChange(id=new_id(), **change, kind=ChangeKind.EDITED, fields=["name", "phones"]),
        CustomerChange(id=new_id(), **change, kind=ChangeKind.VERIFIED),
        CustomerChange(
            id=new_id(), **change, kind=ChangeKind.PHONE, phone_id=customer.phones[0].id, old="unverified", new="valid"
        ),
        Reveal(id=new_id(), **own, user_id=by.user_id, what=Secret.PHONE, reason="asked"),
        CustomerMerge(
            id=new_id(),
            customer_id=new_id(),
            into_id=customer.id,
            survivor_id=customer.id,
            account_number="T9",
            at=at,
            undone_at=at,
        ),
    ]


async def _files(db: Database, customer: Customer, by: Actor, at: datetime) -> None:
    """A sheet and a list in which the customer came."""
    stack = Registration(
        id=new_id(), sheets=1, handed_in_at=at, business_day=at.date(), collected_by="王薇", registered_at=at
    )
    sheet = RegistrationEntry(
        id=new_id(),
        registration_id=stack.id,
        handed_in_at=at,
        position=1,
        state=EntryState.DONE,
        customer_id=customer.id,
        finished_at=at,
        finished_by_id=by.user_id,
    )
    batch = CustomerImport(
        id=new_id(), created_by_id=by.user_id, created_at=at, run_at=at, file_name="list.csv", headers=[]
    )
    async with db.uow() as uow:
        uow.session.add_all([stack, batch])
        await uow.session.flush()
        uow.session.add(sheet)
        for number in (1, 2):
            uow.session.add(
                ImportRow(import_id=batch.id, number=number, verdict=Verdict.CREATE, customer_id=customer.id)
            )


async def _everything(db: Database, by: Actor, customer: Customer, at: datetime) -> None:
    async with db.uow() as uow:
        uow.session.add_all(_rows(customer, by, at))
    await _files(db, customer, by, at)
    await add_call(db, agent=by, customer=customer, started_at=at, recording=f"{new_id()}.wav")


async def _walk(db: Database, actor: Actor, customer_id: int, limit: int, **wanted: Any) -> list[TimelineItem]:
    seen: list[TimelineItem] = []
    cursor = None
    async with db.read() as session:
        while True:
            page = await story(session, actor, customer_id, limit=limit, cursor=cursor, **wanted)
            seen += page.items
            cursor = page.next
            if cursor is None:
                return seen


async def test_the_story_holds_everything_that_happened(db: Database) -> None:
    admin = await add_actor(db, role=Role.ADMIN, extension="1001")
    customer = await add_customer(db, phones=["13800138000"], owner=admin)
    await _everything(db, admin, customer, customer.created_at + timedelta(hours=1))
    found = await _walk(db, admin, customer.id, 500)
    assert [item.kind for item in found] == list(TimelineKind)  # of one instant in the order of the kinds
    said = {item.kind: item for item in found}
    call = said[TimelineKind.CALL].call
    assert call is not None and (len(call.legs), len(call.recordings)) == (1, 1)
    assert (said[TimelineKind.CLASSIFICATION].about, said[TimelineKind.CLASSIFICATION].new) == ("type", "A")
    assert said[TimelineKind.EDIT].fields == ("name", "phones")
    assert (said[TimelineKind.IMPORT].about, said[TimelineKind.IMPORT].new) == ("list.csv", "create")
    assert said[TimelineKind.REGISTRATION].about == "王薇"
    assert said[TimelineKind.PHONE].about == "13800138000"
    assert said[TimelineKind.TRANSFER].new == admin.name


async def test_what_services_do_stands_in_the_story(db: Database) -> None:
    agent = await add_actor(db, extension="1001")
    customer = await add_customer(db, phones=["13800138000"], owner=agent)
    async with db.uow() as uow:
        await customers.update(uow, customer.id, {"occupation": "retired"}, by=agent)
        await customers.verify(uow, customer.id, by=agent)
        for _ in range(3):
            await note_try(uow, "+8613800138000", reached=False, unreachable_after=3)
        await customers.add_note(uow, customer.id, "Likes tea", by=agent)
    found = {item.kind: item for item in await _walk(db, agent, customer.id, 50)}
    assert found[TimelineKind.EDIT].fields == ("occupation",)
    assert found[TimelineKind.CHECK].by == agent.name
    turned = found[TimelineKind.PHONE]
    assert (turned.by, turned.old, turned.new) == (None, PhoneState.UNVERIFIED, PhoneState.UNREACHABLE)
    assert turned.about == "138****8000"  # as this reader may see it
    assert found[TimelineKind.NOTE].text == "Likes tea"


@pytest.mark.parametrize("seed", range(4))
async def test_pages_of_any_size_give_each_thing_once_though_times_are_the_same(db: Database, seed: int) -> None:
    dice = random.Random(seed)
    admin = await add_actor(db, role=Role.ADMIN, extension="1001")
    customer = await add_customer(db, phones=["13800138000"])
    async with db.uow() as uow:
        for _ in range(8):
            rows = _rows(customer, admin, customer.created_at + timedelta(seconds=dice.randrange(3)))
            uow.session.add_all(dice.sample(rows, dice.randrange(1, len(rows))))
    for second in range(3):
        await add_call(db, customer=customer, started_at=customer.created_at + timedelta(seconds=second))
        await _files(db, customer, admin, customer.created_at + timedelta(seconds=second))
    whole = [(item.kind, item.id) for item in await _walk(db, admin, customer.id, 500)]
    assert len(whole) == len(set(whole)) > 20
    for limit in (1, 2, dice.randrange(3, 12)):
        assert [(item.kind, item.id) for item in await _walk(db, admin, customer.id, limit)] == whole
    for kinds in ([TimelineKind.NOTE], [TimelineKind.CALL, TimelineKind.EDIT]):
        cut = await _walk(db, admin, customer.id, 2, kinds=kinds)
        assert [(item.kind, item.id) for item in cut] == [one for one in whole if one[0] in kinds]


async def test_a_page_of_ten_thousand_takes_the_same_statements_at_the_end_as_at_the_start(db: Database) -> None:
    agent = await add_actor(db, extension="1001")
    customer = await add_customer(db, phones=["13800138000"], owner=agent)
    start = customer.created_at + timedelta(days=1)
    rows = [
        {"id": n + 1, "customer_id": customer.id, "at": start + timedelta(minutes=n // 3), "text": f"note {n}"}
        for n in range(10_000)
    ]
    async with db.uow() as uow:
        await uow.session.execute(insert(CustomerNote), rows)
    await add_call(db, agent=agent, customer=customer, started_at=start + timedelta(days=30))
    async with db.read() as session:
        with counted(db) as first:
            page = await timeline(session, agent, customer.id, today=TODAY)
        deep = await timeline(session, agent, customer.id, today=TODAY, limit=500)
        for _ in range(18):
            deep = await timeline(session, agent, customer.id, today=TODAY, limit=500, cursor=deep.next)
        with counted(db) as last:
            end = await timeline(session, agent, customer.id, today=TODAY, cursor=deep.next)
        notes_alone = 1
        calls_too = 4  # the call, its legs, recordings and notes
        assert len(first) == len(last) - notes_alone + notes_alone + calls_too
        assert len(last) <= BASE_STATEMENTS + notes_alone
        assert len(page.items) == len(end.items) == 50
        assert end.items[0].at < deep.items[-1].at or end.items[0].id < deep.items[-1].id


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # PostgreSQL reads small tables whole, and rightly
async def test_every_source_is_read_along_an_index(db: Database) -> None:
    admin = await add_actor(db, role=Role.ADMIN)
    customer = await add_customer(db)
    async with db.read() as session:
        with counted(db) as seen:
            await story(session, admin, customer.id, limit=50)
        (keys,) = [statement for statement in seen if "UNION ALL" in statement]
        count = keys.count("?")
        bound = {f"p{n}": 1 for n in range(count)}
        for name in bound:
            keys = keys.replace("?", f":{name}", 1)
        plan = [row[3] for row in await session.execute(text(f"EXPLAIN QUERY PLAN {keys}"), bound)]
    scans = [line for line in plan if line.startswith("SCAN") and "anon" not in line and "subquery" not in line.lower()]
    assert not scans
    assert sum("(customer_id=?" in line or "(survivor_id=?" in line for line in plan) >= len(TimelineKind) - 3


async def test_only_who_reads_the_audit_sees_who_looked_at_whole_numbers(db: Database) -> None:
    admin, agent = await add_actor(db, role=Role.ADMIN), await add_actor(db, extension="1001")
    customer = await add_customer(db, phones=["13800138000"], owner=agent)
    async with db.uow() as uow:
        uow.session.add_all(_rows(customer, agent, customer.created_at + timedelta(hours=1)))
    assert TimelineKind.REVEAL in {item.kind for item in await _walk(db, admin, customer.id, 50)}
    assert TimelineKind.REVEAL not in {item.kind for item in await _walk(db, agent, customer.id, 50)}
    assert await _walk(db, agent, customer.id, 50, kinds=[TimelineKind.REVEAL]) == []
    assert TimelineKind.REVEAL not in shown_kinds(agent)


async def test_of_a_customer_out_of_reach_no_story_is_told(db: Database) -> None:
    customer = await add_customer(db)
    async with db.read() as session:
        with pytest.raises(NotFound):
            await timeline(session, await add_actor(db), customer.id, today=TODAY)


@pytest.mark.parametrize("cursor", ["", "note", "note.x", "nothing.MToy", "call.MToy.MToy", "é"])
async def test_a_cursor_that_no_page_gave_out_is_refused(db: Database, cursor: str) -> None:
    admin = await add_actor(db, role=Role.ADMIN)
    customer = await add_customer(db)
    async with db.read() as session:
        with pytest.raises(Rejected, match="cursor"):
            await story(session, admin, customer.id, cursor=cursor)
