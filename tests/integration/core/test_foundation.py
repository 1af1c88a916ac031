"""The unit of work, the outbox and its relay, the audit chain and the migrations, on both databases."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from crm_core import migrations
from crm_core.audit import queries as audit_queries
from crm_core.audit import service as audit
from crm_core.db import queries as outbox_queries
from crm_core.db.database import Database
from crm_core.db.relay import Relay, Subscription
from crm_core.db.uow import UnitOfWork
from crm_core.kernel.clock import FixedClock
from crm_core.kernel.errors import Unavailable
from crm_core.kernel.events import DomainEvent
from crm_core.organization.access import SYSTEM
from crm_core.schema import metadata


@dataclass(frozen=True, slots=True)
class Happened(DomainEvent):
    type: ClassVar[str] = "test.happened"
    what: str


async def _put(db: Database, *what: str) -> None:
    async with db.uow() as uow:
        for one in what:
            uow.emit(Happened(what=one))


async def test_an_exception_rolls_everything_back(db: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        async with db.uow() as uow:
            uow.emit(Happened(what="never"))
            audit.record(uow, SYSTEM, "never", "test")
            raise ZeroDivisionError
    async with db.read() as session:
        assert await outbox_queries.outbox_age(session, db.clock.now()) == timedelta(0)
        assert await audit_queries.last(session) is None


async def test_each_handler_runs_once_an_event(db: Database) -> None:
    seen: list[tuple[str, str]] = []

    def handler(name: str) -> Subscription:
        async def run(uow: UnitOfWork, event: DomainEvent) -> None:
            assert isinstance(event, Happened)
            seen.append((name, event.what))

        return Subscription(name, Happened, run)

    relay = Relay(db, [handler("first"), handler("second")])
    await _put(db, "a", "b")
    assert await relay.step() == 2
    assert await relay.step() == 0
    assert sorted(seen) == [("first", "a"), ("first", "b"), ("second", "a"), ("second", "b")]


async def test_a_failing_handler_is_tried_again_and_the_others_are_not(db: Database, clock: FixedClock) -> None:
    calls = {"good": 0, "bad": 0}

    async def good(uow: UnitOfWork, event: DomainEvent) -> None:
        calls["good"] += 1

    async def bad(uow: UnitOfWork, event: DomainEvent) -> None:
        calls["bad"] += 1
        audit.record(uow, SYSTEM, "half-done", "test")
        await uow.session.execute(text("INSERT INTO settings (key, value, changed_at, changed_by) SELECT 1"))

    relay = Relay(db, [Subscription("bad", Happened, bad), Subscription("good", Happened, good)])
    await _put(db, "x")
    await relay.step()
    await relay.step()
    assert calls == {"good": 1, "bad": 1}, "the second try waits for its time"
    clock.move(timedelta(hours=1))
    await relay.step()
    assert calls == {"good": 1, "bad": 2}


async def test_two_relays_share_the_work(db: Database) -> None:
    seen: list[str] = []

    async def note(uow: UnitOfWork, event: DomainEvent) -> None:
        assert isinstance(event, Happened)
        seen.append(event.what)
        await asyncio.sleep(0)

    await _put(db, *(str(n) for n in range(150)))
    relays = [Relay(db, [Subscription("note", Happened, note)]) for _ in range(2)]
    while sum(await asyncio.gather(*(relay.step() for relay in relays))):
        pass
    assert sorted(seen, key=int) == [str(n) for n in range(150)]


async def test_the_relay_wakes_when_something_is_committed(db: Database) -> None:
    heard = asyncio.Event()

    async def hear(uow: UnitOfWork, event: DomainEvent) -> None:
        heard.set()

    task = asyncio.create_task(Relay(db, [Subscription("hear", Happened, hear)]).run())
    await asyncio.sleep(0.05)
    await _put(db, "now")
    await asyncio.wait_for(heard.wait(), 4)
    task.cancel()


async def test_the_audit_chain_holds_and_shows_a_change(db: Database) -> None:
    async def write(number: int) -> None:
        async with db.uow() as uow:
            audit.record(uow, SYSTEM, "did", "thing", number, {"text": "值", "number": 1.5})

    await asyncio.gather(*(write(n) for n in range(20)))
    async with db.read() as session:
        found = await audit.verify(session)
        assert (found.lines, found.trouble) == (20, None)
    async with db.uow() as uow:
        await uow.session.execute(text("UPDATE audit_log SET action = 'else' WHERE seq = 7"))
    async with db.read() as session:
        found = await audit.verify(session)
        assert (found.lines, found.trouble) == (6, "line 7 was changed")
    async with db.uow() as uow:
        await uow.session.execute(text("DELETE FROM audit_log WHERE seq = 3"))
    async with db.read() as session:
        found = await audit.verify(session)
        assert (found.lines, found.trouble) == (2, "line 3 is missing")


async def test_the_migrations_make_what_the_models_say(db: Database) -> None:
    def differences(connection: Any) -> list[Any]:
        return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata))

    assert await db.run_sync(differences) == []
    assert await migrations.current(db) == migrations.head()


async def test_the_migrations_can_be_taken_back(db: Database) -> None:
    await migrations.downgrade(db, "base")
    assert await migrations.current(db) is None
    await migrations.upgrade(db)
    assert await migrations.current(db) == migrations.head()


async def test_a_database_that_is_away_is_unavailable_and_says_so(tmp_path: Any) -> None:
    db = Database("postgresql+asyncpg://nobody@127.0.0.1:1/none")
    with pytest.raises(Unavailable) as caught:
        await db.ping()
    assert "cannot be reached" in caught.value.detail
    await db.close()
