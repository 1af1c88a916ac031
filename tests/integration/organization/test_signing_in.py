"""Signing in: lock-out, sessions, tokens and tickets, on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest

from crm_core.audit import queries as audit_queries
from crm_core.db.database import Database
from crm_core.kernel.clock import FixedClock
from crm_core.kernel.errors import Conflict, Rejected, Unauthenticated
from crm_core.organization import queries, service, signing_in
from crm_core.organization.access import SYSTEM, Actor
from crm_core.organization.models import Role

PASSWORD = "Correct-horse-7battery"


async def _user(db: Database, name: str = "wangwei", **more: object) -> Actor:
    async with db.uow() as uow:
        await service.add_user(uow, name=name, role=Role.AGENT, password=PASSWORD, by=SYSTEM, **more)  # type: ignore[arg-type]
    async with db.read() as session:
        return await queries.actor_by_name(session, name)


async def _sign_in(db: Database, name: str = "wangwei", password: str = PASSWORD) -> signing_in.SignedIn:
    return await signing_in.sign_in(db, name, password, address="127.0.0.1", browser="test")


async def test_a_session_opens_with_the_right_password_and_ends_at_sign_out(db: Database) -> None:
    await _user(db)
    signed = await _sign_in(db)
    found = await signing_in.session_actor(db, signed.token)
    assert (found.actor.name, found.csrf_token) == ("wangwei", signed.csrf_token)
    async with db.uow() as uow:
        await signing_in.sign_out(uow, signed.token, by=found.actor)
    with pytest.raises(Unauthenticated):
        await signing_in.session_actor(db, signed.token)


@pytest.mark.parametrize(("name", "password"), [("wangwei", "wrong-password-1"), ("nobody", PASSWORD), ("", "")])
async def test_a_refusal_does_not_say_which_part_was_wrong(db: Database, name: str, password: str) -> None:
    await _user(db)
    with pytest.raises(Unauthenticated) as caught:
        await _sign_in(db, name, password)
    assert caught.value.code == "bad_login"
    async with db.read() as session:
        line = await audit_queries.last(session)
    assert line is not None
    assert line.action == "login.refused"


async def test_a_name_that_nobody_has_is_locked_like_a_real_one(db: Database) -> None:
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            await _sign_in(db, "nobody")
    with pytest.raises(Unauthenticated) as caught:
        await _sign_in(db, "Nobody")
    assert caught.value.code == "locked"


async def test_wrong_passwords_lock_out_for_a_while_and_a_good_one_resets(db: Database, clock: FixedClock) -> None:
    await _user(db)
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            await _sign_in(db, password="wrong-password-1")
    with pytest.raises(Unauthenticated) as caught:
        await _sign_in(db)
    assert caught.value.code == "locked", "even the right password waits"
    clock.move(timedelta(seconds=10))
    await _sign_in(db)
    async with db.read() as session:
        user = await queries.user_by_name(session, "wangwei")
    assert user is not None
    assert user.failed_logins == 0


async def test_a_session_ends_after_its_life_and_when_the_password_changes(db: Database, clock: FixedClock) -> None:
    actor = await _user(db)
    signed = await _sign_in(db)
    clock.move(timedelta(hours=13))
    with pytest.raises(Unauthenticated):
        await signing_in.session_actor(db, signed.token)
    again = await _sign_in(db)
    assert actor.user_id is not None
    async with db.uow() as uow:
        await service.set_password(uow, actor.user_id, "Another-horse-8battery", by=SYSTEM)
    with pytest.raises(Unauthenticated):
        await signing_in.session_actor(db, again.token)


async def test_a_disabled_user_gets_in_by_no_way(db: Database) -> None:
    actor = await _user(db)
    signed = await _sign_in(db)
    assert actor.user_id is not None
    async with db.uow() as uow:
        _, text = await signing_in.issue_token(uow, actor.user_id, "till", by=SYSTEM)
        ticket = await signing_in.issue_ticket(uow, actor)
        await service.change_user(uow, actor.user_id, {"active": False}, by=SYSTEM)
    with pytest.raises(Unauthenticated):
        await signing_in.session_actor(db, signed.token)
    with pytest.raises(Unauthenticated):
        await signing_in.token_actor(db, text)
    with pytest.raises(Unauthenticated):
        async with db.uow() as uow:
            await signing_in.redeem_ticket(uow, ticket)
    with pytest.raises(Unauthenticated):
        await _sign_in(db)


async def test_a_token_works_until_revoked_and_is_stored_as_a_hash_only(db: Database) -> None:
    actor = await _user(db)
    assert actor.user_id is not None
    async with db.uow() as uow:
        row, text = await signing_in.issue_token(uow, actor.user_id, "till", by=SYSTEM)
    assert text not in (row.token_hash, row.label)
    assert (await signing_in.token_actor(db, text)).name == "wangwei"
    async with db.uow() as uow:
        await signing_in.revoke_token(uow, row.id, by=SYSTEM)
    with pytest.raises(Unauthenticated):
        await signing_in.token_actor(db, text)


async def test_a_ticket_lets_in_once_within_a_minute(db: Database, clock: FixedClock) -> None:
    actor = await _user(db)
    async with db.uow() as uow:
        first, late = await signing_in.issue_ticket(uow, actor), await signing_in.issue_ticket(uow, actor)
    async with db.uow() as uow:
        assert (await signing_in.redeem_ticket(uow, first)).user_id == actor.user_id
    for ticket, wait in ((first, 0), (late, 61)):
        clock.move(timedelta(seconds=wait))
        with pytest.raises(Unauthenticated):
            async with db.uow() as uow:
                await signing_in.redeem_ticket(uow, ticket)


async def test_an_idempotency_key_answers_the_same_again_and_refuses_another_request(db: Database) -> None:
    actor = await _user(db)
    hashed = signing_in.request_hash("POST /calls", b"{}")
    assert await signing_in.begin_idempotent(db, actor, "k1", hashed) is None
    with pytest.raises(Conflict, match="under way"):
        await signing_in.begin_idempotent(db, actor, "k1", hashed)
    async with db.uow() as uow:
        await signing_in.finish_idempotent(uow, actor, "k1", 201, {"id": "x"})
    assert await signing_in.begin_idempotent(db, actor, "k1", hashed) == (201, {"id": "x"})
    with pytest.raises(Conflict, match="another request"):
        await signing_in.begin_idempotent(db, actor, "k1", signing_in.request_hash("POST /calls", b"[]"))


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaa", "1234567890", "x" * 201])
async def test_a_weak_password_is_refused_with_the_field_named(db: Database, password: str) -> None:
    with pytest.raises(Rejected) as caught:
        async with db.uow() as uow:
            await service.add_user(uow, name="new", role=Role.AGENT, password=password, by=SYSTEM)
    assert "password" in caught.value.errors


async def test_names_and_extensions_are_given_once(db: Database) -> None:
    await _user(db, extension="1001")
    with pytest.raises(Conflict):
        await _user(db, "WangWei")
    with pytest.raises(Conflict) as caught:
        await _user(db, "other", extension="1001")
    assert "wangwei" in caught.value.detail


async def test_an_admin_cannot_lock_out_the_only_admin_that_is_asking(db: Database) -> None:
    async with db.uow() as uow:
        user = await service.add_user(uow, name="root1", role=Role.ADMIN, password=PASSWORD, by=SYSTEM)
    async with db.read() as session:
        admin = await queries.actor_by_name(session, "root1")
    with pytest.raises(Rejected):
        async with db.uow() as uow:
            await service.change_user(uow, user.id, {"active": False}, by=admin)
