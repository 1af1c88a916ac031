"""The demonstration's data, on both databases."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select

from callcenter.demo.seed import Demo, seed
from crm_core.calls.models import Call, CallNote, Leg, Recording
from crm_core.customers.lookup_queries import lookup_by_number
from crm_core.customers.models import Customer, Phone
from crm_core.db.database import Database
from crm_core.kernel.errors import Conflict
from crm_core.kernel.phone import recognise
from crm_core.organization.models import Centre, CentreKind, User
from crm_core.organization.signing_in import sign_in

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
