"""Verifying the audit and turning the keys from the command line, beside a running service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from callcenter import audit_tip, commands, key_commands, keys
from callcenter.settings import Settings
from crm_core.audit import service as audit
from crm_core.customers import sealed
from crm_core.customers.models import Customer
from crm_core.db.database import Database
from crm_core.kernel.errors import Unavailable
from crm_core.kernel.sealing import key_id_of
from crm_core.organization.access import SYSTEM
from tests.factories import add_customer
from tests.integration.service.centre import Centre, centre

CARD = "110101194912310022"


@pytest.fixture
async def place(tmp_path: Path, sqlite_url: str) -> AsyncIterator[Centre]:
    async with centre(tmp_path, sqlite_url) as made:
        yield made


@pytest.fixture
def settings(place: Centre) -> Settings:
    found = place.settings()
    found.data_dir.mkdir(parents=True, exist_ok=True)
    return found


@pytest.fixture
async def running(settings: Settings) -> AsyncIterator[Database]:
    db = Database(settings.database_url)
    await keys.attach(db, settings.data_dir)
    yield db
    await db.close()


async def test_lines_cut_off_the_end_of_the_audit_are_missed(
    settings: Settings, running: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running.uow() as uow:
        for number in range(6):
            audit.record(uow, SYSTEM, "did", "thing", number)
    assert await commands.verify_audit(settings) == 0
    async with running.uow() as uow:
        await uow.session.execute(text("DELETE FROM audit_log WHERE seq > 4"))
    assert await commands.verify_audit(settings) == 1
    assert "lines 5 to 6 were cut off the end" in capsys.readouterr().err
    (settings.data_dir / audit_tip.NAME).write_text("?")
    with pytest.raises(Unavailable, match="audit-tip"):
        await commands.verify_audit(settings)


async def test_the_tip_that_is_written_down_never_goes_back(settings: Settings, running: Database) -> None:
    async with running.uow() as uow:
        audit.record(uow, SYSTEM, "did", "thing")
    await audit_tip.note(running, settings.data_dir)
    first = audit_tip.read(settings.data_dir)
    assert first is not None
    async with running.uow() as uow:
        await uow.session.execute(text("DELETE FROM audit_log"))
    await audit_tip.note(running, settings.data_dir)
    assert audit_tip.read(settings.data_dir) == first
    assert (settings.data_dir / audit_tip.NAME).stat().st_mode & 0o777 == 0o600


async def test_the_running_service_reads_on_while_the_keys_are_turned(
    settings: Settings, running: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    made = await add_customer(running)
    async with running.uow() as uow:
        sealed.set_id_card(uow.keyring, await uow.session.get_one(Customer, made.id), CARD)
    old = running.keyring.current
    watching = asyncio.create_task(keys.watch(running, settings.data_dir))
    await asyncio.sleep(0.1)
    assert await key_commands.rotate(settings) == 0
    assert "customers.id_card_sealed\t1" in capsys.readouterr().out
    async with running.read() as session:
        customer = await session.get_one(Customer, made.id)
        assert customer.id_card_sealed is not None
        assert key_id_of(customer.id_card_sealed) == running.keyring.current != old
        assert sealed.open_id_card(running.keyring, made.id, customer.id_card_sealed) == CARD
        assert sealed.id_card_index(running.keyring, CARD) == customer.id_card_index
    assert await key_commands.rotate(settings, new_key=False) == 0
    assert "customers.id_card_sealed\t0" in capsys.readouterr().out
    watching.cancel()
