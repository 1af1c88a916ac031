"""The queue of registrations on both databases: order, claims, the day's clock, verifying numbers."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from crm_core.audit import queries as audit
from crm_core.customers import service as customers
from crm_core.customers.intake import queries, service, verification, verification_queries
from crm_core.customers.intake.kinds import CheckResult, EntryState
from crm_core.customers.intake.models import Registration
from crm_core.customers.intake.rules import SheetInput
from crm_core.customers.kinds import PhoneState
from crm_core.db.database import Database
from crm_core.kernel.clock import FixedClock
from crm_core.kernel.errors import Conflict, Denied, NotFound, Rejected
from crm_core.organization import service as organization
from crm_core.organization.access import SYSTEM, Actor
from crm_core.organization.models import Role
from crm_core.organization.preferences import IntakeRules
from tests.factories import actor_of, add_actor, add_centre, add_customer, add_department, add_user

ZONE = ZoneInfo("Asia/Shanghai")
RULES = IntakeRules()


class Office:
    """A department that collects, two clerks of its centre, and somebody of another centre."""

    def __init__(self, db: Database) -> None:
        self.db = db

    async def open(self) -> Office:
        centre = await add_centre(self.db)
        self.sales = await add_department(self.db, "销售一部", sales_centre=centre)
        data = await add_department(self.db, "数据部", sales_centre=centre)
        far = await add_department(self.db, "外地", sales_centre=await add_centre(self.db))
        self.collector = await actor_of(self.db, await add_user(self.db, "wangwei", department=self.sales))
        self.clerk, self.other = [
            await actor_of(self.db, await add_user(self.db, name, role=Role.DATA_CLERK, department=data))
            for name in ("clerk", "other")
        ]
        self.stranger = await add_actor(self.db, "far", role=Role.DATA_CLERK, department=far)
        return self

    async def hand_in(self, *names: str, by: Actor | None = None, **fields: Any) -> Registration:
        sheets = fields.pop("sheets", None)
        async with self.db.uow() as uow:
            return await service.hand_in(
                uow, fields, [SheetInput(name) for name in names], sheets=sheets, by=by or self.collector, zone=ZONE
            )

    async def next(self, clerk: Actor | None = None) -> str | None:
        async with self.db.uow() as uow:
            sheet = await service.claim_next(uow, by=clerk or self.clerk)
            return sheet.name if sheet else None

    async def held(self, clerk: Actor) -> int:
        async with self.db.uow() as uow:
            sheet = await service.claim_next(uow, by=clerk)
            assert sheet is not None
            return sheet.id

    async def clock(self, actor: Actor | None = None) -> Any:
        async with self.db.read() as session:
            return await queries.day_clock(
                session, actor or self.clerk, now=self.db.clock.now(), zone=ZONE, rules=RULES
            )


@pytest.fixture
async def office(db: Database) -> Office:
    return await Office(db).open()


async def finish(office: Office, clerk: Actor | None = None) -> int:
    """The clerk enters his next sheet as a new customer."""
    by = clerk or office.clerk
    async with office.db.uow() as uow:
        sheet = await service.claim_next(uow, by=by)
        assert sheet is not None
        customer = await customers.create(uow, {"name": sheet.name or "?"}, by=by)
        await service.enter(uow, sheet.id, customer.id, by=by)
        return sheet.id


async def test_sheets_are_given_out_in_the_order_of_hand_in(office: Office, clock: FixedClock) -> None:
    await office.hand_in("甲", "乙")
    clock.move(timedelta(minutes=1))
    await office.hand_in("丙")
    await office.hand_in("早", handed_in_at=clock.now() - timedelta(hours=3))
    names = []
    while name := await office.next():
        names.append(name)
        await finish(office)
    assert names == ["早", "甲", "乙", "丙"]


async def test_two_clerks_never_get_the_same_sheet(office: Office) -> None:
    await office.hand_in(*(f"n{i}" for i in range(12)))
    clerks = [await actor_of(office.db, await add_user(office.db, f"c{i}", role=Role.ADMIN)) for i in range(8)]
    given = await asyncio.gather(*(office.held(clerk) for clerk in clerks))
    assert len(set(given)) == len(clerks)


async def test_a_clerk_goes_on_with_the_sheet_that_he_has(office: Office) -> None:
    await office.hand_in("甲", "乙")
    assert [await office.next(), await office.next()] == ["甲", "甲"]
    assert await office.next(office.other) == "乙"
    assert await office.next(office.other) == "乙"


async def test_a_sheet_goes_back_into_the_queue_when_its_clerk_has_left(office: Office, clock: FixedClock) -> None:
    await office.hand_in("甲")
    assert await office.next() == "甲"
    assert await office.next(office.other) is None
    clock.move(timedelta(minutes=RULES.lease_minutes))
    assert await office.next(office.other) == "甲"


async def test_who_was_too_slow_hears_who_has_the_sheet_now(office: Office, clock: FixedClock) -> None:
    await office.hand_in("甲")
    sheet = await office.held(office.clerk)
    clock.move(timedelta(hours=1))
    await office.held(office.other)
    with pytest.raises(Conflict) as refused:
        async with office.db.uow() as uow:
            await service.park(uow, sheet, "?", by=office.clerk)
    assert (refused.value.code, refused.value.extra["by"]) == ("entry_taken", "other")


async def test_an_entered_sheet_bears_the_clerks_signature_and_its_customer(office: Office, clock: FixedClock) -> None:
    stack = await office.hand_in("甲")
    clock.move(timedelta(minutes=5))
    await finish(office)
    async with office.db.read() as session:
        view = await queries.registration(
            session, office.collector, stack.id, now=clock.now(), today=clock.now().date(), rules=RULES
        )
    (sheet,) = view.entries
    assert (sheet.state, sheet.finished_by, sheet.finished_at) == (EntryState.DONE, "clerk", clock.now())
    assert sheet.account_number is not None
    assert view.counts.open == 0


async def test_a_finished_sheet_is_not_entered_again(office: Office) -> None:
    await office.hand_in("甲")
    sheet = await finish(office)
    with pytest.raises(Conflict) as refused:
        async with office.db.uow() as uow:
            await service.reject(uow, sheet, "twice", by=office.clerk)
    assert refused.value.code == "entry_finished"


async def test_a_parked_sheet_is_out_of_the_queue_and_in_the_backlog(office: Office) -> None:
    await office.hand_in("甲", "乙")
    sheet = await office.held(office.clerk)
    async with office.db.uow() as uow:
        await service.park(uow, sheet, "号码看不清", by=office.clerk)
    assert await office.next() == "乙"
    clock = await office.clock()
    assert (clock.waiting, clock.parked) == (1, 1)
    async with office.db.uow() as uow:
        await service.release(uow, sheet, by=office.clerk)
    assert await office.next(office.other) == "甲"


async def test_a_rejected_sheet_keeps_its_reason_and_leaves_the_backlog(office: Office, clock: FixedClock) -> None:
    stack = await office.hand_in("甲")
    sheet = await office.held(office.clerk)
    async with office.db.uow() as uow:
        await service.reject(uow, sheet, "不是顾客", by=office.clerk)
    async with office.db.read() as session:
        view = await queries.registration(
            session, office.collector, stack.id, now=clock.now(), today=clock.now().date(), rules=RULES
        )
    assert view.entries[0].reason == "不是顾客"
    assert (await office.clock()).waiting == 0


async def test_the_clock_says_what_is_due_today_and_what_is_late(office: Office, clock: FixedClock) -> None:
    await office.hand_in("甲", "乙")
    await finish(office)
    assert ((await office.clock()).due_today, (await office.clock()).overdue) == (1, 0)
    clock.move(timedelta(days=1))
    await office.hand_in("丙")
    now = await office.clock()
    assert (now.due_today, now.overdue, now.handed_in, now.finished) == (1, 1, 1, 0)


async def test_a_day_of_too_many_sheets_is_late_only_after_the_allowed_delay(office: Office, clock: FixedClock) -> None:
    await office.hand_in("甲", sheets=3)
    clock.move(timedelta(days=1))
    async with office.db.read() as session:
        for rules, late in ((IntakeRules(delay_sheets=2), False), (IntakeRules(delay_sheets=3), True)):
            (line,) = await queries.backlog(session, office.clerk, today=clock.now().date(), rules=rules)
            assert line.overdue is late


async def test_the_backlog_is_counted_by_day_department_and_collector(office: Office, clock: FixedClock) -> None:
    await office.hand_in("甲", "乙", collected_by="王伟")
    await office.hand_in("丙", collected_by="李娜")
    clock.move(timedelta(days=1))
    await office.hand_in("丁", collected_by="王伟")
    async with office.db.read() as session:
        lines = await queries.backlog(session, office.clerk, today=clock.now().date(), rules=RULES)
        nobody = await queries.backlog(session, office.stranger, today=clock.now().date(), rules=RULES)
    counted = [(line.department, line.collected_by, line.waiting, line.overdue) for line in lines]
    assert sorted(counted[:2]) == [("销售一部", "李娜", 1, True), ("销售一部", "王伟", 2, True)]
    assert counted[2:] == [("销售一部", "王伟", 1, False)]
    assert nobody == []


async def test_the_days_work_is_counted_by_clerk(office: Office, clock: FixedClock) -> None:
    await office.hand_in("甲", "乙", "丙")
    known = await add_customer(office.db, "丙", department=office.sales)
    await finish(office)
    await finish(office, office.other)
    sheet = await office.held(office.clerk)
    async with office.db.uow() as uow:
        await service.enter(uow, sheet, known.id, existed=True, by=office.clerk)
    async with office.db.read() as session:
        lines = await queries.clerks_of(session, office.clerk, clock.now().astimezone(ZONE).date(), ZONE)
    assert [(line.clerk, line.created, line.existed) for line in lines] == [("clerk", 1, 1), ("other", 1, 0)]


async def test_a_collector_sees_his_own_stacks_and_takes_none(office: Office, clock: FixedClock) -> None:
    stack = await office.hand_in("甲")
    colleague = await actor_of(office.db, await add_user(office.db, "colleague", department=office.sales))
    async with office.db.read() as session:
        for actor, count in ((office.collector, 1), (colleague, 0), (office.clerk, 1), (office.stranger, 0)):
            page = await queries.registrations(session, actor, today=clock.now().date(), rules=RULES)
            assert len(page.items) == count, actor.name
        with pytest.raises(NotFound):
            await queries.registration(
                session, colleague, stack.id, now=clock.now(), today=clock.now().date(), rules=RULES
            )
    with pytest.raises(Denied):
        await office.next(office.collector)
    assert await office.next(office.stranger) is None


async def test_nobody_hands_in_for_departments_out_of_his_reach(office: Office) -> None:
    with pytest.raises(Denied):
        await office.hand_in("甲", by=office.stranger, handed_in_by_id=office.collector.user_id)


async def test_a_clerk_writes_down_what_a_collector_brings(office: Office, clock: FixedClock) -> None:
    stack = await office.hand_in("甲", by=office.clerk, handed_in_by_id=office.collector.user_id, source="tour")
    assert (stack.collected_by, stack.department_id, stack.source) == ("wangwei", office.sales.id, "旅游")
    assert (stack.registered_by_id, stack.registered_at) == (office.clerk.user_id, clock.now())
    with pytest.raises(Rejected):
        await office.hand_in("甲", handed_in_at=clock.now() + timedelta(hours=1))


async def test_pages_of_stacks_stay_right_while_stacks_come_in(office: Office, clock: FixedClock) -> None:
    made = []
    for _ in range(5):
        made.append((await office.hand_in("甲")).id)
        clock.move(timedelta(minutes=1))
    seen: list[int] = []
    cursor = None
    async with office.db.read() as session:
        while True:
            page = await queries.registrations(
                session, office.clerk, today=clock.now().date(), rules=RULES, limit=2, cursor=cursor
            )
            seen += [one.id for one in page.items]
            cursor = page.next
            if cursor is None:
                break
    assert seen == made


async def test_a_number_that_nobody_answers_is_unreachable_after_the_tries_of_the_house(office: Office) -> None:
    customer = await add_customer(office.db, phones=["13800138000"], department=office.sales)
    async with office.db.uow() as uow:
        await organization.change_preferences(uow, {"intake": {"tries": 2}}, by=SYSTEM)
    states = []
    for _ in range(2):
        async with office.db.uow() as uow:
            phone = await verification.record_check(
                uow, customer.phones[0].id, CheckResult.UNREACHABLE, by=office.clerk, note="无人接听"
            )
            states.append(phone.state)
    assert states == [PhoneState.UNVERIFIED, PhoneState.UNREACHABLE]
    async with office.db.read() as session:
        assert (await verification_queries.to_verify(session, office.clerk)).items == []
        lines = await audit.page(session, action="customer.phone_checked")
    assert [line.actor_name for line in lines] == ["clerk", "clerk"]


@pytest.mark.parametrize("result", [CheckResult.VALID, CheckResult.WRONG])
async def test_one_answer_settles_a_number(office: Office, result: CheckResult) -> None:
    customer = await add_customer(office.db, phones=["13800138000", "021-62345678"], department=office.sales)
    async with office.db.uow() as uow:
        phone = await verification.record_check(uow, customer.phones[0].id, result, by=office.clerk)
    assert phone.state == result.value
    assert phone.customer.version == customer.version + 1
    async with office.db.read() as session:
        left = (await verification_queries.to_verify(session, office.clerk)).items
    assert [one.number for one in left] == ["021-62345678"]


async def test_numbers_to_verify_are_masked_and_only_ones_own(office: Office) -> None:
    await add_customer(office.db, phones=["13800138000"], owner=office.collector, department=office.sales)
    await add_customer(office.db, phones=["13900139000"], department=office.sales)
    async with office.db.read() as session:
        (one,) = (await verification_queries.to_verify(session, office.collector)).items
        assert (await verification_queries.to_verify(session, office.stranger)).items == []
    assert (one.number, one.masked, one.region is not None) == ("138****8000", True, True)


async def test_numbers_to_verify_come_in_pages_in_the_order_of_entry(office: Office) -> None:
    made = await add_customer(office.db, phones=[f"1380013800{i}" for i in range(5)], department=office.sales)
    numbers, cursor = [], None
    async with office.db.read() as session:
        while True:
            page = await verification_queries.to_verify(session, office.clerk, limit=2, cursor=cursor)
            numbers += [one.phone_id for one in page.items]
            cursor = page.next
            if cursor is None:
                break
    assert numbers == sorted(phone.id for phone in made.phones)
