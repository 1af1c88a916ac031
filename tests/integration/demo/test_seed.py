"""The demonstration's data, on both databases."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from callcenter.demo.seed import Demo, seed
from crm_core.calls.models import Call, CallNote, Leg, Recording
from crm_core.customers import completeness, queries
from crm_core.customers.allocation.models import PoolEntry, QuotaApplication
from crm_core.customers.custom.models import CustomField
from crm_core.customers.detail_models import Attitude, CustomerRelation, MemorialDay, PersonDetails
from crm_core.customers.duplicates import pair_queries
from crm_core.customers.duplicates.models import MatchRecord
from crm_core.customers.intake.kinds import EntryState
from crm_core.customers.intake.models import RegistrationEntry
from crm_core.customers.lookup_queries import lookup_by_number
from crm_core.customers.models import Customer, FamilyMember, OwnerChange, Phone
from crm_core.customers.protection.models import Consent
from crm_core.customers.search.models import SavedView
from crm_core.db.database import Database
from crm_core.kernel.errors import Conflict
from crm_core.kernel.phone import recognise
from crm_core.organization.access import SYSTEM
from crm_core.organization.models import Centre, CentreKind, User
from crm_core.organization.signing_in import sign_in
from tests.integration.search.bases import found

PASSWORD = "demonstration only"


async def fill(db: Database, customers: int = 60, **more: object) -> Demo:
    return await seed(db, password=PASSWORD, customers=customers, days=1, **more)  # type: ignore[arg-type]


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("*.wav")}


async def count(db: Database, what: object, *where: object) -> int:
    async with db.read() as session:
        rows = select(func.count()).select_from(what).where(*where)  # type: ignore[arg-type]
        return (await session.execute(rows)).scalar_one()


async def test_company_customers_and_calls_are_there(db: Database) -> None:
    demo = await fill(db)
    assert await count(db, Customer) == 60
    assert await count(db, Centre, Centre.kind == CentreKind.SALES) == 2
    assert await count(db, User, User.extension.is_not(None)) == 8
    assert await count(db, Call) == demo.calls > 50
    assert await count(db, Leg) == demo.calls
    assert await count(db, CallNote) > 0
    assert await count(db, Call, Call.progress.is_not(None)) > 0
    assert await count(db, Phone) > 60


async def test_everybody_can_sign_in_with_the_password_that_was_given(db: Database) -> None:
    demo = await fill(db)
    for account in (demo.accounts[0], demo.accounts[-1]):
        signed_in = await sign_in(db, account.name, PASSWORD, address=None, browser=None)
        assert signed_in


async def test_whoever_calls_in_the_demonstration_is_found(db: Database) -> None:
    demo = await fill(db)
    async with db.read() as session:
        for caller in demo.callers[:20]:
            number = recognise(caller.number)
            assert number is not None
            assert await lookup_by_number(session, number.e164, number.digits)


async def test_past_calls_belong_to_customers_and_their_recordings_wait_to_be_read(
    db: Database, tmp_path: Path
) -> None:
    demo = await fill(db, recordings_dir=tmp_path)
    assert await count(db, Call, Call.customer_id.is_not(None)) > demo.calls * 0.8
    async with db.read() as session:
        files = set(await session.scalars(select(Recording.file)))
    assert files
    assert files <= names_in(tmp_path)


async def test_a_second_company_is_refused(db: Database) -> None:
    await fill(db)
    with pytest.raises(Conflict):
        await fill(db)


async def test_very_many_customers_leave_the_indexes_as_they_were(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callcenter.demo.seed._MANY", 100)
    from sqlalchemy import inspect

    def names(connection: object) -> set[str | None]:
        seen = inspect(connection)
        return {index["name"] for table in ("customers", "customer_phones") for index in seen.get_indexes(table)}  # type: ignore[union-attr]

    before = await db.run_sync(names)
    told: list[tuple[int, int]] = []
    await fill(db, customers=6000, progress=lambda done, total: told.append((done, total)))
    assert await db.run_sync(names) == before
    assert await count(db, Customer) == 6000
    assert told == [(5000, 6000), (6000, 6000)]


async def test_the_customer_database_shows_something_on_each_of_its_pages(db: Database) -> None:
    await fill(db, customers=120)
    tables = (
        FamilyMember, MemorialDay, Attitude, CustomerRelation, PersonDetails, Consent, OwnerChange, PoolEntry,
        QuotaApplication, CustomField, SavedView,
    )  # fmt: skip
    assert {table.__tablename__: await count(db, table) for table in tables if await count(db, table) == 0} == {}
    assert await count(db, Customer, Customer.id_card_index.is_not(None)) > 30
    assert await count(db, Customer, Customer.medical_sealed.is_not(None)) > 10
    assert await count(db, Customer, Customer.referred_by_id.is_not(None)) > 5
    assert await count(db, OwnerChange, OwnerChange.at > db.clock.now() - timedelta(days=7)) > 0


async def test_nothing_was_bought_where_there_are_no_orders(db: Database) -> None:
    await fill(db)
    assert await count(db, Customer, Customer.purchase_state != "none") == 0
    assert await count(db, Customer, Customer.retention_state.is_not(None)) == 0


async def test_sheets_of_today_and_older_ones_wait_in_order(db: Database) -> None:
    await fill(db)
    waiting = RegistrationEntry.state == EntryState.WAITING
    today = RegistrationEntry.handed_in_at > db.clock.now() - timedelta(hours=12)
    assert await count(db, RegistrationEntry, waiting, today) > 3
    assert await count(db, RegistrationEntry, waiting, ~today) > 0
    assert await count(db, RegistrationEntry, RegistrationEntry.state == EntryState.DONE) > 0


async def test_every_customer_is_found_and_who_was_entered_twice_is_on_the_list(db: Database) -> None:
    await fill(db, customers=200)
    async with db.read() as session:
        customers = list(await session.scalars(select(Customer).limit(200)))
        listed = (await pair_queries.pairs(session, SYSTEM, limit=50)).items
    for customer in customers[::37]:
        assert customer.id in await found(db, SYSTEM, customer.account_number)
    assert await count(db, MatchRecord) == 200
    assert len(listed) >= 4  # of five; what is too unlike is left to a person


async def test_stored_completeness_is_what_the_card_says(db: Database) -> None:
    await fill(db, customers=80)
    async with db.read() as session:
        ids = list(await session.scalars(select(Customer.id)))
        for customer_id in ids:
            view = await queries.customer(session, SYSTEM, customer_id, today=db.clock.now().date())
            missing = sum(completeness.WEIGHTS[view.kind][part] for part in view.missing or ())
            assert view.completeness == 100 - missing
