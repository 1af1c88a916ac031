"""Derived states in the database: each change kept with its rule, nothing written where nothing changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.classification import jobs, queries, rules, service
from crm_core.customers.classification.kinds import ClassField
from crm_core.customers.classification.queries import Period
from crm_core.customers.classification.rules import Facts, Settings
from crm_core.customers.models import Customer
from crm_core.db.database import Database
from crm_core.jobs import queries as job_queries
from crm_core.jobs import runner
from crm_core.jobs import service as job_service
from crm_core.kernel.clock import FixedClock
from crm_core.organization.access import SYSTEM
from tests.factories import add_customer

_TODAY = date(2026, 11, 21)


@dataclass
class Known:
    """Facts that a test says."""

    by_id: dict[int, Facts] = field(default_factory=dict)

    async def facts(
        self, session: AsyncSession, customer_ids: Sequence[int], settings: Settings, today: date
    ) -> Mapping[int, Facts]:
        return {key: value for key, value in self.by_id.items() if key in customer_ids}


def bought(days_ago: int, orders: int = 1, amount: str = "100") -> Facts:
    last = _TODAY - timedelta(days=days_ago)
    return Facts(orders, last, last, None, None, orders, Decimal(amount))


async def rederived(db: Database, source: Known, *customers: Customer, today: date = _TODAY) -> int:
    async with db.uow() as uow:
        return await service.rederive(uow, [one.id for one in customers], source=source, today=today)


async def stored(db: Database, customer: Customer) -> Customer:
    async with db.read() as session:
        return await session.get_one(Customer, customer.id)


async def test_each_change_of_a_derived_state_is_kept_with_its_rule(db: Database, clock: FixedClock) -> None:
    buyer, other = await add_customer(db, name="A"), await add_customer(db, name="B")
    source = Known({buyer.id: bought(10)})
    assert await rederived(db, source, buyer, other) == 1
    clock.move(timedelta(seconds=86_400))
    assert await rederived(db, source, buyer, other, today=_TODAY + timedelta(days=30)) == 1
    async with db.read() as session:
        page = await queries.history(session, buyer.id, limit=50)
        none = await queries.history(session, other.id, limit=50)
        reasons = await queries.reasons(session, buyer.id)
    moves = [(one.field, one.old, one.new, one.rule) for one in page.items if one.field != "grade"]
    assert moves[0] == (ClassField.RETENTION_STATE, "in_use", "stopped", "retention.stopped")
    assert set(moves[1:]) == {
        (ClassField.RETENTION_STATE, None, "in_use", "retention.in_use"),
        (ClassField.PURCHASE_STATE, "none", "first", "purchase.first"),
    }
    assert list(none.items) == []
    said = reasons[ClassField.RETENTION_STATE]
    assert "40 days ago" in rules.why(said.rule, said.params)


async def test_a_pass_without_news_writes_nothing_and_a_pass_leaves_the_version(db: Database) -> None:
    buyer = await add_customer(db, name="A")
    source = Known({buyer.id: bought(10, 3, "2500")})
    assert await rederived(db, source, buyer) == 1
    first = await stored(db, buyer)
    assert (first.purchase_state, first.retention_state, first.grade) == ("repeat", "in_use", "B")
    assert (first.rfm_recency_days, first.rfm_frequency, first.rfm_monetary) == (10, 3, Decimal("2500.00"))
    assert await rederived(db, source, buyer) == 0
    assert (await stored(db, buyer)).version == buyer.version


async def test_without_orders_nobody_has_bought_anything(db: Database) -> None:
    buyer = await add_customer(db, name="A")
    await rederived(db, Known({buyer.id: bought(10)}), buyer)
    assert await rederived(db, Known(), buyer) == 1
    found = await stored(db, buyer)
    assert (found.purchase_state, found.retention_state, found.grade, found.rfm_monetary) == ("none", None, None, None)


async def test_flows_of_a_period_are_counted(db: Database, clock: FixedClock) -> None:
    customers = [await add_customer(db, name=f"C{n}") for n in range(5)]
    source = Known({one.id: bought(1) for one in customers[:3]})
    start = clock.now()
    await rederived(db, source, *customers)
    clock.move(timedelta(seconds=3600))
    await rederived(db, Known(), customers[0])
    period = Period(start, clock.now() + timedelta(seconds=1), ClassField.PURCHASE_STATE)
    async with db.read() as session:
        counted = [(one.old, one.new, one.count) for one in await queries.counts(session, SYSTEM, period)]
        first = await queries.changes(session, SYSTEM, period, limit=3)
        rest = await queries.changes(session, SYSTEM, period, limit=3, cursor=first.next)
        before = await queries.counts(session, SYSTEM, Period(start - timedelta(days=1), start))
    assert counted == [("none", "first", 3), ("first", "none", 1)]
    assert (len(first.items), len(rest.items), rest.next) == (3, 1, None)
    assert first.items[0].customer == "C0"
    assert before == []


async def test_the_preview_counts_what_the_pass_then_sets(db: Database) -> None:
    customers = [await add_customer(db, name=f"C{n}") for n in range(6)]
    facts = {one.id: bought(20 * n, n + 1, str(n * 900)) for n, one in enumerate(customers[:5])}
    await rederived(db, Known(facts), *customers)
    changes = {
        "grading": {"frequency": [1, 2, 3, 4], "grades": [{"code": "X", "at_least": 9}, {"code": "Y", "at_least": 6}]}
    }
    async with db.read() as session:
        wanted = rules.checked(changes, await queries.settings(session))
        then = await queries.grades_by(session, wanted.grading)
    async with db.uow() as uow:
        assert await service.change_settings(uow, changes, by=SYSTEM) == wanted
    await rederived(db, Known(facts), *customers)
    async with db.read() as session:
        assert await queries.grades_now(session) == then
    assert sum(then.values()) == 6


async def test_the_nightly_pass_reaches_every_customer(db: Database) -> None:
    customers = [await add_customer(db, name=f"C{n}") for n in range(4)]
    source = Known({one.id: bought(1) for one in customers[1:]})
    async with db.uow() as uow:
        job = await job_service.start(uow, jobs.REDERIVE, {"today": _TODAY.isoformat()}, by=SYSTEM)
    assert await runner.run_one(db, jobs.handlers(source))
    async with db.read() as session:
        done = await job_queries.job(session, SYSTEM, job.id)
    assert (done.state, done.done, done.total, done.result) == ("done", 4, 4, {"customers": 4, "changed": 3})


async def test_what_people_enter_is_kept_with_who_did_it(db: Database) -> None:
    customer = await add_customer(db, name="A")
    async with db.uow() as uow:
        service.record_changes(
            uow, customer.id, {"type": (None, "A"), "name": ("x", "y"), "source": ("", None)}, by=SYSTEM
        )
        service.record_change(uow, customer.id, "membership", "gold", "gold")
    async with db.read() as session:
        (kept,) = (await queries.history(session, customer.id, limit=10)).items
    assert (kept.field, kept.old, kept.new, kept.rule) == (ClassField.TYPE, None, "A", "entered")
