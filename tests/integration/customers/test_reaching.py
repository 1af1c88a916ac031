"""What calls teach about a customer: his numbers' health and when somebody last spoke with him."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from crm_core.calls.events import CallEnded
from crm_core.calls.reaching import after_call
from crm_core.customers.kinds import PhoneState
from crm_core.customers.models import Customer, Phone
from crm_core.db.database import Database
from tests.factories import add_customer

E164 = "+8613800138000"


async def ended(
    db: Database, customer: Customer, direction: str, status: str, at: str = "2026-11-20T10:00:00+08:00"
) -> Phone:
    event = CallEnded(1, "main", direction, status, customer.id, E164, None, None, at, at, 10.0)
    async with db.uow() as uow:
        await after_call(uow, event)
    async with db.read() as session:
        return await session.get_one(Phone, customer.phones[0].id)


async def test_a_number_that_nobody_answers_three_times_in_a_row_is_unreachable_until_a_talk(db: Database) -> None:
    customer = await add_customer(db, phones=["13800138000"])
    states = [(await ended(db, customer, "outbound", status)).state for status in ("missed", "busy", "failed")]
    assert states == [PhoneState.UNVERIFIED] * 3
    third = await ended(db, customer, "outbound", "missed")
    assert (third.state, third.failed_tries) == (PhoneState.UNREACHABLE, 3)
    talked = await ended(db, customer, "inbound", "answered")
    assert (talked.state, talked.failed_tries) == (PhoneState.VALID, 0)


@pytest.mark.parametrize(("direction", "status"), [("internal", "answered"), ("inbound", "missed")])
async def test_other_calls_say_nothing_of_a_number(db: Database, direction: str, status: str) -> None:
    customer = await add_customer(db, phones=["13800138000"])
    assert (await ended(db, customer, direction, status)).tried_at is None


async def test_the_last_talk_is_kept_and_an_older_one_does_not_move_it(db: Database) -> None:
    customer = await add_customer(db, phones=["13800138000"])
    for at in ("2026-11-20T10:00:00+08:00", "2026-11-19T10:00:00+08:00"):
        await ended(db, customer, "outbound", "answered", at)
    async with db.read() as session:
        stored = await session.get_one(Customer, customer.id)
    assert (stored.last_contact_at, stored.version) == (datetime(2026, 11, 20, 2, tzinfo=UTC), 1)
