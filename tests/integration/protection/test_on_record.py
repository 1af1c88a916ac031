"""What is on record: opened cards, whole values shown, consents, and a chain that shows every change."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from crm_core.audit import queries as audit_queries
from crm_core.audit import service as audit
from crm_core.audit.service import Tip
from crm_core.customers import service as customers
from crm_core.customers.protection import agreements, consents, custody_queries, queries, reveals, service
from crm_core.customers.protection.kinds import Channel, ConsentState, ConsentWay, Purpose, Secret
from crm_core.customers.protection.reads import CardReads
from crm_core.db.database import Database
from crm_core.db.uow import UnitOfWork
from crm_core.kernel.clock import FixedClock
from crm_core.kernel.errors import Denied, NotFound, Rejected, TooMuch, Unavailable
from crm_core.organization.access import SYSTEM, Actor
from crm_core.organization.models import Role
from tests.factories import add_actor, add_customer, add_department


async def test_an_opened_card_is_on_record_once_an_hour_and_user(db: Database, clock: FixedClock) -> None:
    first, second = await add_actor(db), await add_actor(db)
    made, reads = await add_customer(db), CardReads()
    for _ in range(3):
        reads.note(made.id, first.user_id, clock.now())
        clock.move(timedelta(minutes=1))
    await reads.flush(db)
    reads.note(made.id, first.user_id, clock.now())
    reads.note(made.id, second.user_id, clock.now())
    reads.note(made.id, None, clock.now())
    await reads.flush(db)
    await reads.flush(db)
    async with db.read() as session:
        page = await queries.reads(session, made.id)
        cut = await queries.reads(session, made.id, limit=1)
        rest = await queries.reads(session, made.id, limit=1, cursor=cut.next)
    assert {(one.user, one.times) for one in page.items} == {(first.name, 4), (second.name, 1)}
    assert [*cut.items, *rest.items] == page.items
    assert rest.next is None


async def test_reads_wait_while_the_database_is_away(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    actor, made, reads = await add_actor(db), await add_customer(db), CardReads()
    reads.note(made.id, actor.user_id, db.clock.now())

    def away() -> None:
        raise Unavailable("database_unavailable", "away")

    with monkeypatch.context() as patched:
        patched.setattr(db, "uow", away)
        with pytest.raises(Unavailable):
            await reads.flush(db)
    reads.note(made.id, actor.user_id, db.clock.now())
    await reads.flush(db)
    async with db.read() as session:
        assert [one.times for one in (await queries.reads(session, made.id)).items] == [2]


async def test_who_opened_most_stands_first_and_others_reach_is_not_told(db: Database) -> None:
    here, there = await add_department(db), await add_department(db)
    busy, calm = await add_actor(db, department=here), await add_actor(db, department=there)
    admin, reads = await add_actor(db, role=Role.ADMIN), CardReads()
    manager = await add_actor(db, role=Role.MANAGER, department=there)
    for number in range(3):
        made = await add_customer(db, f"客户{number}")
        reads.note(made.id, busy.user_id, db.clock.now())
    reads.note(made.id, calm.user_id, db.clock.now())
    await reads.flush(db)
    async with db.read() as session:
        found = await custody_queries.custody(session, admin, db.clock.now(), 7)
        assert [(one.user, one.now.cards) for one in found][:2] == [(busy.name, 3), (calm.name, 1)]
        found = await custody_queries.custody(session, manager, db.clock.now(), 7)
        assert busy.name not in [one.user for one in found]


async def test_far_more_than_the_own_past_stands_out_and_much_as_ever_does_not(db: Database, clock: FixedClock) -> None:
    steady, greedy = await add_actor(db), await add_actor(db)
    admin, reads = await add_actor(db, role=Role.ADMIN), CardReads()
    known = [(await add_customer(db, f"客户{number}")).id for number in range(32)]
    for day in (30, 24, 16, 9, 1):
        at = clock.now() - timedelta(days=day)
        for customer in known:
            reads.note(customer, steady.user_id, at)
        for customer in known if day == 1 else known[:2]:
            reads.note(customer, greedy.user_id, at)
    await reads.flush(db)
    async with db.uow() as uow:
        await agreements.agree(uow, by=steady)
    async with db.read() as session:
        found = {one.user: one for one in await custody_queries.custody(session, admin, clock.now(), 7)}
    assert found[greedy.name].unusual == ("cards",)
    assert (found[greedy.name].now.cards, found[greedy.name].before.cards) == (32, 2)
    assert found[steady.name].unusual == ()
    assert (found[steady.name].agreed_at, found[greedy.name].agreed_at) == (clock.now(), None)


async def test_where_the_house_asks_for_the_promise_nothing_is_shown_or_exported_before(db: Database) -> None:
    admin = await add_actor(db, role=Role.ADMIN)
    made = await add_customer(db, phones=["13800138000"])
    async with db.uow() as uow:
        await service.change_limits(uow, {"agreement_required": 1}, by=SYSTEM)
    with pytest.raises(Denied, match="agreement"):
        await shown(db, made.id, admin)
    async with db.uow() as uow:
        with pytest.raises(Denied, match="agreement"):
            await service.ask_for_person(uow, made.id, reason="x", labels={}, by=admin)
    async with db.uow() as uow:
        await agreements.agree(uow, by=admin)
    assert await shown(db, made.id, admin) == ["13800138000"]


async def shown(db: Database, customer_id: int, by: Actor, reason: str = "送货") -> list[str]:
    async def read(uow: UnitOfWork) -> list[str]:
        return await customers.reveal_phones(uow, customer_id, reason=reason, by=by)

    return await reveals.reveal(db, customer_id, Secret.PHONE, read, reason=reason, by=by)


async def test_whole_numbers_have_a_limit_by_hour_and_day(db: Database, clock: FixedClock) -> None:
    here = await add_department(db)
    agent = await add_actor(db, role=Role.SERVICE_AGENT, department=here)
    made = await add_customer(db, phones=["13800138000"], department=here)
    async with db.uow() as uow:
        await service.change_limits(uow, {"reveals_hour": 2, "reveals_day": 3}, by=SYSTEM)
    for _ in range(2):
        assert await shown(db, made.id, agent) == ["13800138000"]
    with pytest.raises(TooMuch) as refused:
        await shown(db, made.id, agent)
    assert refused.value.extra["retry_after"] == 3601
    clock.move(timedelta(minutes=61))
    assert await shown(db, made.id, agent) == ["13800138000"]
    clock.move(timedelta(minutes=61))
    with pytest.raises(TooMuch):
        await shown(db, made.id, agent)
    clock.move(timedelta(hours=24))
    assert await shown(db, made.id, agent) == ["13800138000"]
    async with db.read() as session:
        lines = await audit_queries.page(session, action="reveal.refused")
    assert [line.actor_name for line in lines] == [agent.name, agent.name]


async def test_a_refused_look_counts_for_nothing(db: Database) -> None:
    agent = await add_actor(db, role=Role.SERVICE_AGENT, department=await add_department(db))
    made = await add_customer(db, phones=["13800138000"], department=await add_department(db))
    with pytest.raises(NotFound):
        await shown(db, made.id, agent)
    with pytest.raises(Rejected):
        await shown(db, made.id, agent, reason=" ")
    async with db.read() as session:
        assert not (await session.execute(text("SELECT id FROM reveals"))).all()


async def say(db: Database, customer_id: int, by: Actor, state: ConsentState, **given: object) -> None:
    wish = {
        "channel": Channel.SMS, "purpose": Purpose.PROMOTION, "state": state, "way": ConsentWay.FORM,
        "text_version": "2026-01", "evidence": "盒 12", **given,
    }  # fmt: skip
    async with db.uow() as uow:
        await consents.note(uow, customer_id, **wish, by=by)  # type: ignore[arg-type]


async def test_the_newest_word_of_a_customer_holds_and_the_history_stays(db: Database, clock: FixedClock) -> None:
    agent = await add_actor(db)
    made = await add_customer(db, owner=agent)
    key = (Channel.SMS, Purpose.PROMOTION)

    async def now() -> tuple[bool, str]:
        async with db.read() as session:
            found = (await queries.standings(session, made.id))[key]
        return found.allowed, found.reason

    assert await now() == (False, "not_asked")
    await say(db, made.id, agent, ConsentState.GRANTED)
    assert await now() == (True, "granted")
    clock.move(timedelta(days=1))
    await say(db, made.id, agent, ConsentState.WITHDRAWN, text_version="", evidence="")
    assert await now() == (False, "withdrawn")
    async with db.read() as session:
        history = await queries.consents(session, made.id)
    assert [one.state for one in history] == [ConsentState.WITHDRAWN, ConsentState.GRANTED]


async def test_a_grant_needs_its_proof(db: Database) -> None:
    agent = await add_actor(db)
    made = await add_customer(db, owner=agent)
    with pytest.raises(Rejected) as refused:
        await say(db, made.id, agent, ConsentState.GRANTED, text_version="", evidence=" ")
    assert set(refused.value.errors) == {"text_version", "evidence"}
    with pytest.raises(Rejected):
        await say(db, made.id, agent, ConsentState.GRANTED, at=db.clock.now() + timedelta(days=1))
    await say(db, made.id, agent, ConsentState.GRANTED, evidence="", call_id=7)
    with pytest.raises(NotFound):
        await say(db, made.id, await add_actor(db), ConsentState.GRANTED)


async def test_who_is_not_to_be_called_is_not_called_for_any_purpose(db: Database) -> None:
    agent = await add_actor(db)
    made = await add_customer(db, owner=agent, do_not_call=True)
    await say(db, made.id, agent, ConsentState.GRANTED, channel=Channel.CALL)
    async with db.read() as session:
        found = await queries.standings(session, made.id)
    assert {found[Channel.CALL, purpose].reason for purpose in Purpose} == {"do_not_call"}
    assert found[Channel.VISIT, Purpose.SERVICE].allowed


async def chain(db: Database, lines: int) -> Tip:
    async with db.uow() as uow:
        for number in range(lines):
            audit.record(uow, SYSTEM, "did", "thing", number, {"text": f"值{number}"})
    async with db.read() as session:
        tip = (await audit.verify(session)).tip
    assert tip is not None
    return tip


@pytest.mark.parametrize(
    ("change", "trouble"),
    [
        ("UPDATE audit_log SET actor_name = 'other' WHERE seq = 3", "line 3 was changed"),
        ("UPDATE audit_log SET detail = '{}' WHERE seq = 3", "the detail of line 3 was changed"),
        ("DELETE FROM audit_log WHERE seq = 3", "line 3 is missing"),
        ("DELETE FROM audit_log WHERE seq > 4", "lines 5 to 6 were cut off the end"),
        (
            "UPDATE audit_log SET detail = '{\"erased\":true}', detail_salt = NULL WHERE seq = 3",
            "line 3 was emptied, and no line says by whom",
        ),
    ],
)
async def test_every_meddling_with_the_audit_is_found(db: Database, change: str, trouble: str) -> None:
    tip = await chain(db, 6)
    async with db.uow() as uow:
        await uow.session.execute(text(change.replace(":", "\\:")))
    async with db.read() as session:
        assert (await audit.verify(session, tip)).trouble == trouble


async def test_a_chain_that_was_written_anew_does_not_hold_the_tip(db: Database) -> None:
    tip = await chain(db, 6)
    async with db.uow() as uow:
        await uow.session.execute(text("DELETE FROM audit_log"))
    await chain(db, 8)
    async with db.read() as session:
        assert (await audit.verify(session)).trouble is None
        assert "written down" in str((await audit.verify(session, tip)).trouble)


async def test_an_emptied_line_still_proves_who_did_what(db: Database) -> None:
    tip = await chain(db, 4)
    async with db.uow() as uow:
        assert await audit.erase_details(uow, "thing", [2], by=SYSTEM) == 1
    async with db.read() as session:
        assert (await audit.verify(session, tip)).trouble is None
        lines = await audit_queries.about(session, "thing", [2])
    assert [(line.detail, line.actor_name, line.action) for line in lines] == [({"erased": True}, "system", "did")]
    async with db.uow() as uow:
        await uow.session.execute(text("UPDATE audit_log SET actor_name = 'other' WHERE seq = 3"))
    async with db.read() as session:
        assert (await audit.verify(session, tip)).trouble == "line 3 was changed"
