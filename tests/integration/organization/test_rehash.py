"""Parameters of the password hash grow with the years; who logs in is taken along."""

from __future__ import annotations

from argon2 import PasswordHasher

from crm_core.db.database import Database
from crm_core.organization import passwords, queries, signing_in
from tests.factories import PASSWORD, add_user


async def test_a_hash_of_weaker_parameters_is_renewed_at_the_next_log_in(db: Database) -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    user = await add_user(db, password_hash=weak)
    await signing_in.sign_in(db, user.name, PASSWORD, address=None, browser=None)
    async with db.read() as session:
        stored = await queries.user_by_id(session, user.id)
    assert not passwords.needs_rehash(stored.password_hash)
    assert await passwords.matches(PASSWORD, stored.password_hash)


async def test_a_hash_of_todays_parameters_stays_as_it_is(db: Database) -> None:
    user = await add_user(db)
    await signing_in.sign_in(db, user.name, PASSWORD, address=None, browser=None)
    async with db.read() as session:
        stored = await queries.user_by_id(session, user.id)
    assert stored.password_hash == user.password_hash
